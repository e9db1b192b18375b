"""Tests of `proxy.front.concluding`."""

from __future__ import annotations

import pytest

from proxy.session.pins import PinReason
from tests.support.memory import Stage
from tests.support.scripted import error


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client that has logged in."""
    return stage.client()


def test_a_lease_that_knows_nothing_goes_back_at_once(stage, client):
    """An OK without warnings or reports leaves nothing behind."""
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve()
    assert stage.ledger.idle_count == 1
    assert not stage.ledger.lingering


def test_a_lease_that_knows_something_lingers(stage, client):
    """The error of a failed statement is there to be read for a while."""
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve(error(1062, "23000").encode())
    assert len(stage.ledger.lingering) == 1
    stage.part()
    assert stage.ledger.idle_count == 1


def test_a_syntax_error_does_not_pin(stage, client):
    """What the server could not read did nothing, whatever it was."""
    client.query(b"FROB 1")
    stage.serve(error(1064, "42000").encode())
    assert not client.client.session.pins


def test_what_nobody_could_read_pins(stage, client):
    """The server ran it: it may have done anything."""
    stage.servers.routines[b"SET last_insert_id"] = lambda side: [side.ok()]
    client.query(b"FROB 1")
    stage.serve()
    assert PinReason.OPAQUE in client.client.session.pins
    assert len(stage.ledger.lent) == 1
