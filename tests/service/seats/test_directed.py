"""Tests of `proxy.service.seats.directed`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock

from proxy.credentials.secrets_source import SecretEntry
from proxy.pool.board import Board
from proxy.pool.elsewhere import TELL_SECONDS
from proxy.service.seats.directed import Directed
from tests.credentials.secrets_stage import make_credential
from tests.support.staffed import MemoryLink


class Obedient:
    """Stands for `Obeying`, and notes what it hears."""

    def __init__(self, name):
        self.name, self.heard = name, []
        self.is_told = False

    def take_up(self, course):
        """See `Obeying`."""
        self.is_told = True
        self.heard.append(("course", course["serial"]))

    def obey(self, order):
        """See `Obeying`."""
        self.heard.append(("order", order["serial"]))

    def attend(self, *, on):
        """See `Obeying`."""
        self.heard.append(("attention", on))

    def hear_of_writes(self, seat, news):
        """See `Obeying`."""
        self.heard.append(("wrote", seat, news))


@pytest.fixture
def stage():
    """A worker's ear, and the supervisor's end."""
    clock = Clock()
    theirs, ours = MemoryLink.pair(clock)
    board = Board.make()
    stage = SimpleNamespace(
        clock=clock, link=theirs, directed=Directed(ours, 2, board), board=board, asked=[]
    )

    def tell(what, **more):
        theirs.tell(what, **more)
        clock.advance(0)

    stage.tell = tell
    yield stage
    board.close()


def test_what_comes_before_the_proxy_is_there_is_kept_for_it(stage):
    """All of it, in order; what came before the last course counts no more."""
    for serial in (3, 7):
        stage.tell("course", proxy="shop", serial=serial)
        stage.tell("order", proxy="shop", serial=serial + 1)
    obeying = Obedient("shop")
    stage.directed.begin(obeying)
    stage.tell("order", proxy="shop", serial=9)
    stage.tell("attention", proxy="shop", on=True)
    stage.tell("wrote", proxy="shop", seat=1, slots={"7": [0, 1, None]})
    assert obeying.heard == [
        ("course", 7),
        ("order", 8),
        ("order", 9),
        ("attention", True),
        ("wrote", 1, {"7": [0, 1, None]}),
    ]
    assert repr(stage.directed) == "<Directed worker 2: 1 proxies>"


def test_orders_for_nobody_are_forgotten(stage):
    """For one that has ended, or for one of the same name before."""
    stage.tell("order", proxy="shop", serial=1)
    stage.tell("attention", proxy="shop", on=True)
    stage.tell("wrote", proxy="shop", seat=1, slots={})
    obeying = Obedient("shop")
    stage.directed.begin(obeying)
    stage.tell("order", proxy="shop", serial=2)
    assert obeying.heard == []
    stage.tell("course", proxy="shop", serial=3)
    assert obeying.heard == [("course", 3)]
    stage.directed.end(obeying)
    stage.tell("order", proxy="shop", serial=4)
    assert obeying.heard == [("course", 3)]


def test_the_next_one_of_a_name_hears_in_the_place_of_the_first(stage):
    """Whose end does not end that."""
    old, new = Obedient("shop"), Obedient("shop")
    stage.directed.begin(old)
    stage.directed.begin(new)
    stage.directed.end(old)
    stage.tell("course", proxy="shop", serial=1)
    assert (old.heard, new.heard) == ([], [("course", 1)])


def test_what_is_over_is_kept_for_nobody(stage):
    """A proxy that comes later hears its own."""
    stage.tell("course", proxy="shop", serial=1)
    stage.tell("course_over", proxy="shop")
    obeying = Obedient("shop")
    stage.directed.begin(obeying)
    assert obeying.heard == []


ENTRIES = (SecretEntry("a", make_credential),)


def secrets(stage, key="key"):
    """Users of secrets, and whose passwords changed."""
    changes = []
    return stage.directed.secrets(key, ENTRIES, changes.append), changes


def told(password):
    """What is told of one user."""
    return {"users": {"app": [0, [password]]}, "last": [["app"]], "answered": True}


def test_secrets_are_known_whether_they_were_told_before_or_after(stage):
    """To all who listen, until these stop."""
    early, changes = secrets(stage)
    early.start()
    stage.tell("secrets", key="key", **told("one"))
    late, _ = secrets(stage)
    late.start()
    other, _ = secrets(stage, "other")
    other.start()
    known = [source.known("app") for source in (early, late)]
    assert [one.passwords for one in known] == [("one",), ("one",)]
    assert other.known("app") is None
    late.stop()
    late.stop()
    other.stop()
    stage.tell("secrets", key="key", **told("two"))
    assert early.known("app").passwords == ("two",)
    assert late.known("app").passwords == ("one",)
    assert changes == [("app",)]


def test_secrets_that_are_over_are_forgotten(stage):
    """Who begins then knows nothing."""
    stage.tell("secrets", key="key", **told("one"))
    stage.tell("secrets_over", key="key")
    source, _ = secrets(stage)
    source.start()
    assert source.known("app") is None


def test_a_refused_password_is_asked_for(stage):
    """With the key; what is told meanwhile is the answer."""

    async def read(message, _):
        stage.asked.append((message["key"], message["user"]))
        stage.link.tell("secrets", key="key", **told("new"))
        return {}

    stage.link.on("secret", read)
    source, _ = secrets(stage)
    source.start()
    found = source.refresh("app")
    for _ in range(3):
        stage.clock.advance(0)
    assert found.result.passwords == ("new",)
    assert stage.asked == [("key", "app")]


def test_without_a_supervisor_what_is_known_is_all_there_is(stage):
    """This process ends soon, too."""
    source, _ = secrets(stage)
    source.start()
    stage.tell("secrets", key="key", **told("one"))
    stage.link.close()
    assert source.refresh("app").result.passwords == ("one",)


def test_writes_are_told_to_others(stage):
    """By the seat of this worker."""
    heard = []
    stage.link.on("wrote", lambda message, _: heard.append(message))
    elsewhere = stage.directed.elsewhere("shop", stage.clock)
    elsewhere.note("app", None)
    stage.clock.advance(TELL_SECONDS)
    stage.clock.advance(0)
    slot = elsewhere.slot("app")
    assert heard == [{"what": "wrote", "proxy": "shop", "slots": {str(slot): [0, 1, None]}}]
    assert stage.board.count(slot, 2) == 1
