"""Packets: three bytes of payload length, one of sequence number, the payload.

A payload of 0xFFFFFF bytes or more is split; the last physical packet is shorter than 0xFFFFFF,
and empty when the length is a multiple of it (MySQL internals manual: "MySQL Packets").
"""

from __future__ import annotations

import attrs

from proxy.wire.constants import HEADER, MAX_PACKET


def encode(payload: bytes, sequence: int = 0) -> bytes:
    """The physical packets of one payload, numbered from `sequence` on."""
    size = len(payload)
    if size < MAX_PACKET:
        return size.to_bytes(3, "little") + bytes((sequence & 0xFF,)) + payload
    pieces = []
    for start in range(0, size + 1, MAX_PACKET):
        piece = payload[start : start + MAX_PACKET]
        pieces.append(len(piece).to_bytes(3, "little") + bytes((sequence & 0xFF,)))
        pieces.append(piece)
        sequence += 1
    return b"".join(pieces)


@attrs.frozen
class Packet:
    """One payload, and the sequence number that follows it."""

    payload: bytes
    next_sequence: int


@attrs.frozen
class OutOfOrder:
    """A packet whose number is not the next one."""

    expected: int
    got: int


@attrs.frozen
class Oversized:
    """A payload that would be longer than the limit, known before it was kept."""

    limit: int


class PacketReader:
    """Cuts a stream of bytes into payloads, checking sequence numbers and a limit on size.

    `buffered` never holds more than the limit plus one chunk as it came from the socket; it is
    the caller's part not to feed while packets wait.
    """

    __slots__ = ("_buffer", "_joined", "limit", "sequence")

    def __init__(self, limit: int, sequence: int = 0) -> None:
        self.limit = limit
        self.sequence = sequence
        self._buffer = bytearray()
        self._joined = bytearray()

    def __repr__(self) -> str:
        """What is kept, and the number that should come next."""
        return f"<PacketReader {self.buffered} bytes kept, next number {self.sequence}>"

    @property
    def buffered(self) -> int:
        """Bytes kept: read from the peer, not yet given out."""
        return len(self._buffer) + len(self._joined)

    def feed(self, data: bytes) -> None:
        """Keep what came."""
        self._buffer += data

    def next_packet(self) -> Packet | OutOfOrder | Oversized | None:
        """The next whole payload, None when more bytes are needed, or what is wrong.

        After `OutOfOrder` or `Oversized` the stream cannot be trusted: the reader says the same
        again.
        """
        buffer = self._buffer
        while len(buffer) >= HEADER:
            size = int.from_bytes(buffer[:3], "little")
            if buffer[3] != self.sequence:
                return OutOfOrder(self.sequence, buffer[3])
            if len(self._joined) + size > self.limit:
                return Oversized(self.limit)
            end = HEADER + size
            if len(buffer) < end:
                return None
            following = (self.sequence + 1) & 0xFF
            if size < MAX_PACKET and not self._joined:
                payload = bytes(buffer[HEADER:end])
                del buffer[:end]
                self.sequence = following
                return Packet(payload, following)
            self._joined += buffer[HEADER:end]
            del buffer[:end]
            self.sequence = following
            if size < MAX_PACKET:
                payload = bytes(self._joined)
                self._joined = bytearray()
                return Packet(payload, following)
        return None

    def take_rest(self) -> bytes:
        """All bytes not yet cut: they are for whoever reads the stream next (TLS, a relay)."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest
