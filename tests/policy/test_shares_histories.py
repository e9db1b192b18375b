"""Tests of `proxy.policy.shares`: random histories, and what is true after each step."""

from __future__ import annotations

from collections import deque

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.policy.needs import Holder, Need
from proxy.policy.shares import DEATH_SECONDS, Shares

MOST_POOLS = 4


@attrs.define(eq=False)
class Pool:
    """A pool of some process; both ways to it take their time."""

    holder: Holder
    granted: int = 0
    back: int = 0
    given: int = 0
    load: int = 0
    waits_since: float = 0.0  # as if all statements were short, once it has a connection
    connections: int = 0
    orders: deque[tuple[int, int]] = attrs.Factory(deque)
    needs: deque[Need] = attrs.Factory(deque)

    @property
    def kept(self) -> int:
        """What it keeps of its share."""
        return self.granted - max(self.given, self.back)

    def need(self, now: float) -> Need:
        """What it says of itself."""
        short = self.load > self.kept
        return Need(
            given=self.given,
            back=self.back,
            load=self.load,
            peak=self.load,
            spare=max(self.kept - self.load, 0),
            is_fresh=bool(self.load),
            waited=now - self.waits_since if short else None,
        )

    def hear(self, order: tuple[int, int]) -> None:
        """It may have so much."""
        self.granted, self.back = order

    def give(self) -> None:
        """Give back of what it owes what has no connection."""
        owed = max(self.back - self.given, 0)
        self.given += max(min(owed, self.granted - self.given - self.connections), 0)


class Histories(RuleBasedStateMachine):
    """Random histories of some pools that share a few connections."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = Shares()
        self.now = 0.0
        self.pools: list[Pool] = []
        self.dead: list[tuple[float, int]] = []
        self.bound = 1

    def decide(self) -> None:
        self.shares.decide(self.now)
        for pool in self.pools:
            holder = pool.holder
            pool.orders.append((holder.granted, holder.given + holder.owed))

    def hear(self, pool: Pool) -> None:
        self.shares.hear(pool.holder, pool.needs.popleft(), self.now)
        self.decide()

    @property
    def open(self) -> int:
        dead = sum(count for until, count in self.dead if until > self.now)
        return dead + sum(pool.connections for pool in self.pools)

    @precondition(lambda self: len(self.pools) < MOST_POOLS)
    @rule()
    def joins(self) -> None:
        self.pools.append(Pool(self.shares.join()))

    @precondition(lambda self: self.pools)
    @rule(data=st.data(), load=st.integers(0, 12))
    def has_clients(self, data: st.DataObject, load: int) -> None:
        pool = data.draw(st.sampled_from(self.pools))
        if load > pool.load:
            pool.waits_since = self.now
        pool.load = load

    @precondition(lambda self: self.pools)
    @rule(data=st.data())
    def says(self, data: st.DataObject) -> None:
        pool = data.draw(st.sampled_from(self.pools))
        pool.needs.append(pool.need(self.now))

    @precondition(lambda self: any(pool.needs for pool in self.pools))
    @rule(data=st.data())
    def is_heard(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from([pool for pool in self.pools if pool.needs])))

    @precondition(lambda self: any(pool.orders for pool in self.pools))
    @rule(data=st.data())
    def hears(self, data: st.DataObject) -> None:
        pool = data.draw(st.sampled_from([pool for pool in self.pools if pool.orders]))
        pool.hear(pool.orders.popleft())

    @precondition(lambda self: self.pools)
    @rule(data=st.data())
    def opens(self, data: st.DataObject) -> None:
        pool = data.draw(st.sampled_from(self.pools))
        pool.connections = max(pool.connections, min(pool.kept, pool.load))

    @precondition(lambda self: any(pool.connections for pool in self.pools))
    @rule(data=st.data())
    def closes(self, data: st.DataObject) -> None:
        having = [pool for pool in self.pools if pool.connections]
        pool = data.draw(st.sampled_from(having))
        pool.connections -= data.draw(st.integers(1, pool.connections))
        pool.give()

    @precondition(lambda self: self.pools)
    @rule(data=st.data())
    def dies(self, data: st.DataObject) -> None:
        pool = data.draw(st.sampled_from(self.pools))
        self.pools.remove(pool)
        self.dead.append((self.now + DEATH_SECONDS, pool.connections))
        self.shares.die(pool.holder, self.now)
        self.decide()

    @rule(limit=st.sampled_from([1, 2, 3, 8, 20]))
    def has_another_limit(self, limit: int) -> None:
        self.shares.limit = limit
        self.bound = max(self.bound, limit)
        self.decide()

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.3, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.decide()

    @rule()
    def all_goes_well(self) -> None:
        """Whoever needs something has it after some time, and nothing lies idle."""
        used, served = 0, set()
        for turn in range(120):
            for pool in self.pools:
                while pool.needs:
                    self.hear(pool)
                while pool.orders:
                    pool.hear(pool.orders.popleft())
                pool.connections = min(pool.load, pool.kept)
                pool.give()
                pool.needs.append(pool.need(self.now))
            if turn >= 60:
                used = max(used, sum(pool.connections for pool in self.pools))
                served |= {pool for pool in self.pools if pool.connections}
                for pool in self.pools:
                    if pool.connections:
                        pool.waits_since = self.now
            self.now += 0.05
            self.decide()
        self.bound = self.shares.places
        assert used == min(sum(pool.load for pool in self.pools), self.shares.places)
        assert served == {pool for pool in self.pools if pool.load}

    @invariant()
    def the_limit_holds(self) -> None:
        assert self.open <= self.bound

    @invariant()
    def no_more_is_planned_than_there_is(self) -> None:
        planned = [pool.holder.plan for pool in self.pools]
        assert min(planned, default=0) >= 0
        assert sum(planned) <= max(self.shares.places, self.bound)

    @invariant()
    def a_pool_knows_of_no_more_than_it_was_granted(self) -> None:
        for pool in self.pools:
            assert 0 <= pool.connections <= pool.granted - pool.given <= pool.holder.share


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
