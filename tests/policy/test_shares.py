"""Tests of `proxy.policy.shares`."""

from __future__ import annotations

from proxy.policy.needs import Need
from proxy.policy.shares import (
    CALM_SECONDS,
    DEATH_SECONDS,
    STUCK_SECONDS,
    TURN_SECONDS,
    Shares,
)

LOOK = 0.05


class Story:
    """Pools that share, and say how they stand when it is told."""

    def __init__(self, limit=16, pools=2):
        self.shares = Shares()
        self.shares.limit = limit
        self.now = 100.0
        self.pools = [self.shares.join() for _ in range(pools)]

    def hear(self, pool, load=0, **more):
        """A pool says how many clients it has; it has heard what it owes."""
        more.setdefault("peak", load)
        if load > pool.plan:
            more.setdefault("waited", 0.0)
        more.setdefault("given", pool.given)
        need = Need(load=load, back=more["given"] + pool.owed, **more)
        self.shares.hear(pool, need, self.now)
        self.decide()

    def decide(self, seconds=0.0):
        """Some time later."""
        self.now += seconds
        self.shares.decide(self.now)

    def give(self, pool, count=None):
        """A pool gives back what it owes, or some of it."""
        count = pool.owed if count is None else count
        need = pool.need
        self.hear(pool, need.load, given=pool.given + count, waited=need.waited)

    def go_on(self, seconds, **loads):
        """Time passes with these loads, and what is owed is given back."""
        for _ in range(round(seconds / LOOK)):
            self.now += LOOK
            for name, load in loads.items():
                self.hear(self.pools[int(name[1:])], load)
            for pool in self.pools:
                self.give(pool)

    @property
    def held(self):
        return [pool.share for pool in self.pools]

    @property
    def plans(self):
        return [pool.plan for pool in self.pools]


def test_what_is_free_is_had_at_once():
    """By one pool alone too, all of it."""
    story = Story()
    story.hear(story.pools[0], 16)
    assert story.held == [16, 0]
    assert "16 of 16, 0 of 0; 0 dead; 16" in repr(story.shares)


def test_nobody_has_anything_before_it_is_needed():
    """There are no fixed parts."""
    story = Story()
    story.decide()
    assert story.held == [0, 0]
    assert not story.shares.needs_time
    assert repr(Shares()) == "<Shares of nobody; 0 dead; 1>"


def test_one_pool_looks_before_the_limit_is_known():
    """The others follow when it is."""
    story = Story(None)
    for pool in story.pools:
        story.hear(pool, 3)
    assert story.held == [1, 0]
    story.shares.limit = 16
    story.decide()
    assert story.held == [3, 3]


def test_what_is_too_little_goes_out_in_turns():
    """The longest wait comes first."""
    story = Story(limit=3)
    story.shares.limit = None
    story.hear(story.pools[0], 9, waited=0.1)
    story.hear(story.pools[1], 9, waited=0.2)
    story.shares.limit = 4
    story.decide()
    assert story.held == [2, 2]
    story.shares.limit = 5
    story.decide()
    assert story.held == [2, 3]


def test_what_others_do_not_use_is_taken_from_them():
    """Not more than is needed, and not before it was given back."""
    story = Story()
    first, second = story.pools
    story.hear(first, 16)
    story.hear(first, 4, spare=12)
    story.hear(second, 5)
    assert (first.owed, second.lacks, story.held) == (5, 5, [16, 0])
    story.give(first, 2)
    assert story.held == [14, 2]
    story.give(first)
    assert story.held == [11, 5]
    assert story.plans == [11, 5]


def test_who_has_most_to_spare_gives_first():
    """So that few are disturbed."""
    story = Story(pools=3)
    first, second, third = story.pools
    story.hear(first, 6)
    story.hear(second, 10)
    story.hear(first, 0, spare=6)
    story.hear(second, 0, spare=10)
    story.hear(third, 11)
    assert (first.owed, second.owed) == (1, 10)


