"""Tests of `proxy.policy.needs`."""

import pytest

from proxy.policy.needs import SMOOTH_SECONDS, Holder, Need


def test_a_share_is_what_was_granted_and_not_given_back():
    """What is beyond the plan is owed, what is below it is to come."""
    holder = Holder(granted=9, given=4, plan=3)
    assert (holder.share, holder.owed, holder.lacks) == (5, 2, 0)
    holder.plan = 7
    assert (holder.owed, holder.lacks) == (0, 2)


def test_a_pool_wants_what_it_was_not_promised():
    """Once it will have as many places as it had clients at most, it wants nothing."""
    holder = Holder(plan=3, need=Need(load=2, peak=5))
    assert holder.want == 2
    holder.plan = 6
    assert holder.want == 0


@pytest.mark.parametrize(
    ("plan", "back", "spare"),
    [(8, 0, 4), (6, 0, 2), (6, 2, 4), (2, 0, 0), (3, 5, 3)],
)
def test_what_was_asked_for_already_is_not_spare_again(plan, back, spare):
    """It has not heard that yet when it says how much it can do without."""
    holder = Holder(granted=8, plan=plan, need=Need(back=back, spare=4))
    assert holder.spare == spare


def test_the_load_is_averaged_over_time():
    """A short peak counts for little; without a past, what is said first counts."""
    holder = Holder()
    assert holder.usual == 0
    holder.hear(Need(load=4), 10.0)
    assert holder.usual == 4
    holder.hear(Need(load=100), 20.0)
    holder.hear(Need(load=4), 20.001)
    assert 4 < holder.usual < 5
    holder.hear(Need(load=4), 20.001 + 10 * SMOOTH_SECONDS)
    assert holder.usual == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize(
    ("need", "is_news"),
    [
        (Need(load=2, peak=2, spare=1), False),
        (Need(load=2, peak=3, spare=1), True),
        (Need(load=2, peak=2, spare=2), True),
        (Need(load=2, peak=2, spare=1, given=1), True),
        (Need(load=1, peak=1, spare=0), False),
    ],
)
def test_what_may_serve_others_or_asks_for_more_is_news(need, is_news):
    """All else can wait until the next look."""
    holder = Holder(granted=3)
    holder.hear(Need(load=2, peak=2, spare=1), 1.0)
    assert holder.hear(need, 2.0) is is_news


def test_a_wait_is_known_by_when_it_began():
    """Whoever does not wait comes after all who do."""
    holder = Holder()
    assert holder.waits_since(7.0) == 7.0
    holder.hear(Need(waited=2.0), 5.0)
    assert holder.waits_since(7.0) == 3.0
    holder.hear(Need(), 8.0)
    assert holder.since is None


def test_a_debt_is_as_old_as_the_last_time_when_some_of_it_was_paid():
    """So that it shows who cannot pay."""
    holder = Holder(granted=5, plan=2)
    holder.note_debt(1.0)
    holder.note_debt(2.0)
    assert holder.owes_since == 1.0
    holder.hear(Need(given=1), 3.0)
    assert holder.owes_since == 3.0
    holder.plan = 5
    holder.note_debt(4.0)
    assert holder.owes_since is None
