"""How many backends are on their way, by key: dialed, reset or called back."""

from __future__ import annotations

from collections.abc import Hashable


class Coming:
    """Counts them; a key of which none is on its way takes no room."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}

    def __repr__(self) -> str:
        """The counts."""
        return f"<Coming {self._counts}>"

    def of(self, key: Hashable) -> int:
        """How many of this key."""
        return self._counts.get(key, 0)

    def add(self, key: Hashable) -> None:
        """One more, on which waiters can count."""
        self._counts[key] = self._counts.get(key, 0) + 1

    def remove(self, key: Hashable) -> None:
        """One has come, or will not."""
        left = self._counts[key] - 1
        if left:
            self._counts[key] = left
        else:
            del self._counts[key]
