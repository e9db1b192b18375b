"""The pool of one target: carries out what its ledger decides."""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from proxy import errors
from proxy.config.model import ConnectionPoolConfig
from proxy.credentials.source import CredentialSource
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError, ErrorReply
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock, Timer, cancel
from proxy.observe.log import get_logger
from proxy.observe.metrics import Counters
from proxy.policy.lease import Action, Dial, Lease, Lend, Limits, Place, Reset, Retire, Waiter
from proxy.policy.ledger import Ledger
from proxy.pool.borrower import Borrower, PoolKey, Promise
from proxy.pool.dial import Dialer, Facts
from proxy.pool.stop import KILLED, Drain, Killer
from proxy.session.prepared import Holdings
from proxy.session.replay import is_reachable
from proxy.session.state import State

CONNECTIONS_UNTIL_KNOWN = 1
"""Backends that may be dialed before the target has told its own max_connections."""

FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 1.0
"""Pause after a failed dial; doubles from the first to the longest while the target is away."""

RETIRE_LIMIT_SECONDS = 5.0
"""How long a retired backend may take to close after COM_QUIT before it is cut off."""

REFUSALS = frozenset((1044, 1045, 1049, 1130, 1251, 1524, 1862, 3118))
"""Errors of a login that another try does not mend: access, schema, host, plugin, account."""


