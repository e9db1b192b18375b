"""Tests of `proxy.credentials.cached`."""

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from proxy.credentials.cached import FIRST_FOLLOW_SECONDS, REFETCH_PAUSE_SECONDS
from proxy.credentials.gate import MOST_LOOKS
from proxy.credentials.secret_value import SecretUnusableError
from proxy.credentials.secrets_manager import CURRENT, PENDING, PREVIOUS
from tests.credentials.cached_stage import AWAY, INTERVAL, NOON, OVERLAP, Stage, version


@pytest.fixture
def make():
    """Make stages; no timer may be left when they stop."""
    stages = []

    def begin(**versions):
        stages.append(Stage(**versions))
        return stages[-1]

    yield begin
    for stage in stages:
        stage.secret.stop()
        assert not stage.clock.getDelayedCalls()


def test_the_first_answer_has_the_current_and_the_previous_password(make):
    """Both are asked for at the start, and the start is over then; nothing has changed yet."""
    stage = make(**{PREVIOUS: version(0, "zero")})
    stage.held = []
    started = stage.secret.start()
    assert not stage.secret.answered
    stage.held.pop(0).callback(None)
    assert not started.called
    stage.held.pop(0).callback(None)
    assert started.called
    assert stage.secret.answered
    assert stage.questions() == [CURRENT, PREVIOUS]
    assert stage.passwords == ("one", "zero")
    assert stage.secret.user == "app"
    assert stage.changes == []


def test_a_previous_password_that_is_no_good_any_more_is_not_asked_for(make):
    """A version older than the overlap has no previous one that matters."""
    stage = make(**{CURRENT: version(1, "one", created=NOON - OVERLAP)})
    stage.secret.start()
    assert stage.questions() == [CURRENT]


def test_a_refresh_without_a_change_costs_one_question(make):
    """The previous version is asked for once for each current one."""
    stage = make()
    stage.secret.start()
    stage.questions()
    stage.clock.advance(INTERVAL)
    assert stage.questions() == [CURRENT]
    assert stage.changes == []


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 270.0), (0.5, 300.0), (1.0, 330.0)])
def test_refreshes_come_a_tenth_earlier_or_later(make, chance, seconds):
    """The interval is stretched by chance, within a tenth."""
    stage = make()
    stage.chance = chance
    stage.secret.start()
    stage.questions()
    stage.clock.advance(seconds - 1)
    assert stage.questions() == []
    stage.clock.advance(1.5)
    assert stage.questions() == [CURRENT]


def test_a_rotation_is_seen_at_the_refresh(make):
    """The new password comes first, the old one stays, and the change is told with both."""
    stage = make()
    stage.secret.start()
    created = NOON + INTERVAL - 10
    stage.versions = {CURRENT: version(2, "two", created=created), PREVIOUS: version(1, "one")}
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("two", "one")
    assert stage.changes == [(("app",), {"app": ("two", "one")})]


def test_the_previous_password_ends_with_the_overlap(make):
    """It counts from when the current version was written, and its end is a change."""
    stage = make(**{PREVIOUS: version(0, "zero"), CURRENT: version(1, "one", created=NOON - 9)})
    stage.secret.start()
    stage.versions[CURRENT] = AWAY  # no refresh may be what ends it
    stage.clock.advance(OVERLAP - 10)
    assert stage.passwords == ("one", "zero")
    stage.clock.advance(1)
    assert stage.passwords == ("one",)
    assert stage.changes == [(("app",), {"app": ("one",)})]


def test_the_other_user_of_an_alternating_rotation_stays_known(make):
    """The previous version's user keeps its password as long as the overlap."""
    stage = make()
    stage.secret.start()
    stage.versions = {
        CURRENT: version(2, "two", user="app_clone", created=NOON + 100),
        PREVIOUS: version(1, "one"),
    }
    stage.clock.advance(INTERVAL)
    assert stage.secret.accounts == {"app_clone": ("two",), "app": ("one",)}
    assert stage.secret.user == "app_clone"
    assert stage.changes[0][0] == ("app_clone",)
    stage.clock.pump([50.0] * 20)
    assert stage.secret.accounts == {"app_clone": ("two",)}
    assert stage.changes[1][0] == ("app",)


def test_suspicion_asks_for_the_pending_password(make):
    """Between the database's change and the secret's, the pending password is the good one."""
    stage = make(**{PREVIOUS: version(0, "zero")})
    stage.secret.start()
    stage.clock.advance(10)
    stage.questions()
    stage.versions[PENDING] = version(2, "two")
    refreshed = stage.secret.refresh()
    assert refreshed.called
    assert stage.questions() == [CURRENT, PENDING]
    assert stage.passwords == ("one", "two", "zero")


