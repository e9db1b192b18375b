"""Clients that go to another process while they rest, with connection and session.

Nothing of a client that rests is under way: its last answer is with it, the next command has
not been read, and no backend knows more of its session than the session itself.  What it sends
meanwhile waits in the kernel.  A client with TLS stays: OpenSSL's part cannot be moved.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import attrs
from twisted.internet.protocol import Factory

from proxy.dialogue.backend import SHAPE
from proxy.dialogue.client_states import State
from proxy.errors import ErrorReply
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.net.client import ClientProtocol
from proxy.policy.lease import Place
from proxy.pool.borrower import PoolKey
from proxy.session import written
from proxy.session.session import Session
from proxy.session.written import UnreadableError
from proxy.wire.greeting import Greeting

SESSION_BYTES: Final = 1 << 24
"""A session that is longer when written stays: to write and to read it stops all others for a
tenth of a second.  It is one of many thousand prepared statements."""


class CannotMoveError(Exception):
    """A client cannot go, or cannot be taken in here; says why."""


@attrs.frozen(kw_only=True)
class Passage:
    """All of a client but its connection.

    Attributes:
        number: See `Client`.
        proxy: The name of its proxy.
        endpoint: That of the endpoint where it came in.
        address: See `Client`.
        silent_seconds: How long ago it last sent something.
        greeting: What it was greeted with.
        capabilities: See `ClientDialogue`.
        collation: Likewise.
        secure: Likewise.
        loss: See `Client`.
        session: Its session, written.
    """

    number: int
    proxy: str
    endpoint: str
    address: str
    silent_seconds: float
    greeting: Greeting
    capabilities: int
    collation: int
    secure: bool
    loss: ErrorReply | None
    session: bytes = attrs.field(repr=False)

    def encode(self) -> dict[str, Any]:
        """As a value for JSON."""
        greeting = attrs.asdict(self.greeting)
        greeting["nonce"] = self.greeting.nonce.hex()
        document = attrs.asdict(self, recurse=False)
        document["greeting"] = greeting
        document["loss"] = None if self.loss is None else written.write_reply(self.loss)
        document["session"] = self.session.decode("ascii")
        return document

    @classmethod
    def decode(cls, document: Any) -> Passage:
        """The passage that `encode` gave.

        Raises:
            CannotMoveError: it makes no sense: it is of another release.
        """
        try:
            greeting = dict(document["greeting"])
            greeting["nonce"] = bytes.fromhex(greeting["nonce"])
            loss = document["loss"]
            return cls(
                **{
                    **document,
                    "greeting": Greeting(**greeting),
                    "loss": None if loss is None else written.read_reply(loss),
                    "session": document["session"].encode("ascii"),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CannotMoveError(
                f"its passage makes no sense: {type(error).__name__}"
            ) from None


# Going


def may_move(client: Client) -> bool:
    """Whether the client will be able to go as soon as it rests, as things stand."""
    return client.session is not None and client.protocol.socket is not None


def rests(client: Client) -> bool:
    """Whether the client can go now."""
    session, dialogue, protocol = client.session, client.dialogue, client.protocol
    return bool(
        session is not None
        and dialogue.state is State.READY
        and not dialogue.buffered
        and not client.tasks.is_working
        and client.lease is None
        and client.waiter is None
        and not client.ends
        and protocol.socket is not None
        and not protocol.has_unsent
        and not protocol.transport.disconnecting
        and written.is_writable(session)
    )


def call_back(client: Client) -> None:
    """Have a lease brought to rest that lingers with it, as if another one needed it."""
    lease = client.lease
    if lease is not None and lease.place is Place.LINGERING:
        lease.pool.ledger.call_back(lease)
        lease.pool.settle()


def set_out(client: Client) -> tuple[int, Passage]:
    """Stop serving a client that rests; `arrived` or `come_back` follows.

    Returns:
        A copy of its connection's descriptor, for the caller to close, and the passage.

    Raises:
        CannotMoveError: it stays, and is served as before.
    """
    proxy, session, dialogue = client.proxy, client.session, client.dialogue
    assert session is not None
    passage = Passage(
        number=client.number,
        proxy=proxy.config.name,
        endpoint=client.endpoint,
        address=client.address,
        silent_seconds=max(0.0, proxy.deadlines.now - client.last_active),
        greeting=dialogue.greeting,
        capabilities=dialogue.capabilities,
        collation=dialogue.collation,
        secure=dialogue.secure,
        loss=client.loss,
        session=written.write(session),
    )
    if len(passage.session) > SESSION_BYTES:
        raise CannotMoveError("its session is too long")
    handle: socket.socket = client.protocol.socket
    try:
        copy = handle.dup().detach()
    except OSError as error:
        raise CannotMoveError(f"no copy of its connection: {error.strerror}") from error
    client.protocol.pauseProducing()
    _strike_out(client)
    return copy, passage


def arrived(client: Client) -> None:
    """Another process serves it."""
    client.gone = True
    if not client.protocol.lost:
        client.protocol.let_go()


def come_back(client: Client) -> None:
    """It could not be taken in: it is served here as before."""
    if client.protocol.lost:
        return
    _enter(client)
    client.pool = client.route.attach(client)
    client.protocol.resumeProducing()


def leave_to_others(client: Client) -> None:
    """Serve a client no more from which nothing has been read here: another process may."""
    _strike_out(client)
    arrived(client)


def _strike_out(client: Client) -> None:
    proxy = client.proxy
    del proxy.clients[client.number]
    proxy.count -= 1
    client.timing.struck_out()
    proxy.deadlines.forget(client)
    proxy.pinned.pop(client, None)
    client.route.detach(client)


def _enter(client: Client) -> None:
    proxy = client.proxy
    proxy.clients[client.number] = client
    proxy.count += 1
    client.timing.taken_in()
    proxy.deadlines.watch(client)


# Coming


def take_in(reactor: Any, proxy: Proxy, passage: Passage, connection: socket.socket) -> Client:
    """Serve a client that another process has served so far.

    Args:
        reactor: Carries its connection.
        proxy: The one of its passage's name.
        passage: All that is known of it.
        connection: Is closed; the client has a copy.

    Raises:
        CannotMoveError: it has no place here, and the other process should go on with it.
    """
    with connection:
        if passage.endpoint not in proxy.routes:
            raise CannotMoveError(f"there is no endpoint {passage.endpoint} any more")
        if passage.number in proxy.clients:
            raise CannotMoveError("another client has its number")
        if proxy.count >= proxy.config.max_clients:
            raise CannotMoveError("there are max_clients already")
        try:
            session = written.read(passage.session, proxy.ignored_reasons)
        except UnreadableError as error:
            raise CannotMoveError(str(error)) from error
        entrance = _Entrance(proxy, passage, session)
        connection.setblocking(False)
        try:
            connection.getpeername()  # Twisted asks too, but leaves open what it then has
            reactor.adoptStreamConnection(connection.fileno(), connection.family, entrance)
        except OSError as error:
            raise CannotMoveError(f"its connection is gone: {error.strerror}") from error
    assert entrance.client is not None
    return entrance.client


class _Entrance(Factory):
    """Lets in the one client of a passage."""

    noisy = False

    def __init__(self, proxy: Proxy, passage: Passage, session: Session) -> None:
        self._proxy = proxy
        self._passage = passage
        self._session = session
        self.client: Client | None = None

    def buildProtocol(self, _addr: Any) -> Any:
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        return ClientProtocol(self._welcome)

    def _welcome(self, protocol: ClientProtocol) -> None:
        proxy, passage, session = self._proxy, self._passage, self._session
        client = Client(proxy, protocol, passage.number, passage.address, passage.endpoint)
        dialogue = client.dialogue
        dialogue.take_over(passage.greeting, passage.capabilities, passage.collation)
        dialogue.secure = passage.secure
        client.session = session
        client.key = PoolKey(session.user, passage.capabilities & SHAPE)
        client.loss = passage.loss
        client.last_active = proxy.deadlines.now - passage.silent_seconds
        if client.route.own_writes is not None:
            # What the user has written only the other process has noted.
            client.route.own_writes.doubt(session.user)
        _enter(client)
        protocol.attach(dialogue, client)
        self.client = client
