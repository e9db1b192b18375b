"""Tests of `proxy.credentials.secrets_source`."""

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError

from proxy.credentials.cached import FIRST_RETRY_SECONDS, REFETCH_PAUSE_SECONDS
from proxy.credentials.secrets_manager import CURRENT, PENDING, PREVIOUS
from proxy.credentials.secrets_source import SecretEntry
from proxy.credentials.source import Credential
from proxy.observe.log import get_logger
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


def two_users(make):
    """Begin with two secrets that can be read."""
    stage = make("a", "b", a=version("1", "app", "one"), b=version("1", "batch", "two"))
    stage.source.start()
    return stage


def test_each_secret_has_a_user(make):
    """Users are known once their secrets are, in the order of the entries, as `make` says."""
    stage = two_users(make)
    assert stage.source.users() == ("app", "batch")
    assert stage.source.known("app") == Credential("app", ("one",), "plugin")
    assert stage.source.find("batch").result.passwords == ("two",)
    assert stage.source.find("root").result is None
    assert stage.changes == []


def test_who_is_not_known_waits_for_all_first_answers(make):
    """A user is known at once or later, and unknown when every secret has answered."""
    stage = make("a", "b", a=version("1", "app", "one"), b=version("1", "batch", "two"))
    stage.held["b"] = None
    stage.source.start()
    assert stage.source.find("app").result.passwords == ("one",)
    batch, root = stage.source.find("batch"), stage.source.find("root")
    gone = stage.source.find("batch")
    gone.addErrback(lambda failure: failure.trap(CancelledError))
    gone.cancel()
    assert len(stage.source._waiting) == 2
    assert not batch.called
    assert not root.called
    stage.release("b")
    assert batch.result.passwords == ("two",)
    assert root.result is None


def test_a_user_is_found_before_the_last_answer(make):
    """Nobody waits for secrets of others once the own one is there."""
    stage = make("a", "b", a=version("1", "app", "one"))
    stage.held.update(a=None, b=None)
    stage.source.start()
    app, root = stage.source.find("app"), stage.source.find("root")
    stage.release("a")
    assert app.result.passwords == ("one",)
    assert not root.called


def test_the_other_user_of_a_pair_is_looked_for_in_its_secret(make):
    """A rotation that alternates users brings a name that is new to us: its secret is read."""
    stage = make("a", "b", a=version("1", "app", "one"), b=version("1", "other", "two"))
    stage.source.start()
    stage.secrets["a", CURRENT] = version("2", "app_clone", "three")
    stage.secrets["a", PREVIOUS] = version("1", "app", "one")
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    stage.asked.clear()
    found = stage.source.refresh("app_clone").result
    assert found.passwords == ("three",)
    assert {secret for secret, _ in stage.asked} == {"a"}
    stage.secrets["a", CURRENT] = version("3", "app", "four")
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    assert stage.source.refresh("app").result.passwords == ("four", "one")


def test_a_failure_is_an_answer(make):
    """While AWS is away at the start, users are unknown and nobody waits."""
    stage = make("a", a=AWAY)
    stage.source.start()
    assert stage.source.find("app").result is None
    counters = stage.counters
    assert (counters.secret_fetches, counters.secret_fetch_failures) == (1, 1)
    stage.secrets["a", CURRENT] = version("1", "app", "one")
    stage.clock.advance(FIRST_RETRY_SECONDS)
    assert stage.passwords("app") == ("one",)
    assert stage.changes == [("app",)]


def test_a_rotation_is_told_once_the_new_password_is_known(make):
    """The hook hears the user when `known` has both passwords; others keep their credential."""
    stage = two_users(make)
    batch = stage.source.known("batch")
    heard = []
    stage.source._on_change = lambda users: heard.append((users, stage.passwords("app")))
    stage.secrets["a", CURRENT] = version("2", "app", "three")
    stage.secrets["a", PREVIOUS] = version("1", "app", "one")
    stage.clock.advance(INTERVAL)
    assert heard == [(("app",), ("three", "one"))]
    assert stage.source.known("batch") is batch


def test_refresh_reads_the_secret_of_the_user(make):
    """Only that one is read, its pending version too, and the answer has what was found."""
    stage = two_users(make)
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    stage.asked.clear()
    stage.secrets["b", PENDING] = version("2", "batch", "three")
    assert stage.source.refresh("batch").result.passwords == ("two", "three")
    assert stage.asked == [("b", CURRENT), ("b", PENDING)]


def test_refresh_of_an_unknown_name_is_a_read_of_some_secret(make):
    """It waits as one of a known name does, and a name has the same secret each time."""
    ids = [f"s{number}" for number in range(8)]
    stage = make(*ids, **{name: version("1", name, "x") for name in ids})
    stage.source.start()
    waiting = stage.source.refresh("root")
    assert not waiting.called
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    assert waiting.result is None
    chosen = set()
    for name in [f"nobody-{number}" for number in range(50)]:
        reads = []
        for _ in range(2):
            stage.clock.advance(REFETCH_PAUSE_SECONDS)
            stage.asked.clear()
            assert stage.source.refresh(name).result is None
            reads.append(tuple(stage.asked))
        assert reads[0] == reads[1]
        assert [kind for _, kind in reads[0]] == [CURRENT, PENDING]
        chosen.add(reads[0][0][0])
    assert len(chosen) > 1


