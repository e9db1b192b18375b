"""Tests of `proxy.front.lingering`."""

from __future__ import annotations

import pytest

from proxy.policy.lease import Place
from proxy.wire.responses import Ok
from tests.support.memory import Stage
from tests.support.scripted import CAPABILITIES, error


@pytest.fixture
def stage():
    """A proxy with one connection."""
    return Stage(max_connections=1)


@pytest.fixture
def client(stage):
    """A client whose last statement failed."""
    client = stage.client()
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve(error(1146, "42S02").encode())
    client.payloads()
    return client


def test_who_needs_the_lease_gets_it_and_what_it_knew_is_kept(stage, client):
    """The warnings are asked for before another client runs anything."""
    other = stage.client()
    other.query(b"INSERT INTO u VALUES (2)")
    assert stage.busy().texts == [b"INSERT INTO u VALUES (2)"]
    stage.serve()
    assert other.reply().affected_rows == 0
    conditions = client.client.session.leftovers.conditions
    assert conditions.rows == (b"\x05Error\x041146\x02no",)
    assert client.client.session.remains == 0


def test_the_client_itself_finds_its_lease_as_it_was(stage, client):
    """Nothing is asked when its next statement comes first."""
    client.query(b"INSERT INTO t VALUES (3)")
    assert stage.busy().texts == [b"INSERT INTO t VALUES (3)"]
    assert b"\x03SHOW WARNINGS" not in stage.backends[0].side.commands


def test_a_backend_that_dies_while_it_is_asked_costs_nobody_anything(stage, client):
    """The client had no transaction; it goes on with another connection."""
    stage.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    stage.part()
    stage.busy().die()
    stage.run()
    client.query(b"INSERT INTO t VALUES (3)")
    stage.run(1)
    stage.serve()
    assert client.reply().affected_rows == 0


@pytest.mark.parametrize(
    ("answer", "resets"),
    [
        (Ok(1, 7, warnings=2), 0),
        (error(1146, "42S02"), 1),
    ],
)
def test_who_leaves_warnings_behind_costs_no_reset(stage, answer, resets):
    """Nobody takes them for its own; of an error nobody knows what came before it."""
    client = stage.client()
    client.query(b"INSERT INTO t (a) VALUES (7)")
    encoded = answer.encode(CAPABILITIES) if isinstance(answer, Ok) else answer.encode()
    stage.serve(encoded)
    client.payloads()
    assert client.client.lease.place is Place.LINGERING
    client.leave()
    stage.run()
    commands = stage.backends[0].side.commands
    assert commands.count(b"\x1f") == resets
    other = stage.client()
    other.query(b"SELECT 1")
    assert stage.busy().texts == [b"SELECT 1"]
