"""Tests of `proxy.service.handover.departures`; see those of `leaving` and `passing` too."""

from __future__ import annotations

import pytest

from proxy.observe.log import get_logger
from proxy.service.handover.departures import Departures
from tests.support.memory import Stage
from tests.support.moving import on_stage
from tests.support.staff import Said


class Road(Said):
    """Leads nowhere."""

    say = Said.tell


@pytest.fixture
def scene():
    """A process of some clients, and the way for them."""
    stage, road = Stage(max_connections=1), Road()
    with on_stage(stage) as call:
        departures = Departures(road, stage.clock, get_logger())
        yield departures, road, call
        departures.lost()


def test_a_client_that_rests_goes_with_its_connection(scene):
    """It is served nowhere until the other process has said something."""
    departures, road, call = scene
    client = call().client
    assert departures.send(client)
    ((what, more, handles),) = road.said
    assert (what, more["client"]["number"], handles) == ("client", client.number, 1)
    assert client.number not in client.proxy.clients
    assert repr(departures) == "<Departures 0 gone, 1 on their way>"
    departures.heard({"what": "taken", "number": client.number})
    assert departures.moved == 1
    assert client.gone


def test_a_busy_client_stays(scene):
    """It may go when it rests."""
    departures, road, call = scene
    caller = call()
    caller.query(b"INSERT INTO t VALUES (1)")
    assert not departures.send(caller.client)
    assert road.said == []
    assert not departures.has_to_stay(caller.client)


def test_a_client_that_was_refused_stays_for_a_while(scene):
    """It is served as before."""
    departures, _, call = scene
    caller = call()
    departures.send(caller.client)
    departures.heard({"what": "refused", "number": caller.client.number, "why": "full"})
    assert departures.has_to_stay(caller.client)
    assert not departures.send(caller.client)
    caller.query(b"INSERT INTO t VALUES (1)")
    caller.stage.serve()
    assert caller.payload()[0] == 0
    departures.forget_gone()
    assert departures.has_to_stay(caller.client)


def test_there_is_no_room_where_the_way_leads_nowhere(scene):
    """The other process has gone."""
    departures, road, _ = scene
    assert departures.has_room
    road.close()
    assert not departures.has_room


def test_what_is_said_of_a_stranger_is_no_harm(scene):
    """It had come back before."""
    departures, _, _ = scene
    departures.heard({"what": "taken", "number": 4711})
    assert departures.moved == 0
