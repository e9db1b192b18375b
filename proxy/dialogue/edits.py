"""Packets of an answer that change on their way."""

from __future__ import annotations

Edit = tuple[int, int, bytes]
"""From where to where, and what stands there instead."""


def edited(chunk: bytes, edits: list[Edit]) -> bytes:
    """The chunk after these edits, which come in its order."""
    pieces: list[bytes] = []
    position = 0
    for start, end, new in edits:
        if start > position:
            pieces.append(chunk[position:start])
        pieces.append(new)
        position = end
    if position < len(chunk):
        pieces.append(chunk[position:])
    return b"".join(pieces)
