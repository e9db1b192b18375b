"""Tests of `proxy.failover.eye`: one look after the other, over one connection."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock

from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError
from proxy.failover.eye import (
    DOUBTFUL_RENEWAL_SECONDS,
    RENEWAL_SECONDS,
    Eye,
    NobodyToLookAsError,
)
from proxy.failover.probes.asking import Probe
from proxy.policy.observation import Failure, Seen
from proxy.wire.responses import Err
from tests.support.servers import Servers, memory_dialer

TIMEOUT = 1.0


class Glance(Probe):
    """Asks for a name."""

    writable = True

    async def ask(self, asking):
        """See `Probe`."""
        row = await asking.row(b"SELECT name")
        return Seen(server=str(row), version="", writable=self.writable)


class Scene:
    """An eye, and the server that it looks at.

    Attributes:
        looks: What came of each look.
        losses: How often a connection was lost while nobody looked.
    """

    def __init__(self):
        self.clock = Clock()
        self.servers = Servers(self.clock)
        self.answer()
        connector = memory_dialer(self.clock, self.servers).connector
        self.log_in = lambda: connector.log_in(Account("monitor", "secret"))
        self.looks, self.losses = [], 0
        self.eye = self.open(Glance())

    def open(self, probe, **more):
        async def log_in():
            return await self.log_in()

        return Eye(log_in, probe, self.clock, TIMEOUT, self._lost, **more)

    def _lost(self):
        self.losses += 1

    def answer(self, answer=lambda side: side.rows([(b"db",)])):
        """What the server answers; None for nothing."""
        self.servers.routines.update({b"SET autocommit": lambda side: [side.ok()]})
        self.servers.routines[b"SELECT name"] = answer

    def run(self, seconds=0.0):
        self.clock.advance(seconds)
        for _ in range(30):
            self.clock.advance(0)

    def look(self, seconds=0.0):
        """Begin a look, and let it go on for so long."""
        Deferred.fromCoroutine(self.eye.look()).addBoth(self.looks.append)
        self.run(seconds)
        return self.looks[-1] if self.looks else None

    @property
    def open_connections(self):
        return [one for one in self.servers.backends if one.wire.connected and not one.gone]


@pytest.fixture
def scene():
    """A server that answers."""
    return Scene()


def test_a_look_says_what_was_seen_and_when(scene):
    """The connection is kept for the next one."""
    scene.clock.advance(7)
    for _ in range(3):
        look = scene.look()
        assert (look.began, look.ended, look.failure) == (7, 7, None)
        assert look.seen.server == "{'c0': 'db'}"
    assert len(scene.servers.backends) == 1
    assert not scene.eye.is_looking
    assert "Eye closed" in repr(scene.eye)


def test_a_server_that_is_not_there_is_seen_not_to_be(scene):
    """The next look connects anew."""
    scene.servers.down = True
    assert scene.look().failure is Failure.REFUSED
    scene.servers.down = False
    assert scene.look().seen is not None


@pytest.mark.parametrize("where", ["connecting", "logging in", "asking"])
def test_a_look_takes_no_longer_than_it_may(scene, where):
    """Wherever it hangs; what it had is closed, and no timer is left."""
    if where == "connecting":
        scene.servers.holding = True
    elif where == "logging in":
        scene.servers.silent = True
    else:
        scene.answer(lambda side: None)  # noqa: ARG005 - what a routine gets
    assert scene.look(0.9) is None
    assert scene.eye.is_looking
    assert "looking" in repr(scene.eye)
    scene.run(0.2)
    look = scene.looks[0]
    assert (look.failure, look.began, look.ended) == (Failure.SILENT, 0.0, 1.1)
    assert not scene.open_connections
    assert not scene.clock.calls


def test_a_connection_that_dies_in_a_look_is_what_was_seen(scene):
    """It is not told twice."""
    scene.answer(lambda side: None)  # noqa: ARG005 - what a routine gets
    scene.look()
    scene.servers.backends[0].die()
    scene.run()
    assert scene.looks[0].failure is Failure.LOST
    assert scene.losses == 0


def test_a_connection_that_dies_between_looks_is_told(scene):
    """The next look has a new one."""
    scene.look()
    scene.servers.backends[0].die()
    scene.run()
    assert scene.losses == 1
    assert scene.look().seen is not None


def test_a_refused_statement_costs_the_connection(scene):
    """It may be what is wrong."""
    scene.answer(lambda _: [Err(1053, "08S01", b"Server shutdown in progress").encode()])
    assert scene.look().failure is Failure.STOPPING
    assert not scene.open_connections
    assert scene.losses == 0


def test_without_anybody_to_look_as_the_target_is_not_to_blame(scene):
    """It is the monitor that may not log in."""

    async def nobody():
        raise NobodyToLookAsError("nobody")

    scene.log_in = nobody
    look = scene.look()
    assert (look.failure, look.why) == (Failure.DENIED, "nobody")


def test_a_mistake_in_a_probe_is_a_failed_look(scene):
    """Such a look says nothing about the target."""

    class Wrong(Probe):
        async def ask(self, asking):  # noqa: ARG002 - see `Probe`
            raise ZeroDivisionError("it")

    scene.eye = scene.open(Wrong())
    look = scene.look()
    assert (look.failure, look.why) == (Failure.ODD, "ZeroDivisionError: it")


def test_what_cancels_itself_is_a_failed_look(scene):
    """Only who was told to `shut` has seen nothing."""

    async def cancelled():
        await fail(CancelledError())

    scene.log_in = cancelled
    assert scene.look().failure is Failure.SILENT


@pytest.mark.parametrize("where", ["connecting", "asking"])
def test_shutting_it_breaks_off_the_look(scene, where):
    """Nothing came of it, and nothing is left."""
    if where == "connecting":
        scene.servers.silent = True
    else:
        scene.answer(lambda side: None)  # noqa: ARG005 - what a routine gets
    scene.look(0.5)
    scene.eye.shut()
    scene.run()
    assert scene.looks == [None]
    assert not scene.open_connections
    assert not scene.clock.calls
    scene.eye.shut()


def test_a_look_that_is_broken_off_is_nothing_whatever_it_ends_with(scene):
    """Such as a password that could not be fetched because nobody waits for it any more."""
    waiting = Deferred()

    async def changes_its_error():
        try:
            await waiting
        except CancelledError:
            raise BackendLostError("no IAM token") from None

    scene.log_in = changes_its_error
    scene.look()
    scene.eye.shut()
    assert scene.looks == [None]


def test_shutting_it_between_looks_says_good_bye(scene):
    """The server is told, the owner is not."""
    scene.look()
    scene.eye.shut()
    scene.run()
    assert scene.servers.backends[0].side.commands[-1] == b"\x01"
    assert not scene.open_connections
    assert scene.losses == 0


@pytest.mark.parametrize(
    ("writable", "seconds"), [(True, RENEWAL_SECONDS), (False, DOUBTFUL_RENEWAL_SECONDS)]
)
def test_a_connection_to_a_name_is_made_anew_now_and_then(scene, writable, seconds):
    """The name may lead elsewhere: sooner where there is none who takes writes."""
    probe = Glance()
    probe.writable = writable
    scene.eye = scene.open(probe, is_name=True)
    scene.clock.advance(100)
    scene.look()
    scene.run(seconds - 0.1)
    scene.look()
    assert len(scene.servers.backends) == 1
    scene.run(0.2)
    scene.look()
    assert len(scene.servers.backends) == 2
    assert len(scene.open_connections) == 1
    assert scene.losses == 0
