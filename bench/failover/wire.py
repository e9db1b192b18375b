"""A small MySQL client on asyncio: text statements, one at a time.

PyMySQL logs in, on a thread, and its socket is taken over: hundreds of connections on threads
would wait for each other more than for the servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

import pymysql

from bench.site import PASSWORD, SCHEMA, USER

LOGIN_LIMIT_SECONDS: Final = 3.0
"""Of those ways whose other end may be frozen; the kernel accepts for it."""

_COM_QUERY: Final = 0x03
_OK: Final = 0x00
_EOF: Final = 0xFE
_ERROR: Final = 0xFF
_NULL: Final = 0xFB
_EOF_BYTES: Final = 9
"""An EOF packet is shorter than that, a row that begins with 0xFE longer."""

Rows: TypeAlias = list[tuple[bytes | None, ...]]


class RefusedError(Exception):
    """The other side answered with an error.

    Attributes:
        number: its code.
        state: its SQLSTATE.
    """

    def __init__(self, number: int, state: str, text: str) -> None:
        super().__init__(f"{number} ({state}): {text}")
        self.number = number
        self.state = state


class LostError(Exception):
    """The connection ended, or was never made."""


class _Stage(enum.Enum):
    """Which packet of an answer comes next."""

    HEAD = enum.auto()
    COLUMNS = enum.auto()
    ROWS = enum.auto()


class Connection(asyncio.Protocol):
    """A connection that has logged in."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._lost = ""
        self._buffer = bytearray()
        self._asked: asyncio.Future[Rows] | None = None
        self._stage = _Stage.HEAD
        self._columns = 0
        self._rows: Rows = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._lost = str(exc) if exc else "the connection was closed"
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(LostError(self._lost))

    @property
    def is_lost(self) -> bool:
        """Whether it has ended."""
        return bool(self._lost)

    async def run(self, statement: str) -> Rows:
        """Run a statement; its rows.

        Raises:
            RefusedError: the other side answers with an error.
            LostError: it does not answer any more.
        """
        if self._lost or self._transport is None:
            raise LostError(self._lost)
        payload = bytes((_COM_QUERY,)) + statement.encode()
        self._asked = asyncio.get_running_loop().create_future()
        self._stage, self._rows = _Stage.HEAD, []
        self._transport.write(len(payload).to_bytes(4, "little") + payload)
        return await self._asked

    def close(self) -> None:
        """End it without a good-bye."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            ends = 4 + int.from_bytes(buffer[:3], "little")
            if len(buffer) < ends:
                return
            payload = bytes(buffer[4:ends])
            del buffer[:ends]
            self._packet(payload)

    def _packet(self, payload: bytes) -> None:
        first = payload[0]
        ends = first == _EOF and len(payload) < _EOF_BYTES
        if first == _ERROR and self._stage is not _Stage.COLUMNS:
            self._fail(payload)
        elif self._stage is _Stage.HEAD and first == _OK:
            self._finish()
        elif self._stage is _Stage.HEAD:
            self._columns, self._stage = first, _Stage.COLUMNS
        elif self._stage is _Stage.COLUMNS:
            self._stage = _Stage.ROWS if ends else _Stage.COLUMNS
        elif ends:
            self._finish()
        else:
            self._rows.append(_row(payload, self._columns))

    def _finish(self) -> None:
        # Nobody listens any more where the time was over.
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(self._rows)

    def _fail(self, payload: bytes) -> None:
        number = int.from_bytes(payload[1:3], "little")
        state, text = "HY000", payload[3:]
        if text[:1] == b"#":
            state, text = text[1:6].decode("ascii", "replace"), text[6:]
        error = RefusedError(number, state, text.decode("utf-8", "replace"))
        if self._asked is None or self._asked.done():
            # An error that nobody asked for says why the connection ends.
            self._lost = str(error)
        else:
            self._asked.set_exception(error)


def _row(payload: bytes, columns: int) -> tuple[bytes | None, ...]:
    """The values of a row of the text protocol, each shorter than 251 bytes."""
    values: list[bytes | None] = []
    position = 0
    for _ in range(columns):
        size = payload[position]
        position += 1
        if size == _NULL:
            values.append(None)
            continue
        values.append(payload[position : position + size])
        position += size
    return tuple(values)


def _log_in(host: str, port: int, limit_seconds: float) -> socket.socket:
    try:
        connection = pymysql.connect(
            host=host,
            port=port,
            user=USER,
            password=PASSWORD,
            database=SCHEMA,
            autocommit=None,
            ssl_disabled=True,
            connect_timeout=limit_seconds,
            read_timeout=limit_seconds,
        )
    except (pymysql.err.MySQLError, OSError) as error:
        raise LostError(str(error)) from error
    theirs: socket.socket = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL has no public way to hand its socket over
    ours = socket.socket(fileno=theirs.detach())
    with contextlib.suppress(Exception):
        connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - its other resources
    ours.setblocking(False)
    return ours


async def connect(
    host: str,
    port: int,
    threads: ThreadPoolExecutor,
    limit_seconds: float = LOGIN_LIMIT_SECONDS,
) -> Connection:
    """Log in.

    Args:
        host: the other side.
        port: its port.
        threads: where the login runs.
        limit_seconds: how long the other side may be silent in it.

    Raises:
        LostError: it does not work; says why.
    """
    loop = asyncio.get_running_loop()
    connected = await loop.run_in_executor(threads, _log_in, host, port, limit_seconds)
    _, connection = await loop.create_connection(Connection, sock=connected)
    return connection