class TargetPool:
    """All backends of one target.

    Attributes:
        facts: What the last login told about the target; None before the first.
        ledger: The book; its containers are there to be looked at.
    """

    def __init__(
        self,
        clock: Clock,
        dialer: Dialer,
        config: ConnectionPoolConfig,
        credentials: CredentialSource,
        counters: Counters,
    ) -> None:
        self.clock = clock
        self.dialer = dialer
        self._config = config
        self._credentials = credentials
        self._counters = counters
        self.facts: Facts | None = None
        self.ledger = Ledger(self._limits(None), is_reachable)  # type: ignore[arg-type]
        self._failures = 0
        self._retry: Timer | None = None
        self._expiry: Timer | None = None
        self._settling = False
        self._passing = False
        self._closed = False
        self._limits_of_retiring: dict[Lease, Timer] = {}
        self._killer = Killer(dialer, credentials)
        self._log = get_logger(target=str(dialer.place))

    def __repr__(self) -> str:
        """The target and the state of its book."""
        return f"<TargetPool {self.dialer.place} {self.ledger!r}>"

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
        lease = ledger.take_any(key, state)
        if lease is not None:
            borrower.lent(lease)
            return None
        if self._closed or ledger.is_full():
            full = errors.borrow_queue_full(ledger.limits.waiting)
            self._refuse(borrower, errors.borrow_timeout() if self._closed else full)
            return None
        waiter = Waiter(key, state, since=self.clock.seconds(), borrower=borrower)
        ledger.ask(waiter)
        self.settle()
        if waiter not in ledger.waiting:
            return None
        if not self._config.connection_borrow_timeout:
            # What was dialed for it serves the next one.
            ledger.withdraw(waiter)
            self._refuse(borrower, errors.borrow_timeout())
            return None
        self._counters.database_connections_borrow_requests_waited += 1
        if self._expiry is None:
            self._watch_expiry()
        return waiter

    def _refuse(self, borrower: Borrower, reply: ErrorReply) -> None:
        self._counters.database_connections_borrow_requests_timed_out += 1
        borrower.refused(reply)

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

    def _watch_expiry(self) -> None:
        """One timer, for the waiter that has waited longest: all have the same limit."""
        if self._expiry is None and self.ledger.waiting:
            oldest = next(iter(self.ledger.waiting))
            due = oldest.since + self._config.connection_borrow_timeout
            self._expiry = self.clock.callLater(
                max(due - self.clock.seconds(), 0), self._expire
            )

    def _expire(self) -> None:
        self._expiry = None
        now, limit = self.clock.seconds(), self._config.connection_borrow_timeout
        for waiter in [*self.ledger.waiting]:
            if waiter.since + limit > now:
                break
            self.ledger.withdraw(waiter)
            self._log.warning(
                "a client waited too long for a database connection",
                user=waiter.key.user,  # type: ignore[attr-defined]
                waited_seconds=round(now - waiter.since, 3),
                were_ahead=waiter.ahead,
                pool=repr(self.ledger),
                last_failure=self.last_failure or None,
            )
            self._refuse(waiter.borrower, errors.borrow_timeout())
        self._watch_expiry()

    def give_back(self, lease: Lease, state: State | None) -> None:
        """The borrower is done; `state` is None when the backend's is not known any more."""
        if lease.place is not Place.LENT:
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
            if lease.place is Place.LENT:
                return
        if ledger.has_work:
            self.settle()

    def discard(self, lease: Lease, why: str) -> None:
        """Close a lent backend that cannot be used any more."""
        if lease.place is Place.LENT:
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
                self._spawn(self._dial(lease))
            case Reset(lease):
                self._spawn(self._reset(lease))
            case Retire(lease, why):
                self._retire(lease, why)

    def _spawn(self, work: Any) -> None:
        Deferred.fromCoroutine(work).addErrback(self._mistaken)

    def _mistaken(self, failure: Failure) -> None:
        self._log.error("a mistake in the pool", exception=failure.getTraceback())

    # Opening and closing

    last_failure = ""

    async def _dial(self, lease: Lease) -> None:
        key = lease.key
        assert isinstance(key, PoolKey)
        self._counters.database_connection_requests += 1
        try:
            backend, facts = await self.dialer.dial(await self._account(key))
        except (BackendLostError, CancelledError) as error:
            self._dial_failed(lease, error)
            return
        self._counters.database_connections_setup_succeeded += 1
        self._failures = 0
        self.last_failure = ""
        self._learn(facts)
        lease.backend = backend
        backend.holdings = Holdings(self._config.max_prepared_statements_per_connection)
        backend.on_loss = functools.partial(self._lost, lease)
        self._log.debug("a database connection opened", user=key.user, id=backend.connection_id)
        self.ledger.dialed(lease, facts.baseline, self.clock.seconds())
        if self._closed:
            self.close()
        self.settle()

    async def _account(self, key: PoolKey) -> Account:
        credential = await self._credentials.find(key.user)
        if credential is None:
            raise BackendLostError(f"no password is known for user {key.user!r}")
        return Account(key.user, credential.passwords[0], key.shape)

    def _learn(self, facts: Facts) -> None:
        if self.facts is None or self.facts.max_connections != facts.max_connections:
            self.ledger.change_limits(self._limits(facts.max_connections))
        self.facts = facts

    def _dial_failed(self, lease: Lease, error: Exception) -> None:
        self._counters.database_connections_setup_failed += 1
        self._failures += 1
        pause = min(FIRST_RETRY_SECONDS * 2 ** min(self._failures, 10), LONGEST_RETRY_SECONDS)
        now = self.clock.seconds()
        self.last_failure = str(error) or type(error).__name__
        self._log.warning(
            "a database connection could not be opened",
            user=lease.key.user,  # type: ignore[attr-defined]
            why=self.last_failure,
            waiting=len(self.ledger.waiting),
            retry_in_seconds=pause if self.ledger.waiting else None,
        )
        self.ledger.dial_failed(lease, now + pause)
        if isinstance(error, BackendRefusedError) and error.reply.code in REFUSALS:
            for waiter in self.ledger.withdraw_all(lease.key):
                waiter.borrower.refused(error.reply)
        if self._retry is None:
            self._retry = self.clock.callLater(pause, self._dial_again)
        self.settle()

    def _dial_again(self) -> None:
        self._retry = None
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
        if lease.place in (Place.LENT, Place.IDLE):
            self._log.info(
                "a database connection was lost",
                id=lease.backend.connection_id,
                place=lease.place.value,
                why=why,
            )
        place = lease.place
        if place is not Place.GONE:
            self.ledger.lost(lease)
        if place is Place.LENT and not busy:
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
        lease.generation = KILLED
        key = lease.key
        assert isinstance(key, PoolKey)
        return self._killer.kill(key.user, lease.backend.connection_id, query=query)

    # Upkeep

    def sweep(self) -> None:
        """Close what is too old or idle for too long; called once a second or so."""
        self.ledger.sweep(self.clock.seconds())
        self.settle()

    def close(self) -> None:
        """No new connections; idle ones are closed now, lent ones when they come back."""
        self._closed = True
        self.ledger.generation += 1
        self.sweep()

    def stop(self) -> None:
        """Cut off everything that is left."""
        cancel(self._retry)
        cancel(self._expiry)
        for lease in [*self.ledger.leases()]:
            if lease.backend is not None:
                lease.backend.abort()
