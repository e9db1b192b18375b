"""Tests of `proxy.credentials.shared`: one reads secrets, and others know what it knows."""

from __future__ import annotations

import json

import attrs
import pytest
from twisted.internet.defer import CancelledError, Deferred

from proxy.config.aws import AwsConfig
from proxy.credentials.directory import Claiming
from proxy.credentials.secrets_manager import CURRENT
from proxy.credentials.secrets_source import SecretEntry
from proxy.credentials.shared import SharedSecrets, ToldSecrets, key_of
from proxy.credentials.source import Credential
from tests.credentials.secrets_stage import INTERVAL, Stage, make_credential, version
from tests.support.assembling import SECRET

ENTRIES = (
    SecretEntry("a", make_credential),
    SecretEntry("b", make_credential, "batch"),
)


class Both:
    """Who reads, and somebody who is told.

    Attributes:
        stage: Secrets in the test's hand.
        source: Who reads them.
        other: Who is told.
        told: What was told, last.
        changes: Users whose passwords changed for who is told.
        asked: What that has asked for.
    """

    def __init__(self):
        self.stage = Stage(*ENTRIES, a=version("1", "app", "one"))
        self.stage.secrets["b", CURRENT] = version("1", "batch", "two")
        self.source = self.stage.source
        self.source.__class__ = SharedSecrets
        self.told, self.over, self.listening = None, [], True
        self.source.share("key", self._tell, self.over.append)
        self.changes, self.asked, self.ended = [], [], []
        self.other = ToldSecrets(
            "key", ENTRIES, self._begin, self.ended.append, self._ask, self.changes.append
        )

    def _tell(self, source):
        assert source is self.source
        self.told = json.loads(json.dumps(source.told()))
        if self.listening:
            self.other.take_up(self.told)

    def _begin(self, other):
        if self.told is not None:
            other.take_up(self.told)

    async def _ask(self, key, user):
        self.asked.append((key, user))
        await self.source.refresh(user)

    def stop(self):
        """Stop both."""
        self.source.stop()
        self.other.stop()
        assert not self.stage.clock.getDelayedCalls()


@pytest.fixture
def both():
    """Both, not started."""
    both = Both()
    yield both
    both.stop()


def test_who_shares_with_nobody_reads_as_ever():
    """A process that serves by itself knows the users, and ends."""
    stage = Stage(*ENTRIES[:1], a=version("1", "app", "one"))
    stage.source.__class__ = SharedSecrets
    stage.source.start()
    assert stage.source.users() == ("app",)
    stage.source.stop()


def test_who_is_told_knows_the_same_users(both):
    """In the same order, by the same entries."""
    both.source.start()
    other = both.other
    assert other.users() == both.source.users() == ("app", "batch")
    assert other.known("app") == Credential("app", ("one",), "plugin")
    assert other.find("batch").result.passwords == ("two",)
    assert other.find("root").result is None
    assert both.changes == []
    assert repr(other) == "<ToldSecrets of 2 secrets, 2 users>"
    assert "'one'" not in repr(other.__dict__)


def test_who_is_told_waits_for_first_answers(both):
    """For all of them, where a user is not known before."""
    both.stage.held["b"] = None
    both.source.start()
    other = both.other
    assert other.find("app").result.passwords == ("one",)
    batch, root, gone = other.find("batch"), other.find("root"), other.find("batch")
    gone.addErrback(lambda failure: failure.trap(CancelledError))
    gone.cancel()
    assert not batch.called
    both.stage.release("b")
    assert batch.result.passwords == ("two",)
    assert root.result is None
    assert both.changes == []


def test_who_begins_late_knows_all_at_once(both):
    """What was told by then."""
    both.listening = False
    both.source.start()
    assert both.other.users() == ()
    both.other.start()
    assert both.other.users() == ("app", "batch")
    assert both.changes == []


def test_a_change_is_told(both):
    """With users that come and go."""
    both.source.start()
    both.stage.secrets["a", CURRENT] = version("2", "app", "new")
    both.stage.secrets["b", CURRENT] = version("2", "other", "x")
    both.stage.clock.advance(INTERVAL * 2)
    assert both.other.known("app").passwords == ("new",)
    assert both.other.known("batch") is None
    assert {user for users in both.changes for user in users} == {"app", "batch"}
    both.changes.clear()
    both.other.take_up({**both.told, "users": {**both.told["users"], "more": [0, ["x"]]}})
    assert both.changes == [("more",)]


def test_a_refused_password_is_looked_up_by_who_reads(both):
    """And the answer is there when the asker hears of it."""
    both.source.start()
    both.stage.clock.advance(60)
    both.stage.secrets["a", CURRENT] = version("2", "app", "new")
    found = both.other.refresh("app")
    assert found.result.passwords == ("new",)
    assert both.asked == [("key", "app")]
    assert both.changes == [("app",)]


def test_claims_are_those_of_who_reads(both):
    """Whom an entry names, whom a secret had, and the other one of a pair."""
    both.source.start()
    assert isinstance(both.other, Claiming)
    names = ("app", "app_clone", "batch", "batch_clone", "root", "a")
    for _ in range(2):
        claims = [both.other.claims(name) for name in names]
        assert claims == [both.source.claims(name) for name in names]
        assert claims == [True, True, True, False, False, False]
        both.other.take_up({**both.told, "users": {}})
        both.source._known = {}


def test_who_stops_waits_for_nobody(both):
    """Who waits hears what is known; nothing is asked any more."""
    other = both.other
    waiting = other.find("app")
    other.stop()
    assert waiting.result is None
    assert other.find("app").result is None
    assert other.refresh("app").result is None
    assert both.asked == []
    assert both.ended == [other]


def test_the_end_of_reading_is_told(both):
    """Once for each stop."""
    both.source.start()
    both.source.stop()
    assert both.over == [both.source]


def test_one_who_hears_may_make_another_one_give_up(both):
    """It is not told then."""
    other = both.other
    first, second = other.find("app"), other.find("app")
    second.addErrback(lambda failure: failure.trap(CancelledError))
    first.addCallback(lambda _: second.cancel())
    both.source.start()
    assert isinstance(second, Deferred)
    assert second.result is CancelledError


def test_a_key_is_of_what_is_read():
    """By whom, and by which settings."""
    aws = AwsConfig(region="eu-central-1")
    key = key_of("shop", aws, None, (SECRET,))
    assert key == key_of("shop", attrs.evolve(aws), None, (attrs.evolve(SECRET),))
    others = {
        key_of("store", aws, None, (SECRET,)),
        key_of("shop", attrs.evolve(aws, secret_refresh_interval=7.0), None, (SECRET,)),
        key_of("shop", aws, "role", (SECRET,)),
        key_of("shop", aws, None, (SECRET, SECRET)),
        key_of("shop", aws, None, (attrs.evolve(SECRET, username="x"),)),
    }
    assert len(others) == 5
    assert key not in others
