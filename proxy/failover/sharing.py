"""Which pools serve those who only read, and with which shares."""

from __future__ import annotations

from collections.abc import Collection

from proxy.config.failover import Topology
from proxy.config.model import Target, TargetGroup
from proxy.failover.ground import AnyPool, AnyPools, AnyRoute
from proxy.failover.post import Post
from proxy.policy.readers import ReaderRules, shares
from proxy.pool.pool import TargetPool
from proxy.vocabulary import Role

NOBODY = Target(address="no-reader.invalid", role=Role.READ_ONLY)
"""Where clients wait while nobody may serve them: no name of a host ends so (RFC 6761)."""


def close_off(room: TargetPool) -> None:
    """Let a pool never have a connection."""
    room.allowance.cap(0)


class Sharing:
    """Moves the clients of the endpoints for reading as readers come and go.

    Attributes:
        route: From which pools they are served.
        room: The pool in which they wait while there is no reader, which never has a
            connection; None where the writer serves them then.
    """

    def __init__(self, group: TargetGroup, route: AnyRoute, pools: AnyPools | None) -> None:
        """Prepare.

        Args:
            group: The targets, and what is wanted of them.
            route: From which pools those who read are served.
            pools: Where to find a room; None where readers are not looked for.
        """
        config = group.failover
        self._is_fixed = group.topology is Topology.STATIC
        self._rules = ReaderRules(
            max_replica_lag=config.max_replica_lag,
            slow_start=config.slow_start,
            alone=group.topology is not Topology.REPLICATION,
        )
        self.route = route
        self.room: AnyPool | None = None
        if pools is not None and not config.fall_back_to_writer:
            self.room = pools.get(NOBODY)
            if isinstance(self.room, TargetPool):  # else each worker does
                close_off(self.room)

    def __repr__(self) -> str:
        """How clients are spread."""
        return f"<Sharing {self.route!r}>"

    def share_out(self, posts: Collection[Post], writer: AnyPool, now: float) -> None:
        """Let those serve that can by now; `writer` is the pool of who takes the writes."""
        readers = {
            post.name: post
            for post in posts
            if post.pool is not writer
            and post.is_wanted
            and not (self._is_fixed and post.target.role is Role.READ_WRITE)
        }
        writes = any(post.pool is writer and post.health.is_usable for post in posts)
        judged = [post.reader for post in readers.values()]
        found = shares(judged, self._rules, now, writes=writes)
        serving = {readers[name].pool: share for name, share in found.items()}
        if not serving:
            serving = {self.room or writer: 1.0}
        left = [one for one in self.route.pools if one not in serving and one is not writer]
        self.route.serve_by(serving)
        for pool in left:
            if self.route.own_writes is not None:
                self.route.own_writes.forget(pool)
            pool.retire_all()
        for post in posts:
            # Also of who left before, for its lag: nothing would end there any more.
            if not (post.health.is_usable or post.pool is writer or post.pool in serving):
                post.pool.cut_off("the reader is not there any more")
