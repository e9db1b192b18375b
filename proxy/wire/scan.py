"""Walks the packets of an answer by header and first byte; copies nothing.

These are the innermost loops of the proxy: functions of bytes and integers, so that a compiled
form can take their place without a change anywhere else.
"""

from __future__ import annotations

from proxy.wire.constants import HEADER, MAX_PACKET


def skip_packets(data: bytes, position: int, count: int) -> tuple[int, int]:
    """Walk over up to `count` payloads that need not be looked at (column definitions).

    Returns:
        Position behind the last packet that was walked over, and how many payloads are left to
        skip.  The position lies beyond the data when a packet's end has not come yet.  A
        physical packet of full length counts nothing: the payload goes on in the next one.
    """
    size = len(data)
    full: int = MAX_PACKET
    while count and position + HEADER < size:
        length = data[position] | data[position + 1] << 8 | data[position + 2] << 16
        position += HEADER + length
        if length != full:
            count -= 1
    return position, count


def skip_rows(data: bytes, position: int, longest_end: int) -> tuple[int, bool, int]:
    """Walk over rows up to the packet that ends them.

    Args:
        data: Bytes of the answer.
        position: Where a packet begins that is no continuation of a split one.
        longest_end: Payload length below which a packet with first byte 0xFE is the end: 9
            for EOF packets, 0xFFFFFF with CLIENT_DEPRECATE_EOF.

    Returns:
        A position, whether it is that of the end (0xFE) or error (0xFF) packet, and how many
        rows begin before it.  A position that is not the end's is that of a packet whose header
        and first byte are not there yet, lies beyond the data when a row's end has not come
        yet, or is that of a full physical packet: its continuation may begin with any byte and
        is the caller's to skip.
    """
    size = len(data)
    full: int = MAX_PACKET
    rows = 0
    while position + HEADER < size:
        length = data[position] | data[position + 1] << 8 | data[position + 2] << 16
        first = data[position + HEADER]
        if first >= 0xFE and (first == 0xFF or length < longest_end):
            return position, True, rows
        if length == full:
            return position, False, rows
        position += HEADER + length
        rows += 1
    return position, False, rows


def number_packets(data: bytes, position: int, sequence: int) -> tuple[bytes, int]:
    """Number the packets of an answer anew, from the one at this position on.

    Returns:
        The packets, and the number of the one that comes next.
    """
    numbered = bytearray(data)
    size = len(data)
    while position < size:
        length = data[position] | data[position + 1] << 8 | data[position + 2] << 16
        numbered[position + 3] = sequence & 0xFF
        sequence += 1
        position += HEADER + length
    return bytes(numbered), sequence & 0xFF
