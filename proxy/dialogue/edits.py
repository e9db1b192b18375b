"""Rows of an answer in which a value of ours takes the place of the server's."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from proxy.wire.constants import HEADER
from proxy.wire.primitives import Malformed, lenenc_bytes
from proxy.wire.responses import parse_text_row


@attrs.frozen
class Patch:
    """A number for one column of a row of the text protocol.

    Attributes:
        column: The index of the column.
        value: The number.
    """

    column: int
    value: int


def patched(packet: bytes, patches: Iterable[Patch]) -> bytes:
    """A packet with a row, its values changed; one that is no such row stays as it is."""
    values = parse_text_row(packet[HEADER:])
    if isinstance(values, Malformed):
        return packet
    changed = [*values]
    for patch in patches:
        if patch.column < len(changed):
            changed[patch.column] = b"%d" % patch.value
    row = b"".join(b"\xfb" if one is None else lenenc_bytes(one) for one in changed)
    return len(row).to_bytes(3, "little") + packet[3:HEADER] + row
