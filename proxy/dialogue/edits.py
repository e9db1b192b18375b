"""Packets of an answer that change on their way."""

from __future__ import annotations

from collections.abc import Iterable

Edit = tuple[int, int, bytes]
"""From where to where, and what stands there instead."""


def edited(chunk: bytes, edits: Iterable[Edit]) -> bytes:
    """The chunk after these edits, which come in its order."""
    pieces: list[bytes] = []
    position = 0
    for start, end, new in edits:
        pieces += (chunk[position:start], new)
        position = end
    return b"".join((*pieces, chunk[position:]))
