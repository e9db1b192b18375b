"""A file that a client sends for LOCAL INFILE, followed by its packets' headers only."""

from __future__ import annotations

from proxy.wire.constants import HEADER, MAX_PACKET
from proxy.wire.scan import number_packets


class LocalFile:
    """Finds the empty packet that ends a file.

    Its packets are numbered as the server expects them, from `sequence` on.
    """

    __slots__ = ("_continues", "_sequence", "_skip")

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence
        self._skip = 0
        self._continues = False

    def receive(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Take bytes of the client's.

        Returns:
            What goes on to the server; what does not belong to it, or not yet (a header cut in
            two is seen again with its rest); whether the file has ended.
        """
        start = position = self._skip
        size = len(data)
        while position + HEADER <= size:
            length = data[position] | data[position + 1] << 8 | data[position + 2] << 16
            position += HEADER + length
            if not length and not self._continues:
                return self._numbered(data[:position], start), data[position:], True
            self._continues = length == MAX_PACKET
        left = data[position:]
        self._skip = max(position - size, 0)
        return self._numbered(data[:position], start), left, False

    def _numbered(self, data: bytes, start: int) -> bytes:
        packets, self._sequence = number_packets(data, start, self._sequence)
        return packets
