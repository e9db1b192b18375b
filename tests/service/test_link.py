"""Tests of `proxy.service.link`."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from proxy.observe.log import get_logger
from proxy.policy.standing import OperationRefusedError
from proxy.service.link import (
    ASK_SECONDS,
    Link,
    LinkLostError,
    LinkRefusedError,
    LinkSilentError,
    all_of,
)
from tests.support.linked import Result, linked, settle, wire_of
from tests.support.turning import turn, turned


@pytest.fixture
def stage():
    """Both ends, on a clock."""
    clock = Clock()
    ours, theirs = linked(clock)
    return SimpleNamespace(clock=clock, ours=ours, theirs=theirs)


def ask(stage, what="add", *, seconds=ASK_SECONDS, **more):
    """Ask the other end; nothing has arrived yet."""
    return Result(Deferred.fromCoroutine(stage.ours.ask(what, seconds=seconds, **more)))


def asked(stage, what="add", **more):
    """Ask the other end, and let everything arrive."""
    result = ask(stage, what, **more)
    settle(stage.clock)
    return result


def is_quiet(stage):
    """Whether nothing is left of any question."""
    return not stage.clock.calls and "0 asked" in repr(stage.ours)


def test_what_is_told_is_heard_in_order(stage):
    """With all its fields."""
    heard = []
    stage.theirs.on("note", lambda message, _: heard.append(message["number"]))
    for number in range(3):
        stage.ours.tell("note", number=number)
    settle(stage.clock)
    assert heard == [0, 1, 2]
    assert repr(stage.ours) == "<Link open, 0 asked>"


def test_an_answer_comes_to_its_question(stage):
    """Also when a later question is answered first, and when both ends ask."""
    waiting = {}

    async def add(message, _):
        waiting[message["a"]] = later = Deferred()
        return {"sum": message["a"] + message["b"] + await later}

    stage.theirs.on("add", add)
    stage.ours.on("name", lambda *_: {"name": "ours"})
    first, second = ask(stage, a=1, b=2), ask(stage, a=10, b=20)
    name = Result(Deferred.fromCoroutine(stage.theirs.ask("name")))
    settle(stage.clock)
    assert repr(stage.ours) == "<Link open, 2 asked>"
    waiting[10].callback(100)
    settle(stage.clock)
    assert second.value == {"sum": 130}
    assert not first.is_there
    waiting[1].callback(0)
    settle(stage.clock)
    assert first.value == {"sum": 3}
    assert name.value == {"name": "ours"}
    assert is_quiet(stage)


def test_a_handler_may_have_nothing_to_say(stage):
    """Its answer is empty then, and says that it is done."""

    async def done(_message, _sockets):
        return None

    stage.theirs.on("add", lambda *_: None)
    stage.theirs.on("later", done)
    assert asked(stage).value == {}
    assert asked(stage, "later").value == {}


def test_a_refusal_says_why(stage):
    """In the words of who has refused."""

    async def refuse(_message, _sockets):
        raise OperationRefusedError("not on a Sunday")

    stage.theirs.on("add", refuse)
    error = asked(stage).error
    assert isinstance(error, LinkRefusedError)
    assert str(error) == "not on a Sunday"


def test_a_question_that_nobody_knows_is_refused(stage):
    """It is one of another release, for instance."""
    error = asked(stage, "what").error
    assert isinstance(error, LinkRefusedError)
    assert "nobody here knows what 'what' is" in str(error)


def test_what_is_told_and_refused_stands_in_the_log(stage):
    """Nobody else would ever hear of it."""
    with capture_logs() as logs:
        stage.ours.tell("what", secret="s3cret")
        settle(stage.clock)
    (line,) = logs
    assert line["what"] == "what"
    assert "s3cret" not in str(line)


@pytest.mark.parametrize("answer", [lambda: 1 / 0, lambda: {"what": b"no JSON"}])
def test_a_mistake_is_logged_and_the_asker_hears_of_it(stage, answer):
    """Neither end stops: the next question is answered."""
    stage.theirs.on("add", lambda *_: answer())
    with capture_logs() as logs:
        error = asked(stage).error
    assert isinstance(error, LinkRefusedError)
    assert "mistake" in str(error)
    (line,) = logs
    assert line["log_level"] == "error"
    assert "Traceback" in line["exception"]
    stage.theirs.on("add", lambda *_: {"sum": 3})
    assert asked(stage).value == {"sum": 3}


def test_a_mistake_in_what_was_told_is_logged(stage):
    """There is no asker."""
    stage.theirs.on("note", lambda *_: 1 / 0)
    with capture_logs() as logs:
        stage.ours.tell("note")
        settle(stage.clock)
    assert "ZeroDivisionError" in logs[0]["exception"]


def test_whoever_asks_on_passes_the_trouble_on(stage):
    """It is no mistake of the one in the middle, when a third process is gone."""
    third, _ = linked(stage.clock)
    wire_of(third).break_off()

    async def ask_on(_message, _sockets):
        return await third.ask("add")

    stage.theirs.on("add", ask_on)
    with capture_logs() as logs:
        error = asked(stage).error
    assert isinstance(error, LinkRefusedError)
    assert str(error) == "the other process has gone"
    assert logs == []


def test_whoever_says_nothing_is_not_waited_for(stage):
    """What it says after all comes too late, and does no harm."""
    later = Deferred()

    async def add(_message, _sockets):
        await later

    stage.theirs.on("add", add)
    result = asked(stage, seconds=2.0)
    stage.clock.advance(1.9)
    assert not result.is_there
    stage.clock.advance(0.2)
    assert isinstance(result.error, LinkSilentError)
    assert "'add'" in str(result.error)
    later.callback(None)
    settle(stage.clock)
    assert is_quiet(stage)


def test_all_who_wait_hear_that_the_other_end_has_gone(stage):
    """Each once, and then the owner of the link; nothing can be asked any more."""
    heard = []
    results = [ask(stage), ask(stage)]
    stage.ours.on_lost = lambda: heard.append([one.error for one in results])
    wire_of(stage.ours).stuck = True
    wire_of(stage.ours).break_off()
    (errors,) = heard
    assert [type(error) for error in errors] == [LinkLostError, LinkLostError]
    assert not stage.ours.is_open
    assert repr(stage.ours) == "<Link closed, 0 asked>"
    assert isinstance(asked(stage).error, LinkLostError)
    stage.ours.tell("note")
    stage.ours.close()
    assert is_quiet(stage)


def test_a_loss_may_make_an_asker_give_up_another_question(stage):
    """Whoever waits for two answers wants neither, when it does not get the one."""
    second = Deferred.fromCoroutine(stage.ours.ask("second"))
    first = Deferred.fromCoroutine(stage.ours.ask("first"))
    errors = []
    for one, other in ((first, second), (second, first)):
        one.addErrback(
            lambda failure, other=other: (errors.append(failure.type), other.cancel())
        )
    wire_of(stage.ours).break_off()
    assert errors == [LinkLostError, CancelledError]
    settle(stage.clock)
    assert is_quiet(stage)


def test_an_asker_that_gives_up_leaves_nothing(stage):
    """Neither a timer nor a place for the answer."""
    later = Deferred()

    async def add(_message, _sockets):
        await later

    stage.theirs.on("add", add)
    result = asked(stage)
    result.deferred.cancel()
    assert isinstance(result.error, CancelledError)
    assert is_quiet(stage)
    later.callback(None)
    settle(stage.clock)
    assert is_quiet(stage)


def test_what_cannot_be_said_is_the_asker_s_mistake(stage):
    """It hears so at once, and nothing waits for an answer."""
    assert isinstance(asked(stage, number=b"no JSON").error, TypeError)
    assert is_quiet(stage)


def test_a_link_ends_when_its_owner_wants_it(stage):
    """What was said before arrives, and the other end hears that it was the last."""
    heard = []
    stage.theirs.on("note", lambda *_: heard.append("note"))
    stage.theirs.on_lost = lambda: heard.append("lost")
    stage.ours.tell("note")
    stage.ours.close()
    settle(stage.clock)
    assert heard == ["note", "lost"]


def test_what_was_said_can_be_sent_at_once(stage):
    """Before anything else is done, or this process dies."""
    stage.ours.tell("note")
    stage.ours.flush()
    assert wire_of(stage.ours).flushed == 1


def test_sockets_that_nobody_wants_are_closed(stage):
    """Those beside a message that is refused."""
    with socket.socket() as passed:
        result = asked(stage, "what", handles=[passed.fileno()])
        assert isinstance(result.error, LinkRefusedError)


@pytest.fixture
def real():
    """Both ends, over a socket pair."""
    links = []
    for end in socket.socketpair():
        link = Link(reactor, get_logger())
        link.open(reactor, end)
        assert end.fileno() == -1
        links.append(link)
    yield links
    for link in links:
        link.close()
    turn(lambda: None if any(link.is_open for link in links) else True)


@pytest.mark.loopback
def test_sockets_go_from_one_process_to_another(real):
    """Beside the question that names them; the handler has them for itself."""
    ours, theirs = real
    taken = []

    def take(message, sockets):
        taken.extend(sockets)
        return {"count": len(sockets), "text": message["text"]}

    theirs.on("take", take)
    long = "ä" * 300_000
    with socket.socket() as passed, socket.socket() as other:
        handles = [passed.fileno(), other.fileno()]
        answer = turned(ours.ask("take", handles, text=long))
        assert answer == {"count": 2, "text": long}
        for one, sent in zip(taken, (passed, other), strict=True):
            with one:
                assert os.path.sameopenfile(one.fileno(), sent.fileno())
                assert not os.get_inheritable(one.fileno())


@pytest.mark.loopback
def test_a_process_that_dies_is_heard_of(real):
    """Whoever waits for its answer hears it too."""
    ours, theirs = real
    theirs.on("die", lambda *_: theirs.close())
    theirs.on("wait", lambda *_: forever())
    waiting = Result(Deferred.fromCoroutine(ours.ask("wait")))
    ours.tell("die")
    turn(lambda: True if waiting.is_there else None)
    assert isinstance(waiting.error, LinkLostError)


async def forever():
    """An answer that never comes."""
    return await Deferred()


def test_all_that_run_side_by_side_are_waited_for():
    """Their results come in order; the first failure is everybody's, as it is."""
    first, second = Deferred(), Deferred()

    async def wait(for_what):
        return await for_what

    both = Result(Deferred.fromCoroutine(all_of(map(wait, (first, second)))))
    second.callback(2)
    assert not both.is_there
    first.callback(1)
    assert both.value == [1, 2]
    third, fourth = Deferred(), Deferred()
    both = Result(Deferred.fromCoroutine(all_of(map(wait, (third, fourth)))))
    fourth.errback(LinkLostError("gone"))
    assert isinstance(both.error, LinkLostError)
    third.errback(LinkLostError("gone too"))


def test_who_waits_no_more_for_all_has_them_cancelled():
    """It hears nothing else, and nothing of it is left."""
    waits = [Deferred(), Deferred()]

    async def wait(for_what):
        return await for_what

    running = Deferred.fromCoroutine(all_of(map(wait, waits)))
    both = Result(running)
    running.cancel()
    assert isinstance(both.error, CancelledError)
    assert all(one.called for one in waits)
