"""How a proxy stands, in a line or some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from proxy.cli.spelling import counted, plain, span


def summary(status: Mapping[str, Any]) -> Text:
    """Who writes, how many clients there are, and all that is unusual.

    Args:
        status: A `ProxyStatus`.
    """
    writer = plain(status["writer"] or "unknown")
    waiting = status["waiting"]
    parts = [
        f"writer {writer}",
        f"{counted(status['clients'], 'client')}, {waiting:,} of them {_wait(waiting)}",
    ]
    if status["target_set"] is not None:
        parts.append(f"target set {plain(status['target_set'])}")
    if status["last_switch"] is not None:
        parts.append(f"another writer until {span(status['last_switch'])} ago")
    text = Text.assemble((f"proxy {plain(status['name'])}", "bold"), ": ", "; ".join(parts))
    if unusual := held(status):
        text.append("; ").append(unusual, style="bold red")
    return text


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def held(status: Mapping[str, Any]) -> str:
    """That its clients are held, and why; empty when they are not."""
    if status["paused"]:
        return "PAUSED: mysqlproxy resume lets the clients go on"
    if not status["held"]:
        return ""
    why = f" ({plain(status['held_why'])})" if status["held_why"] else ""
    return f"HELD for {span(status['held_seconds'])}{why}"
