"""Comparing two things with all that they hold, to see in which settings they differ."""

from __future__ import annotations

import collections
import enum
import functools
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = (int, float, str, bytes, enum.Enum, frozenset, type(None))
_IGNORED = frozenset(("_log", "log", "_counters", "counters", "_key", "_reactor", "clock"))
"""What every object of its kind has of its own, or what all of them share."""


def differences(one: object, other: object, path: str = "it") -> Iterator[str]:
    """Paths to values that differ, each with both.

    Only what our own modules have made is looked into.
    """
    yield from _Comparison().compare(one, other, path)


class _Comparison:
    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def compare(self, one: Any, other: Any, path: str) -> Iterator[str]:
        if one is other or (id(one), id(other)) in self._seen:
            return
        if type(one) is not type(other):
            yield f"{path}: {one!r:.60} is no {other!r:.60}"
            return
        if isinstance(one, _PLAIN):
            if one != other:
                yield f"{path}: {one!r:.60} is not {other!r:.60}"
            return
        self._seen.add((id(one), id(other)))
        parts, others = _parts(one), _parts(other)
        if [*parts] != [*others]:
            yield f"{path} has {[*parts]!r:.90}, not {[*others]!r:.90}"
        for name in parts.keys() & others.keys():
            yield from self.compare(parts[name], others[name], f"{path}.{name}")


def _parts(value: Any) -> Mapping[str, Any]:
    """What a value consists of, by names."""
    match value:
        case list() | tuple() | collections.deque():
            return {str(number): part for number, part in enumerate(value)}
        case dict() | weakref.WeakValueDictionary():
            named = all(isinstance(name, str | enum.Enum) for name in value)
            return {str(name): part for name, part in value.items()} if named else {}
        case functools.partial():
            return {"func": value.func, "args": value.args}
        case types.MethodType():
            return {"self": value.__self__}
    kind = type(value)
    if not kind.__module__.startswith("proxy."):
        return {}
    slots = (name for base in kind.__mro__ for name in base.__dict__.get("__slots__", ()))
    own = getattr(value, "__dict__", {})
    return {
        name: getattr(value, name)
        for name in sorted({*slots, *own} - _IGNORED)
        if not name.startswith("__") and hasattr(value, name)
    }
