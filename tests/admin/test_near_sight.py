"""Tests of `proxy.admin.near_sight`; what is in rows is tested where they are made."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from proxy.admin.near_sight import NearSight
from proxy.admin.sight import Standing
from tests.support.memory import Stage


@pytest.fixture
def stage():
    stage = Stage()
    stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
    return stage


@pytest.fixture
def sight(stage):
    return NearSight(stage.proxy, 3)


def done(work):
    """What comes of something that is done at once."""
    results = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    (result,) = results
    return result


def test_it_is_the_proxy_itself(stage, sight):
    """As it is at each moment."""
    assert (sight.name, sight.config) == ("shop", stage.proxy.config)
    assert sight.counters is stage.proxy.counters
    assert sight.count == 0
    stage.client()
    assert sight.count == 1
    sight.debug = True
    assert stage.proxy.debug
    assert sight.debug
    assert "shop" in repr(sight)


def test_it_says_how_the_proxy_stands(stage, sight):
    """Connections that clients have, and who waits for one."""
    stage.begin(stage.client())
    stage.begin(stage.client())
    stage.client().query(b"SELECT 1")
    standing = sight.standing()
    assert standing == Standing(clients=3, connections=2, lent=2, waiting=1, pinned=0)
    (pool,) = sight.pools()
    assert (pool.lent, pool.waiting) == (2, 1)


def test_pins_are_seen(stage, sight):
    """Now, and since the start."""
    client = stage.client()
    client.query(b"CREATE TEMPORARY TABLE t (a INT)")
    stage.serve(b"\x00\x00\x00\x02\x00\x00\x00")
    assert sight.standing().pinned == 1
    (reason,) = sight.pin_reasons()
    assert (reason.proxy, reason.reason, reason.now) == ("shop", "TEMPORARY_TABLE", 1)
    seen = done(sight.pins())
    assert ([pin.client for pin in seen.rows], seen.total) == ([client.client.number], 1)
    assert [*done(sight.pins(0)).rows] == []


def test_rows_say_which_worker_has_them(stage, sight):
    """And how many there are beyond those that are wanted."""
    for _ in range(2):
        stage.begin(stage.client())
    seen = done(sight.clients(1))
    assert ([row.worker for row in seen.rows], seen.total, seen.missing) == ([3], 2, ())
    seen = done(sight.connections(1))
    assert ([row.worker for row in seen.rows], seen.total) == ([3], 2)
    assert len([*done(sight.clients()).rows]) == len([*done(sight.connections()).rows]) == 2


def test_the_slowest_statements_are_seen(stage, sight):
    """How many different ones there are, too."""
    dialect = stage.client().client.session.dialect
    for text in (b"SELECT 1", b"SELECT a", b"SELECT b"):
        stage.proxy.digests.note(text, dialect, 0.5, False)
    seen = done(sight.digests(2))
    assert (len([*seen.rows]), seen.total) == (2, 3)


def test_a_client_is_ended(stage, sight):
    """It reads why."""
    peer = stage.client()
    number = peer.client.number
    assert done(sight.has_client(number))
    assert done(sight.kill_client(number))
    stage.run()
    assert peer.reply().code == 1927
    assert not done(sight.has_client(number))
    assert not done(sight.kill_client(number))
    assert not done(sight.stop_statement(number))


def test_a_wait_is_ended(stage, sight):
    """The client stays."""
    for _ in range(2):
        stage.begin(stage.client())
    peer = stage.client()
    peer.query(b"SELECT 1")
    assert done(sight.stop_statement(peer.client.number))
    stage.run()
    assert peer.reply().code == 1317
    assert not peer.closed


def test_clients_of_other_proxies_are_not_there(stage):
    """Though all of a process have their numbers in common."""
    peer = stage.client()
    other = NearSight(Stage().proxy)
    other._proxy.clients = stage.proxy.clients
    assert not done(other.has_client(peer.client.number))
    assert not done(other.kill_client(peer.client.number))


def test_a_connection_is_ended(stage, sight):
    """Whoever has it hears that it was lost."""
    peer = stage.client()
    stage.begin(peer)
    number = peer.client.lease.backend.connection_id
    (target,) = stage.proxy.pools.by_address()
    for where, which in ((target, number + 1000), ("nowhere", number)):
        assert not done(sight.has_connection(where, which))
        assert not done(sight.kill_connection(where, which))
    assert done(sight.has_connection(target, number))
    assert done(sight.kill_connection(target, number))
    stage.run()
    assert peer.client.lease is None
