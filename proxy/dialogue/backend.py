"""The dialogue with a MySQL server: we are its client."""

from __future__ import annotations

import enum
from typing import Final

import attrs

from proxy.config.tls import TlsMode
from proxy.dialogue.events import BackendEvent, Broken, Greeted, LoggedIn, LoginRefused
from proxy.errors import ErrorReply, plugin_not_supported
from proxy.wire.auth import CLEAR, make_prover
from proxy.wire.auth.steps import Impossible, Prover, Send
from proxy.wire.constants import Capability
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import (
    AUTH_MORE_DATA,
    AUTH_SWITCH,
    Greeting,
    Login,
    SslRequest,
    parse_auth_switch,
    parse_greeting,
)
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_err, parse_ok

LOGIN_PACKET_LIMIT = 65536
"""Bytes of a server's packet during login: greetings, keys and errors stay far below."""

MAX_PACKET_SIZE = 1 << 30
"""The largest packet that we tell servers to send: their own limit."""

SHAPE: Final = (
    Capability.FOUND_ROWS
    | Capability.NO_SCHEMA
    | Capability.LOCAL_FILES
    | Capability.IGNORE_SPACE
    | Capability.INTERACTIVE
    | Capability.MULTI_RESULTS
    | Capability.PS_MULTI_RESULTS
    | Capability.QUERY_ATTRIBUTES
)
"""Capabilities that change what statements mean or what answers look like: a client's own are
asked for on its behalf, and two backends are alike only when these are equal."""

ALWAYS: Final = (
    Capability.LONG_PASSWORD
    | Capability.LONG_FLAG
    | Capability.PROTOCOL_41
    | Capability.TRANSACTIONS
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | Capability.CONNECT_ATTRS
    | Capability.SESSION_TRACK
    | Capability.DEPRECATE_EOF
)
"""Capabilities that we ask every server for."""


class State(enum.Enum):
    """How far a backend's login has come."""

    GREETING = "waiting for the greeting"
    TLS = "starting TLS"
    AUTHENTICATING = "logging in"
    READY = "logged in"
    REFUSED = "refused"
    BROKEN = "broken"


TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    State.GREETING: (State.TLS, State.AUTHENTICATING, State.REFUSED, State.BROKEN),
    State.TLS: (State.AUTHENTICATING, State.BROKEN),
    State.AUTHENTICATING: (State.READY, State.REFUSED, State.BROKEN),
    State.READY: (),
    State.REFUSED: (),
    State.BROKEN: (),
}
"""From each state to the next.  The documentation draws this table."""


@attrs.frozen
class Account:
    """As whom, and how, we log in to a server.

    Attributes:
        user: Name of the database account.
        password: Its password.
        shape: Capabilities from `SHAPE` that the client's side has.
        collation: Collation id of the login packet.
        schema: First default schema, or None.
        attributes: Connection attributes, seen in performance_schema.
    """

    user: str
    password: str = attrs.field(repr=False)
    shape: int = 0
    collation: int = 45
    schema: bytes | None = None
    attributes: tuple[tuple[bytes, bytes], ...] = ()


