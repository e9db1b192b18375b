"""Until when a target is not dialed, after a dial has failed."""

from __future__ import annotations

from collections.abc import Hashable


class Pauses:
    """One for all keys, and one for each key that the target has refused; times in seconds.

    Attributes:
        until: No dial at all starts before.
    """

    __slots__ = ("_refused", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self._refused: dict[Hashable, float] = {}

    def __repr__(self) -> str:
        """How many keys have one of their own."""
        return f"<Pauses of {len(self._refused)} keys>"

    def end(self, key: Hashable) -> None:
        """A dial of this key came through."""
        self.until = 0.0
        self._refused.pop(key, None)

    def begin(self, key: Hashable, not_before: float, *, refused: bool) -> None:
        """A dial failed; no other one (`refused`: of its key) starts before that time."""
        if refused:
            self._refused[key] = not_before
        else:
            self.until = not_before

    def of(self, key: Hashable) -> float:
        """When this key may be dialed."""
        return max(self.until, self._refused.get(key, 0.0))

    def forget(self, now: float) -> None:
        """Forget what is past: users that nobody ever lets in are as many as somebody likes."""
        if self._refused:
            self._refused = {key: end for key, end in self._refused.items() if end > now}
