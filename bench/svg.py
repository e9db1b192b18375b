"""Pieces of the pictures that benches draw; lengths are in pixels."""

from __future__ import annotations

from xml.sax.saxutils import escape


def text(x: float, y: float, said: str, style: str = "") -> str:
    """Words in the colour of the page's own."""
    space = " " if style else ""
    place = f'x="{number(x)}" y="{number(y)}"'
    return f'<text {place} fill="currentColor"{space}{style}>{escape(said)}</text>'


def line(start: tuple[float, float], end: tuple[float, float], style: str = "") -> str:
    """A straight line."""
    d = f"M{number(start[0])} {number(start[1])}L{number(end[0])} {number(end[1])}"
    space = " " if style else ""
    return f'<path d="{d}" stroke="currentColor" fill="none"{space}{style}/>'


def number(value: float) -> str:
    """A number of pixels, no finer than anybody sees."""
    return f"{value:.1f}".removesuffix(".0")
