"""Tests of `proxy.policy.failover`: random looks, and what is true of every plan."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.policy.failover import Candidate, Plan, Rules, plan
from proxy.policy.gtids import Position
from proxy.policy.health import Health, Patience
from proxy.policy.observation import Failure, Look, Seen

NAMES = ("db", "sub", "third")
PATIENCE = Patience(unavailable_after=3, available_after=2, probe_timeout=1.0)
SOURCE = "09b089a3-e9d4-11f1-82c8-02fc00000001"

positions_ = st.builds(
    lambda last: Position({SOURCE: ((1, last),)} if last else {}), st.integers(0, 2)
)
seen_ = st.builds(
    Seen,
    server=st.just("a"),
    version=st.just("9.7.4"),
    writable=st.sampled_from([True, True, False, None]),
    serves=st.sampled_from([True, True, False]),
    position=st.none() | positions_,
    sources=st.sampled_from([(), ("db",)]),
    replicates=st.sampled_from([None, True, False]),
)
outcomes_ = st.one_of(seen_, st.sampled_from([*Failure]))
looks_ = st.tuples(
    st.just("look"),
    st.sampled_from(NAMES),
    outcomes_,
    st.sampled_from([0.0, 0.1, 1.0]),  # how long it took
)
traffic_ = st.tuples(st.sampled_from(["doubt", "turn away"]), st.sampled_from(NAMES))
drains_ = st.tuples(st.just("drain"), st.sampled_from(NAMES), st.booleans())
times_ = st.tuples(st.just("wait"), st.sampled_from([0.05, 0.3, 1.0, 4.0]))
stories_ = st.lists(st.one_of(looks_, looks_, times_, traffic_, drains_), max_size=60)
rules_ = st.builds(
    Rules,
    moves=st.sampled_from([True, True, True, False]),
    several_writers=st.booleans(),
    refuses_split_brain=st.booleans(),
    fences=st.booleans(),
    min_switch_interval=st.sampled_from([0.0, 5.0]),
)


@attrs.define
class Seat:
    """What a test knows of a target by itself.

    Attributes:
        seen_at: When the last look began that went well.
        writable: Whether it saw that the target takes writes.
        blind: Whether a look since then could not see anything.
    """

    health: Health
    seen_at: float = -1.0
    writable: bool | None = None
    blind: bool = False
    may_write: bool = True


class World:
    """Three targets and a steward who does what the plan says."""

    def __init__(self, rules):
        self.rules = rules
        self.now = 1.0
        self.seats = {name: Seat(Health(PATIENCE, self.now)) for name in NAMES}
        self.writer = "db"
        self.switches = []

    def happens(self, what, *details):
        """One event, and the plan after it."""
        if what == "wait":
            self.now += details[0]
        elif what == "look":
            self.look(*details)
        else:
            seat = self.seats[details[0]]
            if what == "drain":
                seat.may_write = not details[1]
            elif what == "doubt":
                seat.health.doubt("a connection was lost", self.now)
            else:
                seat.health.turn_away("1290 --read-only", self.now)
        return self.review()

    def look(self, name, outcome, seconds=0.0):
        """A look that ends now."""
        seat, began = self.seats[name], self.now - seconds
        if isinstance(outcome, Failure):
            look = Look(began=began, ended=self.now, failure=outcome)
            seat.blind = seat.blind or (outcome.is_blindness and began >= seat.seen_at)
        else:
            look = Look(began=began, ended=self.now, seen=outcome)
            if began >= seat.seen_at:
                seat.seen_at, seat.writable, seat.blind = began, outcome.writable, False
        seat.health.feed(look)

    def plan(self):
        """What is to be done now."""
        targets = [
            Candidate(name, seat.health, seat.may_write) for name, seat in self.seats.items()
        ]
        switched_at = self.switches[-1] if self.switches else float("-inf")
        return plan(targets, self.writer, self.rules, switched_at, self.now)

    def review(self):
        """Do what the plan says; the plan that holds then."""
        decision = self.plan()
        if decision.writer != self.writer:
            self.was_seen_writable(decision.writer)
            assert not decision.hold
            self.writer = decision.writer
            self.switches.append(self.now)
            after = self.plan()
            assert after.writer == self.writer
            assert not after.hold or self.rules.refuses_split_brain
            decision = after
        self.check(decision)
        return decision

    def was_seen_writable(self, name):
        """Whether looks have shown lately that a target takes writes."""
        seat = self.seats[name]
        assert seat.writable is True
        assert self.now - seat.seen_at <= self.rules.trust_seconds

    def check(self, decision: Plan):
        """What is always true."""
        seat = self.seats[self.writer]
        if not decision.hold and not seat.blind and seat.writable is not None:
            self.was_seen_writable(self.writer)
        if not decision.hold and (seat.blind or seat.writable is None):
            assert decision.alarms
        assert self.writer not in decision.fence
        assert not decision.fence or self.rules.fences
        for name in decision.fence:
            self.was_seen_writable(name)
        if decision.fence:
            self.was_seen_writable(self.writer)
        assert decision.again_at is None or decision.again_at >= self.now


@settings(max_examples=300, deadline=None)
@given(rules_, stories_)
def test_whatever_is_seen_writes_go_where_writes_are_taken(rules, story):
    """Without a hold the writer was seen writable lately, unless nobody can see it.

    Changes of the writer are apart by min_switch_interval; only what takes writes is fenced.
    """
    world = World(rules)
    for event in story:
        world.happens(*event)
    for earlier, later in zip(world.switches, world.switches[1:], strict=False):
        assert later - earlier >= rules.min_switch_interval
    assert rules.moves or not world.switches


@settings(max_examples=300, deadline=None)
@given(rules_, stories_, st.sampled_from(NAMES))
def test_every_hold_ends_when_one_target_takes_writes(rules, story, promoted):
    """Whatever was before: there is no state in which clients wait for ever."""
    world = World(rules)
    for event in story:
        world.happens(*event)
    for seat in world.seats.values():
        seat.may_write = True
    if not rules.moves:
        promoted = "db"
    ends = world.now + rules.min_switch_interval + 1.0
    while world.now < ends:
        world.now += 0.1
        for name in NAMES:
            seen = Seen(server=name, version="9.7.4", writable=name == promoted)
            world.look(name, seen)
        decision = world.review()
    assert decision.writer == world.writer == promoted
    assert (decision.hold, decision.fence) == ("", ())
