"""Which targets serve reads, and with which share of the clients."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from proxy.policy.health import Health

FIRST_SHARE = 0.1
"""What a new reader begins with, of a full share: its caches are cold."""

LAG_RETURN = 0.8
"""A reader that was left out for its lag comes back below this part of the limit, so that one
at the limit does not come and go."""


@attrs.frozen(kw_only=True)
class ReaderRules:
    """What the configuration wants; times in seconds.

    Attributes:
        max_replica_lag: Readers that are behind by more are left out.
        slow_start: How long a reader takes to get its full share.
        alone: A reader that replicates from nobody is as good as any (Galera, groups, fixed
            roles); elsewhere it is one that nobody keeps up to date.
    """

    max_replica_lag: float
    slow_start: float
    alone: bool = False


@attrs.define
class Reader:
    """A target that may serve reads.

    Attributes:
        name: Its address.
        health: How it is.
        since: Since when it serves; None while it does not.
        current_at: When it was last seen to replicate, or served while the writer was away, so
            that there was nothing to get from it; minus infinity if neither, None before.
        why: Why it does not; empty when it does.
    """

    name: str
    health: Health
    since: float | None = None
    current_at: float | None = None
    why: str = ""

    def judge(self, rules: ReaderRules, now: float, *, writes: bool = True) -> bool:
        """Whether it serves from now on; `writes` says whether there is a writer by now."""
        self._note(now, writes=writes)
        self.why = self._objection(rules, now)
        if self.why:
            self.since = None
        elif self.since is None:
            self.since = now
        return not self.why

    def share(self, rules: ReaderRules, now: float) -> float:
        """Its share of the clients, 1 for a full one."""
        if self.since is None:
            return 0.0
        if not rules.slow_start:
            return 1.0
        return min(max((now - self.since) / rules.slow_start, FIRST_SHARE), 1.0)

    def _note(self, now: float, *, writes: bool) -> None:
        seen = self.health.seen
        if seen is None:
            return
        if seen.replicates is not False:
            self.current_at = self.health.seen_at
        elif not writes and (self.since is not None or self.current_at is None):
            self.current_at = now
        elif self.current_at is None:
            self.current_at = float("-inf")

    def _objection(self, rules: ReaderRules, now: float) -> str:
        health = self.health
        # One that serves is left when it is gone, and not for one packet that was lost.
        if not (health.is_trusted or (self.since is not None and health.is_usable)):
            return health.why or health.condition.value
        seen, current_at = health.seen, self.current_at
        if seen is None or current_at is None:
            return ""  # it is alive, and more cannot be seen
        if seen.replicates is False and now - current_at > rules.max_replica_lag:
            return "its replication has stopped"
        if not (seen.sources or rules.alone or seen.unseen):
            return "it replicates from nobody"
        limit = rules.max_replica_lag * (1.0 if self.since is not None else LAG_RETURN)
        if seen.lag_seconds is not None and seen.lag_seconds > limit:
            return f"it is {seen.lag_seconds:g} s behind the writer"
        return ""


def shares(
    readers: Sequence[Reader], rules: ReaderRules, now: float, *, writes: bool = True
) -> dict[str, float]:
    """Who serves, with which share; the first readers that there are get full ones.

    While there is no writer, replication that has stopped is no fault of a reader's.
    """
    serving = [one for one in readers if one.judge(rules, now, writes=writes)]
    found = {one.name: one.share(rules, now) for one in serving}
    most = max(found.values(), default=1.0)
    return {name: share / most for name, share in found.items()}
