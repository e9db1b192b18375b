"""A client that keeps every packet: PyMySQL logs in, the rest is bytes.

MySQL internals manual, "Client/Server Protocol", "Text Protocol", "Prepared Statements".  How
an answer is read is written here once more on purpose: the proxy is not its own judge.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Self

import attrs
import pymysql

DEPRECATE_EOF = 1 << 24
SESSION_TRACK = 1 << 23
MULTI_STATEMENTS = 1 << 16
FOUND_ROWS = 1 << 1

MORE_RESULTS = 0x08
CURSOR_EXISTS = 0x40

QUERY, INIT_DB, FIELD_LIST, PING, RESET = 0x03, 0x02, 0x04, 0x0E, 0x1F
PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET_STATEMENT = 0x16, 0x17, 0x18, 0x19, 0x1A
SET_OPTION, FETCH = 0x1B, 0x1C


@attrs.frozen
class Packet:
    """A packet of an answer.

    Attributes:
        kind: What it is: first (OK, ERR, or how many columns follow), column, between (the EOF
            behind columns), row, end (OK, EOF or ERR), prepared.
        payload: Its bytes.
    """

    kind: str
    payload: bytes


Packets = list[Packet]


class _Login(pymysql.Connection):
    """PyMySQL, which says nothing behind the login."""

    def set_character_set(self, *_: object) -> None:
        """Nothing is sent: the greeting's charset is what the session begins with."""


class Speaker:
    """A logged-in client.

    Attributes:
        number: The connection id of its greeting.
        capabilities: What it negotiated, of the flags above.
    """

    def __init__(self, capabilities: int = 0, **where: Any) -> None:
        self.capabilities = capabilities
        self._login = _Login(client_flag=capabilities, autocommit=None, **where)
        self.number = self._login.thread_id()
        self._socket: socket.socket = self._login._sock
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say good-bye."""
        self._stream.close()
        self._login.close()

    def send(self, command: int, payload: bytes = b"") -> None:
        """Send a command of less than 16 MiB."""
        size = 1 + len(payload)
        self._socket.sendall(size.to_bytes(3, "little") + b"\0" + bytes((command,)) + payload)

    def packet(self) -> bytes:
        """The payload of the next packet.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        payload = b""
        while True:
            header = self._stream.read(4)
            if len(header) < 4:
                raise ConnectionError("the server has gone")
            size = int.from_bytes(header[:3], "little")
            payload += self._stream.read(size)
            if size < 0xFFFFFF:
                return payload

    def _packet(self, kind: str) -> Packet:
        return Packet(kind, self.packet())

    def simple(self) -> Packets:
        """An answer of one packet."""
        return [self._packet("first")]

    def results(self) -> Packets:
        """The answer to COM_QUERY or COM_STMT_EXECUTE: all its results."""
        found: Packets = []
        while True:
            first = self.packet()
            found.append(Packet("first", first))
            if first[0] == 0xFF:
                return found
            if first[0] == 0x00:
                status = _status_of_ok(first)
            else:
                found += [self._packet("column") for _ in range(first[0])]
                if not self.capabilities & DEPRECATE_EOF:
                    found.append(self._packet("between"))
                    if _status_of_eof(found[-1].payload) & CURSOR_EXISTS:
                        return found
                found += self.rows()
                end = found[-1].payload
                if end[0] == 0xFF:
                    return found
                status = self._status_of_end(end)
            if not status & MORE_RESULTS:
                return found

    def rows(self) -> Packets:
        """Rows, up to the packet that ends them."""
        found: Packets = []
        longest_end = 0xFFFFFF if self.capabilities & DEPRECATE_EOF else 9
        while True:
            payload = self.packet()
            if payload[0] == 0xFF or (payload[0] == 0xFE and len(payload) < longest_end):
                return [*found, Packet("end", payload)]
            found.append(Packet("row", payload))

    def _status_of_end(self, payload: bytes) -> int:
        if self.capabilities & DEPRECATE_EOF:
            return _status_of_ok(payload)
        return _status_of_eof(payload)

    def prepared(self) -> Packets:
        """The answer to COM_STMT_PREPARE."""
        first = self.packet()
        if first[0] == 0xFF:
            return [Packet("first", first)]
        found = [Packet("prepared", first)]
        columns, parameters = struct.unpack_from("<HH", first, 5)
        for count in (parameters, columns):
            found += [self._packet("column") for _ in range(count)]
            if count and not self.capabilities & DEPRECATE_EOF:
                found.append(self._packet("between"))
        return found


def _status_of_eof(payload: bytes) -> int:
    return int.from_bytes(payload[3:5], "little")


def _status_of_ok(payload: bytes) -> int:
    at = 1
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(payload[at], 1)
    return int.from_bytes(payload[at : at + 2], "little")
