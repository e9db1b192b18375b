"""Tests of `proxy.service.supervising.distant_kill`."""

from __future__ import annotations

import attrs
import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.front.kill import Kill, Outcome
from proxy.front.proxy import SEATS, ConnectionIds, first_number
from proxy.service.link import Link
from proxy.service.supervising.distant_kill import (
    SUPERVISOR_SECONDS,
    WORKER_SECONDS,
    KillsBetween,
    KillsElsewhere,
)
from tests.support.linked import Result, linked, settle, wire_of
from tests.support.memory import Stage


@attrs.define(eq=False)
class Worker:
    """A worker, as the supervisor has it.

    Attributes:
        stage: Its proxy and clients.
        up: Its own end of the link.
    """

    number: int
    link: Link
    up: Link
    stage: Stage

    @property
    def first(self):
        """The id that it gives first."""
        return first_number(self.number)


class Office:
    """A supervisor with workers.

    Attributes:
        clock: That of the links.
        workers: By their numbers.
        members: Those that the supervisor has now.
    """

    def __init__(self, count=3):
        self.clock = Clock()
        self.members = []
        self.between = KillsBetween(lambda: self.members)
        self.workers = {number: self._hire(number) for number in range(1, count + 1)}

    def _hire(self, number):
        stage = Stage()
        stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
        stage.proxy.ids = ConnectionIds(number, SEATS)
        down, up = linked(self.clock)
        stage.proxy.elsewhere = KillsElsewhere(up, stage.clients)
        worker = Worker(number, down, up, stage)
        self.members.append(worker)
        self.between.join(worker)
        return worker

    def client(self, number, **login):
        """A client of a worker that has logged in."""
        return self.workers[number].stage.client(**login)

    def die(self, number):
        """A worker is gone."""
        worker = self.workers[number]
        self.members.remove(worker)
        wire_of(worker.up).break_off()
        self.run()

    def run(self, seconds=0.0):
        """Let time pass, and everything arrive."""
        self.clock.advance(seconds)
        for _ in range(9):
            settle(self.clock)
            for worker in self.workers.values():
                worker.stage.run()

    def kill(self, killer, number, text=b"KILL QUERY %d"):
        """Send a KILL, and let everything arrive."""
        killer.query(text % number)
        self.run()


@pytest.fixture
def office():
    """A supervisor with three workers."""
    return Office()


def busy(office, number):
    """A client of a worker in the middle of a statement."""
    victim = office.client(number)
    victim.query(b"SELECT SLEEP(100)")
    return victim


def killed(worker):
    """Every KILL that the target of a worker has heard."""
    found = [
        backend.side.text_of(command)
        for backend in worker.stage.backends
        for command in backend.side.commands
    ]
    return [text for text in found if text.startswith(b"KILL")]


def test_a_kill_reaches_a_client_of_another_worker(office):
    """Its number says which one that is, and the others hear nothing of it."""
    victim, killer = busy(office, 2), office.client(1)
    number = victim.client.number
    assert (number, killer.client.number) == (2, 1)
    before = wire_of(office.workers[3].link).sent
    office.kill(killer, number)
    assert killer.reply().affected_rows == 0
    assert killed(office.workers[2]) == [b"KILL QUERY 1"]
    assert wire_of(office.workers[3].link).sent == before
    assert repr(office.between) == "<KillsBetween 3 workers>"
    assert "<KillsElsewhere by <Link open, 0 asked>>" in repr(killer.client.proxy.elsewhere)


def test_a_kill_of_a_connection_ends_it_elsewhere(office):
    """As one in the same process."""
    victim, killer = busy(office, 2), office.client(1)
    office.kill(killer, victim.client.number, b"KILL %d")
    assert killer.reply().affected_rows == 0
    assert victim.closed


def test_a_user_may_stop_its_own_clients_only_elsewhere_too(office):
    """Another user's is 1095, and goes on."""
    victim, killer = busy(office, 2), office.client(1, user="other")
    office.kill(killer, victim.client.number)
    assert killer.reply().code == 1095
    assert killed(office.workers[2]) == []


