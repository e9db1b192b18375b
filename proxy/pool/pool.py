"""The pool of one target: carries out what its ledger decides."""

from __future__ import annotations

import functools
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy import errors
from proxy.config.pool import ConnectionPoolConfig
from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock, Timer, cancel
from proxy.observe.metrics import Counters
from proxy.policy.lease import (
    OUTDATED,
    Action,
    CallBack,
    Dial,
    Lease,
    Lend,
    Limits,
    Place,
    Reset,
    Retire,
    Waiter,
)
from proxy.policy.ledger import Ledger
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import Borrower, PoolKey, Promise
from proxy.pool.dial import Dialer, Facts
from proxy.pool.expiry import Expiry
from proxy.pool.opening import Opening
from proxy.pool.rotation import Rotation
from proxy.pool.stop import Drain, Killer
from proxy.session.outcome import Target
from proxy.session.prepared import KnownDefinitions
from proxy.session.replay import is_reachable
from proxy.session.state import State

CONNECTIONS_UNTIL_KNOWN: Final = 1
"""Backends that may be dialed before the target has told its own max_connections."""

RETIRE_LIMIT_SECONDS: Final = 5.0
"""How long a retired backend may take to close after COM_QUIT before it is cut off."""

_LENT: Final = Place.LENT
_LINGERING: Final = Place.LINGERING
_CALLED: Final = Place.CALLED


def _is_with_client(lease: Lease) -> bool:
    """Whether a client keeps it that does not need it."""
    return lease.place is _LINGERING or lease.place is _CALLED