def test_lines_say_whose_they_are(make):
    """Those of several proxies are told apart, also those about one secret."""
    with capture_logs() as logs:
        stage = make(
            SecretEntry("a", make_credential, "app"),
            "b",
            log=get_logger(proxy="shop"),
            a=version("1", "admin", "one"),
            b=AWAY,
        )
        stage.source.start()
    assert [(line["proxy"], line["secret_id"]) for line in logs] == [
        ("shop", "a"),
        ("shop", "b"),
    ]


def test_refresh_finds_a_user_who_is_new(make):
    """A secret that has changed its user is found by the new name, if it was the one read."""
    stage = make("a", a=version("1", "app", "one"))
    stage.source.start()
    stage.clock.advance(REFETCH_PAUSE_SECONDS)
    stage.secrets["a", CURRENT] = version("2", "app_clone", "two")
    assert stage.source.refresh("app_clone").result.passwords == ("two",)
    assert stage.source.known("app") is None
    assert stage.changes == [("app", "app_clone")]


def test_a_source_without_secrets_knows_nobody(make):
    """There is nothing to wait for."""
    stage = make()
    stage.source.start()
    assert stage.source.refresh("app").result is None
    assert stage.source.find("app").result is None
    assert stage.source.oldest_success_age == 0


def test_the_first_entry_of_a_user_counts(make):
    """A second secret of the same user is told once, and used while there is no first."""
    stage = make("a", "b", a=version("1", "app", "one"), b=version("1", "app", "two"))
    stage.held["a"] = None
    with capture_logs() as logs:
        stage.source.start()
        assert stage.passwords("app") == ("two",)
        stage.release("a")
        assert stage.passwords("app") == ("one",)
        stage.clock.advance(INTERVAL)
    assert stage.changes == [("app",)]
    (line,) = logs
    assert (line["log_level"], line["secret_id"], line["user"]) == ("warning", "b", "app")
    assert "'one'" not in repr(logs)
    assert "'two'" not in repr(logs)


def test_a_secret_of_another_user_than_expected_is_not_used(make):
    """The error names the secret and its user once, and what is put right is used."""
    stage = make(SecretEntry("a", make_credential, "app"), a=version("1", "admin", "one"))
    with capture_logs() as logs:
        stage.source.start()
        stage.clock.advance(INTERVAL)
    (line,) = logs
    assert (line["log_level"], line["secret_id"], line["user"]) == ("error", "a", "admin")
    assert stage.source.users() == ()
    stage.secrets["a", CURRENT] = version("2", "app", "two")
    stage.secrets["a", PREVIOUS] = version("1", "admin", "one")
    stage.clock.advance(INTERVAL)
    assert stage.source.users() == ("app",)


def test_the_oldest_success_is_that_of_the_worst_secret(make):
    """A secret that could never be read counts from the start."""
    stage = make("a", "b", a=version("1", "app", "one"), b=AWAY)
    stage.clock.advance(7)
    stage.source.start()
    stage.clock.advance(5)
    assert stage.source.oldest_success_age == 5
    stage.secrets["b", CURRENT] = version("1", "batch", "two")
    stage.clock.advance(2)
    assert stage.source.oldest_success_age == 7
    assert stage.counters.secret_fetches > 2


def test_troubles_are_told_until_they_are_over(make):
    """Each secret that is of no use has a sentence, and one that can be read again has none."""
    stranger = SecretEntry("c", make_credential, "app")
    stage = make("a", "b", stranger, a=AWAY, c=version("1", "admin", "three"))
    stage.secrets["b", CURRENT] = ZeroDivisionError("hunter2")
    stage.source.start()
    assert list(stage.source.troubles()) == [
        ("a", "AWS cannot be reached"),
        ("b", "a mistake of the proxy (ZeroDivisionError)"),
        ("c", "it is of the user 'admin', not 'app'"),
    ]
    stage.secrets["a", CURRENT] = version("1", "first", "one")
    stage.secrets["b", CURRENT] = version("1", "second", "two")
    stage.clock.advance(FIRST_RETRY_SECONDS)
    assert [secret_id for secret_id, _ in stage.source.troubles()] == ["c"]


def test_stop_answers_those_who_wait(make):
    """A login that waits for the first answer hears that the user is unknown."""
    stage = make("a", a=version("1", "app", "one"))
    stage.held["a"] = None
    stage.source.start()
    app = stage.source.find("app")
    stage.source.stop()
    assert app.result is None


def test_a_source_shows_no_password(make):
    """The repr says how many."""
    assert repr(two_users(make).source) == "<SecretsSource of 2 secrets, 2 users>"
