"""The dialogue with a client: we are its server."""

from __future__ import annotations

from typing import Final

from proxy.dialogue.client_states import TRANSITIONS, State
from proxy.dialogue.events import (
    AddressTold,
    Authenticated,
    Broken,
    ClientEvent,
    CommandReceived,
    FileReceived,
    LoginStarted,
    ProofEnd,
    TextShown,
    TlsRequested,
    Unproved,
    UserChangeStarted,
)
from proxy.dialogue.file import LocalFile
from proxy.dialogue.head import Head
from proxy.errors import (
    ErrorReply,
    bad_handshake,
    malformed_packet,
    packet_too_large,
    packets_out_of_order,
)
from proxy.wire.auth.steps import Accepted, Send, Shown, Verifier
from proxy.wire.constants import HEADER, MAX_PACKET, Capability, Command
from proxy.wire.framing import OutOfOrder, Packet, PacketReader, encode
from proxy.wire.greeting import (
    Greeting,
    SslRequest,
    auth_more_data,
    auth_switch,
    parse_change_user,
    parse_login,
)
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Err, Ok

LOGIN_PACKET_LIMIT: Final = 1 << 17
"""Bytes of a packet before login: user, proof and schema are short, attributes end at 64 KiB.
Nobody has proved anything yet, so nobody may make us keep more."""

AHEAD_BYTES: Final = 1 << 18
"""A client that sends ahead of its answers is read no further than this (and one command)."""

LOGIN_AHEAD_BYTES: Final = 1 << 14
"""The same while its login is looked at: it has proved nothing yet, and need not go on."""

_CHANGE_USER: Final = int(Command.CHANGE_USER)


_READY: Final = State.READY
_ANSWERING: Final = State.ANSWERING


