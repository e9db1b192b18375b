"""The answer to one statement, packet by packet, in any chunking."""

from __future__ import annotations

from typing import Final

_HEADER: Final = 4
_OK: Final = 0x00
_ERR: Final = 0xFF
_EOF: Final = 0xFE
_EOF_SIZE: Final = 5
_PACKETS_BEFORE_ROWS: Final = 2
"""The EOF packets of a result: one behind the columns, one behind the rows, for nobody here
negotiates CLIENT_DEPRECATE_EOF."""


class Answer:
    """What has come of it.

    Attributes:
        code: of the error that it ended with; 0 for none.
        row: the payload of the first row; empty where there is none.
        ended: the last packet has come.
    """

    __slots__ = ("_buffer", "_eofs", "_packets", "code", "ended", "row")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another one is expected."""
        self.code = 0
        self.row = b""
        self.ended = False
        self._buffer = b""
        self._packets = 0
        self._eofs = 0

    def feed(self, data: bytes) -> bool:
        """More of it; whether it has ended."""
        buffer = self._buffer + data if self._buffer else data
        position, size = 0, len(buffer)
        while not self.ended and size - position >= _HEADER:
            length = int.from_bytes(buffer[position : position + 3], "little")
            end = position + _HEADER + length
            if end > size:
                break
            self._take(buffer[position + _HEADER : end])
            position = end
        self._buffer = buffer[position:]
        return self.ended

    def _take(self, payload: bytes) -> None:
        kind = payload[0] if payload else _OK
        self._packets += 1
        if kind == _ERR:
            self.code = int.from_bytes(payload[1:3], "little")
            self.ended = True
        elif self._packets == 1:
            self.ended = kind == _OK
        elif kind == _EOF and len(payload) <= _EOF_SIZE:
            self._eofs += 1
            self.ended = self._eofs == _PACKETS_BEFORE_ROWS
        elif self._eofs and not self.row:
            self.row = payload


def values(row: bytes) -> tuple[bytes, ...]:
    """The values of a row of the text protocol, each shorter than 251 bytes and not NULL."""
    found = []
    position = 0
    while position < len(row):
        end = position + 1 + row[position]
        found.append(row[position + 1 : end])
        position = end
    return tuple(found)
