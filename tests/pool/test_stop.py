"""Tests of `proxy.pool.stop`."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest

from proxy.dialogue.answers import Kind
from proxy.pool.borrower import PoolKey
from proxy.pool.stop import DRAIN_BYTES, DRAIN_SECONDS, KILLS_AT_ONCE
from proxy.session.state import State
from proxy.wire.framing import encode
from tests.support.memory import Stage
from tests.support.scripted import error, packets

KEY = PoolKey("app", 0)
ENDLESS = b"SELECT ENDLESS"


@pytest.fixture
def stage():
    """A pool that gives in to every KILL."""
    stage = Stage()
    stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
    return stage


def asked(stage):
    """A lease whose backend has been asked for something, and the server's end of it."""
    got = []
    stage.pool.borrow(KEY, State()).addCallback(got.append)
    stage.run()
    (lease,) = got
    lease.backend.ask(b"\x03" + ENDLESS, Kind.RESULT).addErrback(lambda _: None)
    stage.run()
    return lease, stage.busy()


def kills(stage):
    """Every KILL that servers have heard."""
    texts = [
        backend.side.text_of(command)
        for backend in stage.backends
        for command in backend.side.commands
    ]
    return [text for text in texts if text.startswith(b"KILL")]


def test_an_answer_that_is_nearly_there_is_read_and_the_backend_reset(stage):
    """A little that nobody wants is cheaper to read than a connection is to open."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    server.answer(*server.side.rows([(b"1",)]))
    stage.run()
    assert kills(stage) == []
    assert stage.counters.database_connections_reset == 1
    assert not server.gone
    assert stage.ledger.idle_count == 1


def test_an_answer_that_is_long_in_coming_is_stopped(stage):
    """After a tenth of a second the statement is killed and its connection closed."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    stage.run(DRAIN_SECONDS)
    assert kills(stage) == [b"KILL CONNECTION 1"]
    assert server.gone
    assert stage.ledger.total == 0


def test_an_answer_that_is_long_is_stopped(stage):
    """After a megabyte the rest is not worth reading."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    server.send(packets(server.side.rows([(b"x" * (DRAIN_BYTES // 2),)] * 3)[:-1]))
    stage.run()
    assert kills(stage) == [b"KILL CONNECTION 1"]
    assert server.gone
    assert stage.is_clean()


def test_a_server_that_wants_a_file_of_nobody_is_stopped(stage):
    """A client that left before it sent its file leaves a statement that would wait on."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    server.send(encode(b"\xfbfile", 1))
    stage.run()
    assert server.gone
    assert stage.is_clean()


def test_a_backend_that_dies_while_it_is_drained_is_just_gone(stage):
    """Nobody is told, nothing is killed, and the timer is off."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    server.die()
    stage.run(1)
    assert kills(stage) == []
    assert stage.ledger.total == 0


def test_a_lease_that_owes_nothing_is_given_back_at_once(stage):
    """Its state is not known, so it is reset."""
    got = []
    stage.pool.borrow(KEY, State()).addCallback(got.append)
    stage.run()
    stage.pool.abandon(got[0])
    stage.run()
    assert stage.counters.database_connections_reset == 1
    assert stage.ledger.idle_count == 1


def test_kill_runs_on_a_connection_of_its_own(stage):
    """A pool whose connections are all busy can still stop a statement."""
    stage.servers.max_connections = 1
    lease, server = asked(stage)
    stage.pool.kill(lease, query=True)
    stage.run()
    control = stage.backends[-1]
    assert control is not server
    assert kills(stage) == [b"KILL QUERY 1"]
    assert control.gone
    assert not server.gone


def test_a_backend_that_was_killed_serves_nobody_else(stage):
    """A KILL that arrives late must not hit the statement of the next client."""
    lease, server = asked(stage)
    stage.servers.holding = True
    stage.pool.kill(lease, query=True)
    server.answer(error(1317, "70100").encode())
    stage.run()
    stage.pool.give_back(lease, State())
    stage.run()
    assert server.gone
    assert stage.ledger.idle_count == 0


def test_only_few_kills_run_at_once(stage):
    """However many statements are to be stopped, the target sees few more connections."""
    lease, _ = asked(stage)
    stage.servers.holding = True
    for _ in range(5):
        stage.pool.kill(lease, query=True)
    stage.run()
    assert len(stage.servers.dials) == KILLS_AT_ONCE
    stage.servers.holding = False
    for go_on in [*stage.servers.dials]:
        go_on()
    stage.run()
    assert kills(stage) == [b"KILL QUERY 1"] * 5


@pytest.mark.parametrize("trouble", ["down", "refused", "silent", "hangs"])
def test_a_kill_that_fails_ends_and_makes_room(stage, trouble):
    """Whatever becomes of a KILL, its place is free again within the time of two logins."""
    lease, _ = asked(stage)
    stage.servers.down = trouble == "down"
    stage.servers.silent = trouble == "silent"
    if trouble == "refused":
        stage.servers.routines[b"KILL"] = lambda side: [error(1094).encode()]
    if trouble == "hangs":
        stage.servers.routines[b"KILL"] = lambda side: None
    done = [stage.pool.kill(lease, query=True) for _ in range(KILLS_AT_ONCE)]
    stage.run()
    stage.run(5)
    stage.run(5)
    assert all(kill.called for kill in done)
    assert stage.pool._closing._killer._places.tokens == KILLS_AT_ONCE


def test_a_kill_for_a_user_without_a_password_is_nothing(stage):
    """Nothing is dialed for a user that is not known any more."""
    lease, _ = asked(stage)
    stage.proxy.credentials._credentials.clear()
    done = stage.pool.kill(lease, query=True)
    stage.run()
    assert done.called
    assert kills(stage) == []


def test_an_answer_is_drained_piece_by_piece(stage):
    """A first piece that is short decides nothing."""
    lease, server = asked(stage)
    stage.pool.abandon(lease)
    first, *rest = server.side.rows([(b"1",)])
    server.send(packets([first]))
    stage.run()
    assert lease.backend.owes_answer
    server.send(packets(rest, 2))
    stage.run()
    assert stage.ledger.idle_count == 1
    assert not server.gone
