"""Tests of `proxy.admin.actions`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from proxy.admin.actions import Action, Actions
from proxy.observe.log import get_logger
from proxy.policy.standing import OperationRefusedError

DRAIN = Action(name="drain", proxy="shop", target="db1:3306")


class Stand:
    """Actions, and one to begin that ends when the test says so."""

    def __init__(self):
        self.clock = Clock()
        self.actions = Actions(self.clock, get_logger())
        self.begun = []

    async def work(self):
        self.begun.append(Deferred())
        await self.begun[-1]

    def run(self, action=DRAIN, timeout=10.0, work=None):
        coroutine = self.actions.run(action, work or self.work, timeout, "uid 0")
        results = []
        deferred = Deferred.fromCoroutine(coroutine)
        deferred.addBoth(results.append)
        return deferred, results


@pytest.fixture
def stand():
    return Stand()


def test_it_is_waited_for(stand):
    """The end of an action is the end of the wait, and nothing is left."""
    _, results = stand.run()
    assert stand.actions.under_way() == [DRAIN]
    assert results == []
    stand.begun[0].callback(None)
    assert results == [True]
    assert stand.actions.under_way() == []
    assert stand.clock.getDelayedCalls() == []


def test_it_may_be_over_at_once(stand):
    """What takes no time is done without a timer."""

    async def nothing():
        pass

    assert stand.run(timeout=0, work=nothing)[1] == [True]
    assert stand.clock.getDelayedCalls() == []


def test_it_goes_on_when_the_time_is_over(stand):
    """Whoever waits hears that it is not done; asking once more waits for the same one."""
    _, first = stand.run(timeout=10)
    stand.clock.advance(10)
    assert first == [False]
    assert stand.actions.under_way() == [DRAIN]
    _, second = stand.run()
    stand.begun[0].callback(None)
    assert second == [True]
    assert len(stand.begun) == 1


def test_two_wait_for_the_same_action(stand):
    """It is begun once, another one by itself; one who goes away takes nobody along."""
    leaving, left = stand.run()
    _, staying = stand.run()
    other = Action(name="drain", proxy="shop", target="db2:3306")
    stand.run(other)
    assert len(stand.begun) == 2
    leaving.cancel()
    assert left[0].check(CancelledError)
    stand.begun[0].callback(None)
    assert staying == [True]
    assert stand.actions.under_way() == [other]


def test_all_hear_why_it_was_refused(stand):
    """Also when it had been begun."""
    results = [stand.run()[1] for _ in range(2)]
    stand.begun[0].errback(OperationRefusedError("db1 came back"))
    for (failure,) in results:
        assert failure.check(OperationRefusedError)
        assert failure.value.why == "db1 came back"
    assert stand.actions.under_way() == []


def test_a_mistake_is_raised_and_leaves_nothing(stand):
    """The next try begins anew."""
    _, results = stand.run()
    stand.begun[0].errback(RuntimeError("a bug"))
    assert results[0].check(RuntimeError)
    stand.run()
    assert len(stand.begun) == 2


def test_nobody_may_wait_for_a_refusal(stand):
    """It goes to the log, and to nobody else."""
    stand.run(timeout=1)
    stand.clock.advance(1)
    stand.begun[0].errback(OperationRefusedError("too late"))
    assert stand.actions.under_way() == []


def test_one_that_does_not_join_is_begun_again(stand):
    """Each hears of its own end; nothing is left when both are over."""
    found = []
    for _ in range(2):
        work = stand.actions.run(DRAIN, stand.work, 10.0, "uid 0", joins=False)
        Deferred.fromCoroutine(work).addBoth(found.append)
    assert len(stand.begun) == 2
    stand.begun[0].callback(None)
    assert found == [True]
    assert stand.actions.under_way() == [DRAIN]
    stand.begun[1].callback(None)
    assert found == [True, True]
    assert stand.actions.under_way() == []
    assert stand.clock.getDelayedCalls() == []