@pytest.mark.parametrize("asker", [1, 2])
def test_a_client_that_has_moved_is_found_by_its_number(office, asker):
    """Where its number comes from nobody knows it: all others are asked, but for who asks."""
    victim, killer = busy(office, 3), office.client(asker)
    stage = office.workers[3].stage
    moved = stage.clients[2 + SEATS] = stage.clients.pop(victim.client.number)
    moved.number = 2 + SEATS
    office.kill(killer, moved.number)
    assert killer.reply().affected_rows == 0
    assert killed(office.workers[3]) == [b"KILL QUERY 1"]


@pytest.mark.parametrize("number", [0, 66, 5, SEATS])
def test_whom_nobody_knows_is_1094(office, number):
    """Whether there is a worker of this seat or not."""
    killer = office.client(1)
    office.kill(killer, number)
    assert killer.reply().code == 1094


def test_a_worker_that_hangs_makes_its_clients_unknown(office):
    """After a while; other workers have been asked as well by then."""
    victim, killer = busy(office, 2), office.client(1)
    wire_of(office.workers[2].up).stuck = True
    office.kill(killer, victim.client.number)
    assert killer.payloads() == []
    office.run(WORKER_SECONDS)
    assert killer.reply().code == 1094
    assert not office.clock.calls


@pytest.mark.parametrize(("asker", "taker"), [(1, 3), (1, 4), (3, 3)])
def test_a_client_that_moves_meanwhile_is_found(asker, taker):
    """Whether it goes to a worker that was asked before, is asked later, or asks itself."""
    office = Office(4)
    victim, killer = busy(office, 2), office.client(asker)
    stages = {number: worker.stage for number, worker in office.workers.items()}
    number = 4 + SEATS  # it has moved before
    stages[2].clients[number] = stages[2].clients.pop(victim.client.number)
    victim.client.number = number
    kills = stages[2].proxy.elsewhere

    def move(message, sockets):
        """It sets out before the question comes, and arrives when the answer does."""
        stages[taker].clients[number] = stages[2].clients.pop(number)
        office.workers[2].up.on("kill", kills._obey)
        return kills._obey(message, sockets)

    office.workers[2].up.on("kill", move)
    office.kill(killer, number)
    assert killer.reply().affected_rows == 0
    assert killed(office.workers[2]) == [b"KILL QUERY 1"]


def test_a_worker_that_dies_meanwhile_has_no_clients(office):
    """Who asks hears that at once."""
    victim, killer = busy(office, 2), office.client(1)
    wire_of(office.workers[2].up).stuck = True
    office.kill(killer, victim.client.number)
    office.die(2)
    assert killer.reply().code == 1094


@pytest.mark.parametrize("dies", [True, False])
def test_a_supervisor_that_dies_or_hangs_lets_nobody_wait(office, dies):
    """Nobody else can know the client."""
    killer = office.client(1)
    wire_of(office.workers[1].link).stuck = True
    office.kill(killer, 2)
    assert killer.payloads() == []
    if dies:
        wire_of(office.workers[1].link).break_off()
    office.run(0 if dies else SUPERVISOR_SECONDS)
    assert killer.reply().code == 1094
    office.kill(killer, 4711 if dies else 1 + SEATS)
    office.run(SUPERVISOR_SECONDS)
    assert killer.reply().code == 1094


def test_an_asker_that_dies_stops_nothing(office):
    """What it wanted is done, and its answer has nowhere to go."""
    victim, killer = busy(office, 2), office.client(1)
    wire_of(office.workers[2].up).stuck = True
    with capture_logs() as logs:
        office.kill(killer, victim.client.number)
        office.die(1)
        office.run(WORKER_SECONDS)
    assert killed(office.workers[2]) == [b"KILL QUERY 1"]
    assert not [line for line in logs if line["log_level"] == "error"]


def test_what_is_asked_says_all_that_the_owner_needs(office):
    """And nothing is lost on the way."""
    told = []
    worker = office.workers[2]
    worker.up.on("kill", lambda message, _: told.append(message) or {"outcome": "done"})
    wanted = Kill(number=2, user="caf\udce9", proxy="shop", query=False, by=1)
    kills = office.workers[1].stage.proxy.elsewhere
    result = Result(Deferred.fromCoroutine(kills.kill(wanted)))
    office.run()
    assert result.value is Outcome.DONE
    assert attrs.asdict(wanted).items() <= told[0].items()
