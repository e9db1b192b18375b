"""How proxies and their targets stand, as lines that fit the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_NARROWEST, _WIDEST = 72, 160
_GAP = "  "
_NEVER = "-"
_NARROWEST_ADDRESS = 16
_HEADS = ("TARGET", "ROLE", "STATE", "LAG", "LENT", "SEEN")


def plain(text: str) -> str:
    """A text that leaves the terminal as it is: a server may have written it."""
    return "".join(char if char.isprintable() else "?" for char in text)


def shown(proxy: Mapping[str, Any]) -> Iterator[str]:
    """The lines about a proxy and its targets."""
    yield from _wrapped("", _summary(proxy))
    rows = [[*map(plain, _row(target))] for target in proxy["targets"]]
    described = [
        ": ".join(filter(None, (target["reason"], target["description"])))
        for target in proxy["targets"]
    ]
    yield from _table(_HEADS, rows, described)


def _summary(proxy: Mapping[str, Any]) -> str:
    parts = [
        f"proxy {proxy['name']}: writer {proxy['writer'] or 'unknown'}",
        f"{proxy['clients']} clients, {proxy['waiting']} of them wait",
    ]
    if proxy["target_set"] is not None:
        parts.append(f"target set {proxy['target_set']}")
    if proxy["last_switch"] is not None:
        parts.append(f"another writer before {_span(proxy['last_switch'])}")
    if proxy["paused"]:
        parts.append("PAUSED")
    if proxy["held"]:
        why = f" ({proxy['held_why']})" if proxy["held_why"] else ""
        parts.append(f"HELD for {_span(proxy['held_seconds'])}{why}")
    return "; ".join(parts)


def _row(target: Mapping[str, Any]) -> tuple[str, ...]:
    state = "DRAINING" if target["draining"] else target["state"]
    lent = f"{target['lent']}/{target['connections']}"
    return (
        target["address"],
        target["role"] or _NEVER,
        state,
        _span(target["lag_seconds"]),
        lent,
        _span(target["seen_seconds_ago"]),
    )


def _span(seconds: float | None) -> str:
    if seconds is None:
        return _NEVER
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 120 else f"{hours:.0f} h"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]
) -> Iterator[str]:
    """Columns side by side, the first as wide as the terminal lets it; notes below rows."""
    all_rows = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    room = _width() - sum(widths[1:]) - len(_GAP) * len(widths)
    widths[0] = min(widths[0], max(_NARROWEST_ADDRESS, room))
    for row, note in zip(all_rows, ["", *notes], strict=True):
        pieces = textwrap.wrap(row[0], widths[0]) or [""]
        for number, piece in enumerate(pieces):
            cells = [piece, *(row[1:] if number == 0 else [])]
            padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
            yield _GAP + _GAP.join(padded).rstrip()
        yield from _wrapped(_GAP * 3, note)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        plain(text),
        _width(),
        initial_indent=head,
        subsequent_indent=head or _GAP,
        break_on_hyphens=False,
    )


def _width() -> int:
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((100, 24)).columns))
