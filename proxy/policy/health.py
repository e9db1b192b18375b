"""Whether a target is well: a machine of named states that one lost packet does not move."""

from __future__ import annotations

import enum

import attrs

from proxy.policy.observation import Failure, Look, Seen


class Condition(enum.Enum):
    """How a target is."""

    UNKNOWN = "not looked at yet"
    GOOD = "well"
    DOUBTFUL = "in doubt"
    BAD = "not there"
    RECOVERING = "back, and watched"


STATES = {
    Condition.UNKNOWN: "REGISTERING",
    Condition.GOOD: "AVAILABLE",
    Condition.DOUBTFUL: "AVAILABLE",
    Condition.BAD: "UNAVAILABLE",
    Condition.RECOVERING: "UNAVAILABLE",
}
"""What RDS Proxy calls it."""


@attrs.frozen
class Patience:
    """How much it takes to change a mind.

    Attributes:
        unavailable_after: Failed looks in a row until a target is BAD.
        available_after: Good looks in a row until it is GOOD again.
        probe_timeout: How long a look may take, in seconds.
    """

    unavailable_after: int
    available_after: int
    probe_timeout: float


class Health:
    """What looks at one target have shown so far.

    Attributes:
        patience: How much it takes to change a mind from now on.
        condition: How it is.
        why: Why it is not GOOD, in words; empty when it is.
        failure: What kind of trouble that is, where looks failed.
        since: When it became what it is, in seconds.
        seen: What the last good look showed; None before the first.
        seen_at: When that look began; minus infinity before the first.
        blind: Why the monitor cannot see a target that is alive; empty when it can.
        turned_away: When traffic was last told that it takes no writes; minus infinity for
            never.
        writable_since: When the first look began of those that have seen it take writes since;
            infinity while the last one has not.
    """

    __slots__ = (
        "_bad_looks",
        "_good_looks",
        "blind",
        "condition",
        "failure",
        "patience",
        "seen",
        "seen_at",
        "since",
        "turned_away",
        "why",
        "writable_since",
    )

    def __init__(self, patience: Patience, now: float) -> None:
        self.patience = patience
        self._bad_looks = self._good_looks = 0
        self.condition = Condition.UNKNOWN
        self.why = "it has not been looked at yet"
        self.failure: Failure | None = None
        self.since = now
        self.seen: Seen | None = None
        self.seen_at = self.turned_away = float("-inf")
        self.writable_since = float("inf")
        self.blind = ""

    def __repr__(self) -> str:
        """The condition, and why."""
        return f"<Health {self.condition.name}{': ' if self.why else ''}{self.why}>"

    @property
    def is_usable(self) -> bool:
        """Whether it may serve, as far as is known."""
        return self.condition in (Condition.GOOD, Condition.DOUBTFUL)

    @property
    def is_trusted(self) -> bool:
        """Whether looks find it well: a mere doubt of traffic's is no reason against it yet."""
        if self.condition is Condition.DOUBTFUL:
            return self.failure is None or self.failure.is_blindness
        return self.condition is Condition.GOOD

    @property
    def is_writable(self) -> bool:
        """Whether the last look saw that it takes writes, and nothing has shown otherwise."""
        return (
            self.is_usable
            and self.seen is not None
            and self.seen.writable is True
            and self.turned_away < self.seen_at
        )

    @property
    def is_read_only(self) -> bool:
        """Whether it is alive, and known not to take writes."""
        if not self.is_usable:
            return False
        if self.turned_away >= max(self.seen_at, 0.0):
            return True
        return self.seen is not None and self.seen.writable is False and not self.blind

    def was_seen_within(self, seconds: float, now: float) -> bool:
        """Whether a good look has begun so lately."""
        return self.seen is not None and now - self.seen_at <= seconds

    def feed(self, look: Look) -> bool:
        """Take in a look; whether the condition is another one now."""
        before = self.condition
        if look.seen is not None:
            self._saw(look, look.seen)
        elif look.failure is not None and look.began >= self.seen_at:
            # What hung for long says nothing when a later look has gone well.
            self._failed(look, look.failure)
        return self.condition is not before

    def doubt(self, why: str, now: float) -> bool:
        """Traffic, or a look that is long in coming, makes one wonder; whether that is new."""
        if self.condition is not Condition.GOOD:
            return False
        self._become(Condition.DOUBTFUL, why, now)
        return True

    def turn_away(self, why: str, now: float) -> None:
        """Traffic has been told that it takes no writes."""
        self.turned_away = now
        self.doubt(why, now)

    def _saw(self, look: Look, seen: Seen) -> None:
        if look.began < self.seen_at:
            return
        self.seen, self.seen_at, self.blind, self.failure = seen, look.began, "", None
        since = min(self.writable_since, look.began)
        self.writable_since = since if seen.writable else float("inf")
        if seen.serves:
            self._answered(look.ended)
        else:
            self._good_looks = 0
            self._become(Condition.BAD, seen.why or "it does not serve", look.ended)

    def _answered(self, now: float) -> None:
        self._bad_looks = 0
        self._good_looks += 1
        away = self.condition in (Condition.BAD, Condition.RECOVERING)
        if away and self._good_looks < self.patience.available_after:
            self._become(Condition.RECOVERING, "it is back, and watched", now)
        else:
            self._become(Condition.GOOD, "", now)

    def _failed(self, look: Look, failure: Failure) -> None:
        self.failure = failure
        why = f"{failure.value}: {look.why}" if look.why else failure.value
        if failure.is_blindness:
            # Somebody has answered, so that it is no dead database; but one that was seen not
            # to serve is not known to do so again.
            self.blind = why
            if self.seen is None or self.seen.serves:
                self._answered(look.ended)
            return
        self._good_looks = 0
        # A look that was answered by nothing has taken its time: two of them are enough.
        silent = failure is Failure.SILENT
        self._bad_looks += max(self.patience.unavailable_after - 1, 1) if silent else 1
        if self._bad_looks >= self.patience.unavailable_after:
            self._become(Condition.BAD, why, look.ended)
        elif self.condition in (Condition.GOOD, Condition.DOUBTFUL):
            self._become(Condition.DOUBTFUL, why, look.ended)
        elif self.condition is Condition.RECOVERING:
            self._become(Condition.BAD, why, look.ended)

    def _become(self, condition: Condition, why: str, now: float) -> None:
        if condition is not self.condition:
            self.since = now
        self.condition, self.why = condition, why
