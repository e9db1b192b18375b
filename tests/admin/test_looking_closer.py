"""Tests of `proxy.admin.looking_closer`."""

from __future__ import annotations

import pytest

from proxy.admin import looking_closer
from proxy.admin.snapshot import CLIENT_STATES, CONNECTION_STATES
from proxy.policy.lease import Place
from tests.support.memory import Stage


@pytest.fixture
def stage():
    return Stage()


def row(stage, peer):
    rows = looking_closer.ClientRows(stage.proxy, stage.clock.seconds())
    return rows.row(peer.client)


def connection_rows(stage):
    now = stage.clock.seconds()
    return [
        looking_closer.connection_row(stage.proxy, address, lease, now)
        for address, lease in looking_closer.connections(stage.proxy)
    ]


def test_a_client_that_logs_in_has_no_user(stage):
    """Nor anything else that only a session has."""
    client = row(stage, stage.connect("10.1.2.3"))
    assert (client.state, client.user, client.schema) == ("login", "", "")
    assert (client.endpoint, client.address, client.tls) == ("main", "10.1.2.3", "")
    assert (client.target, client.connection) == (None, None)


def test_an_idle_client_has_its_session(stage):
    """How long it has been there, and how long it has said nothing."""
    stage.client()  # so that the target is known
    stage.proxy.remember_schema("app", b"shop")
    peer = stage.client(schema=b"shop")
    stage.run(30.0)
    client = row(stage, peer)
    assert (client.state, client.user, client.schema) == ("idle", "app", "shop")
    assert client.connected == pytest.approx(30.0, abs=1.0)
    assert client.silent == pytest.approx(30.0, abs=1.0)
    assert client.number == peer.client.number


def test_a_running_statement_has_a_connection(stage):
    """The client says which, and the connection says whose it is."""
    peer = stage.client()
    peer.query(b"SELECT 1")
    client = row(stage, peer)
    assert client.state == "running"
    (connection,) = [one for one in connection_rows(stage) if one.state == "lent"]
    assert (connection.client, connection.number) == (client.number, client.connection)
    assert (connection.target, connection.user) == (client.target, "app")
    assert not connection.in_transaction
    assert connection.uses >= 1


def test_a_transaction_is_one_between_its_statements_too(stage):
    """Nobody else gets its connection."""
    peer = stage.client()
    stage.begin(peer)
    assert row(stage, peer).state == "transaction"
    assert [one.in_transaction for one in connection_rows(stage) if one.client] == [True]


@pytest.mark.parametrize("text", [b"SELECT 1", b"SET @a = 1"])
def test_who_waits_says_for_how_long(stage, text):
    """In either lane."""
    stage.begin(stage.client())
    stage.begin(stage.client())
    peer = stage.client()
    peer.query(text)
    stage.run(2.0)
    client = row(stage, peer)
    assert (client.state, client.waiting) == ("waiting", 2.0)
    assert client.connection is None


def test_a_free_connection_says_for_how_long(stage):
    """And nobody has it."""
    peer = stage.client()
    peer.query(b"SELECT 1")
    stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
    stage.part()
    stage.run(10.0)
    found = connection_rows(stage)
    assert [one.state for one in found] == ["idle"] * len(found)
    assert max(one.idle for one in found) >= 10.0
    assert {one.client for one in found} == {None}


def test_each_place_has_a_name_for_people():
    """But where a connection is gone."""
    assert {*looking_closer._PLACES} == {*Place} - {Place.GONE}
    assert {*looking_closer._PLACES.values()} == {*CONNECTION_STATES}


def test_pins_say_what_to_do(stage):
    """The longest first; the statement has no literal in it."""
    for name in (b"'secret'", b"'other'"):
        peer = stage.client()
        peer.query(b"CREATE TEMPORARY TABLE t SELECT " + name)
        stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
        stage.run(5.0)
    first, second = looking_closer.pins(stage.proxy, stage.clock.seconds())
    assert first.lasts > second.lasts
    assert first.reason == "TEMPORARY_TABLE"
    assert first.statement
    assert "secret" not in first.statement
    assert first.connection is not None
    assert row(stage, peer).pins == ("TEMPORARY_TABLE",)
    assert first.ends.startswith("When every table")
    assert first.advice


def test_a_client_that_has_left_can_still_be_shown(stage):
    """It may leave while a long list is written."""
    peer = stage.client()
    client = peer.client
    rows = looking_closer.ClientRows(stage.proxy, stage.clock.seconds())
    peer.leave()
    assert rows.row(client).state in CLIENT_STATES
