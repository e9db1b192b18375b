"""Tests of `proxy.service.supervising.relay`."""

from __future__ import annotations

import socket

import pytest

from proxy.observe.log import get_logger
from proxy.service.supervising.relay import Relay
from tests.support.staff import Staffed


class Outside:
    """A channel to another release: notes what is said."""

    def __init__(self):
        self.said, self.flushes = [], 0

    def say(self, what, handles=(), **more):
        self.said.append((what, more, len([*handles])))

    def flush(self):
        self.flushes += 1


class Scene:
    """A relay between three workers, and another release."""

    def __init__(self):
        self.staff, self.outside, self.peers = Staffed(3), Outside(), []
        self.one = Relay(self.staff, get_logger())
        self.staff.join_all()
        self.first, self.second, self.third = self.staff.members

    def connection(self):
        """One whose other end is kept."""
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        self.peers.append(ours)
        return theirs

    def send(self, member, number):
        """A worker sends a client."""
        client = {"number": number}
        member.link.hear("client", [self.connection()], client=client)

    def end(self):
        self.one.stop()
        self.staff.end()
        for one in self.peers:
            one.close()


@pytest.fixture
def scene():
    """Nobody is on the way."""
    scene = Scene()
    yield scene
    scene.end()


def test_a_client_goes_to_the_worker_that_shall_have_it(scene):
    """The one that had it hears that it has arrived; nobody keeps its connection open."""
    scene.one.move(scene.first, scene.third, 0.5)
    assert scene.first.link.said == [("move", {"part": 0.5}, 0)]
    scene.send(scene.first, 7)
    assert scene.third.link.said == [("client", {"client": {"number": 7}}, 1)]
    assert len(scene.one) == 1
    scene.third.link.hear("taken", number=7)
    assert scene.first.link.said[-1] == (
        "heard",
        {"message": {"what": "taken", "number": 7}},
        0,
    )
    assert scene.peers[0].recv(1) == b""
    assert repr(scene.one) == "<Relay 0 on their way>"


@pytest.mark.parametrize("what", ["taken", "refused"])
def test_a_client_on_its_way_counts_where_it_goes(scene, what):
    """Until that worker says how many it has, and that it has heard of this one."""
    scene.one.move(scene.first, scene.third, 0.5)
    client = {"number": 7, "proxy": "shop"}
    scene.first.link.hear("client", [scene.connection()], client=client)
    assert scene.third.load == 1
    scene.third.link.hear(what, number=7, why="")
    assert scene.third.load == 1
    scene.third.told({"shop": int(what == "taken")}, {"shop": 1})
    assert scene.third.load == int(what == "taken")


def test_a_client_that_is_refused_goes_on_where_it_was(scene):
    """With the reason."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    scene.second.link.hear("refused", number=7, why="it is full")
    said = {"what": "refused", "number": 7, "why": "it is full"}
    assert scene.first.link.said[-1] == ("heard", {"message": said}, 0)


def test_nobody_goes_to_a_worker_that_has_ended(scene):
    """Neither who was on the way, nor who comes afterwards."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    scene.staff.lose(scene.second)
    scene.send(scene.first, 8)
    heard = [more["message"] for what, more, _ in scene.first.link.said if what == "heard"]
    assert [(one["what"], one["number"]) for one in heard] == [("refused", 7), ("refused", 8)]


def test_what_a_worker_said_before_it_ended_counts(scene):
    """Whoever it has taken is not given back."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    scene.second.link.hear("taken", number=7)
    scene.staff.lose(scene.second)
    assert scene.first.link.whats() == ["move", "heard"]


def test_all_go_to_another_release_where_there_is_one(scene):
    """What it says of them goes back to the workers."""
    scene.one.leave(scene.outside)
    scene.send(scene.second, 9)
    assert scene.outside.said == [("client", {"client": {"number": 9}}, 1)]
    scene.one.answered({"what": "taken", "number": 9, "sockets": []})
    said = {"what": "taken", "number": 9}
    assert scene.second.link.said == [("heard", {"message": said}, 0)]


def test_clients_come_back_when_the_other_release_is_lost(scene):
    """They were not read from there."""
    scene.one.leave(scene.outside)
    scene.send(scene.second, 9)
    scene.one.successor_lost()
    ((what, more, _),) = scene.second.link.said
    assert (what, more["message"]["what"]) == ("heard", "refused")
    assert scene.one.successor is None


def test_nobody_goes_to_another_worker_once_all_leave(scene):
    """Also when the other release is lost: whoever had a client goes on with it."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.one.leave(scene.outside)
    scene.one.successor_lost()
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    assert scene.first.link.whats() == ["move", "heard"]
    assert scene.first.link.said[-1][1]["message"]["what"] == "refused"
    assert scene.second.link.said == []


