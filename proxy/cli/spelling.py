"""How spans, numbers and foreign texts are written for people."""

from __future__ import annotations

NOTHING = "-"
"""In a cell where there is nothing to say."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def plain(text: str) -> str:
    """A text that leaves the terminal as it is: a server or a client may have written it."""
    return "".join(char if char.isprintable() else "?" for char in text)


def span(seconds: float | None) -> str:
    """A time for people, in at most seven columns: 0.4 ms, 12 ms, 1.5 s, 4 min, 3 h, 12 d."""
    if seconds is None:
        return NOTHING
    if seconds < 0.01 and seconds > 0:
        return f"{seconds * 1000:.1f} ms"
    if 0 < seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} d"


def number(value: float) -> str:
    """A count for people: 12, 9,999, 12.3k, 4.0M."""
    if value < 10_000:
        return f"{value:,.0f}"
    for unit, size in (("k", 1e3), ("M", 1e6)):
        if value < size * 999.95:
            return f"{value / size:.1f}{unit}"
    return f"{value / 1e9:.1f}G"


def size(count: int) -> str:
    """A number of bytes for people, in binary units."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def counted(count: int, one: str, many: str = "") -> str:
    """A number and what it counts: 1 client, 2 clients."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
