"""Tests of `proxy.failover.watching`: who looks, as whom; and failovers with real monitors."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail

from proxy.credentials.directory import Directory
from proxy.credentials.source import Credential
from proxy.credentials.static import StaticSource
from proxy.failover.eye import NobodyToLookAsError
from proxy.failover.watching import Watching
from proxy.observe.log import get_logger
from proxy.policy.observation import Failure
from proxy.pool.accounts import Accounts
from proxy.wire.responses import Err
from tests.support.group import Group, answers
from tests.support.memory import NATIVE, USERS

DENIED = Err(1045, "28000", b"Access denied for user")


class Slow(StaticSource):
    """A source whose users a test looks up.

    Attributes:
        finding: What is given by `find`; None for what is known.
        refreshing: The same of `refresh`.
    """

    finding = refreshing = None

    def find(self, user):
        """See `CredentialSource`."""
        return super().find(user) if self.finding is None else self.finding

    def refresh(self, user):
        """See `CredentialSource`."""
        return super().refresh(user) if self.refreshing is None else self.refreshing


class Scene:
    """A group that is really looked at.

    Attributes:
        source: Where passwords come from.
    """

    def __init__(self, *names, users=None, tokens=None, **settings):
        self.source = Slow(USERS if users is None else users)
        self.tokens = tokens
        self.group = Group(*names, watch=self._watch, **settings)
        self.run(0.3)

    def _watch(self, group):
        self.directory = Directory([self.source], takes_all=self.tokens is not None)
        return Watching(
            group.config,
            self.directory,
            group.clock,
            group.connector,
            lambda _: Accounts(self.directory, self.tokens),
            get_logger(),
        )

    def run(self, seconds, step=0.01):
        """Let time pass in small steps."""
        for _ in range(round(seconds / step)):
            self.group.run(step)

    def log_in(self):
        """Log in as a monitor does; what comes of it."""
        group = self.group
        target = group.post("a").target
        return group.order(group.watch.log_in(target)())

    def logins(self, name="a"):
        """As whom a target was logged in to."""
        backends = self.group.host(name).servers.backends
        return [one.side.login.user for one in backends if one.side.login]


class Tokens:
    """Gives no tokens."""

    def token(self, _):
        """See `TokenGiver`."""
        return fail(ValueError("no credentials"))

    def forget(self, _):
        """See `TokenGiver`."""


# As whom


def test_monitors_look_as_the_first_user():
    """One look at each target at once, and then they are known."""
    scene = Scene("a", "b")
    assert scene.logins("a") == scene.logins("b") == ["app"]
    assert not scene.group.is_held
    assert scene.group.post("a").health.seen.writable
    assert scene.group.post("b").health.seen.sources == ("a:3306",)


def test_monitors_look_as_whom_the_configuration_names():
    """A user of their own is better."""
    scene = Scene("a", "b", monitor_username="other")
    assert set(scene.logins()) == {"other"}


@pytest.mark.parametrize(
    ("users", "name", "why"),
    [
        ({}, None, "no user at all"),
        (USERS, "stranger", "stranger"),
        ({"app": Credential("app", (), NATIVE)}, None, "no password for user 'app'"),
    ],
)
def test_without_a_password_the_target_is_not_to_blame(users, name, why):
    """Nobody was asked there."""
    scene = Scene("a", "b", users=users, monitor_username=name)
    (error,) = scene.log_in()
    assert isinstance(error, NobodyToLookAsError)
    assert why in str(error)
    assert scene.logins() == []
    assert scene.group.post("a").health.failure is Failure.DENIED


def test_without_a_token_the_target_is_not_to_blame():
    """AWS gives none; clients that have connections are not held."""
    users = {"app": Credential("app", (), NATIVE)}
    scene = Scene("a", "b", users=users, tokens=Tokens())
    (error,) = scene.log_in()
    assert isinstance(error, NobodyToLookAsError)
    assert "no IAM token" in str(error)
    assert not scene.group.is_held


def test_a_password_that_is_long_in_coming_says_nothing_of_the_target():
    """The look ends when it has to, and nobody is held for it."""
    scene = Scene("a", "b")
    scene.source.finding = Deferred()
    scene.source._credentials = {}
    scene.group.host("a").cut()
    scene.run(1.2)
    assert scene.group.post("a").health.failure is Failure.DENIED
    assert "long in coming" in scene.group.post("a").health.blind
    assert not scene.group.is_held


def test_a_refused_monitor_is_blind_while_a_new_password_is_fetched():
    """The target has answered, whatever is long in coming after that."""
    scene = Scene("a", "b")
    host = scene.group.host("a")
    host.servers.refusal = DENIED
    scene.source.refreshing = Deferred()
    host.cut()
    scene.run(1.5)
    assert scene.group.post("a").health.failure is Failure.DENIED
    assert not scene.group.is_held


def test_a_refused_monitor_says_what_the_target_said():
    """With the words of the server."""
    scene = Scene("a", "b")
    scene.group.host("a").servers.refusal = DENIED
    scene.group.host("a").cut()
    scene.run(0.5)
    assert "Access denied" in scene.group.post("a").health.blind
    assert not scene.group.is_held


def test_a_target_that_is_not_there_is_to_blame():
    """As soon as it was tried to reach it."""
    scene = Scene("a", "b")
    scene.group.host("a").servers.down = True
    (error,) = scene.log_in()
    assert not isinstance(error, NobodyToLookAsError)
    assert "refused" in str(error)


# Failovers


def promote(scene, name):
    """Let a replica become the writer."""
    host = scene.group.host(name)
    host.read_only, host.sources = False, ()


def test_a_killed_writer_costs_as_long_as_the_promotion_takes():
    """It is noticed at once, and its successor within two looks; clients hear nothing."""
    scene = Scene("a", "b", min_switch_interval=0)
    group = scene.group
    clients = [group.client() for _ in range(4)]
    group.host("a").kill()
    scene.run(0.15)
    assert group.is_held
    for n, client in enumerate(clients):
        client.query(b"INSERT INTO t VALUES (%d)" % n)
    scene.run(1)
    assert [answers(client) for client in clients] == [None] * 4
    promote(scene, "b")
    scene.run(0.25)
    assert group.writer == "b"
    assert [answers(client) for client in clients] == ["ok"] * 4
    assert group.host("b").ran == [f"INSERT INTO t VALUES ({n})" for n in range(4)]


def test_a_frozen_writer_is_noticed_within_three_seconds():
    """Nothing is answered and nothing closed: two looks in vain are enough."""
    scene = Scene("a", "b")
    scene.run(3)
    scene.group.host("a").freeze()
    scene.run(2.9)
    promote(scene, "b")
    scene.run(0.25)
    assert scene.group.writer == "b"


def test_a_connection_that_is_dropped_in_silence_moves_nobody():
    """A firewall forgot it: the second eye sees the target, and the first connects anew."""
    scene = Scene("a", "b")
    group = scene.group
    scene.run(2)
    (monitors,) = [one for one in group.host("a").servers.backends if one.wire.connected]
    monitors.side._routine = lambda _: None
    scene.run(3)
    assert group.counters.writer_switches == 0
    assert group.post("a").health.failure is None
    assert not group.is_held
    scene.run(1)
    assert not monitors.wire.connected


def test_the_number_of_looks_is_bounded_when_a_target_closes_each_connection():
    """At most one login for each doubt_interval, of either eye."""
    scene = Scene("a", "b")
    servers = scene.group.host("a").servers
    servers.routines[b"SHOW REPLICA STATUS"] = lambda _: servers.backends[-1].die()
    before = len(servers.backends)
    scene.run(5)
    assert len(servers.backends) - before <= 5 / 0.1 + 2


def test_nothing_is_left_when_real_monitors_stop():
    """In the midst of looks at a target that hangs, and at one that does not."""
    scene = Scene("a", "b")
    scene.group.client()
    scene.group.host("b").freeze()
    scene.run(1.4)
    scene.group.stop()