def test_a_pending_password_is_followed_to_its_end(make):
    """It is asked for again while it is held, and one that was given up is forgotten."""
    stage = make(**{PENDING: version(2, "two")})
    stage.secret.start()
    stage.clock.advance(10)
    stage.secret.refresh()
    assert stage.passwords == ("one", "two")
    stage.versions[PENDING] = AWAY
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("one", "two")
    stage.versions[PENDING] = None
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("one",)
    stage.questions()
    stage.clock.advance(INTERVAL)
    assert stage.questions() == [CURRENT]


def test_the_end_of_a_rotation_is_looked_for(make):
    """Soon at first: a client that has the new password already makes nobody look."""
    stage = make()
    stage.secret.start()
    stage.clock.advance(10)
    stage.versions[PENDING] = version(2, "two")
    stage.secret.refresh()
    stage.clock.advance(FIRST_FOLLOW_SECONDS)
    assert stage.passwords == ("one", "two")
    stage.versions = {CURRENT: version(2, "two"), PREVIOUS: version(1, "one")}
    stage.clock.advance(FIRST_FOLLOW_SECONDS)
    assert stage.passwords == ("two", "one")
    assert stage.changes[-1] == (("app",), {"app": ("two", "one")})
    stage.questions()
    stage.clock.advance(INTERVAL - 1)
    assert stage.questions() == []


def test_a_rotation_that_was_given_up_costs_little(make):
    """Its end is looked for more and more seldom, until a new one begins."""
    stage = make()
    stage.secret.start()
    stage.clock.advance(10)

    def looks(seconds):
        stage.questions()
        for _ in range(seconds):
            stage.clock.advance(1)
        return stage.questions().count(CURRENT)

    for number in (2, 3):
        stage.versions[PENDING] = version(number, "new")
        stage.clock.advance(REFETCH_PAUSE_SECONDS)
        stage.secret.refresh()
        assert 5 <= looks(128) <= 7
        assert looks(3000) <= 12


def test_a_pending_label_on_the_current_version_is_nothing(make):
    """Rotations leave the label on the version that they made the current one."""
    stage = make()
    stage.versions[PENDING] = stage.versions[CURRENT]
    stage.secret.start()
    stage.clock.advance(10)
    stage.secret.refresh()
    assert stage.passwords == ("one",)


def test_suspicion_is_a_question_every_other_second_at_most(make):
    """Whoever comes within the pause waits for its end, and all share one look."""
    stage = make()
    stage.secret.start()
    stage.questions()
    stage.clock.advance(0.5)
    waiting = [stage.secret.refresh() for _ in range(1000)]
    stage.clock.advance(REFETCH_PAUSE_SECONDS - 1)
    assert stage.questions() == []
    assert not waiting[0].called
    stage.versions[CURRENT] = version(2, "two")
    stage.clock.advance(0.5)
    assert all(refreshed.called for refreshed in waiting)
    assert stage.questions() == [CURRENT, PREVIOUS, PENDING]
    assert stage.passwords == ("two",)


def test_suspicion_during_a_look_is_a_look_after_it(make):
    """The one under way may have read what was before; the next asks for a pending version."""
    stage = make()
    stage.secret.start()
    stage.questions()
    stage.held = []
    stage.clock.advance(INTERVAL)
    first, second = stage.secret.refresh(), stage.secret.refresh()
    stage.held.pop().callback(None)
    assert stage.questions() == [CURRENT]
    stage.held = None
    stage.versions[PENDING] = version(2, "two")
    stage.clock.advance(REFETCH_PAUSE_SECONDS - 0.5)
    assert not first.called
    stage.clock.advance(0.5)
    assert first.called
    assert second.called
    assert stage.questions() == [CURRENT, PENDING]
    assert stage.passwords == ("one", "two")


def test_suspicion_during_a_look_that_fails_is_a_look_after_it(make):
    """AWS may be back before the regular try."""
    stage = make()
    stage.secret.start()
    stage.held = []
    stage.clock.advance(INTERVAL)
    late = stage.secret.refresh()
    stage.versions[CURRENT] = AWAY
    stage.held.pop().callback(None)
    stage.held = None
    assert not late.called
    stage.versions[CURRENT] = version(2, "two")
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    assert late.called
    assert stage.passwords == ("two",)