def test_whoever_has_taken_a_client_reads_it_when_that_is_known_where_it_comes_from(scene):
    """If this process dies before, the one before goes on with it."""
    message = {"what": "client", "client": {"number": 5}}
    scene.one.take(message, [scene.connection()], scene.outside)
    (taker,) = [one for one in scene.staff.members if one.link.said]
    scene.outside.flush = lambda: scene.outside.said.append(taker.link.whats())
    taker.link.hear("taken", number=5)
    assert scene.outside.said == [("taken", {"number": 5}, 0), ["client"]]
    assert taker.link.said[-1] == ("go_on", {"number": 5}, 0)


def test_whoever_has_refused_a_client_hears_no_more_of_it(scene):
    """There is nothing to go on with."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    scene.second.link.hear("refused", number=7, why="it is full")
    assert scene.second.link.whats() == ["client"]


def test_clients_of_the_release_before_are_spread_over_the_workers(scene):
    """Those that are on their way count."""
    scene.third.told({"shop": 1}, {})
    for number in range(5):
        message = {"what": "client", "client": {"number": number}}
        scene.one.take(message, [scene.connection()], scene.outside)
    counts = [one.link.whats().count("client") for one in scene.staff.members]
    assert counts == [2, 2, 1]
    scene.first.link.hear("taken", number=0)
    assert scene.outside.said == [("taken", {"number": 0}, 0)]
    assert scene.outside.flushes == 1


def test_a_client_whose_connection_got_lost_stays(scene):
    """There was no descriptor left for it."""
    scene.one.take({"client": {"number": 5}}, [], scene.outside)
    ((what, more, _),) = scene.outside.said
    assert (what, more["number"]) == ("refused", 5)


def test_where_nobody_serves_clients_stay(scene):
    """The release before goes on with them."""
    for member in [*scene.staff.members]:
        scene.staff.lose(member)
    scene.one.take({"client": {"number": 5}}, [scene.connection()], scene.outside)
    ((what, more, _),) = scene.outside.said
    assert (what, more["why"]) == ("refused", "no worker serves")


def test_an_answer_for_nobody_is_no_harm(scene):
    """It came too late."""
    scene.first.link.hear("taken", number=99)
    assert all(one.link.said == [] for one in scene.staff.members)


def test_a_client_of_the_release_before_goes_on_to_the_one_to_come(scene):
    """No worker here serves it in between."""
    before = Outside()
    scene.one.leave(scene.outside)
    scene.one.take({"client": {"number": 5}}, [scene.connection()], before)
    assert scene.outside.said == [("client", {"client": {"number": 5}}, 1)]
    scene.one.answered({"what": "taken", "number": 5})
    assert before.said == [("taken", {"number": 5}, 0)]


def test_nobody_sets_out_any_more_when_it_is_halted(scene):
    """Of those on their way it is still heard whether they arrive."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.send(scene.first, 7)
    scene.one.halt()
    scene.send(scene.first, 8)
    scene.second.link.hear("taken", number=7)
    heard = [more["message"] for what, more, _ in scene.first.link.said if what == "heard"]
    assert [(one["what"], one["number"]) for one in heard] == [("refused", 8), ("taken", 7)]


def test_of_two_with_the_same_number_the_second_one_stays(scene):
    """What is said of a client names it by that."""
    scene.one.move(scene.first, scene.third, 0.5)
    scene.one.move(scene.second, scene.third, 0.5)
    scene.send(scene.first, 7)
    scene.send(scene.second, 7)
    assert scene.third.link.whats() == ["client"]
    assert scene.second.link.said[-1][1]["message"]["what"] == "refused"


def test_nobody_goes_to_a_worker_that_ends_or_hangs(scene):
    """It has not gone yet."""
    scene.one.move(scene.first, scene.second, 0.5)
    scene.second.ends = True
    scene.send(scene.first, 7)
    assert scene.second.link.said == []
    scene.first.is_late = True
    scene.one.take({"client": {"number": 9}}, [scene.connection()], scene.outside)
    assert scene.third.link.whats() == ["client"]
