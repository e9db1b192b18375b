"""Targets of which a test says what looks see, and the plan that follows."""

from __future__ import annotations

import attrs

from proxy.policy.failover import Candidate, Rules, plan
from proxy.policy.gtids import parse
from proxy.policy.health import Health, Patience
from proxy.policy.observation import Failure, Look, Seen

ONE = "09b089a3-e9d4-11f1-82c8-02fc00000001"
TWO = "0a8577e2-e9d4-11f1-9bfa-02fc00000001"
NEVER = float("-inf")
MOVES = Rules(moves=True)
FIXED = Rules(moves=False)
FENCED = Rules(moves=True, fences=True)
STEPPED = Rules(moves=True, several_writers=True)


class Target:
    """A target of which a test says what looks see."""

    def __init__(self, name, *, may_write=True):
        self.health = Health(Patience(3, 2, 1.0), 0.0)
        self.candidate = Candidate(name, self.health, may_write)
        self.name = name

    def saw(self, at, *, gtids=None, **what):
        """A look that went well; writable if nothing else is said."""
        what.setdefault("writable", True)
        position = None if gtids is None else parse(gtids)
        seen = Seen(server=self.name, version="9.7.4", position=position, **what)
        self.health.feed(Look(began=at, ended=at, seen=seen))
        return self

    def failed(self, at, failure=Failure.REFUSED, times=1, why=""):
        """A look that failed, or several at once."""
        for _ in range(times):
            self.health.feed(Look(began=at, ended=at, failure=failure, why=why))
        return self

    def drained(self):
        """An operator wants it to take no writes."""
        self.candidate = attrs.evolve(self.candidate, may_write=False)
        return self


def decide(*targets, rules=MOVES, writer="db", switched_at=NEVER, now=1.5):
    """The plan."""
    return plan([one.candidate for one in targets], writer, rules, switched_at, now)