def test_looks_that_somebody_wishes_go_through_the_gate(make):
    """One that has to wait there is a single one, and a regular look makes it needless."""
    stage = make()
    stage.secret.start()
    stage.questions()
    stage.clock.advance(INTERVAL - 0.5)
    for number in range(MOST_LOOKS):
        stage.gate.enter(lambda number=number: number)
    waiting = [stage.secret.refresh() for _ in range(3)]
    assert repr(stage.gate) == "<Gate: 1 wait>"
    assert stage.questions() == []
    stage.clock.advance(0.5)
    assert all(refreshed.called for refreshed in waiting)
    assert stage.questions() == [CURRENT, PENDING]
    assert repr(stage.gate) == "<Gate: 0 wait>"
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    assert stage.questions() == []


def test_a_wish_that_waits_at_the_gate_ends_with_the_stop(make):
    """Who waits hears what is known."""
    stage = make()
    stage.secret.start()
    stage.clock.advance(10)
    for number in range(MOST_LOOKS):
        stage.gate.enter(lambda number=number: number)
    waiting = stage.secret.refresh()
    stage.secret.stop()
    assert waiting.called
    assert not stage.clock.getDelayedCalls()


def test_one_who_waits_no_more_does_not_disturb_the_others(make):
    """A client that leaves is forgotten, and the look goes on."""
    stage = make()
    stage.secret.start()
    stage.clock.advance(1)
    gone, stays = stage.secret.refresh(), stage.secret.refresh()
    stage.held = []
    stage.clock.advance(1)
    late = stage.secret.refresh()
    for waiter in (gone, late):
        waiter.addErrback(lambda failure: failure.trap(CancelledError))
        waiter.cancel()
    assert len(stage.secret._waiters) == 1
    assert not stage.secret._late
    while stage.held:
        stage.held.pop(0).callback(None)
    assert stays.called
    assert stage.passwords == ("one",)


def test_an_unusable_version_beside_the_current_one_is_nothing(make):
    """A pending or previous version without a password is passed over."""
    broken = SecretUnusableError("it is not JSON")
    stage = make(**{PREVIOUS: broken, PENDING: broken})
    stage.secret.start()
    stage.clock.advance(10)
    stage.secret.refresh()
    assert stage.passwords == ("one",)
    assert stage.counters.secret_fetch_failures == 0


def test_stop_answers_all_who_wait(make):
    """The look under way is given up, and later wishes are answered at once."""
    stage = make()
    stage.held = []
    started = stage.secret.start()
    refreshed = stage.secret.refresh()
    stage.secret.stop()
    assert started.called
    assert refreshed.called
    assert stage.secret.refresh().called
    assert not stage.clock.getDelayedCalls()
    assert stage.secret.accounts == {}


def test_its_last_users_are_known_when_it_is_stale(make):
    """Their passwords are not."""
    stage = make()
    assert stage.secret.last_users == frozenset()
    stage.secret.start()
    stage.versions[CURRENT] = AWAY
    stage.clock.pump([INTERVAL] * 15)
    assert stage.secret.accounts == {}
    assert stage.secret.last_users == {"app"}


def test_an_answer_that_comes_with_the_stop_is_too_late(make):
    """A look that ends well when it is given up changes nothing any more."""
    stage = make()
    answer = Deferred(lambda given_up: given_up.callback(version(1, "one")))
    stage.secret._fetch = lambda stage: answer if stage == CURRENT else succeed(None)
    stage.secret.start()
    stage.secret.stop()
    assert stage.secret.accounts == {}
    assert not stage.clock.getDelayedCalls()


def test_a_secret_may_be_refreshed_before_it_is_started(make):
    """There is no look to keep a pause from."""
    stage = make()
    assert stage.secret.refresh().called
    assert stage.passwords == ("one",)


def test_a_wall_clock_that_is_set_back_lengthens_the_overlap_only(make):
    """When the timer of the overlap comes too early by the wall clock, it is set again."""
    stage = make(**{PREVIOUS: version(0, "zero")})
    stage.secret.start()
    stage.versions[CURRENT] = AWAY
    stage.offset -= 50
    stage.clock.advance(OVERLAP)
    assert stage.passwords == ("one", "zero")
    stage.clock.advance(50)
    assert stage.passwords == ("one",)


def test_no_password_is_shown(make):
    """Neither the secret nor its versions print what is in them."""
    stage = make(**{PREVIOUS: version(0, "hunter1"), CURRENT: version(1, "hunter2")})
    stage.secret.start()
    assert stage.passwords == ("hunter2", "hunter1")
    assert repr(stage.secret) == "<CachedSecret 'shop/app': 1 users>"
    assert "hunter" not in repr(stage.secret._versions)
