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
from proxy.net.clock import Clock
from proxy.observe.counters import TargetCounters
from proxy.policy.lease import (
    Action,
    CallBack,
    Dial,
    Lease,
    Lend,
    Place,
    Reset,
    Retire,
    Waiter,
)
from proxy.policy.ledger import Ledger
from proxy.pool.accounts import Accounts
from proxy.pool.borrower import Borrower, Located, PoolKey, Promise
from proxy.pool.closing import Closing, is_with_client
from proxy.pool.dial import Dialer, Facts
from proxy.pool.expiry import Expiry
from proxy.pool.limits import Allowance, limits_of
from proxy.pool.opening import Opening
from proxy.pool.rotation import Rotation
from proxy.pool.share import Share
from proxy.pool.watcher import Watcher
from proxy.session.outcome import Target
from proxy.session.prepared import KnownDefinitions
from proxy.session.replay import is_reachable
from proxy.session.state import State

_LENT: Final = Place.LENT


class TargetPool:
    """All backends of one target.

    Attributes:
        accounts: Logs in as its users.
        facts: What the last login told about the target; None before the first.
        definitions: What prepared statements look like, by key and statement.
        targets: What sessions of a user need to know of it, which depends on the user's rights.
        watcher: Who is told of trouble with the target; None for nobody.
        ledger: The book; its containers are there to be looked at.
        allowance: How much of the target it may use.
        share: Who gets it more, in one process of several; `owing` while it gives some back.
        counters: What has happened.
    """

    def __init__(
        self,
        clock: Clock,
        dialer: Dialer,
        config: ConnectionPoolConfig,
        accounts: Accounts,
        log: FilteringBoundLogger,
    ) -> None:
        self.clock = clock
        self.dialer = dialer
        self.counters = TargetCounters()
        self.facts: Facts | None = None
        self.targets: dict[str, Target] = {}
        self.definitions = KnownDefinitions()
        self.ledger = Ledger(limits_of(config, None), is_reachable)  # type: ignore[arg-type]
        self.allowance = Allowance(self.ledger, config)
        self.share: Share | None = None
        self.owing: Share | None = None
        self._settling = False
        self._passing = False
        self._closed = False
        self.accounts = accounts
        self.watcher: Watcher | None = None
        self._log = log.bind(target=str(dialer.connector.place))
        self._closing = Closing(self, accounts, self._log)
        self.opening = Opening(self, config, accounts, self._log)
        self._rotation = Rotation(self, accounts, self._log)
        self._expiry = Expiry(self, config.connection_borrow_timeout, self._log)

    def __repr__(self) -> str:
        """The target and the state of its book."""
        return f"<TargetPool {self.dialer.connector.place} {self.ledger!r}>"

    @property
    def place(self) -> str:
        """Where its target is."""
        return str(self.dialer.connector.place)

    @property
    def load(self) -> int:
        """Clients that have a backend of it, or wait for one."""
        return self.ledger.borrowed + len(self.ledger.waiting)

    def reconfigure(self, config: ConnectionPoolConfig) -> None:
        """Go by these limits and times from now on; what is too much goes as it comes free."""
        self.allowance.reconfigure(config)
        self.opening.reconfigure(config)
        self._expiry.change_limit(config.connection_borrow_timeout)
        self.sweep()

    # Borrowing

    def take(self, key: PoolKey, state: State) -> Lease | None:
        """An idle lease of exactly this state, or None: the express lane's way."""
        lease = self.ledger.take(key, state)
        if lease is not None:
            self.counters.database_connections_borrow_requests += 1
        return lease

    @property
    def pool(self) -> TargetPool:
        """Who borrows for the pool itself stays with it, see `Served`."""
        return self

    def borrow(
        self, key: PoolKey, state: State, located: Located | None = None, size: int = 0
    ) -> Deferred[Lease]:
        """A lease for this key, in any state from which `state` can be reached.

        Whoever it is for may be moved to another pool meanwhile (`located`), and waits there
        then; `size` is that of the command that waits with it.

        Fails with `StatementRefusedError` when none comes free in time or the target refuses
        the account.  Cancelling it leaves the queue.
        """
        promise = Promise(located or self)
        promise.waiter = self.wait(key, state, promise, size)
        return promise.lease

    def wait(
        self, key: PoolKey, state: State, borrower: Borrower, size: int = 0
    ) -> Waiter | None:
        """The same for somebody who is told instead of given a Deferred, maybe at once.

        Args:
            key: As above.
            state: Likewise.
            borrower: Who is told.
            size: Bytes of the command that waits with it.

        Returns:
            The place in the queue, for `withdraw`; None when there is none to leave any more.
        """
        self.counters.database_connections_borrow_requests += 1
        ledger = self.ledger
        lease = None if ledger.is_exhausted else ledger.take_any(key, state)
        if lease is not None:
            borrower.lent(lease)
            return None
        if self._closed or ledger.is_full(size):
            full = errors.borrow_queue_full(len(ledger.waiting))
            self._expiry.refuse(borrower, errors.borrow_timeout() if self._closed else full)
            return None
        waiter = Waiter(key, state, self.clock.seconds(), borrower, size)
        ledger.ask(waiter)
        if ledger.has_work:
            self.settle()
            if waiter not in ledger.waiting:
                return None
        if self.share is not None:
            self.share.short()
        if not self.allowance.config.connection_borrow_timeout:
            # What was dialed for it serves the next one.
            ledger.withdraw(waiter)
            self._expiry.refuse(borrower, errors.borrow_timeout())
            return None
        self.counters.database_connections_borrow_requests_waited += 1
        self._expiry.watch()
        return waiter

    def count_replay(self, steps: int) -> None:
        """A backend was brought into a session's state, by so many statements."""
        self.counters.session_replays += 1
        self.counters.session_replay_statements += steps

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
            self.counters.database_connections_borrow_requests_aborted += 1
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
        if is_with_client(lease):
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
        if lease.place is _LENT or is_with_client(lease):
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
        if self.owing is not None:
            self.owing.settled()

    def _carry_out(self, action: Action) -> None:
        match action:
            case Lend(waiter, lease):
                waiter.borrower.lent(lease)
            case Dial(lease):
                lease.pool = self
                self._spawn(self.opening.dial(lease))
            case Reset(lease):
                self._spawn(self._reset(lease))
            case Retire(lease, why):
                self._closing.retire(lease, why)
            case CallBack(lease):
                lease.holder.called_back()

    def _spawn(self, work: Any) -> None:
        Deferred.fromCoroutine(work).addErrback(self._mistaken)

    def _mistaken(self, failure: Failure) -> None:
        self._log.error("a mistake in the pool", exception=failure.getTraceback())

    # Opening and closing

    def opened(self, lease: Lease, backend: BackendProtocol, facts: Facts) -> None:
        """A dial came through."""
        self.allowance.learned(facts.max_connections)
        self.facts = facts
        self.targets[backend.account.user] = facts.target
        lease.backend = backend
        backend.on_loss = functools.partial(self._closing.lost, lease)
        self.ledger.dialed(lease, facts.baseline, self.clock.seconds())
        self._rotation.logged_in(lease)
        if self._closed:
            self.close()
        self.settle()

    async def _reset(self, lease: Lease) -> None:
        backend: BackendProtocol = lease.backend
        self.counters.database_connections_reset += 1
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

    def abandon(self, lease: Lease) -> None:
        """The borrower left, maybe in the middle of an answer."""
        self._closing.abandon(lease)

    def kill(self, lease: Lease, *, query: bool) -> Deferred[None]:
        """Stop what a backend does: its statement, or the whole connection."""
        return self._closing.kill(lease, query=query)

    def cut_off(self, why: str) -> None:
        """Close what is left of older generations: who has it hears what that means for it."""
        self._closing.cut_off(why)

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
        self.retire_all()

    # Failover

    def hold(self) -> None:
        """Lend nothing: whoever needs a backend waits, here or where it is moved to."""
        self.ledger.held = True
        self.settle()  # which calls back what lingers

    def release(self) -> None:
        """Lend again."""
        self.ledger.held = False
        self.opening.forgive()
        self.settle()

    def disperse(self) -> list[TargetPool]:
        """Those who wait and have been moved wait where they are served now, in their turn.

        What lingers with others of them is called back, at the next `settle`.

        Returns:
            Where they are, for `attend`: whoever is served may be the cause of another move, so
            that comes when everybody is in place.
        """
        for lease in [*self.ledger.lingering]:
            if lease.holder.pool is not self:
                self.ledger.call_back(lease)
        moved: dict[TargetPool, list[Waiter]] = {}
        for waiter in self.ledger.waiting:
            if waiter.borrower.pool is not self:
                moved.setdefault(waiter.borrower.pool, []).append(waiter)
        for pool, waiters in moved.items():
            for waiter in waiters:
                self.ledger.withdraw(waiter)
            pool.ledger.merge(waiters)
        return [*moved]

    def attend(self) -> None:
        """Serve those who have come from elsewhere, or send them away in time."""
        self._expiry.watch()
        self.settle()
        if self.share is not None:
            self.share.short()

    def retire_all(self) -> None:
        """A new generation: what is free is closed now, what is lent when it comes back."""
        self.ledger.generation += 1
        self.sweep()

    def stop(self) -> None:
        """Cut off everything that is left."""
        self.opening.stop()
        self._expiry.stop()
        for lease in [*self.ledger.leases()]:
            if lease.backend is not None:
                lease.backend.abort()