class ClientDialogue:
    """One client's conversation, from the greeting to the last command.

    Commands come one at a time: while one is being answered, what the client sends is kept, and
    `next_events` gives it out after `answered`.

    Attributes:
        secure: Whether nobody can read along: TLS, or a unix socket.
        has_tls: Whether it is TLS.
        trusts_header: Whether it may say by the PROXY protocol from where it comes.
        objection: What its login hears, as it did so nevertheless.
        offered_proof: Whether the login of the moment came with a password at all.
    """

    __slots__ = (
        "_file",
        "_head",
        "_outgoing",
        "_reader",
        "_verifier",
        "capabilities",
        "collation",
        "command_limit",
        "greeting",
        "has_tls",
        "objection",
        "offered_proof",
        "secure",
        "state",
        "trusts_header",
    )

    def __init__(
        self,
        greeting: Greeting,
        command_limit: int,
        *,
        secure: bool = False,
        trusts_header: bool = False,
    ) -> None:
        self.greeting = greeting
        self.command_limit = command_limit
        self.secure = secure
        self.has_tls = False
        self.trusts_header = trusts_header
        self.objection: ErrorReply | None = None
        self._head: Head | None = Head()
        self.state = State.LOGIN
        self.capabilities = 0
        self.collation = 0
        self._reader = PacketReader(LOGIN_PACKET_LIMIT)
        self._verifier: Verifier | None = None
        self.offered_proof = False
        self._outgoing: list[bytes] = []
        self._file: LocalFile | None = None
        self._send(greeting.encode())

    def __repr__(self) -> str:
        """Which client, and how far its conversation is."""
        return f"<ClientDialogue {self.greeting.connection_id} {self.state.value}>"

    @property
    def buffered(self) -> int:
        """Bytes that the client sent ahead."""
        return self._reader.buffered

    @property
    def is_ahead(self) -> bool:
        """Whether the client has sent more than it may while it is our turn."""
        if self.state is _ANSWERING:
            return self._reader.buffered > AHEAD_BYTES
        waits = self.state in (State.IDENTIFYING, State.PROVED)
        return waits and self._reader.buffered > LOGIN_AHEAD_BYTES

    def bytes_to_send(self) -> bytes:
        """What the client should get; asked for after each call that changes something."""
        outgoing, self._outgoing = b"".join(self._outgoing), []
        return outgoing

    def is_whole_command(self, data: bytes) -> bool:
        """Whether `data` is exactly one command that can be answered now, no change of user.

        The way in for the express lane: on True the dialogue is ANSWERING and the caller has
        the command, its header included.
        """
        if (
            self.state is _READY
            and len(data) > HEADER
            and data[0] | data[1] << 8 | data[2] << 16 == len(data) - HEADER
            and not data[3]
            and not self._reader.buffered
            and len(data) < MAX_PACKET
            and len(data) - HEADER <= self.command_limit
            and data[HEADER] != _CHANGE_USER
        ):
            self.state = _ANSWERING
            return True
        return False

    def receive_data(self, data: bytes) -> list[ClientEvent]:
        """Take what the client sent; says what it meant, as far as it is its turn."""
        if self.state in (State.CLOSED, State.BROKEN):
            return []
        if self._head is not None:
            return self._receive_head(data, self._head)
        self._reader.feed(data)
        return self.next_events()

    def _receive_head(self, data: bytes, head: Head) -> list[ClientEvent]:
        """The first bytes: a load balancer's header, or the login itself."""
        found = head.receive(data)
        if found is None:
            return []
        self._head = None
        if isinstance(found, Malformed):
            return [self._break(found.why, bad_handshake(found.why))]
        events: list[ClientEvent] = []
        if found.has_header and not self.trusts_header:
            # Said in answer to its login: before that nobody listens.
            self.objection = bad_handshake("a PROXY header from an untrusted address")
        elif found.address is not None:
            self.secure = False  # however we are reached, the load balancer is by a network
            events.append(AddressTold(found.address, found.port))
        self._reader.feed(found.rest)
        return events + self.next_events()

    def next_events(self) -> list[ClientEvent]:
        """What the bytes kept so far mean: at most one command."""
        if self.state is State.FILE:
            kept = self._reader.take_rest()
            received = self._receive_file(kept)
            # Of a part of a header there is nothing to tell before the rest of it comes.
            return [received] if received.data or received.ended else []
        if self.state not in (State.LOGIN, State.PROVING, State.READY):
            return []
        while (packet := self._reader.next_packet()) is not None:
            if not isinstance(packet, Packet):
                if isinstance(packet, OutOfOrder):
                    reply = packets_out_of_order(packet.expected, packet.got)
                else:
                    reply = packet_too_large(packet.limit)
                return [self._break(reply.message, reply)]
            if self.state is State.LOGIN:
                return [self._receive_login(packet.payload)]
            if self.state is not State.PROVING:
                return [self._receive_command(packet.payload)]
            end = self._verify(packet.payload)
            if end is not None:
                return [end]
        return []

    def _enter(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], f"{self.state} to {state}"
        self.state = state

    def _break(self, why: str, reply: ErrorReply) -> Broken:
        """The client broke the protocol: it hears why, and nothing more is read from it."""
        self._send_err(reply)
        self.state = State.BROKEN
        return Broken(why, reply)

    def _send(self, payload: bytes) -> None:
        packet = encode(payload, self._reader.sequence)
        self._reader.sequence = (packet[3] + 1) & 0xFF
        self._outgoing.append(packet)

    def _send_err(self, reply: ErrorReply) -> None:
        message = reply.message.encode("utf-8", "surrogateescape")
        self._send(Err(reply.code, reply.sqlstate, message).encode())

    # Login

    def _receive_login(self, payload: bytes) -> ClientEvent:
        login = parse_login(payload)
        if isinstance(login, Malformed):
            return self._break(login.why, bad_handshake(login.why))
        if isinstance(login, SslRequest):
            if self.has_tls or not self.greeting.capabilities & Capability.SSL:
                why = "TLS was asked for twice" if self.has_tls else "TLS is not offered here"
                return self._break(why, bad_handshake(why))
            self._enter(State.TLS)
            return TlsRequested()
        self.capabilities = int(login.capabilities & self.greeting.capabilities)
        self.collation = login.collation
        self._enter(State.IDENTIFYING)
        return LoginStarted(login)

    def start_tls(self) -> bytes:
        """What comes from here on is encrypted; gives what has come already."""
        self._enter(State.LOGIN)
        self.secure = self.has_tls = True
        return self._reader.take_rest()

    def identify(
        self, verifier: Verifier, plugin: str, proof: bytes, *, ask: bool = False
    ) -> list[ClientEvent]:
        """Check the proof that came with a login or change of user.

        Args:
            verifier: Knows the password; made for the challenge of our greeting.
            plugin: What the client says it answered with; another one is asked for where the
                verifier has another.
            proof: What it answered.
            ask: Do not take that for an answer, where the client can be asked.
        """
        self._verifier = verifier
        self.offered_proof = False
        able = bool(self.capabilities & Capability.PLUGIN_AUTH)
        # A client without plugins speaks the old default, mysql_native_password.
        same = (plugin or "mysql_native_password") == verifier.plugin
        if same and not (ask and able):
            end = self._verify(proof)
            return self.next_events() if end is None else [end]
        if not able:
            self._enter(State.PROVED)
            return [Unproved()]
        self._send(auth_switch(verifier.plugin, self.greeting.nonce))
        self._enter(State.PROVING)
        return self.next_events()

    def _verify(self, proof: bytes) -> ProofEnd | None:
        """One step of the verifier; None when more is needed, which the next packet brings."""
        assert self._verifier is not None
        # The plugins say "no password" by nothing or by a NUL.
        self.offered_proof = self.offered_proof or proof not in {b"", b"\x00"}
        step = self._verifier.receive(proof)
        if isinstance(step, Send):
            self._send(auth_more_data(step.data))
            if not step.final:
                if self.state is not State.PROVING:
                    self._enter(State.PROVING)
                return None
        self._verifier = None
        self._enter(State.PROVED)
        if isinstance(step, Shown):
            return TextShown(step.text)
        return Authenticated() if isinstance(step, Accepted | Send) else Unproved()

    def accept(self, status: int) -> None:
        """Let the client in: commands may come."""
        self._send(Ok(status=status).encode(self.capabilities))
        self._enter(State.READY)
        self._reader.limit = self.command_limit
        self._reader.sequence = 0

    def refuse(self, reply: ErrorReply) -> None:
        """Turn the client away, with the reason."""
        self._send_err(reply)
        self.state = State.CLOSED

    def take_over(self, greeting: Greeting, capabilities: int, collation: int) -> None:
        """Go on where another dialogue with the client is, which awaits a command.

        Args:
            greeting: What the client was greeted with: a change of user answers its challenge.
            capabilities: What was agreed on.
            collation: What the client asked for at its login.
        """
        self.greeting = greeting
        self.capabilities = capabilities
        self.collation = collation
        self._head = None
        self._outgoing = []
        self._reader = PacketReader(self.command_limit)
        self.state = State.READY

    # Commands

    def _receive_command(self, payload: bytes) -> ClientEvent:
        if not payload:
            return self._break("an empty command", malformed_packet("an empty command"))
        if payload[0] == Command.CHANGE_USER:
            change = parse_change_user(payload, self.capabilities)
            if isinstance(change, Malformed):
                return self._break(change.why, malformed_packet(change.why))
            self._enter(State.IDENTIFYING)
            return UserChangeStarted(change)
        self._enter(State.ANSWERING)
        return CommandReceived(payload)

    def answered(self) -> None:
        """The answer has gone out (or there is none): the next command may come."""
        assert self.state is _ANSWERING, self.state  # in `_enter`'s place: it costs less
        self.state = _READY
        self._reader.sequence = 0

    def answer_ok(self, ok: Ok) -> None:
        """Answer the command ourselves."""
        self.answer((ok.encode(self.capabilities),))

    def answer_err(self, reply: ErrorReply) -> None:
        """Answer the command with an error; the connection goes on."""
        self._reader.sequence = 1
        self._send_err(reply)
        self.answered()

    def answer(self, payloads: tuple[bytes, ...]) -> None:
        """Answer the command with these packets."""
        self._reader.sequence = 1
        for payload in payloads:
            self._send(payload)
        self.answered()

    def close(self, reply: ErrorReply | None = None) -> None:
        """End the conversation; a client that could take an ERR packet now gets `reply`.

        In the middle of an answer there is no room for one.
        """
        if reply is not None and self.state not in (
            State.ANSWERING,
            State.CLOSED,
            State.BROKEN,
        ):
            self._send_err(reply)
        self.state = State.CLOSED

    # LOCAL INFILE

    def expect_file(self, sequence: int) -> None:
        """The client was asked for a file: what it sends goes on to the server.

        Its packets are numbered as the server expects them, from `sequence` on.
        """
        self._enter(State.FILE)
        self._file = LocalFile(sequence)

    def _receive_file(self, data: bytes) -> FileReceived:
        assert self._file is not None
        data, left, ended = self._file.receive(data)
        if left:
            self._reader.feed(left)
        if ended:
            self._enter(State.ANSWERING)
            self._file = None
        return FileReceived(data, ended)
