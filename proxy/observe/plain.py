"""Lines of the log as plain values: without secrets, valid JSON, harmless on a terminal.

A line is made of whatever its author had at hand, and of texts of clients and servers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

MASK: Final = "***"

DEPTH_LIMIT: Final = 8
"""Lists and mappings inside each other; the proxy's own lines have two at most, and what holds
itself has no end."""

# The last word of a key says what it holds: `password` is one, `password_file` is a file.
_SECRET_KEY: Final = re.compile(
    r"(?:.*[_-])?(?:password|passwd|secret|token|nonce|scramble|auth_response|authorization)",
    re.IGNORECASE,
)
# What moves the cursor of a terminal, ends a line or turns the direction of a text around; all
# but tabs and ends of lines.
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_INDENT: Final = "    "
_TEXTS: Final = ("exception", "stack")
"""Fields that a console shows as they are, in lines of their own."""


def clean(text: str) -> str:
    """A text without what a terminal would obey; ends of lines stay."""
    return _CONTROL.sub("?", text)


def make_plain(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Make each field plain, and mask those whose names say that they are secret, at any depth.

    A `Secret` needs no mask, for it prints as one.
    """
    # How an exception is given is no list of values.
    return {
        clean(str(key)): value if key == "exc_info" else _plain(key, value, DEPTH_LIMIT)
        for key, value in event.items()
    }


def _plain(key: object, value: object, depth: int) -> object:
    if isinstance(key, str) and _SECRET_KEY.fullmatch(key):
        return MASK
    match value:
        case None | bool() | int():
            return value
        case str():
            return str.__str__(value)
        case float():
            return value if value - value == 0 else str(value)  # JSON has no infinity
        case bytes() | bytearray():
            return value.decode("utf-8", "backslashreplace")
        case Mapping() if depth:
            return {
                name if isinstance(name, str) else _told(name): _plain(name, inner, depth - 1)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset() if depth:
            return [_plain(None, inner, depth - 1) for inner in value]
        case Mapping() | list() | tuple() | set() | frozenset():
            return f"<{type(value).__name__}>"  # there may be secrets in it
    return _told(value)


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what cannot say itself must not stop who logs it
        return f"<{type(value).__name__}>"


def lay_out(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Prepare a line for a console: whatever goes on in another line is indented there.

    So nobody else can write what looks like a line of ours.
    """
    event["event"] = _indented(str(event["event"]))
    for name in _TEXTS:
        if name in event:
            event[name] = _INDENT + _indented(str(event[name]))
    return event


def _indented(text: str) -> str:
    return clean(text).replace("\n", f"\n{_INDENT}")