def test_a_pool_in_use_keeps_its_last_place_where_there_are_many():
    """A client that has a statement now and then is not to wait for a login each time."""
    story = Story()
    first, second = story.pools
    story.hear(first, 1)
    story.hear(second, 20)
    assert story.held == [1, 15]
    story.hear(first, 0, spare=1, is_fresh=True)
    assert first.owed == 0
    story.hear(first, 0, spare=1)
    assert first.owed == 1


def test_a_pool_in_use_gives_its_last_place_where_there_are_few():
    """Each statement would wait there for somebody who has none."""
    story = Story(limit=3)
    first, second = story.pools
    story.hear(first, 1)
    story.hear(second, 3)
    story.hear(first, 0, spare=1, is_fresh=True)
    assert first.owed == 1


def test_nobody_is_without_while_others_have_several():
    """Its part would be less than one, and it would wait for its turn."""
    story = Story()
    first, second = story.pools
    story.hear(first, 400)
    story.hear(second, 1)
    assert story.plans == [15, 1]


def test_what_somebody_needs_no_more_is_left_where_it_is():
    """Connections that nobody waits for are not closed."""
    story = Story()
    first, second = story.pools
    story.hear(first, 16)
    story.hear(first, 8, spare=8)
    story.hear(second, 6)
    assert first.owed == 6
    story.hear(second, 2)
    assert first.owed == 2
    story.give(first)
    assert story.held == [14, 2]


def test_clients_have_as_much_everywhere():
    """Pools that are as busy get as much, wherever everything was at first."""
    story = Story()
    story.hear(story.pools[0], 16)
    story.go_on(1.0, _0=16, _1=16)
    assert story.held == [8, 8]
    story.go_on(1.0, _0=48, _1=16)
    assert story.held in ([12, 4], [11, 5])


def test_places_do_not_move_for_small_differences():
    """What pools need goes up and down, and each move costs a login."""
    story = Story(limit=64)
    story.go_on(1.0, _0=64, _1=64)
    granted = [pool.granted for pool in story.pools]
    for turn in range(20):
        story.go_on(LOOK, _0=64 + turn % 2 * 10, _1=64 - turn % 3 * 5)
    assert [pool.granted for pool in story.pools] == granted


def test_a_pool_gives_as_much_as_others_lack():
    """Also where several of them have too much."""
    story = Story(limit=32, pools=3)
    story.go_on(0.5, _0=16, _1=16)
    story.go_on(1.0, _0=16, _1=16, _2=32)
    assert story.held[2] in (15, 16)
    assert sum(story.held) == 32


def test_few_connections_take_turns_by_the_longest_wait():
    """Not sooner than a turn is worth a login."""
    story = Story(limit=1)
    first, second = story.pools
    story.hear(first, 2)
    story.hear(second, 2, waited=TURN_SECONDS / 2)
    assert first.owed == 0
    story.hear(second, 2, waited=TURN_SECONDS * 1.5)
    assert (first.owed, second.lacks) == (1, 1)
    story.give(first)
    assert story.held == [0, 1]
    story.hear(second, 2, waited=0.0)
    story.hear(first, 2, waited=TURN_SECONDS * 1.5)
    assert second.owed == 1


def test_nobody_has_a_turn_before_those_who_have_waited_for_as_long():
    """First come, first served."""
    story = Story(limit=1)
    first, second = story.pools
    story.hear(first, 9, waited=1.1)
    story.hear(second, 9, waited=1.2)
    assert story.plans == [1, 0]


def test_one_turn_comes_after_the_other():
    """What was just taken has had no time to show what it changes."""
    story = Story(limit=2)
    first, second = story.pools
    story.hear(first, 9)
    story.hear(second, 9)
    story.give(first)
    story.hear(second, 9, waited=1.0)
    assert story.plans == [0, 2]
    story.hear(first, 9, waited=0.0)
    story.give(first)
    story.hear(first, 9, waited=2.0)
    story.give(second)
    assert story.plans == [1, 1]
    story.hear(first, 9, waited=2.0)
    assert story.plans == [1, 1]


