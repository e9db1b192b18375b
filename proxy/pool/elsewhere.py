"""What users have written by way of other workers, as the board and messages tell.

A write is counted on the board when it is known here, and told to the others some milliseconds
later, with its position.  Whoever reads and finds a count of which nothing was told yet has to
ask the writer; so is what a worker had still to tell when it died.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.gtids import Position, parse
from proxy.policy.marks import added
from proxy.pool.board import NOTHING, Board, counted, slot_of, with_count

TELL_SECONDS: Final = 0.005
"""How long writes are gathered before they are told: at most 200 messages a second of each
worker, and whoever reads within that time asks the writer."""

News: TypeAlias = Mapping[str, Sequence[Any]]
"""By slot: the count before, the count after, and the position in between, None for unknown."""


class Elsewhere:
    """See the module; one for each proxy of a worker."""

    def __init__(
        self,
        proxy: str,
        board: Board,
        seat: int,
        clock: Clock,
        tell: Callable[[News], None],
    ) -> None:
        """Know nothing yet.

        Args:
            proxy: Whose users these are.
            board: Where is counted.
            seat: In which column this worker counts.
            clock: For pauses.
            tell: Tells the others.
        """
        self._proxy = proxy
        self._board = board
        self._seat = seat
        self._clock = clock
        self._tell = tell
        self._heard: dict[int, bytes] = {}
        self._untold: dict[int, tuple[int, Position | None]] = {}
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """How much is to be told."""
        return f"<Elsewhere of {self._proxy!r}: {len(self._untold)} to be told>"

    def slot(self, user: str) -> int:
        """Which users this one is taken for one with."""
        return slot_of(self._proxy, user)

    def note(self, user: str, position: Position | None) -> bool:
        """A user has written here.

        Args:
            user: Who.
            position: What; None where nobody knows.

        Returns:
            Whether another process had this seat, and something to tell.
        """
        slot, seat = self.slot(user), self._seat
        before = self._board.count(slot, seat)
        heard = self._heard.get(slot, NOTHING)
        self._board.add(slot, seat)
        self._heard[slot] = with_count(heard, seat, before + 1)
        if slot not in self._untold:
            self._untold[slot] = before, position
        else:
            first, known = self._untold[slot]
            both = None if known is None or position is None else added(known, position)
            self._untold[slot] = first, both
        if self._timer is None:
            self._timer = self._clock.callLater(TELL_SECONDS, self._tell_all)
        return counted(heard, seat) != before

    def _tell_all(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, {}
        self._tell(
            {
                str(slot): (
                    first,
                    self._board.count(slot, self._seat),
                    None if position is None else str(position),
                )
                for slot, (first, position) in untold.items()
            }
        )

    def forget_positions(self) -> None:
        """Another target takes the writes: it may lack what is still to be told."""
        self._untold = {slot: (first, None) for slot, (first, _) in self._untold.items()}

    def is_news(self, slot: int) -> bool:
        """Whether somebody has counted more than was told; asked once, it is not any more."""
        row = self._board.row(slot)
        if row == self._heard.get(slot, NOTHING):
            return False
        self._heard[slot] = row
        return True

    def hear(self, seat: int, news: News) -> Iterator[tuple[int, Position | None]]:
        """What another worker tells: slots, each with what was written, None for unknown."""
        for name, (first, last, text) in news.items():
            slot = int(name)
            heard = self._heard.get(slot, NOTHING)
            count = counted(heard, seat)
            if count >= last:
                continue  # it was seen on the board, and is asked for
            self._heard[slot] = with_count(heard, seat, last)
            yield slot, None if text is None or count != first else parse(text)

    def stop(self) -> None:
        """Tell nothing more."""
        cancel(self._timer)
