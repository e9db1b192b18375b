"""Numbers of ours in a row of the server's.

Source: the protocol's pages "Text Resultset Row" and "Binary Protocol Resultset Row".
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from proxy.wire.constants import HEADER
from proxy.wire.primitives import Malformed, lenenc_bytes
from proxy.wire.responses import parse_text_row


@attrs.frozen
class Patch:
    """A number for one column of a row.

    Attributes:
        column: The index of the column.
        value: The number.
        columns: In a row of the binary protocol how many columns there are, all of them
            LONGLONG; 0 in a row of the text protocol.
    """

    column: int
    value: int
    columns: int = 0


def patched(packet: bytes, patches: Iterable[Patch]) -> bytes:
    """A packet with a row, its values changed; one that is no such row stays as it is."""
    patches = [*patches]
    if patches and patches[0].columns:
        return _patched_numbers(packet, patches)
    values = parse_text_row(packet[HEADER:])
    if isinstance(values, Malformed):
        return packet
    changed = [*values]
    for patch in patches:
        if patch.column < len(changed):
            changed[patch.column] = b"%d" % patch.value
    row = b"".join(b"\xfb" if one is None else lenenc_bytes(one) for one in changed)
    return len(row).to_bytes(3, "little") + packet[3:HEADER] + row


def _patched_numbers(packet: bytes, patches: list[Patch]) -> bytes:
    """The same of a binary row: 00, NULL bitmap from its third bit on, 8 bytes a column."""
    columns = patches[0].columns
    start = HEADER + 1 + (columns + 9) // 8
    if len(packet) != start + 8 * columns:
        return packet
    row = bytearray(packet)
    for patch in patches:
        at = start + 8 * patch.column
        row[at : at + 8] = patch.value.to_bytes(8, "little", signed=patch.value < 0)
    return bytes(row)
