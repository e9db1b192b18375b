"""
A relay before a server that can be cut, as a network can, while the server lives on.

The bytes go through a thread of this process. What a method says is so when it returns: after
`CuttingRelay.cut` not one more byte gets through.
"""

import contextlib
import enum
import selectors
import socket
import struct
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

import attrs

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_PIECE_BYTES = 64 * 1024

_HELD_BYTES = 256 * 1024
"""What one direction of a connection holds of bytes on their way, before its source waits."""

_MOST_CONNECTIONS = 2000
"""More wait in the kernel's queue: each takes two of the process's descriptors."""

_BACKLOG = 4096
"""So many connections are accepted that nobody answers while the network is cut; the kernel
allows no more than net.core.somaxconn, whose usual value this is."""

_NO_DESCRIPTOR_PAUSE_SECONDS = 0.01

_BY_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing the socket sends a RST."""


class _Way(enum.Enum):
    """What the relay does with bytes and new connections."""

    OPEN = enum.auto()
    CUT = enum.auto()
    REFUSING = enum.auto()


@attrs.define(eq=False)
class _Side:
    """
    One of the two sockets of a connection.

    Attributes:
        body: the socket, non-blocking.
        is_connected: a server's is not before its kernel has answered, even by refusing.
        pieces: what is to be sent, each with the time when it is due. An empty piece is the
            end of the other side, and None its RST.
        held_bytes: of all pieces.
        has_ended: nothing more comes from here.
        was_told: nor goes here.
        events: what its selector waits for.
    """

    body: socket.socket
    is_connected: bool
    pieces: deque[tuple[float, bytes | None]] = attrs.field(factory=deque)
    held_bytes: int = 0
    has_ended: bool = False
    was_told: bool = False
    events: int = 0
    other: "_Side" = attrs.field(init=False)

    def wanted(self, now: float) -> int:
        """The events to wait for."""
        if not self.is_connected:
            return _WRITE
        reads = not self.has_ended and self.other.held_bytes < _HELD_BYTES
        writes = bool(self.pieces) and self.pieces[0][0] <= now
        return (_READ if reads else 0) | (_WRITE if writes else 0)

    def add(self, due: float, piece: bytes | None) -> None:
        """Send a piece later."""
        self.pieces.append((due, piece))
        self.held_bytes += len(piece or b"")

    def receive(self, due: float) -> None:
        """Take what has come; it is due at the other side then."""
        piece = self.body.recv(_PIECE_BYTES)
        self.has_ended = not piece
        self.other.add(due, piece)

    def send(self, now: float) -> None:
        """
        Send what is due and what the kernel takes.

        Raises:
            ConnectionResetError: the other side's RST is due.
        """
        while self.pieces and self.pieces[0][0] <= now:
            due, piece = self.pieces[0]
            if piece is None:
                raise ConnectionResetError
            if piece:
                sent = self.body.send(piece)
                self.held_bytes -= sent
                piece = piece[sent:]
            else:
                self.body.shutdown(socket.SHUT_WR)
                self.was_told = True
            self.pieces.popleft()
            if piece:
                self.pieces.appendleft((due, piece))

    def fail(self, due: float) -> None:
        """Pass a RST on, behind what came before it."""
        self.has_ended = self.was_told = True
        self.is_connected = True
        self.pieces.clear()
        self.held_bytes = 0
        self.other.add(due, None)


class CuttingRelay:
    """
    A TCP relay on a free port of 127.0.0.1. As a context manager it ends with the block.

    The end of one side is passed on behind all its bytes, a RST as a RST. So is a server's
    refusal, though the client has been accepted by then.

    Attributes:
        host: the address it listens on.
        port: its port, which stays the same.
    """

    def __init__(self, host: str, port: int) -> None:
        """
        Listen; each client gets a connection of its own to the server.

        Args:
            host: the server's IPv4 address.
            port: its port.
        """
        self.host = "127.0.0.1"
        self._target = (host, port)
        # Keeps the port while nobody listens on it, and connections are refused.
        self._place = _bound(self.host, 0)
        self.port: int = self._place.getsockname()[1]
        self._way = _Way.OPEN
        self._delay_seconds = 0.0
        self._is_closing = False
        self._sides: set[_Side] = set()
        self._late: set[_Side] = set()
        # Guards everything here against the thread, which holds it while it serves.
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        self._selector.register(self._bell, _READ)
        self._door: socket.socket | None = None
        self._door_is_watched = False
        self._go(_Way.OPEN)
        self._thread = threading.Thread(target=self._run, name="cutting-relay", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """
        Let nothing through any more, and tell nobody: a cut network.

        Clients that connect from now on are accepted by the kernel and hear nothing.
        """
        self._go(_Way.CUT)

    def heal(self) -> None:
        """Let bytes and new clients through again, those that have waited as well."""
        self._go(_Way.OPEN)

    def refuse(self) -> None:
        """End all connections by RST and refuse new ones."""
        self._go(_Way.REFUSING)

    def delay(self, seconds: float) -> None:
        """Let what is said from now on take so long in each direction; 0 ends it."""
        with self._lock:
            self._delay_seconds = seconds

    def retarget(self, host: str, port: int) -> None:
        """Connect new clients to another server; the others stay, as with a name that moves."""
        with self._lock:
            self._target = (host, port)

    def close(self) -> None:
        """End all connections by RST, and the relay."""
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = True
            self._ringer.send(b"!")
        self._thread.join()
        self._go(_Way.REFUSING)
        for body in (self._place, self._bell, self._ringer):
            body.close()
        self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _go(self, way: _Way) -> None:
        with self._lock:
            self._way = way
            if way is _Way.REFUSING:
                for side in tuple(self._sides):
                    self._end(side, by_reset=True)
            self._watch_door()
            if way is _Way.REFUSING and self._door is not None:
                self._door.close()
                self._door = None
            for side in self._sides:
                self._watch(side)
            if not self._is_closing:
                # The thread waits for what was wanted before.
                self._ringer.send(b"!")

    def _run(self) -> None:
        while not self._is_closing:
            ready = self._selector.select(self._pause())
            with self._lock:
                for key, events in ready:
                    if key.fileobj is self._bell:
                        self._bell.recv(_PIECE_BYTES)
                    elif isinstance(key.data, _Side):
                        self._serve(key.data, events)
                    else:
                        self._admit()
                for side in tuple(self._late):
                    self._watch(side)

    def _pause(self) -> float | None:
        """How long nothing becomes due, in seconds."""
        with self._lock:
            due = [side.pieces[0][0] for side in self._late]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _admit(self) -> None:
        # The network may have been cut since the selector looked.
        if self._door is None or not self._door_is_watched:
            return
        with contextlib.ExitStack() as opened:
            try:
                outward = opened.enter_context(socket.socket())
                inward, _ = self._door.accept()
            except BlockingIOError:
                return
            except OSError:
                time.sleep(_NO_DESCRIPTOR_PAUSE_SECONDS)
                return
            opened.pop_all()
        client = _Side(inward, is_connected=True)
        server = _Side(outward, is_connected=False)
        client.other, server.other = server, client
        for side in (client, server):
            side.body.setblocking(False)
            side.body.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sides |= {client, server}
        server.body.connect_ex(self._target)
        self._watch(client)
        self._watch(server)
        self._watch_door()

    def _serve(self, side: _Side, events: int) -> None:
        now = time.monotonic()
        due = now + self._delay_seconds
        # What is not wanted any more was ended or cut since the selector looked.
        events &= side.events
        try:
            # Or it has failed: then the first byte that is asked for or sent says so.
            side.is_connected = side.is_connected or bool(events)
            if events & _READ:
                side.receive(due)
            if events & _WRITE:
                side.send(now)
        except BlockingIOError:
            pass
        except OSError:
            if side.pieces and side.pieces[0][1] is None:
                self._end(side, by_reset=True)
            else:
                side.fail(due)
        if side.was_told and side.other.was_told:
            self._end(side, by_reset=False)
        self._watch(side)
        self._watch(side.other)

    def _watch(self, side: _Side) -> None:
        """Let the selector wait for what this side wants now."""
        now = time.monotonic()
        is_served = self._way is _Way.OPEN and side in self._sides
        wanted = side.wanted(now) if is_served else 0
        if is_served and side.pieces and side.pieces[0][0] > now:
            self._late.add(side)
        else:
            self._late.discard(side)
        if wanted == side.events:
            return
        if not side.events:
            self._selector.register(side.body, wanted, side)
        elif not wanted:
            self._selector.unregister(side.body)
        else:
            self._selector.modify(side.body, wanted, side)
        side.events = wanted

    def _watch_door(self) -> None:
        """Listen unless clients are refused, and accept if they are served and not too many."""
        if self._door is None and self._way is not _Way.REFUSING:
            self._door = _bound(self.host, self.port)
            self._door.setblocking(False)
            self._door.listen(_BACKLOG)
        wanted = self._way is _Way.OPEN and len(self._sides) < 2 * _MOST_CONNECTIONS
        if self._door is not None and wanted is not self._door_is_watched:
            if wanted:
                self._selector.register(self._door, _READ)
            else:
                self._selector.unregister(self._door)
            self._door_is_watched = wanted

    def _end(self, side: _Side, *, by_reset: bool) -> None:
        """Close both sockets of a connection."""
        for end in (side, side.other):
            if end in self._sides:
                self._sides.discard(end)
                self._watch(end)
                if by_reset:
                    with contextlib.suppress(OSError):
                        end.body.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BY_RESET)
                end.body.close()
        self._watch_door()


def _bound(host: str, port: int) -> socket.socket:
    body = socket.socket()
    # Two sockets may have one port so, as long as one of them only keeps it.
    body.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    body.bind((host, port))
    return body
