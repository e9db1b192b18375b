"""Floods of lines: the same one again and again, of which some say as much as all."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from typing import Final

import attrs

BURST: Final = 100
"""Lines of one kind that are written at once: those of all clients of a small proxy that lose
their connections together, for instance."""

PER_SECOND: Final = 5.0
"""Lines of one kind that go on being written: some 1 to 2 KB a second, so that a disk lasts,
and still enough to see by them that it goes on, and whom it hits."""

TOLD_EVERY_SECONDS: Final = 10.0
"""How often is said how many lines were left out: soon enough to be read beside the others."""

KINDS: Final = 1000
"""Kinds that are known at a time, in some 200 KB: the proxy's own are a hundred or two, and
what libraries log may be anything."""

Kind = tuple[str, str]
"""A level, and what happened, without what it happened to."""


@attrs.frozen
class LeftOut:
    """Lines that were not written.

    Attributes:
        level: Of each.
        event: What each of them said.
        lines: How many they are.
    """

    level: str
    event: str
    lines: int


@attrs.define(eq=False)
class _Bucket:
    tokens: float
    filled: float
    left_out: int = 0


class Flood:
    """Says which lines are written: of each kind some at once, and a few a second from then on.

    So no kind is silenced for good, and no kind takes the room of another one.  Threads ask as
    well, and so do handlers of signals and what collects garbage, in the midst of anything.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        burst: int = BURST,
        per_second: float = PER_SECOND,
        told_every: float = TOLD_EVERY_SECONDS,
        kinds: int = KINDS,
    ) -> None:
        """Make one that has seen nothing.

        Args:
            clock: Seconds since whenever, never going back.
            burst: Lines of a kind at once.
            per_second: Lines of a kind from then on.
            told_every: Seconds between two times that `due` tells something.
            kinds: That are remembered.
        """
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._told_every = told_every
        self._kinds = kinds
        # The one that was seen last is the last one.
        self._buckets: collections.OrderedDict[Kind, _Bucket] = collections.OrderedDict()
        self._waiting: list[LeftOut] = []
        self._told = clock()
        # Threads wait for each other.  Who comes in the midst of its own thread's turn cannot,
        # and finds that it is one.
        self._turn = threading.RLock()
        self._in_turn = False

    def __repr__(self) -> str:
        """How much it knows."""
        return f"<Flood of {len(self._buckets)} kinds>"

    def admits(self, level: str, event: str) -> bool:
        """Whether this line is to be written; one that is not is counted.

        One in the midst of another one's turn is written: they are few, and nothing is changed
        under the other one's hands.
        """
        kind = (level, event)
        with self._turn:
            if self._in_turn:
                return True
            self._in_turn = True
            try:
                now, bucket = self._clock(), self._buckets.get(kind)
                if bucket is None:
                    if len(self._buckets) >= self._kinds:
                        self._forget_oldest()
                    bucket = self._buckets[kind] = _Bucket(self._burst, now)
                else:
                    self._buckets.move_to_end(kind)
                tokens = bucket.tokens + (now - bucket.filled) * self._per_second
                bucket.filled = now
                if tokens < 1:
                    bucket.tokens = tokens
                    bucket.left_out += 1
                    return False
                bucket.tokens = min(tokens, self._burst) - 1
                return True
            finally:
                self._in_turn = False

    def _forget_oldest(self) -> None:
        (level, event), bucket = self._buckets.popitem(last=False)
        # So many may wait as are known: a flood of kinds is told as a whole.
        if bucket.left_out and len(self._waiting) < self._kinds:
            self._waiting.append(LeftOut(level, event, bucket.left_out))

    def due(self, *, at_once: bool = False) -> list[LeftOut]:
        """What was left out since this was told last; nothing before it is time to tell.

        Args:
            at_once: It is time now: the process ends, for instance.
        """
        now = self._clock()
        if not at_once and now - self._told < self._told_every:
            return []
        with self._turn:
            if self._in_turn:
                return []
            self._in_turn = True
            try:
                self._told = now
                return self._take_told()
            finally:
                self._in_turn = False

    def _take_told(self) -> list[LeftOut]:
        told, self._waiting = self._waiting, []
        for (level, event), bucket in self._buckets.items():
            if bucket.left_out:
                told.append(LeftOut(level, event, bucket.left_out))
                bucket.left_out = 0
        return told