class BackendDialogue:
    """Logs in to a server; after `LoggedIn`, answers are an `Exchange`'s to follow.

    Args:
        account: As whom.
        secure: Whether nobody can read along even without TLS: it is a unix socket.
        tls: Whether TLS is wanted.
    """

    def __init__(
        self, account: Account, *, secure: bool, tls: TlsMode = TlsMode.DISABLED
    ) -> None:
        self._account = account
        self._secure = secure
        self._trusted = secure
        self._tls = tls
        self._reader = PacketReader(LOGIN_PACKET_LIMIT)
        self._outgoing: list[bytes] = []
        self._prover: Prover | None = None
        self.state = State.GREETING
        self.greeting: Greeting | None = None
        self.capabilities = 0

    def __repr__(self) -> str:
        """Who logs in, and how far it is."""
        return f"<BackendDialogue {self._account.user!r} {self.state.value}>"

    def bytes_to_send(self) -> bytes:
        """What the server should get; asked for after each `receive_data`."""
        outgoing, self._outgoing = b"".join(self._outgoing), []
        return outgoing

    def receive_data(self, data: bytes) -> list[BackendEvent]:
        """Take what the server sent; says what it meant."""
        events: list[BackendEvent] = []
        self._reader.feed(data)
        while self.state in (State.GREETING, State.AUTHENTICATING):
            packet = self._reader.next_packet()
            if packet is None:
                return events
            if isinstance(packet, Packet):
                event = self._receive_packet(packet.payload)
            else:
                event = self._break(f"bad packet during login: {packet}")
            if event is not None:
                events.append(event)
        if self._reader.buffered and self.state is State.READY:
            events.append(self._break("bytes behind the end of the login"))
        return events

    def _enter(self, state: State) -> None:
        assert state in TRANSITIONS[self.state] or state is State.BROKEN
        self.state = state

    def _break(self, why: str, reply: ErrorReply | None = None) -> Broken:
        self.state = State.BROKEN
        return Broken(why, reply)

    def _send(self, payload: bytes) -> None:
        packet = encode(payload, self._reader.sequence)
        self._reader.sequence = (packet[3] + 1) & 0xFF
        self._outgoing.append(packet)

    def _receive_packet(self, payload: bytes) -> BackendEvent | None:
        first = payload[0] if payload else -1
        if first == 0xFF:
            err = parse_err(payload)
            if isinstance(err, Malformed):
                return self._break(err.why)
            self._enter(State.REFUSED)
            return LoginRefused(err)
        if self.state is State.GREETING:
            return self._receive_greeting(payload)
        if first == AUTH_SWITCH:
            return self._switch(payload)
        if first == AUTH_MORE_DATA:
            return self._prove(payload[1:])
        if first == 0x00:
            ok = parse_ok(payload, self.capabilities)
            if isinstance(ok, Malformed):
                return self._break(ok.why)
            self._enter(State.READY)
            return LoggedIn(ok.status)
        return self._break(f"first byte {first} of a packet during login")

    def _receive_greeting(self, payload: bytes) -> BackendEvent:
        greeting = parse_greeting(payload)
        if isinstance(greeting, Malformed):
            return self._break(greeting.why)
        account = self._account
        self.greeting = greeting
        wanted = ALWAYS | (account.shape & SHAPE)
        if account.schema:
            wanted |= Capability.CONNECT_WITH_DB
        self.capabilities = int(wanted & greeting.capabilities)
        if not self.capabilities & Capability.PLUGIN_AUTH:
            return self._break("the server is too old: it knows no authentication plugins")
        if self._tls is TlsMode.DISABLED:
            self._log_in(greeting)
            return Greeted(greeting)
        if not greeting.capabilities & Capability.SSL:
            if self._tls is not TlsMode.PREFERRED:
                return self._break(
                    f"the target offers no TLS, and tls.mode is {self._tls.value}"
                )
            self._log_in(greeting)
            return Greeted(greeting)
        self.capabilities |= int(Capability.SSL)
        self._send(SslRequest(self.capabilities, MAX_PACKET_SIZE, account.collation).encode())
        self._enter(State.TLS)
        if self._reader.buffered:
            return self._break("the server sent something between its greeting and TLS")
        return Greeted(greeting, starts_tls=True)

    def tls_started(self, *, verified: bool) -> None:
        """The handshake is over: log in.

        Args:
            verified: The server's certificate was checked.
        """
        assert self.greeting is not None
        self._secure = True
        self._trusted = self._trusted or verified
        self._log_in(self.greeting)

    def _log_in(self, greeting: Greeting) -> None:
        account, plugin = self._account, greeting.plugin
        # A server whose default plugin we do not know may have another one for the account.
        self._prover = self._make_prover(plugin)
        response = self._prover.begin(greeting.nonce) if self._prover else b""
        self._send(
            Login(
                capabilities=self.capabilities,
                max_packet=MAX_PACKET_SIZE,
                collation=account.collation,
                user=account.user,
                auth_response=response,
                schema=account.schema,
                plugin=plugin,
                attributes=account.attributes,
            ).encode()
        )
        self._enter(State.AUTHENTICATING)

    def _make_prover(self, plugin: str) -> Prover | None:
        """Who proves the password; nobody shows it to a server that may be somebody else."""
        if plugin == CLEAR and not self._trusted:
            return None
        return make_prover(plugin, self._account.password, secure=self._secure)

    def _switch(self, payload: bytes) -> BackendEvent | None:
        switch = parse_auth_switch(payload)
        if isinstance(switch, Malformed):
            return self._break(switch.why)
        self._prover = self._make_prover(switch.plugin)
        if self._prover is None and switch.plugin == CLEAR:
            return self._break(
                "the account needs its password in clear, which goes over verified TLS only: "
                "set tls.mode to verify_ca or verify_identity",
                plugin_not_supported(),
            )
        if self._prover is None:
            return self._break(
                f"the account needs the authentication plugin {switch.plugin!r}, which is "
                "not supported",
                plugin_not_supported(),
            )
        self._send(self._prover.begin(switch.nonce))
        return None

    def _prove(self, data: bytes) -> BackendEvent | None:
        if self._prover is None:
            return self._break("more authentication data before a plugin was agreed on")
        step = self._prover.receive(data)
        if isinstance(step, Impossible):
            return self._break(step.why)
        if isinstance(step, Send):
            self._send(step.data)
        return None
