"""All that belongs to one target of a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from proxy.config.model import Target
from proxy.failover.eye import LogIn
from proxy.failover.ground import AnyPool
from proxy.failover.monitor import Monitor
from proxy.policy.failover import Candidate
from proxy.policy.health import STATES, Condition, Health
from proxy.policy.observation import Failure, Look
from proxy.policy.readers import Reader
from proxy.policy.standing import TargetStatus
from proxy.vocabulary import Role


class Watch(Protocol):
    """Makes monitors, and lets orders be given."""

    def monitor(
        self, target: Target, on_look: Callable[[Look], None], on_doubt: Callable[[str], None]
    ) -> Monitor:
        """The monitor of a target, not started."""

    def log_in(self, target: Target) -> LogIn:
        """What connects to a target as the monitors' user."""


REASONS = {
    Failure.REFUSED: "CONNECTION_FAILED",
    Failure.LOST: "CONNECTION_FAILED",
    Failure.SILENT: "CONNECTION_FAILED",
    Failure.STOPPING: "CONNECTION_FAILED",
    Failure.DENIED: "AUTH_FAILURE",
}
"""RDS Proxy's words for why a target is not AVAILABLE."""


@attrs.define(eq=False)
class Post:
    """A target with what is known of it, its pool and who looks at it.

    Attributes:
        target: As it was configured, or found.
        pool: Its connections.
        health: How it is.
        reader: How it is as a reader.
        monitor: Who looks.
        log_in: Connects as who looks, to give orders.
        draining: It takes nothing new, because an operator wants it so.
        found: It was discovered, and is in no configuration.
        shadowed: Another address leads to the same server, and is used instead.
    """

    target: Target
    pool: AnyPool
    health: Health
    reader: Reader
    monitor: Monitor
    log_in: LogIn
    draining: bool = False
    found: bool = False
    shadowed: bool = False

    @property
    def name(self) -> str:
        """Its address."""
        return self.target.address

    def candidate(self) -> Candidate:
        """What the plan needs to know of it."""
        may_write = self.target.role is Role.READ_WRITE and self.is_wanted
        return Candidate(self.name, self.health, may_write)

    @property
    def is_wanted(self) -> bool:
        """Whether clients may come to it, as far as operators are concerned."""
        return not (self.draining or self.shadowed)

    @property
    def is_doubtful(self) -> bool:
        """Whether it is worth looking at quickly."""
        return self.health.condition in (
            Condition.UNKNOWN,
            Condition.DOUBTFUL,
            Condition.RECOVERING,
        )

    def end_silence(self, limit_seconds: float, now: float) -> None:
        """Nobody waits longer for the answer of a dead target than one waits for a target."""
        health = self.health
        silent = health.condition is Condition.BAD and health.failure is not None
        if silent and now - health.since >= limit_seconds and self.pool.ledger.borrowed:
            self.pool.retire_all()
            self.pool.cut_off(f"its target has not answered for {limit_seconds:g} s")

    def status(self, writer: str, now: float, *, watched: bool) -> TargetStatus:
        """How it stands, for people; where nobody looks, its connections tell."""
        health, seen, ledger = self.health, self.health.seen, self.pool.ledger
        is_writer = self.name == writer
        state, reason = STATES[health.condition], ""
        failure = health.failure
        why = health.why or health.blind or ("" if is_writer else self.reader.why)
        if self.shadowed:
            state, why = "UNUSED", "another address leads to the same server"
        elif not watched:
            opening = self.pool.opening
            why, failure = opening.last_failure, Failure.REFUSED
            # One user that is refused says nothing against a target that others have used.
            if self.pool.facts is not None and (opening.answers or not why):
                state = "AVAILABLE"
            elif why:
                state = "UNAVAILABLE"
        if state == "UNAVAILABLE" and failure is not None:
            reason = REASONS.get(failure, "INTERNAL_FAILURE")
        elif state == "UNAVAILABLE":
            reason = "INVALID_REPLICATION_STATE"
        return TargetStatus(
            address=self.name,
            role="READ_WRITE" if is_writer else "READ_ONLY",
            state=state,
            reason=reason,
            description=why,
            lag_seconds=seen.lag_seconds if seen is not None else None,
            connections=ledger.total,
            lent=ledger.borrowed,
            draining=self.draining,
            seen_seconds_ago=now - health.seen_at if seen is not None else None,
            writable=seen.writable if seen is not None else None,
            server=seen.server if seen is not None else "",
        )
