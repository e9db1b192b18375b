"""What users have written by way of other workers, as the board and messages tell.

A write is counted on the board before its client hears of it, and told to the others some
milliseconds later, with its position.  Whoever reads and finds a count of which nothing was
told yet has to ask the writer; so is what a worker had still to tell when it died.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.gtids import Position, parse
from proxy.policy.marks import added
from proxy.pool.board import NOTHING, Board, counted, slot_of, with_count

TELL_SECONDS: Final = 0.005
"""How long writes are gathered before they are told: at most 200 messages a second of each
worker, and whoever reads within that time asks the writer."""

News: TypeAlias = Mapping[str, Sequence[Any]]
"""By slot: the count before, the count after, and the position in between, None for unknown."""


@attrs.define
class _Untold:
    """What others have not been told of a slot.

    Attributes:
        first: What they were told to be the count.
        position: What was written since; None where nobody knows.
        awaited: Who has announced writes of which is not known yet what they are.  Whose
            announcement was told before is not there: its note says nothing of the others.
    """

    first: int
    position: Position | None = attrs.Factory(Position)
    awaited: set[object] = attrs.Factory(set)


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
        self._untold: dict[int, _Untold] = {}
        self._inherited: set[int] = set()  # what another process had to tell that had this seat
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """How much is to be told."""
        return f"<Elsewhere of {self._proxy!r}: {len(self._untold)} to be told>"

    def slot(self, user: str) -> int:
        """Which users this one is taken for one with."""
        return slot_of(self._proxy, user)

    def announce(self, user: str, who: object) -> None:
        """A user is about to hear that something was written here; `note` follows.

        Args:
            user: Of this name.
            who: Its session, or whatever else stands for one answer at a time.
        """
        self._count(self.slot(user)).awaited.add(who)

    def note(self, user: str, position: Position | None, who: object = None) -> None:
        """A user has written here.

        Args:
            user: Of this name.
            position: What; None where nobody knows.
            who: Has announced it, and notes all of it before anything is told.
        """
        untold = self._count(self.slot(user))
        untold.awaited.discard(who)
        known = untold.position
        untold.position = None if known is None or position is None else added(known, position)

    def _count(self, slot: int) -> _Untold:
        """Show that something was written; it is told soon."""
        before = self._board.count(slot, self._seat)
        self._board.add(slot, self._seat)
        heard = self._heard.get(slot, NOTHING)
        if counted(heard, self._seat) != before:
            self._inherited.add(slot)
        self._heard[slot] = with_count(heard, self._seat, before + 1)
        if self._timer is None:
            self._timer = self._clock.callLater(TELL_SECONDS, self._tell_all)
        return self._untold.setdefault(slot, _Untold(before))

    def _tell_all(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, {}
        self._tell({str(slot): self._news(slot, one) for slot, one in untold.items()})

    def _news(self, slot: int, untold: _Untold) -> tuple[int, int, str | None]:
        position = None if untold.awaited else untold.position
        text = None if position is None else str(position)
        return untold.first, self._board.count(slot, self._seat), text

    def forget_positions(self) -> None:
        """Another target takes the writes: it may lack what is still to be told."""
        for untold in self._untold.values():
            untold.position = None

    def is_news(self, slot: int) -> bool:
        """Whether somebody has counted more than was told; asked once, it is not any more."""
        row = self._board.row(slot)
        if row == self._heard.get(slot, NOTHING) and slot not in self._inherited:
            return False
        self._heard[slot] = row
        self._inherited.discard(slot)
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