def test_somebody_else_is_asked_for_what_stays_in_use():
    """A long transaction on one worker does not keep everybody from the others' places."""
    story = Story(limit=2, pools=3)
    pinned, busy, waiting = story.pools
    story.hear(pinned, 1)
    story.hear(busy, 5)
    story.hear(waiting, 1, waited=1.0)
    asked = next(pool for pool in (pinned, busy) if pool.owed)
    other = busy if asked is pinned else pinned
    story.decide(TURN_SECONDS + LOOK)
    assert (asked.owed, other.owed, waiting.lacks) == (0, 1, 1)
    story.give(other)
    assert waiting.share == 1


def test_who_cannot_give_is_not_asked_for_a_while():
    """And is the next time that something could come free."""
    story = Story(limit=1)
    pinned, waiting = story.pools
    story.hear(pinned, 1)
    story.hear(waiting, 1, waited=1.0)
    story.decide(TURN_SECONDS + LOOK)
    assert pinned.stuck_until > story.now
    assert pinned.owed == 1
    story.decide(STUCK_SECONDS)
    story.give(pinned)
    assert waiting.share == 1


def test_nobody_is_asked_where_everything_is_stuck():
    """Whoever comes later waits, until something could come free."""
    story = Story(limit=1, pools=3)
    pinned, gone, waiting = story.pools
    story.hear(pinned, 1)
    story.hear(gone, 1, waited=1.0)
    story.decide(TURN_SECONDS + LOOK)
    story.hear(gone, 0)
    story.hear(waiting, 1, waited=1.0)
    assert story.plans == [1, 0, 0]
    story.decide(STUCK_SECONDS)
    assert story.plans == [0, 0, 1]


def test_what_is_stuck_is_not_taken_from_those_with_no_more():
    """It would only be somebody else who lacks it."""
    story = Story(limit=6, pools=3)
    for pool in story.pools:
        story.hear(pool, 2)
    stuck, _, taker = story.pools
    story.hear(stuck, 2, spare=1)
    story.hear(taker, 3)
    assert story.plans == [1, 2, 3]
    story.decide(TURN_SECONDS + LOOK)
    assert story.plans == [1, 2, 3]


def test_the_dead_count_until_the_target_has_noticed():
    """Then what they had is free, and nobody has to wait for long."""
    story = Story()
    first, second = story.pools
    story.hear(first, 16)
    story.hear(second, 4)
    story.shares.die(first, story.now)
    story.decide()
    assert second.share == 0
    assert story.shares.needs_time
    story.decide(DEATH_SECONDS)
    assert second.share == 4


def test_who_dies_with_nothing_leaves_nothing():
    """There is nothing to wait for."""
    story = Story()
    story.shares.die(story.pools[1], story.now)
    assert not story.shares.needs_time


def test_who_leaves_gives_everything_back():
    """What it had is free at once."""
    story = Story()
    first, second = story.pools
    story.hear(first, 16)
    story.shares.leave(first)
    story.hear(second, 16)
    assert second.share == 16


def test_a_lower_limit_is_reached_as_places_come_free():
    """Where there is least to do first; nobody gets more meanwhile."""
    story = Story()
    first, second = story.pools
    story.hear(first, 10)
    story.hear(second, 6)
    story.hear(first, 2)
    story.shares.limit = 8
    story.decide()
    assert (first.owed, second.owed) == (8, 0)
    story.hear(second, 20)
    assert story.held == [10, 6]
    story.give(first)
    assert sum(story.held) == 8


def test_pools_are_watched_while_somebody_is_short():
    """And no longer than a moment after."""
    story = Story()
    first, second = story.pools
    story.hear(first, 16)
    assert not story.shares.is_watched
    story.hear(second, 1)
    assert story.shares.is_watched
    story.hear(first, 2, spare=14)
    story.give(first)
    story.hear(second, 1)
    assert story.shares.is_watched
    story.decide(CALM_SECONDS)
    assert not story.shares.needs_time
