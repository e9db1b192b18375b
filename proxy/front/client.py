"""One client: its connection, its session, the lease it holds, and which lane serves it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy import errors
from proxy.dialogue.answers import Kind
from proxy.dialogue.client import ClientDialogue
from proxy.dialogue.client_states import State
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
from proxy.errors import ErrorReply, StatementLostError
from proxy.front import audit, concluding, conductor, express, login, recovering, silence
from proxy.front.admission import LOCAL
from proxy.front.fresh import announce
from proxy.front.lingering import give_up
from proxy.front.naming import who
from proxy.front.proxy import Proxy
from proxy.front.tasks import Tasks
from proxy.front.timing import Timing
from proxy.net.backend import BackendProtocol
from proxy.net.client import ClientProtocol
from proxy.policy.lease import Lease, Waiter
from proxy.pool.borrower import PoolKey
from proxy.pool.pool import TargetPool
from proxy.session.session import Session
from proxy.wire.auth.steps import Verifier
from proxy.wire.commands import QUIT_PACKET
from proxy.wire.patch import Patch

CLOSE_LIMIT_SECONDS: Final = 5.0
"""How long a client that is told good-bye may take to read it before it is cut off."""


class Client:
    """Owns a client's connection from the greeting to the end.

    Attributes:
        number: The id in the greeting: what KILL names.
        address: Where the client is, for logs and for "Access denied".
        session: What the client believes its connection to be; None until it has logged in.
        key: Which backends suit it.
        pool: Where it borrows them, until it is moved elsewhere.
        lease: The backend that it holds, if any.
        last_lease: The lease that it had last, and its serial number then.
        insert_lease: The lease that knows the session's last insert id.
        is_undisturbed: Nothing but its own statements ran on the lease that it has or had last,
            so that what the last one left to be read is there.
        route: What gives it a pool.
        packet: The command that is under way in the express lane.
        size: Bytes of the command that is under way.
        tasks: What the slow lane does for it.
        waiter: Its place in the queue for a backend, while it waits for one.
        loss: What it shall hear at its next command: its backend is gone.
        ends: Whether that shall be the last that it hears.
        command: What the slow lane serves, header left out.
        tries: How often that was tried again.
        timing: How long its commands take, and where it is counted.
        heard: It has a part of an answer whose rest is to come.
        last_active: When it last sent something, as exactly as deadlines need it.
    """

    __slots__ = (
        "_answered",
        "_cause",
        "_proof",
        "address",
        "bucket",
        "command",
        "dialogue",
        "endpoint",
        "ends",
        "gone",
        "heard",
        "insert_lease",
        "is_undisturbed",
        "key",
        "last_active",
        "last_lease",
        "lease",
        "log",
        "loss",
        "number",
        "packet",
        "pool",
        "protocol",
        "proxy",
        "route",
        "session",
        "since",
        "size",
        "tasks",
        "timing",
        "tries",
        "waiter",
    )

    def __init__(
        self, proxy: Proxy, protocol: ClientProtocol, number: int, address: str, endpoint: str
    ) -> None:
        self.proxy = proxy
        self.protocol = protocol
        self.number = number
        self.address = address
        self.endpoint = endpoint
        self.dialogue = ClientDialogue(
            proxy.greeting(number),
            proxy.config.max_allowed_packet,
            secure=address == LOCAL,
            trusts_header=proxy.admission.trusts(endpoint, address),
        )
        self.route = proxy.routes[endpoint]
        self.pool: TargetPool = self.route.attach(self)
        self.timing = Timing(proxy.counters.endpoint(endpoint))
        self.session: Session | None = None
        self.key: PoolKey | None = None
        self.lease: Lease | None = None
        self.last_lease: tuple[Lease, int] | None = None
        self.insert_lease: tuple[Lease, int] | None = None
        self.loss: ErrorReply | None = None
        self.gone = self.ends = self.heard = False
        self.is_undisturbed = False
        self.tasks = Tasks(self)
        self.packet = self.command = b""
        self.waiter: Waiter | None = None
        self.bucket = self.size = self.tries = 0
        self.since = self.last_active = proxy.deadlines.now
        self._answered: Deferred[None] | None = None
        self._proof: Deferred[ProofEnd] | None = None
        self._cause: ErrorReply | None = None

    def __repr__(self) -> str:
        """Who it is, and what it does."""
        return f"<Client {self.number} from {self.address} {self.dialogue.state.value}>"

    @property
    def backend(self) -> BackendProtocol:
        """The connection of the lease that it holds."""
        assert self.lease is not None
        backend: BackendProtocol = self.lease.backend
        return backend

    # What its connection says

    def packet_arrived(self, packet: bytes) -> None:
        """A whole command, header included."""
        self.last_active = self.proxy.deadlines.now
        self.size = len(packet)
        self.timing.begin()
        if not self.tasks.is_working and express.start(self, packet):
            self.timing.tally.express += 1
        elif packet == QUIT_PACKET and not self.tasks.is_working:
            self.dialogue.close()
            self.protocol.close()
        else:
            self.work(conductor.serve(self, packet[4:]))

    def event_arrived(self, event: ClientEvent) -> None:
        """Anything else that the dialogue says."""
        self.last_active = self.proxy.deadlines.now
        match event:
            case CommandReceived(payload):
                self.timing.begin()
                self.size = len(payload)
                self.work(conductor.serve(self, payload))
            case FileReceived(data, ended):
                conductor.send_file(self, data, ended=ended)
            case Authenticated() | Unproved() | TextShown():
                self._proved(event)
            case TlsRequested():
                login.start_tls(self)
            case AddressTold(address):
                self.address = address
            case LoginStarted(packet):
                login.log_in(self, packet)
            case UserChangeStarted(change):
                self.timing.begin()
                if not self.ends:
                    self.loss = None  # what was lost is not wanted any more
                self.work(login.change_user(self, change))
            case Broken(why):
                conductor.part(self, why)

    def connection_ended(self, why: str) -> None:
        """The client is gone: give back what it holds, stop what it waits for."""
        self.gone = True
        proxy = self.proxy
        del proxy.clients[self.number]
        proxy.count -= 1
        self.timing.left()
        proxy.deadlines.forget(self)
        proxy.pinned.pop(self, None)
        self.route.detach(self)
        self.tasks.stop()
        self.stop_waiting()
        concluding.leave(self)
        if self.session is not None:
            audit.left(self, why)

    def work(self, task: Coroutine[Any, Any, None]) -> None:
        """Run a task of the conductor's."""
        self.tasks.run(task)

    def called_back(self) -> None:
        """Somebody needs the lease that lingers with this client."""
        self.tasks.run_soon(give_up)

    def mistaken(self, failure: Failure) -> None:
        """A task ended by an error that it did not treat: a mistake."""
        self.proxy.log.error(
            "a mistake while serving a client",
            exception=failure.getTraceback(),
            **who(self),
        )
        self.hang_up(errors.internal_error())

    # Proof of identity

    def identify(
        self, verifier: Verifier, plugin: str, proof: bytes, *, ask: bool = False
    ) -> ProofEnd | None:
        """What the client shows of itself; None when it has to be asked for more."""
        shown: ProofEnd | None = None
        for event in self.dialogue.identify(verifier, plugin, proof, ask=ask):
            if isinstance(event, Authenticated | Unproved | TextShown):
                shown = event
            else:
                self.event_arrived(event)
        return shown

    async def shown(self) -> ProofEnd:
        """The same, once the client has answered all that it is asked."""
        self.protocol.flush()
        waiting = self._proof = Deferred()
        return await waiting

    def _proved(self, shown: ProofEnd) -> None:
        waiting, self._proof = self._proof, None
        if waiting is not None:
            waiting.callback(shown)

    def tls_failed(self, why: str) -> None:
        """It does not get TLS."""
        login.tls_failed(self, why)

    # Exchanges

    async def relay(
        self,
        packet: bytes,
        kind: Kind,
        patches: tuple[Patch, ...] = (),
        *,
        status: int = 0,
        quiet: bool = False,
    ) -> None:
        """Run a command on the lease; its answer goes to the client as it comes.

        Args:
            packet: The command, header included.
            kind: Shape of its answer.
            patches: See `Exchange.begin`, as for `status`.
            status: Likewise.
            quiet: The client hears of no change of state.

        Raises:
            StatementLostError: the backend went away before the answer had ended, or turned
                the command away.
        """
        waiting = self._answered = Deferred()
        assert self.session is not None
        capabilities, tracking = self.dialogue.capabilities, self.session.tracking
        if quiet:
            tracking = attrs.evolve(tracking, state_change=False)
        self.timing.sent()
        self.backend.send(packet, kind, self, capabilities, tracking, patches, status)
        await waiting

    def answer_arrived(self, data: bytes) -> None:
        """More of the answer that the client waits for."""
        protocol, backend = self.protocol, self.backend
        exchange = backend.exchange
        if exchange.err is not None and not self.heard:
            turned = recovering.withheld(self, exchange, data)
            if turned is not None:
                self._broken_off(turned)
                return
        if self.route.own_writes is not None:
            announce(self, exchange, express=self._answered is None)
        if data:
            protocol.write_from(backend, data)
        if exchange.ended:
            self.heard = False
            protocol.end_flow()
            waiting = self._answered
            if waiting is None:
                express.finish(self, exchange)
            else:
                self._answered = None
                self.timing.answered(self, exchange)
                waiting.callback(None)
        else:
            self.heard = True
            if exchange.wants_file:
                self.dialogue.expect_file(exchange.file_sequence)
                protocol.proceed()

    # Borrowing by the express lane

    def lent(self, lease: Lease) -> None:
        """See `Borrower`."""
        express.lent(self, lease)

    def refused(self, reply: ErrorReply) -> None:
        """See `Borrower`."""
        express.refused(self, reply)

    def stop_waiting(self) -> bool:
        """Leave the queue, if it is there by the express lane."""
        waiter, self.waiter, self.packet = self.waiter, None, b""
        if waiter is not None:
            self.pool.withdraw(waiter)
        return waiter is not None

    def backend_lost(self, why: str) -> None:
        """The backend went away in the middle of an answer."""
        self._broken_off(StatementLostError(why))

    def _broken_off(self, trouble: StatementLostError) -> None:
        waiting, self._answered = self._answered, None
        if waiting is not None:
            waiting.errback(trouble)
        else:
            packet, self.packet = self.packet, b""
            self.work(conductor.serve(self, packet[4:], trouble))

    def lease_lost(self, why: str) -> None:
        """The backend went away while the client held it and asked nothing of it."""
        recovering.lose_lease(self, why)

    # Ends

    def cancel(self, cause: ErrorReply) -> None:
        """Stop the task that serves it, which tells it the cause."""
        self._cause = cause
        self.tasks.cancel()

    def take_cause(self) -> ErrorReply | None:
        """Why the task was cancelled, where it was by us."""
        cause, self._cause = self._cause, None
        return cause

    def hang_up(self, reply: ErrorReply | None = None) -> None:
        """Close the connection, with an ERR packet where the protocol has room for one."""
        self.dialogue.close(reply)
        self.protocol.flush()
        self.protocol.hang_up()
        if self.protocol.has_unsent:
            self.pool.clock.callLater(CLOSE_LIMIT_SECONDS, self.protocol.abort)

    def end(self, reply: ErrorReply) -> None:
        """Close the connection, but let a statement that runs have its answer."""
        if self.dialogue.state is State.ANSWERING:
            self.loss, self.ends = reply, True
        else:
            self.hang_up(reply)

    @property
    def is_idle(self) -> bool:
        """Whether closing it now would break off no statement and no transaction."""
        session, state = self.session, self.dialogue.state
        if session is None:  # it logs in, or is at the console
            return state is not State.ANSWERING
        return state is State.READY and not session.in_transaction

    def due(self) -> float:
        """See `Watched`."""
        return silence.due(self)

    def expire(self) -> None:
        """See `Watched`."""
        silence.expire(self)
