"""Tests of `proxy.service.seats.teller`: what a worker tells, and does for operators."""

from __future__ import annotations

import pytest

from proxy.admin.listing import STEP_ROWS
from proxy.observe import log
from proxy.observe.tally import ProxyTally
from proxy.service.link import LinkRefusedError
from proxy.service.seats.teller import LOOKS
from tests.service.telling import Office


@pytest.fixture
def office():
    return Office(1)


@pytest.fixture
def member(office):
    return office.member(1)


def asked(office, what, **more):
    """What the worker answers."""
    return office.ask(office.member(1).link.ask(what, proxy="shop", **more))


def test_it_tells_what_it_has_counted(office, member):
    """Of the process, and of each proxy."""
    heard = []
    member.link.on("tally", lambda message, _: heard.append(message))
    office.client(1)
    member.delay.add(0.25)
    office.beat()
    (message,) = heard
    process, shop = message["process"], message["proxies"]["shop"]
    assert process["uptime"] == 5.0
    assert process["figures"]["resident_bytes"] > 0
    assert process["delays"][0] == 250_000
    assert shop["standing"]["clients"] == 1
    assert shop["pools"][0]["proxy"] == "shop"
    tally = ProxyTally.unpacked(shop["tally"])
    assert tally.counters.endpoint("main").client_connections == 1
    assert "Pulse" in repr(member.teller)


def test_long_lists_are_told_in_steps(office, member):
    """Between two of them its clients are served."""
    for _ in range(STEP_ROWS + 3):
        office.client(1)
    first = asked(office, "look", of="clients", most=None).value
    assert (len(first["rows"]), first["total"]) == (STEP_ROWS, STEP_ROWS + 3)
    assert first["rows"][0]["worker"] == 1
    rest = office.ask(member.link.ask("look", go_on=first["go_on"])).value
    assert (len(rest["rows"]), rest["go_on"]) == (3, 0)
    again = office.ask(member.link.ask("look", go_on=first["go_on"])).value
    assert (again["rows"], again["go_on"]) == ([], 0)


def test_lists_that_nobody_reads_to_the_end_are_forgotten(office, member):
    """There are never more than some."""
    for _ in range(STEP_ROWS):
        office.client(1)
    begun = [
        asked(office, "look", of="clients", most=None).value["go_on"] for _ in range(LOOKS + 1)
    ]
    assert len(member.teller._looks) == LOOKS
    assert begun[0] not in member.teller._looks


@pytest.mark.parametrize("of", ["clients", "connections", "pins", "digests"])
def test_each_list_is_told(office, of):
    """No more of it than is wanted."""
    answer = asked(office, "look", of=of, most=0).value
    assert (answer["rows"], answer["go_on"]) == ([], 0)


@pytest.mark.parametrize("of", ["kill_client", "__class__", "counters"])
def test_what_is_no_list_is_refused(office, of):
    """Whatever else a sight has."""
    assert isinstance(asked(office, "look", of=of, most=1).error, LinkRefusedError)


def test_a_proxy_that_is_not_there_is_refused(office, member):
    """It may just have ended here."""
    result = office.ask(member.link.ask("has", proxy="bank", number=1))
    assert str(result.error) == "there is no proxy 'bank' any more"


def test_a_client_is_found_and_ended(office):
    """For an operator, who may be anywhere."""
    peer = office.client(1)
    number = peer.client.number
    assert asked(office, "has", number=number).value == {"found": True}
    assert asked(office, "kill_client", number=number, query=False).value == {"found": True}
    assert peer.reply().code == 1927
    assert asked(office, "has", number=number).value == {"found": False}


def test_a_statement_is_stopped(office, member):
    """Its client stays."""
    for _ in range(2):
        member.stage.begin(office.client(1))
    peer = office.client(1)
    peer.query(b"SELECT 1")
    number = peer.client.number
    assert asked(office, "kill_client", number=number, query=True).value == {"found": True}
    assert peer.reply().code == 1317


def test_a_connection_is_found_and_ended(office, member):
    """By the server's number for it."""
    peer = office.client(1)
    member.stage.begin(peer)
    (target,) = member.stage.proxy.pools.by_address()
    which = {"target": target, "number": peer.client.lease.backend.connection_id}
    assert asked(office, "has", **which).value == {"found": True}
    assert asked(office, "kill_connection", **which).value == {"found": True}
    assert peer.client.lease is None
    assert asked(office, "kill_connection", **which).value == {"found": False}


def test_logging_is_switched(office, member):
    """That of statements, and the level."""
    member.link.tell("debug_logging", proxy="shop", on=True)
    member.link.tell("log_level", level="error")
    office.beat()
    assert member.stage.proxy.debug
    assert log.level() == "error"
    log.set_level("info")
