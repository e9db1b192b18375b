"""What operators do with the targets of a running proxy, and what they see of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from proxy.config.failover import Topology
from proxy.errors import BackendLostError
from proxy.failover.ground import AnyPool
from proxy.failover.leases import is_busy, is_lent, is_open
from proxy.failover.orders import session
from proxy.failover.post import Post
from proxy.failover.promotion import promote_replica, rearrange
from proxy.failover.steward import Steward
from proxy.policy.standing import OperationRefusedError, ProxyStatus, TargetStatus

LOOK_SECONDS = 0.01
"""How often is looked whether what an operator waits for has come."""

TAKEOVER_SECONDS = 60.0
"""How long a group may take to make another member its primary, and a new set of targets to
show one that takes writes."""


class GroupOperations:
    """See `proxy.admin.operations.Operations`."""

    def __init__(self, name: str, steward: Steward, clients: Callable[[], int]) -> None:
        self.name = name
        self._steward = steward
        self._clients = clients
        self._busy_with = ""

    # What is seen

    def targets(self) -> list[TargetStatus]:
        """The writer first, then as they were configured or found."""
        steward, now = self._steward, self._steward.clock.seconds()
        posts = sorted(steward.posts.values(), key=lambda post: post.name != steward.writer)
        watched = steward.watches
        return [post.status(steward.writer, now, watched=watched) for post in posts]

    def status(self) -> ProxyStatus:
        """How the proxy stands."""
        steward, now = self._steward, self._steward.clock.seconds()
        waits, switched = steward.waits, steward.switched_at
        return ProxyStatus(
            name=self.name,
            writer=steward.writer,
            held=bool(waits.why),
            held_why=waits.why,
            held_seconds=waits.seconds,
            paused=waits.paused,
            waiting=sum(len(pool.ledger.waiting) for pool in steward.pools),
            clients=self._clients(),
            target_set=steward.target_set if steward.group.target_sets else None,
            last_switch=None if switched is None else now - switched,
        )

    # What is done

    async def drain(self, target: str) -> None:
        """Let a reader finish what runs; transactions that go on for too long are cut off."""
        steward, post = self._steward, self._post(target)
        if target == steward.writer:
            raise OperationRefusedError(
                f"{target} takes the writes: promote another target first, or pause the proxy"
            )
        post.draining = True
        steward.review()
        post.pool.retire_all()
        grace = steward.group.failover.transaction_grace
        free = await self._until(lambda: not (post.draining and is_lent(post.pool)), grace)
        if not free:
            post.pool.cut_off("its target is being drained")
        await self._until(lambda: not (post.draining and is_open(post.pool)), grace)
        if not post.draining:
            raise OperationRefusedError(f"{target} was undrained meanwhile")

    def undrain(self, target: str) -> None:
        """Use it again."""
        self._post(target).draining = False
        self._steward.review()

    async def promote(self, target: str) -> None:
        """Make it the writer: clients wait between transactions, and go on there."""
        steward, post = self._steward, self._post(target)
        if target == steward.writer:
            return
        await self._see(post)
        self._demand_promotable(post)
        before, replicas = steward.writer, False
        self._begin(f"{target} is being promoted")
        try:
            replicas = await self._hand_over(post)
            post.monitor.look_soon()
            if not await self._until(lambda: post.health.is_writable, TAKEOVER_SECONDS):
                raise OperationRefusedError(f"{target} was not seen to take writes")
            if steward.writer != target:
                steward.change_writer(target)
        except BackendLostError as error:
            raise OperationRefusedError(str(error)) from error
        finally:
            self._end()
        if replicas:
            await rearrange(steward, post, before)

    async def _see(self, post: Post) -> None:
        """Look at a target: what was seen a second ago may be so no more."""
        config, clock = self._steward.group.failover, self._steward.clock
        fresh = clock.seconds() - config.doubt_interval
        if post.health.seen_at < fresh:
            post.monitor.look_soon()
            await self._until(lambda: post.health.seen_at >= fresh, config.probe_timeout)

    def _demand_promotable(self, post: Post) -> None:
        topology = self._steward.group.topology
        if topology in (Topology.STATIC, Topology.AURORA):
            how = "the role of each target is fixed"
            if topology is Topology.AURORA:
                how = "fail over by Amazon's own means (failover-db-cluster)"
            raise OperationRefusedError(f"with the topology {topology.value} {how}")
        if not post.candidate().may_write:
            raise OperationRefusedError(f"{post.name} may not be the writer, or is drained")
        if not post.health.is_usable or post.health.seen is None:
            raise OperationRefusedError(f"{post.name} is not available: {post.health.why}")
        if topology is Topology.REPLICATION and not post.health.seen.sources:
            raise OperationRefusedError(f"{post.name} replicates from nobody")

    async def _hand_over(self, post: Post) -> bool:
        """Have the target take writes, and the writer none; whether it was a replica."""
        steward, seen = self._steward, post.health.seen
        topology = steward.group.topology
        assert seen is not None
        if topology is Topology.GALERA:
            return False  # it takes them all the time
        await self._calm([steward.writers.pool])
        if steward.writer == post.name:
            return False  # somebody else has made it the writer meanwhile
        if topology is Topology.REPLICATION:
            await promote_replica(steward, post)
            return True
        async with session(post, steward.clock) as orders:
            await orders.become_primary(seen.server)
        return False

    async def pause(self) -> None:
        """Hold everybody between transactions."""
        steward, waits = self._steward, self._steward.waits
        waits.pause(on=True)
        steward.review()
        await self._until(lambda: not (waits.paused and any(map(is_busy, steward.pools))), None)
        if not waits.paused:
            raise OperationRefusedError("it was resumed meanwhile")

    def resume(self) -> None:
        """Let them go on."""
        self._steward.waits.pause(on=False)
        self._steward.review()

    async def switch(self, target_set: str) -> None:
        """Use another set of targets: clients wait between transactions, and go on there."""
        steward, sets = self._steward, self._steward.sets()
        if target_set not in sets:
            known = ", ".join(sorted(sets))
            raise OperationRefusedError(f"there is no set of targets {target_set!r}: {known}")
        if target_set == steward.target_set:
            return
        self._begin(f"the targets of {target_set} are coming")
        try:
            await self._calm(steward.pools)
            steward.use_set(target_set, sets[target_set])
        finally:
            self._end()
        waits = steward.waits
        ends = await self._until(
            lambda: not waits.hold or steward.target_set != target_set, TAKEOVER_SECONDS
        )
        if not ends:
            raise OperationRefusedError(f"the targets are in use, but {waits.hold}")
        if steward.target_set != target_set:
            raise OperationRefusedError(f"{steward.target_set} was switched to meanwhile")

    # Parts of it

    def _post(self, target: str) -> Post:
        post = self._steward.posts.get(target)
        if post is None:
            known = ", ".join(sorted(self._steward.posts))
            raise OperationRefusedError(f"there is no target {target!r}: {known}")
        return post

    def _begin(self, what: str) -> None:
        """Whoever needs the writer waits."""
        if self._busy_with:
            raise OperationRefusedError(f"not now: {self._busy_with}")
        self._busy_with = what
        self._steward.waits.begin_order(what)
        self._steward.review()

    def _end(self) -> None:
        self._busy_with = ""
        self._steward.waits.end_order()
        self._steward.review()

    async def _calm(self, pools: Iterable[AnyPool]) -> None:
        """Wait until open transactions have ended, for as long as they have grace."""
        pools = [*pools]
        grace = self._steward.group.failover.transaction_grace
        for pool in pools:
            pool.retire_all()
        await self._until(lambda: not any(is_busy(one, left=True) for one in pools), grace)
        for pool in pools:
            pool.cut_off("the target is about to take no writes")

    async def _until(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something is so; False when it is not in time.

        Raises:
            OperationRefusedError: the proxy stops.
        """
        clock = self._steward.clock
        ends = None if seconds is None else clock.seconds() + seconds
        while not condition():
            if ends is not None and clock.seconds() >= ends:
                return False
            if self._steward.stopped:
                raise OperationRefusedError("the proxy is being stopped")
            waiting: Deferred[None] = Deferred()
            clock.callLater(LOOK_SECONDS, waiting.callback, None)
            await waiting
        return True
