"""Tests of `proxy.credentials.cached`: what happens while a secret cannot be read."""

import pytest
from structlog.testing import capture_logs

from proxy.credentials.cached import (
    FIRST_RETRY_SECONDS,
    LONGEST_RETRY_SECONDS,
    REFETCH_PAUSE_SECONDS,
    RETELL_SECONDS,
    Freshness,
)
from proxy.credentials.secret_value import SecretUnusableError
from proxy.credentials.secrets_manager import CURRENT, PREVIOUS
from tests.credentials.cached_stage import AWAY, INTERVAL, NOON, STALE, Stage, version


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


def test_pauses_after_failures_grow_to_a_limit(make):
    """Each is twice as long as the one before, and none is longer than the limit."""
    stage = make(**{CURRENT: AWAY})
    stage.secret.start()
    pauses = []
    for _ in range(8):
        (call,) = stage.clock.getDelayedCalls()
        pauses.append(call.getTime() - stage.clock.seconds())
        stage.clock.advance(pauses[-1])
    assert pauses[:3] == [FIRST_RETRY_SECONDS, 2 * FIRST_RETRY_SECONDS, 4 * FIRST_RETRY_SECONDS]
    assert pauses[-1] == LONGEST_RETRY_SECONDS
    counters = stage.counters
    assert (counters.secret_fetches, counters.secret_fetch_failures) == (9, 9)


def test_a_first_failure_is_an_answer_too(make):
    """Whoever waits for the start learns that AWS is away; what comes later is a change."""
    stage = make(**{CURRENT: AWAY})
    with capture_logs() as logs:
        assert stage.secret.start().called
    assert stage.secret.answered
    assert stage.secret.user is None
    assert stage.secret.succeeded is None
    assert "its users cannot log in" in logs[0]["event"]
    stage.versions[CURRENT] = version(1, "one")
    stage.clock.advance(FIRST_RETRY_SECONDS)
    assert stage.changes == [(("app",), {"app": ("one",)})]
    assert stage.secret.succeeded == FIRST_RETRY_SECONDS


def test_an_outage_keeps_what_is_known_and_is_told_now_and_then(make):
    """A warning at its beginning and each minute, and a line at its end; no secret in them."""
    stage = make()
    stage.secret.start()
    stage.versions[CURRENT] = AWAY
    with capture_logs() as logs:
        stage.clock.advance(INTERVAL)
        assert [line["log_level"] for line in logs] == ["warning"]
        stage.clock.pump([1.0] * int(RETELL_SECONDS * 3))
        assert 3 <= len(logs) <= 4
        assert stage.passwords == ("one",)
        logs.clear()
        stage.versions[CURRENT] = version(1, "one")
        stage.clock.pump([1.0] * int(LONGEST_RETRY_SECONDS))
    assert [line["log_level"] for line in logs] == ["info"]
    assert stage.changes == []


def test_what_is_known_is_not_used_for_ever(make):
    """After the limit its users are unknown, told once, and back when AWS is."""
    stage = make()
    stage.secret.start()
    stage.versions[CURRENT] = AWAY
    with capture_logs() as logs:
        stage.clock.pump([1.0] * int(STALE - 1))
        assert stage.passwords == ("one",)
        stage.clock.advance(1)
        assert stage.secret.accounts == {}
        assert stage.secret.user is None
        stage.clock.pump([1.0] * 200)
    assert [line["log_level"] for line in logs].count("error") == 1
    stage.versions[CURRENT] = version(1, "one")
    stage.clock.pump([1.0] * int(LONGEST_RETRY_SECONDS))
    assert stage.changes == [(("app",), {}), (("app",), {"app": ("one",)})]


def test_a_healthy_secret_is_never_stale(make):
    """The limit counts only while AWS is away, however short it is."""
    stage = make()
    stage.secret._freshness = Freshness(
        refresh_interval_seconds=INTERVAL, stale_limit_seconds=0, password_overlap_seconds=0
    )
    stage.secret.start()
    stage.clock.advance(INTERVAL - 1)
    assert stage.passwords == ("one",)
    stage.versions[CURRENT] = AWAY
    stage.clock.advance(1)
    assert stage.secret.accounts == {}


def test_an_unusable_current_version_keeps_the_last_good_one(make):
    """A secret that was spoilt is like one that cannot be read, and the log says why."""
    stage = make()
    stage.secret.start()
    for answer, why in (
        (SecretUnusableError('it lacks "password"'), 'it lacks "password"'),
        (None, "it has no current version"),
    ):
        stage.versions[CURRENT] = answer
        stage.secret._told = None
        with capture_logs() as logs:
            stage.clock.advance(INTERVAL)
        assert logs[0]["why"] == why
        assert stage.passwords == ("one",)


def test_what_was_current_stands_in_for_a_previous_version_that_cannot_be_read(make):
    """A new current version is used at once; the previous one is asked for again later."""
    stage = make(**{PREVIOUS: AWAY})
    stage.secret.start()
    assert stage.passwords == ("one",)
    stage.versions[CURRENT] = version(2, "two", created=NOON + 200)
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("two", "one")
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("two", "one")
    stage.versions[PREVIOUS] = version(1, "other")
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("two", "other")


def test_a_mistake_of_ours_does_not_end_the_looks(make):
    """An error that nobody thought of is logged by its kind, without its words."""
    stage = make(**{CURRENT: ZeroDivisionError("hunter2")})
    with capture_logs() as logs:
        assert stage.secret.start().called
    assert logs[0]["kind"] == "ZeroDivisionError"
    assert "hunter2" not in repr(logs)
    stage.versions[CURRENT] = version(1, "one")
    stage.clock.advance(FIRST_RETRY_SECONDS)
    assert stage.passwords == ("one",)


def test_a_hook_that_fails_does_not_keep_others_waiting(make):
    """Who waits is answered, and the next look comes."""
    stage = make()
    stage.secret.start()

    def fail_to_hear(_users):
        raise ZeroDivisionError("hunter2")

    stage.secret._on_change = fail_to_hear
    stage.versions[CURRENT] = version(2, "two")
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    with capture_logs() as logs:
        assert stage.secret.refresh().called
    assert logs[0]["kind"] == "ZeroDivisionError"
    stage.versions[CURRENT] = version(3, "three")
    stage.secret._on_change = lambda _users: None
    stage.clock.advance(INTERVAL)
    assert stage.passwords == ("three",)
