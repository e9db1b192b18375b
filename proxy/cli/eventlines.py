"""Events as lines, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from proxy.cli.spelling import plain

LEVELS = ("info", "warning", "error")
"""From the mildest on; critical counts as error."""

_STYLES = {"warning": "yellow", "error": "bold red", "critical": "bold red"}


def event_line(event: Mapping[str, Any]) -> Text:
    """One event: the time in UTC, the level, what happened, and what it is about.

    Args:
        event: An `EventStatus`.
    """
    level = plain(str(event["level"]))
    fields = " ".join(
        f"{plain(str(name))}={_value(value)}"
        for name, value in event["fields"].items()
        if value is not None
    )
    time = plain(str(event["time"]))
    day, _, clock = time.partition("T")
    when = f"{day[5:]} {clock[:8]}" if clock else time
    return Text.assemble(
        (when, "dim"),
        " ",
        (f"{level:<7}", _STYLES.get(level, "")),
        " ",
        (plain(str(event["event"])), _STYLES.get(level, "bold")),
        *((" ", (fields, "dim")) if fields else ()),
    )


def _value(value: object) -> str:
    text = plain(str(value))
    return repr(text) if " " in text else text


def is_at_least(event: Mapping[str, Any], level: str) -> bool:
    """Whether an event is of this level or a graver one."""
    own = event["level"]
    rank = LEVELS.index(own) if own in LEVELS else len(LEVELS) - 1
    return rank >= LEVELS.index(level)
