"""Answers for clients that did not negotiate CLIENT_DEPRECATE_EOF, made from those of today.

All backends negotiate it, for the EOF packets of before have no room for session reports.
MySQL internals manual, "Text Resultset": a result is its column definitions, an EOF packet, its
rows and another EOF packet, where today there is one OK packet at the end.
"""

from __future__ import annotations

from typing import Final

from proxy.dialogue.edits import Edit, edited
from proxy.wire.constants import HEADER, Status
from proxy.wire.scan import number_packets

_OF_THE_END: Final = int(Status.CURSOR_EXISTS | Status.LAST_ROW_SENT | Status.QUERY_WAS_SLOW)
"""Status bits that are not known yet where the column definitions end."""

_CURSOR: Final = int(Status.CURSOR_EXISTS)


_WITHOUT_WARNINGS: Final[dict[int, bytes]] = {}
"""EOF packets by their status, of 16 bits: some few, and 65,536 of nine bytes at most."""


def _eof(warnings: int, status: int) -> bytes:
    """An EOF packet, still without its number: `Eof` in the fewest steps."""
    if warnings:
        return bytes([5, 0, 0, 0, 0xFE]) + (warnings | status << 16).to_bytes(4, "little")
    packet = _WITHOUT_WARNINGS.get(status)
    if packet is None:
        packet = bytes([5, 0, 0, 0, 0xFE, 0, 0]) + status.to_bytes(2, "little")
        _WITHOUT_WARNINGS[status] = packet
    return packet


class Classic:
    """What changes of one answer.

    Attributes:
        due: The EOF packet behind the column definitions is still to be put in.
    """

    __slots__ = ("_between", "_sequence", "_shift", "due")

    def __init__(self) -> None:
        self.due = False
        self._between = -1  # which of the edits is the EOF behind the columns
        self._sequence = -1  # of the next packet; as the server numbers them while negative
        self._shift = 0  # how far they are ahead of the server's behind a file

    def __repr__(self) -> str:
        """How far."""
        return f"<Classic answer, packet {self._sequence}>"

    def between(self, edits: list[Edit], number: int, position: int, status: int) -> None:
        """Put in the EOF packet behind the columns.

        Args:
            edits: What changes in this chunk.
            number: How many of these stand before it.
            position: Of the packet before which it belongs.
            status: What it says.
        """
        self.due = False
        self._between = number
        edits.insert(number, (position, position, _eof(0, status & ~_OF_THE_END)))

    def end(
        self, edits: list[Edit], where: tuple[int, int], warnings: int, status: int
    ) -> None:
        """Put EOF packets in the place of the OK packet that ends a result.

        The status that it tells is the one behind the columns as well, where those have not
        gone out before.
        """
        if self.due and not status & _CURSOR:
            self.between(edits, len(edits), where[0], status)
        elif self._between >= 0:
            start, end, _ = edits[self._between]
            edits[self._between] = start, end, _eof(0, status & ~_OF_THE_END)
        self.due, self._between = False, -1
        edits.append((*where, _eof(warnings, status)))

    def file_sent(self, sequence: int) -> None:
        """The client has sent a file, from the packet on that has this number at the server."""
        if self._sequence >= 0:
            self._shift = (self._sequence - sequence) % 256
            self._sequence = -1

    def finished(self, chunk: bytes, edits: list[Edit], start: int) -> bytes:
        """The part of the answer as it goes to the client.

        Args:
            chunk: As the server sent it.
            edits: What changes.
            start: Where its first packet begins.
        """
        if not edits and self._sequence < 0 and not self._shift:
            return chunk
        sequence = self._sequence
        if sequence < 0:
            sequence = chunk[start + HEADER - 1] + self._shift
        data, self._sequence = number_packets(edited(chunk, edits), start, sequence)
        self._between = -1
        return data
