"""Tests of `proxy.front.silence`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proxy.dialogue.client_states import State
from proxy.front import silence
from tests.support.memory import Stage

NOW, SINCE, ACTIVE = 1000.0, 900.0, 950.0
LOGIN, IDLE = 10.0, 1800.0


def client(state, *, session=True, console=False):
    """A client in this state, with a session, or at the console, or neither."""
    config = SimpleNamespace(login_timeout=LOGIN, idle_client_timeout=IDLE)
    proxy = SimpleNamespace(config=config, deadlines=SimpleNamespace(now=NOW))
    made = SimpleNamespace(
        proxy=proxy,
        dialogue=SimpleNamespace(state=state),
        session=object() if session else None,
        since=SINCE,
        last_active=ACTIVE,
    )
    proxy.consoles = [made] if console else []
    return made


def test_an_admin_user_at_the_console_has_the_time_of_other_clients():
    """It has no session, and has logged in nevertheless."""
    assert silence.due(client(State.READY, session=False, console=True)) == ACTIVE + IDLE


WAITS_FOR_US = (State.PROVED, State.TLS)


@pytest.mark.parametrize("state", [one for one in State if one not in WAITS_FOR_US])
def test_a_login_has_its_time_from_the_first_packet_on(state):
    """Whatever the client sends meanwhile."""
    assert silence.due(client(state, session=False)) == SINCE + LOGIN


@pytest.mark.parametrize("state", WAITS_FOR_US)
def test_whom_we_keep_waiting_is_not_late(state):
    """For a connection to the target, or for its turn to begin with TLS: not its fault."""
    assert silence.due(client(state, session=False)) == NOW + LOGIN


def test_a_change_of_user_has_the_time_of_a_login():
    """It is one."""
    assert silence.due(client(State.PROVING)) == SINCE + LOGIN


@pytest.mark.parametrize("state", [State.READY, State.FILE])
def test_a_client_whose_turn_it_is_has_its_time_since_it_last_said_something(state):
    """With a command, or with the file that the server asked for."""
    assert silence.due(client(state)) == ACTIVE + IDLE


def test_a_client_that_is_being_served_is_not_silent():
    """Not while its statement runs, and not while it is held for a new writer."""
    waits = {State.ANSWERING, State.PROVED}
    assert waits <= {*State}
    for state in waits:
        assert silence.due(client(state)) == NOW + IDLE


def test_who_does_not_log_in_is_cut_off():
    """There is nobody yet to whom anything could be said."""
    stage = Stage(proxy={"login_timeout": 3.0})
    peer = stage.connect()
    peer.packets()
    silence.expire(peer.client)
    stage.run()
    assert peer.closed
    assert peer.packets() == []
    assert stage.is_clean()


def test_who_is_idle_hears_why_it_has_to_go():
    """By an error that its next statement finds."""
    stage = Stage()
    peer = stage.client()
    silence.expire(peer.client)
    stage.run()
    assert peer.reply().code == 4031
    assert peer.closed


def test_a_client_that_is_held_is_not_taken_for_an_idle_one():
    """It waits for a writer for longer than it might say nothing, and is served then."""
    stage = Stage(proxy={"idle_client_timeout": 5.0}, connection_borrow_timeout=60.0)
    peer = stage.client()
    stage.part()
    stage.pool.hold()
    peer.query(b"SELECT 1")
    for _ in range(30):
        stage.run(1)
    assert not peer.closed
    stage.pool.release()
    stage.run()
    stage.serve()
    assert len(peer.payloads()) == 1
