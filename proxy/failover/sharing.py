"""Which pools serve those who only read, and with which shares."""

from __future__ import annotations

from collections.abc import Collection

from proxy.config.failover import Topology
from proxy.config.model import TargetGroup
from proxy.failover.post import Post
from proxy.policy.readers import ReaderRules, shares
from proxy.pool.pool import TargetPool
from proxy.pool.route import Route
from proxy.vocabulary import Role


class Sharing:
    """Moves the clients of the endpoints for reading as readers come and go.

    Attributes:
        route: From which pools they are served.
        has_readers: Whether there is one, the writer among them where it may stand in.
    """

    def __init__(self, group: TargetGroup, route: Route) -> None:
        config = group.failover
        self._is_fixed = group.topology is Topology.STATIC
        self._falls_back = config.fall_back_to_writer
        self._rules = ReaderRules(
            max_replica_lag=config.max_replica_lag,
            slow_start=config.slow_start,
            alone=group.topology is not Topology.REPLICATION,
        )
        self.route = route
        self.has_readers = True

    def __repr__(self) -> str:
        """How clients are spread."""
        return f"<Sharing {self.route!r}>"

    def share_out(self, posts: Collection[Post], writer: TargetPool, now: float) -> None:
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
        if not serving and self._falls_back:
            serving = {writer: 1.0}
        self.has_readers = bool(serving)
        if not serving:
            return
        left = [one for one in self.route.pools if one not in serving and one is not writer]
        self.route.serve_by(serving)
        alive = {post.pool for post in posts if post.health.is_usable}
        for pool in left:
            if self.route.own_writes is not None:
                self.route.own_writes.forget(pool)
            pool.retire_all()
            if pool not in alive:
                pool.cut_off("the reader is not there any more")
