"""Tests of `proxy.credentials.secrets_source`: strangers, and who is none."""

import pytest

from proxy.credentials.cached import REFETCH_PAUSE_SECONDS
from proxy.credentials.gate import MOST_LOOKS
from proxy.credentials.secrets_manager import CURRENT
from proxy.credentials.secrets_source import SecretEntry
from tests.credentials.secrets_stage import AWAY, INTERVAL, Stage, make_credential, version


@pytest.fixture
def make():
    """Make stages; no timer may be left when they stop."""
    stages = []

    def begin(*entries, **secrets):
        stages.append(Stage(*entries, **secrets))
        return stages[-1]

    yield begin
    for stage in stages:
        stage.source.stop()
        assert not stage.clock.getDelayedCalls()


def test_strangers_do_not_make_it_read_every_secret_at_once(make):
    """All who want a look share one gate, whether they are known or not."""
    ids = [f"s{number}" for number in range(40)]
    stage = make(*ids, **{name: version("1", name, "x") for name in ids})
    stage.source.start()
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    stage.asked.clear()
    names = [*ids, *(f"nobody-{number}" for number in range(200))]
    waiting = {name: stage.source.refresh(name) for name in names}
    reads = []
    for _ in range(20):
        reads.append([secret for secret, kind in stage.asked if kind == CURRENT])
        stage.asked.clear()
        stage.clock.advance(1)
    assert max(map(len, reads)) == MOST_LOOKS
    assert {secret for second in reads for secret in second} == set(ids)
    assert all(looked.called for looked in waiting.values())


def test_a_regular_look_does_not_wait_for_strangers(make):
    """It comes at its time, however many stand at the gate."""
    ids = [f"s{number}" for number in range(40)]
    stage = make(*ids, **{name: version("1", name, "x") for name in ids})
    stage.source.start()
    stage.clock.advance(INTERVAL - 1)
    waiting = [stage.source.refresh(name) for name in ids]
    stage.asked.clear()
    stage.clock.advance(1)
    assert {secret for secret, _ in stage.asked} >= set(ids[2 * MOST_LOOKS :])
    assert all(looked.called for looked in waiting)


def test_a_user_whose_secret_cannot_be_read_is_claimed(make):
    """Whom an entry names, and whom a secret had before it was stale."""
    named = SecretEntry("a", make_credential, "app")
    stage = make(named, "b", "c", a=AWAY, b=version("1", "batch", "two"), c=AWAY)
    stage.source.start()
    stage.secrets["b", CURRENT] = AWAY
    stage.clock.pump([INTERVAL] * 15)
    assert stage.source.users() == ()
    claims = {name: stage.source.claims(name) for name in ("app", "batch", "root")}
    assert claims == {"app": True, "batch": True, "root": False}
    assert stage.source._secret_of("app").secret_id == "a"
    looking = stage.source.refresh("app")
    stage.secrets["a", CURRENT] = version("1", "app", "one")
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    assert looking.result.passwords == ("one",)


def test_the_other_user_of_a_pair_is_claimed_where_it_would_be_taken(make):
    """An entry that names its user never takes the other one."""
    named = SecretEntry("b", make_credential, "batch")
    stage = make("a", named, a=version("1", "app", "one"), b=version("1", "batch", "two"))
    stage.source.start()
    assert [stage.source.claims(f"{user}_clone") for user in ("app", "batch")] == [True, False]
    assert stage.source.claims("app")


def test_a_user_whom_its_secret_has_no_more_is_not_claimed(make):
    """Where the secret can be read, it says whose it is."""
    stage = make("a", a=version("1", "app", "one"))
    stage.source.start()
    stage.secrets["a", CURRENT] = version("2", "other", "three")
    stage.clock.advance(INTERVAL)
    assert not stage.source.claims("app")
    assert stage.source.claims("other")