class TargetPool:
    """All backends of one target.

    Attributes:
        accounts: Logs in as its users.
        facts: What the last login told about the target; None before the first.
        definitions: What prepared statements look like, by key and statement.
        targets: What sessions of a user need to know of it, which depends on the user's rights.
        ledger: The book; its containers are there to be looked at.
    """

    def __init__(
        self,
        clock: Clock,
        dialer: Dialer,
        config: ConnectionPoolConfig,
        accounts: Accounts,
        counters: Counters,
        log: FilteringBoundLogger,
    ) -> None:
        self.clock = clock
        self.dialer = dialer
        self._config = config
        self._counters = counters
        self.facts: Facts | None = None
        self.targets: dict[str, Target] = {}
        self.definitions = KnownDefinitions()
        self.ledger = Ledger(self._limits(None), is_reachable)  # type: ignore[arg-type]
        self._settling = False
        self._passing = False
        self._closed = False
        self._limits_of_retiring: dict[Lease, Timer] = {}
        self.accounts = accounts
        self._log = log.bind(target=str(dialer.connector.place))
        self._killer = Killer(dialer.connector, accounts, self._log)
        self.opening = Opening(self, config, accounts, counters, self._log)
        self._rotation = Rotation(self, accounts, self._log)
        self._expiry = Expiry(self, config.connection_borrow_timeout, counters, self._log)

    def __repr__(self) -> str:
        """The target and the state of its book."""
        return f"<TargetPool {self.dialer.connector.place} {self.ledger!r}>"

    def _limits(self, max_connections: int | None) -> Limits:
        config = self._config
        connections = CONNECTIONS_UNTIL_KNOWN
        idle = connections
        if max_connections is not None:
            connections = config.connection_limit(max_connections)
            idle = config.idle_limit(max_connections)
        return Limits(
            connections, idle, age=config.max_connection_age, waiting=config.max_waiting
        )

    # Borrowing

    def take(self, key: PoolKey, state: State) -> Lease | None:
        """An idle lease of exactly this state, or None: the express lane's way."""
        lease = self.ledger.take(key, state)
        if lease is not None:
            self._counters.database_connections_borrow_requests += 1
        return lease

    def borrow(self, key: PoolKey, state: State) -> Deferred[Lease]:
        """A lease for this key, in any state from which `state` can be reached.

        Fails with `StatementRefusedError` when none comes free in time or the target refuses
        the account.  Cancelling it leaves the queue.
        """
        promise = Promise(self.withdraw)
        promise.waiter = self.wait(key, state, promise)
        return promise.lease

    def wait(self, key: PoolKey, state: State, borrower: Borrower) -> Waiter | None:
        """The same for somebody who is told instead of given a Deferred, maybe at once.

        Returns:
            The place in the queue, for `withdraw`; None when there is none to leave any more.
        """
        self._counters.database_connections_borrow_requests += 1
        ledger = self.ledger
        lease = None if ledger.is_exhausted else ledger.take_any(key, state)
        if lease is not None:
            borrower.lent(lease)
            return None
        if self._closed or ledger.is_full():
            full = errors.borrow_queue_full(ledger.limits.waiting)
            self._expiry.refuse(borrower, errors.borrow_timeout() if self._closed else full)
            return None
        waiter = Waiter(key, state, since=self.clock.seconds(), borrower=borrower)
        ledger.ask(waiter)
        if ledger.has_work:
            self.settle()
            if waiter not in ledger.waiting:
                return None
        if not self._config.connection_borrow_timeout:
            # What was dialed for it serves the next one.
            ledger.withdraw(waiter)
            self._expiry.refuse(borrower, errors.borrow_timeout())
            return None
        self._counters.database_connections_borrow_requests_waited += 1
        self._expiry.watch()
        return waiter

    def count_replay(self, steps: int) -> None:
        """A backend was brought into a session's state, by so many statements."""
        self._counters.session_replays += 1
        self._counters.session_replay_statements += steps

    async def look(self, user: str) -> None:
        """Log in once, beside the book, to learn about the target; tries until it succeeds.

        Raises:
            StatementRefusedError: the target refuses the user.
        """
        lease = await self.borrow(PoolKey(user, 0), State())
        self.discard(lease, "it was there for a first look")

    def withdraw(self, waiter: Waiter) -> None:
        """The borrower does not want it any more."""
        if self.ledger.withdraw(waiter):
            self._counters.database_connections_borrow_requests_aborted += 1
            self.settle()

    def linger(self, lease: Lease) -> None:
        """The borrower needs it no more, and keeps it until somebody else does."""
        if lease.place is _LENT:
            self.ledger.linger(lease, self.clock.seconds())
            if self.ledger.has_work:
                self.settle()

    def resume(self, lease: Lease) -> None:
        """The borrower works with a lease again that lingered, or cannot give it up."""
        called = lease.place is Place.CALLED
        self.ledger.resume(lease)
        if called:
            self.settle()

    def give_back(self, lease: Lease, state: State | None) -> None:
        """The borrower is done; `state` is None when the backend's is not known any more."""
        if _is_with_client(lease):
            self.ledger.resume(lease)
        if lease.place is not _LENT:
            return
        if lease.backend.exchange.excess:
            self.discard(lease, "the server sent more than its answer")
            return
        ledger, now = self.ledger, self.clock.seconds()
        # Who is lent a lease may give it back in the same call: only the first is passed on so,
        # the others are settle's, else a long queue would be as deep a recursion.
        next_one = None if self._passing else ledger.pass_on(lease, state, now)
        if next_one is None:
            ledger.give_back(lease, state, now)
            if self._passing:
                return
        else:
            self._passing = True
            try:
                next_one.borrower.lent(lease)
            finally:
                self._passing = False
            if lease.place is _LENT:
                return
        if ledger.has_work:
            self.settle()

    def discard(self, lease: Lease, why: str) -> None:
        """Close a lent backend that cannot be used any more."""
        if lease.place is _LENT or _is_with_client(lease):
            self.ledger.discard(lease, why)
            self.settle()

    def settle(self) -> None:
        """Carry out what the ledger decides, until it has nothing more to say."""
        if self._settling:
            return
        self._settling = True
        try:
            while actions := self.ledger.settle(self.clock.seconds()):
                for action in actions:
                    self._carry_out(action)
        finally:
            self._settling = False

    def _carry_out(self, action: Action) -> None:
        match action:
            case Lend(waiter, lease):
                waiter.borrower.lent(lease)
            case Dial(lease):
                self._spawn(self.opening.dial(lease))
            case Reset(lease):
                self._spawn(self._reset(lease))
            case Retire(lease, why):
                self._retire(lease, why)
            case CallBack(lease):
                lease.holder.called_back()

    def _spawn(self, work: Any) -> None:
        Deferred.fromCoroutine(work).addErrback(self._mistaken)

    def _mistaken(self, failure: Failure) -> None:
        self._log.error("a mistake in the pool", exception=failure.getTraceback())

    # Opening and closing

    def opened(self, lease: Lease, backend: BackendProtocol, facts: Facts) -> None:
        """A dial came through."""
        if self.facts is None or self.facts.max_connections != facts.max_connections:
            self.ledger.change_limits(self._limits(facts.max_connections))
        self.facts = facts
        self.targets[backend.account.user] = facts.target
        lease.backend = backend
        backend.on_loss = functools.partial(self._lost, lease)
        self.ledger.dialed(lease, facts.baseline, self.clock.seconds())
        self._rotation.logged_in(lease)
        if self._closed:
            self.close()
        self.settle()

    async def _reset(self, lease: Lease) -> None:
        backend: BackendProtocol = lease.backend
        self._counters.database_connections_reset += 1
        try:
            state = await self.dialer.reset(backend)
        except BackendLostError as error:
            backend.abort()
            if lease.place is Place.RESETTING:
                self.ledger.discard(lease, f"its reset failed: {error}")
        else:
            backend.holdings.clear()
            if lease.place is Place.RESETTING:
                self.ledger.reset_done(lease, state, self.clock.seconds())
        self.settle()

    def _retire(self, lease: Lease, why: str) -> None:
        backend: BackendProtocol = lease.backend
        self._log.debug("a database connection is closed", id=backend.connection_id, why=why)
        if backend.owes_answer:
            backend.abort()
        else:
            backend.quit()
            limit = self.clock.callLater(RETIRE_LIMIT_SECONDS, backend.abort)
            self._limits_of_retiring[lease] = limit

    def _lost(self, lease: Lease, why: str, busy: bool) -> None:  # noqa: FBT001 - see `on_loss`
        self._counters.database_connections_closed += 1
        cancel(self._limits_of_retiring.pop(lease, None))
        held = lease.place is _LENT or _is_with_client(lease)
        if held or lease.place is Place.IDLE:
            self._log.info(
                "a database connection was lost",
                id=lease.backend.connection_id,
                place=lease.place.value,
                why=why,
            )
        place = lease.place
        if place is not Place.GONE:
            self.ledger.lost(lease)
        if held and not busy:
            lease.holder.lease_lost(why)
        self.settle()

    def abandon(self, lease: Lease) -> None:
        """The borrower left, maybe in the middle of an answer."""
        if not lease.backend.owes_answer:
            self.give_back(lease, None)
            return
        drain = Drain(self.clock, lease, self._drained)
        lease.backend.replace_taker(drain)

    def _drained(self, lease: Lease, *, whole: bool) -> None:
        """What an abandoned lease owed has been read, or was too much."""
        if whole:
            self.give_back(lease, None)
        else:
            self.kill(lease, query=False)
            lease.backend.abort()

    def kill(self, lease: Lease, *, query: bool) -> Deferred[None]:
        """Stop what a backend does: its statement, or the whole connection.

        The KILL may arrive when the statement has ended by itself, so the backend is not lent
        again: it would hit the statement of somebody else.
        """
        lease.generation = OUTDATED
        key = lease.key
        assert isinstance(key, PoolKey)
        return self._killer.kill(key.user, lease.backend.connection_id, query=query)

    # Upkeep

    def password_changed(self, user: str) -> None:
        """A user's password was changed where it comes from."""
        self._spawn(self._rotation.changed(user))

    def sweep(self) -> None:
        """Close what is too old or idle for too long; called once a second or so."""
        self.ledger.sweep(self.clock.seconds())
        self.settle()
        if not self._closed:
            for user in self._rotation.due():
                self._spawn(self._rotation.again(user))

    def close(self) -> None:
        """No new connections; idle ones are closed now, lent ones when they come back."""
        self._closed = True
        self.ledger.generation += 1
        self.sweep()

    def stop(self) -> None:
        """Cut off everything that is left."""
        self.opening.stop()
        self._expiry.stop()
        for lease in [*self.ledger.leases()]:
            if lease.backend is not None:
                lease.backend.abort()
