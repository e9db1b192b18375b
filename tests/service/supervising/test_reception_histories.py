"""Tests of `proxy.service.supervising.reception`: storms of clients, and who has the places.

Everything is there but the processes and the kernel's part of a connection; who comes and when
is chance with a seed, and time passes by a clock.
"""

from __future__ import annotations

import os
import random
import socket
from collections import Counter

import pytest
from twisted.internet.address import IPv4Address

from proxy.front.admission import LOCAL
from proxy.front.console import SPARE_PLACES
from proxy.front.listener import TurnedAway
from proxy.observe.log import get_logger
from proxy.service.seats import arrivals
from proxy.service.seats.arrivals import Arrivals
from proxy.service.supervising.member import Place
from proxy.service.supervising.reception import Reception
from tests.front.consoling import PASSWORD, stage
from tests.support.joined import Reactor
from tests.support.memory import Peer
from tests.support.staff import Staffed

PLACES = 50
WORKERS = 2
EACH_SECOND = 3000
STAY_SECONDS = 5.0
LOGIN_SECONDS = 0.02
STEP_SECONDS = 0.002
STEPS = 1000
FULL_AFTER = 250
"""Steps until all who say so have said how things stand several times."""

LATE_SECONDS = 0.004
"""How long it takes until the supervisor has heard what a worker says."""

THERE = IPv4Address("TCP", "203.0.113.9", 40_000)
"""Where no admin user comes from; they come by unix sockets here."""


class Worker:
    """One that serves.

    Attributes:
        refused: How many it has turned away in place of a greeting.
    """

    def __init__(self, storm, member, door):
        self.storm, self.member = storm, member
        self.stage = stage(proxy={"max_clients": PLACES})
        self.proxy = self.stage.proxy
        self.proxy.elsewhere = storm  # somebody
        self.refused = 0
        self.arrivals = Arrivals(
            door, lambda: {"shop": self.proxy}, self._tell, storm.reactor, get_logger()
        )
        storm.reactor.callLater(storm.chance.random() * LATE_SECONDS, self.arrivals.start)

    def _tell(self, clients, received):
        self.storm.reactor.callLater(LATE_SECONDS, self.member.told, clients, Counter(received))

    def come(self, connection, factory):
        """Somebody is let in, or turned away."""
        peer = Peer(self.stage, factory, THERE if connection.family == socket.AF_INET else None)
        self.stage.run()
        if isinstance(peer.wire.protocol, TurnedAway):
            self.refused += 1
            return
        later, chance = self.storm.reactor.callLater, self.storm.chance
        later(chance.random() * LOGIN_SECONDS, self._log_in, peer)

    def _log_in(self, peer):
        if peer.client.address == LOCAL and self.storm.has_operators:
            peer.log_in(user="ops", password=PASSWORD)
            return
        peer.log_in()
        stays = self.storm.chance.expovariate(1 / STAY_SECONDS)
        self.storm.reactor.callLater(stays, peer.leave)

    @property
    def spare(self):
        """How many have places beyond."""
        return len(self.proxy.clients.keys() & self.proxy.spare)


class Storm:
    """Many more clients than may.

    Attributes:
        taken: How many had one of the places, after each step.
        has_operators: Whether admin users are those who come from where these do.
    """

    def __init__(self):
        self.chance, self.reactor, self.taken = random.Random(1), Reactor(), []
        self.has_operators = False
        self.staff = Staffed(WORKERS)
        self.workers = [Worker(self, *one) for one in self.staff.doors.items()]
        self.one = Reception(self.staff, self.reactor, get_logger(), lambda _: PLACES)
        self.there = socket.socket()
        self.here = socket.socket(socket.AF_UNIX)
        self._due = 0.0

    def adopt(self, _reactor, connection, factory):
        """See `proxy.net.adopt`."""
        with connection:
            (worker,) = (one for one in self.workers if one.proxy is factory._proxy)
            worker.come(connection, factory)

    @property
    def at_consoles(self):
        """How many admin users are there."""
        return sum(len(one.proxy.consoles) for one in self.workers)

    def come(self, source):
        """Somebody comes."""
        self.one.take(os.dup(source.fileno()), Place("shop", "main"))

    def step(self, source):
        """A moment passes in which some come."""
        while self._due <= self.reactor.seconds():
            self.come(source)
            self._due += self.chance.expovariate(EACH_SECOND)
        self.reactor.advance(STEP_SECONDS)
        for worker in self.workers:
            worker.arrivals.doRead()
        self.taken.append(sum(one.proxy.count - one.spare for one in self.workers))

    def end(self):
        for worker in self.workers:
            worker.arrivals.stop()
            worker.arrivals.end()
        self.one.stop()
        self.staff.end()
        self.here.close()
        self.there.close()


@pytest.fixture
def storm(monkeypatch):
    """Nobody has come yet."""
    storm = Storm()
    monkeypatch.setattr(arrivals, "adopt", storm.adopt)
    yield storm
    storm.end()


def test_all_places_are_taken_in_a_storm(storm):
    """Those who are turned away have none of them, and nobody has one too many."""
    for _ in range(STEPS):
        storm.step(storm.there)
    full = storm.taken[FULL_AFTER:]
    assert max(storm.taken) == PLACES
    assert sum(full) >= 0.95 * PLACES * len(full)
    assert sum(one.refused for one in storm.workers) > 10 * PLACES
    assert sum(one.spare for one in storm.workers) == 0


def test_operators_get_in_during_a_storm(storm):
    """Places beyond are for those who come from where they do, and nobody else is there."""
    storm.has_operators = True
    for come in range(SPARE_PLACES):
        for _ in range(FULL_AFTER):
            storm.step(storm.there)
        assert storm.at_consoles == come
        storm.come(storm.here)
    for _ in range(FULL_AFTER):
        storm.step(storm.there)
    assert storm.at_consoles == SPARE_PLACES
    assert max(storm.taken) == PLACES


def test_nobody_has_a_place_too_many_where_all_come_from_where_operators_do(storm):
    """Those in places beyond are few, and no clients of the database."""
    for _ in range(STEPS):
        storm.step(storm.here)
        assert max(one.spare for one in storm.workers) <= SPARE_PLACES
    assert max(storm.taken) == PLACES
