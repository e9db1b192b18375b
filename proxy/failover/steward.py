"""Carries out the plan: who gets the clients, who has to wait, who is looked at quickly."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure as Mistake

from proxy.config.failover import Topology
from proxy.config.model import DEFAULT_TARGET_SET, Target, TargetGroup
from proxy.failover.discovery import forgotten, found_by, shadow
from proxy.failover.eye import LogIn
from proxy.failover.graces import Graces
from proxy.failover.ground import AnyPool, AnyPools, AnyRoute
from proxy.failover.haste import set_pace
from proxy.failover.monitor import Monitor
from proxy.failover.orders import fence
from proxy.failover.post import Post, Watch
from proxy.failover.rules import rules_of
from proxy.failover.sharing import Sharing
from proxy.failover.waits import Waits
from proxy.net.clock import Clock, Timer, cancel
from proxy.observe.counters import Counters
from proxy.policy.failover import Plan, plan
from proxy.policy.health import Condition, Health, Patience
from proxy.policy.observation import Failure, Look
from proxy.policy.readers import Reader
from proxy.vocabulary import Role

BALANCE_SECONDS = 1.0
"""How often the shares of readers are looked at."""

FENCE_PAUSE_SECONDS = 5.0
"""Between two tries to make the same target read-only."""

DOUBTS = (Failure.REFUSED, Failure.LOST, Failure.SILENT, Failure.STOPPING)
"""What traffic may meet that makes a target doubtful."""


class Steward:
    """Watches the targets of a proxy, and moves its clients.

    Attributes:
        writer: The address of the target that takes the writes.
        waits: Why clients have to wait.
        watches: Whether targets are looked at.
        patience: With how much.
        posts: Every target with all that belongs to it, by address.
        target_set: Which set of targets that is.
        switched_at: When the writer became another one, in seconds; None for never.
        stopped: Whether nothing is done any more.
    """

    def __init__(
        self,
        group: TargetGroup,
        pools: AnyPools,
        writers: AnyRoute,
        readers: AnyRoute,
        watch: Watch,
        clock: Clock,
        counters: Counters,
        log: FilteringBoundLogger,
    ) -> None:
        self.pools = pools
        self.writers = writers
        self.clock = clock
        self._counters = counters
        self.log = log
        self.waits = Waits(clock, counters, log)
        self._graces = Graces(clock, group.failover.transaction_grace)
        self.adopt(group, watch, readers)
        self.posts: dict[str, Post] = {}
        self.target_set = DEFAULT_TARGET_SET
        self.switched_at: float | None = None
        self._damped_since = float("-inf")
        self._proved = False
        self._alarms: frozenset[str] = frozenset()
        self._reviewing = self._outdated = self.stopped = False
        self._again: Timer | None = None
        self._balance: Timer | None = None
        self._fenced: dict[str, float] = {}
        self.writer = self._first(group.targets)
        self.take_up(group.targets)

    def __repr__(self) -> str:
        """Who writes, and what is wrong."""
        return f"<Steward of {len(self.posts)} targets, writer {self.writer}: {self.waits!r}>"

    def adopt(self, group: TargetGroup, watch: Watch, readers: AnyRoute) -> None:
        """Go by this configuration; `proxy.failover.changing` is for one at work."""
        self.group, self._watch, self._own_writes = group, watch, readers.own_writes
        # Where there is but one there is no choice, and its connections tell how it is.
        most = max(len(targets) for targets in self.sets().values())
        self.watches = group.topology is not Topology.STATIC or most > 1
        self.sharing = Sharing(group, readers, self.pools if self.watches else None)
        config = group.failover
        self._graces.change(config.transaction_grace)
        self._rules = rules_of(group)
        self.patience = Patience(
            config.unavailable_after, config.available_after, config.probe_timeout
        )

    # Targets

    def sets(self) -> dict[str, tuple[Target, ...]]:
        """Which sets of targets there are, by name."""
        named = {one.name: one.targets for one in self.group.target_sets}
        return {DEFAULT_TARGET_SET: self.group.targets, **named}

    @staticmethod
    def _first(targets: Iterable[Target]) -> str:
        """Who is the writer until somebody has looked."""
        able = [one for one in targets if one.role is Role.READ_WRITE]
        return able[0].address

    def take_up(self, targets: Iterable[Target], *, found: bool = False) -> list[Post]:
        """Use these targets too; who is new among them has to be started."""
        fresh = []
        for target in targets:
            known = self.posts.get(target.address)
            if known is not None:
                if not found:
                    known.target, known.found = target, False
                continue
            name, pool = target.address, self.pools.get(target)
            health = Health(self.patience, self.clock.seconds())
            pool.watcher = self if self.watches else None
            post = Post(
                target,
                pool,
                health,
                Reader(name, health),
                *self.eyes(target),
                found=found,
            )
            self.posts[name] = post
            fresh.append(post)
        return fresh

    def eyes(self, target: Target) -> tuple[Monitor, LogIn]:
        """Who looks at a target, not started, and what connects to give it orders."""
        name = target.address
        looked = functools.partial(self._looked, name)
        doubted = functools.partial(self._doubted, name)
        return self._watch.monitor(target, looked, doubted), self._watch.log_in(target)

    def use_set(
        self,
        name: str,
        targets: Iterable[Target],
        writer: str | None = None,
        keeping: Iterable[str] = (),
    ) -> None:
        """Use other targets in the place of those that there are; clients wait for a writer.

        A target that is in both goes on as it is, with its settings in the new set; so do those
        in `keeping`, which were found.  `writer` takes the writes, where that is known.
        """
        targets = tuple(targets)
        names = {*keeping, *(one.address for one in targets)}
        first = writer or self._first(targets)
        self._reviewing = True  # whoever loses something here asks for no plan of both sets
        try:
            fresh = self.take_up(targets)
            self.target_set = name
            if first != self.writer:
                self.change_writer(first)
            if writer is None:
                # It is a guess: if it is another one that takes writes, nothing flaps.
                self._damped_since, self._proved = float("-inf"), False
            self.give_up([name for name in self.posts if name not in names])
        finally:
            self._reviewing = False
        for post in fresh if self.watches else ():
            post.monitor.start()
        self.review()

    def give_up(self, names: Iterable[str]) -> None:
        """Use these targets no more: clients that are still there have a grace time."""
        for name in names:
            post = self.posts.pop(name)
            post.monitor.stop()
            post.pool.watcher = None
            self.pools.forget(post.target)
            self._graces.grant(post.pool, "its target is used no more")
            if self._own_writes is not None:
                self._own_writes.forget(post.pool)

    def start(self) -> None:
        """Look from now on."""
        if self.watches:
            for post in self.posts.values():
                post.monitor.start()
            if self._balance is None:
                self._rebalance()

    def stop(self) -> None:
        """Look no more, and let everything be as it is."""
        self.stopped = True
        for post in self.posts.values():
            post.monitor.stop()
            post.pool.watcher = None
        self._graces.stop()
        if self._own_writes is not None:
            self._own_writes.stop()
        for timer in (self._again, self._balance):
            cancel(timer)

    # What is seen

    def _looked(self, name: str, look: Look) -> None:
        post = self.posts.get(name)
        if post is None:
            return
        before, changed = post.health.seen, post.health.feed(look)
        seen = post.health.seen
        if before is not None and seen is not None and before.server != seen.server:
            self.log.warning("another server is behind a target's address", target=name)
            post.pool.retire_all()
            self._graces.grant(post.pool, "another server is behind the target's address")
            if self._own_writes is not None:
                self._own_writes.forget(post.pool)
        if self._own_writes is not None and look.seen is not None:
            self._own_writes.saw(post.pool, look.seen.position)
        if name == self.writer:
            self._proved = self._proved or post.health.is_writable
        elif post.health.writable_since == look.began:
            # Either two take writes, or the one has just taken over from the other.
            self._look_at_writer()
        if changed:
            self._tell(post)
        if seen is not None and self.group.failover.discover:
            self._discover(post)
        shadow(self.posts.values(), self.writer, self.group.topology)
        self.review()

    def _look_at_writer(self) -> None:
        """Look as soon as possible whether the writer takes writes."""
        post = self.posts.get(self.writer)
        if post is not None:
            post.monitor.look_soon()

    def _tell(self, post: Post) -> None:
        health = post.health
        level = self.log.info if health.condition is Condition.GOOD else self.log.warning
        level(
            "a target's health has changed",
            target=post.name,
            condition=health.condition.value,
            why=health.why or None,
        )

    def _doubted(self, name: str, why: str) -> None:
        post = self.posts.get(name)
        if post is not None and post.health.doubt(why, self.clock.seconds()):
            self.review()

    def trouble(self, pool: AnyPool, failure: Failure, why: str) -> bool:
        """See `Watcher`."""
        post = next((one for one in self.posts.values() if one.pool is pool), None)
        if post is None:
            return failure is Failure.READ_ONLY and pool is not self.writers.pool
        now = self.clock.seconds()
        if failure is Failure.READ_ONLY:
            if pool is self.writers.pool:
                post.health.turn_away(why, now)
                post.monitor.look_soon()
                self.review()
            return True
        if failure in DOUBTS and post.health.doubt(f"{failure.value}: {why}", now):
            post.monitor.look_soon()
            self.review()
        return False

    def _discover(self, post: Post) -> None:
        """Use the servers that this one tells of, and no more those that nobody tells of."""
        for fresh in self.take_up(found_by(post, self.posts, self.group), found=True):
            self.log.info("a target was discovered", target=fresh.name, by=post.name)
            fresh.monitor.start()
        gone = forgotten(self.posts, self.writer)
        if gone:
            self.log.info("targets have left", targets=gone)
            self.give_up(gone)

    # What follows

    def review(self) -> None:
        """Make the plan anew and carry it out, again where something has changed meanwhile."""
        self._outdated = True
        if self._reviewing or self.stopped:
            return
        self._reviewing = True
        try:
            while self._outdated:
                self._outdated = False
                if self.watches:
                    self._carry_out(self._plan())
                else:
                    self.waits.note_hold("", self.writer)
                    self.sharing.route.serve_by({self.writers.pool: 1.0})
                    self._hold_pools()
        finally:
            self._reviewing = False

    def _plan(self) -> Plan:
        candidates = [post.candidate() for post in self.posts.values()]
        now = self.clock.seconds()
        return plan(candidates, self.writer, self._rules, self._damped_since, now)

    def _carry_out(self, decision: Plan) -> None:
        if decision.writer != self.writer:
            self.change_writer(decision.writer, decision.alarms)
            decision = self._plan()
        for alarm in sorted({*decision.alarms} - self._alarms):
            self.log.error("the targets do not fit together", why=alarm)
        self._alarms = frozenset(decision.alarms)
        for name in decision.fence:
            self._fence(self.posts[name])
        self.waits.note_hold(decision.hold, self.writer)
        self.sharing.share_out(self.posts.values(), self.writers.pool, self.clock.seconds())
        self._hold_pools()
        set_pace(self.posts, self.writer, self.waits, self.clock.seconds())
        cancel(self._again)
        if decision.again_at is not None:
            delay = max(decision.again_at - self.clock.seconds(), 0.001)
            self._again = self.clock.callLater(delay, self.review)

    def change_writer(self, name: str, alarms: Iterable[str] = ()) -> None:
        """Another target takes the writes from now on."""
        old, new = self.posts.get(self.writer), self.posts[name]
        self.log.warning(
            "another target takes the writes",
            before=self.writer,
            now=name,
            why=old.health.why or (old.health.seen.why if old.health.seen else None)
            if old is not None
            else None,
            alarms=[*alarms] or None,
        )
        self.writer = name
        if self._proved:
            self._counters.writer_switches += 1
            self.switched_at = self._damped_since = self.clock.seconds()
        # Else the one before was a guess, the first of the configuration.
        self._proved = new.health.is_writable
        if self._own_writes is not None:
            seen = new.health.seen
            self._own_writes.writer_changed(seen.position if seen is not None else None)
        left = self.writers.pool
        self.writers.serve_by({new.pool: 1.0})
        left.retire_all()
        if old is not None and old.health.is_usable:
            self._graces.grant(left, "another target takes the writes")
        else:
            left.cut_off("another target takes the writes")

    def _fence(self, post: Post) -> None:
        now = self.clock.seconds()
        if now >= self._fenced.get(post.name, 0.0):
            self._fenced[post.name] = now + FENCE_PAUSE_SECONDS
            self._spawn(fence(post, self.clock, self.log))

    def _rebalance(self) -> None:
        if not self.watches:
            self._balance = None
            return
        self._balance = self.clock.callLater(BALANCE_SECONDS, self._rebalance)
        self.review()
        self.sharing.route.balance()
        limit = self.group.connection_pool_config.connection_borrow_timeout
        for post in self.posts.values():
            post.end_silence(limit, self.clock.seconds())

    # Holding

    def _hold_pools(self) -> None:
        for pool in self.pools:
            waits = (
                self.waits.paused
                or (pool is self.writers.pool and self.waits.for_writer)
                or pool is self.sharing.room
            )
            if waits and not pool.ledger.held:
                pool.hold()
            elif pool.ledger.held and not waits:
                pool.release()

    def _spawn(self, work: object) -> None:
        Deferred.fromCoroutine(work).addErrback(self._mistaken)  # type: ignore[arg-type]

    def _mistaken(self, mistake: Mistake) -> None:
        self.log.error("a mistake in failover", exception=mistake.getTraceback())
