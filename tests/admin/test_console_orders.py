"""Tests of `proxy.admin.console_orders`."""

import attrs
import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError

from proxy.config.model import Target, TargetSet
from proxy.front.console import Done
from proxy.observe import log
from proxy.policy.standing import ReloadReport
from tests.admin.consoling import Terminal


@pytest.fixture
def terminal():
    """An operator at the console of one proxy."""
    return Terminal()


@pytest.fixture
def two():
    """An operator at the console of two proxies, which have the same targets."""
    return Terminal("shop", "Blog")


@pytest.mark.parametrize(
    ("text", "done", "info"),
    [
        ("PAUSE", ("pause",), "paused: shop"),
        ("PAUSE SHOP", ("pause",), "paused: shop"),
        ("RESUME FOR 'shop'", ("resume",), "resumed: shop"),
        ("DRAIN DB2.example", ("drain", "db2.example"), "drained: db2.example"),
        ("UNDRAIN 'db2.example'", ("undrain", "db2.example"), "in use: db2.example"),
        ("PROMOTE db1.example", ("promote", "db1.example:3306"), "the writer: db1.example"),
        ("DRAIN db2.example FOR shop", ("drain", "db2.example"), "drained: db2.example"),
    ],
)
def test_orders_are_carried_out(terminal, text, done, info):
    """By the operations of the proxy, and the log says who it was."""
    with capture_logs() as lines:
        assert terminal.say(text) == Done(info)
    assert terminal.operations[0].done == [done]
    assert {line.get("by") for line in lines} == {"ops@127.0.0.1 by the console (client 77)"}


def test_all_proxies_are_meant_unless_one_is_named(two):
    """By PAUSE and RESUME; in one case or another."""
    assert two.say("PAUSE") == Done("paused: shop, Blog")
    two.say("RESUME blog")
    assert [one.done for one in two.operations] == [
        [("pause",)],
        [("pause",), ("resume",)],
    ]


def test_an_answer_comes_when_it_is_done(two):
    """All are asked at once, and waited for."""
    for one in two.operations:
        one.blocked.add("pause")
    results = []
    two.begin("PAUSE").addBoth(results.append)
    assert [one.done for one in two.operations] == [[("pause",)], [("pause",)]]
    two.operations[0].release("pause")
    assert results == []
    two.operations[1].release("pause")
    assert results == [Done("paused: shop, Blog")]


def test_who_waits_no_longer_stops_nothing(terminal):
    """The action goes on, and the same again waits for its end."""
    (operations,) = terminal.operations
    operations.blocked.add("pause")
    results = []
    waiting = terminal.begin("PAUSE").addBoth(results.append)
    waiting.cancel()
    (failure,) = results
    assert failure.check(CancelledError)
    terminal.begin("PAUSE").addBoth(results.append)
    assert operations.done == [("pause",)]
    operations.release("pause")
    assert results[1:] == [Done("paused: shop")]


def test_who_has_waited_for_very_long_hears_that_it_goes_on(terminal):
    """After an hour."""
    (operations,) = terminal.operations
    operations.blocked |= {"pause", "drain"}
    results = []
    terminal.begin("PAUSE").addBoth(results.append)
    terminal.begin("DRAIN db2.example").addBoth(results.append)
    terminal.clock.advance(3600)
    assert results == [Done("It goes on; the same again waits for its end")] * 2


@pytest.mark.parametrize("text", ["PAUSE", "DRAIN db2.example"])
def test_what_is_not_possible_is_refused_with_the_reason(terminal, text):
    """In the words of the operations."""
    terminal.operations[0].refusals = dict.fromkeys(("pause", "drain"), "it is not the time")
    reply = terminal.refusal(text)
    assert (reply.code, reply.message) == (1105, "it is not the time")


def test_a_target_that_is_not_there_is_an_error(terminal):
    """It says which there are."""
    reply = terminal.refusal("DRAIN db3")
    assert "db1.example:3306, db2.example" in reply.message
    assert terminal.refusal("DRAIN").code == 1064
    assert terminal.refusal("DRAIN 'db2.example' now").code == 1064


def test_a_target_of_several_proxies_needs_one_named(two):
    """Nothing is done before."""
    assert "add FOR shop or Blog" in two.refusal("DRAIN db2.example").message
    assert [one.done for one in two.operations] == [[], []]
    two.say("DRAIN db2.example FOR Blog")
    assert [one.done for one in two.operations] == [[], [("drain", "db2.example")]]


def with_sets(terminal, *numbers):
    """Give proxies a set of targets beside their own."""
    sets = (TargetSet(name="Green", targets=(Target(address="db9"),)),)
    for number in numbers:
        proxy = terminal.process.stages[number].proxy
        group = attrs.evolve(proxy.config.target_group, target_sets=sets)
        proxy.config = attrs.evolve(proxy.config, target_group=group)


def test_a_set_of_targets_is_switched_to(two):
    """That of the proxy that has it; in any case."""
    with_sets(two, 1)
    assert two.say("SWITCH green") == Done("in use: Green")
    assert two.say("SWITCH default FOR Blog") == Done("in use: default")
    assert [one.done for one in two.operations] == [
        [],
        [("switch", "Green"), ("switch", "default")],
    ]
    assert "Green" in two.refusal("SWITCH blue").message


def test_a_set_of_several_proxies_needs_one_named(two):
    """Nothing is done before."""
    with_sets(two, 0, 1)
    assert "add FOR shop or Blog" in two.refusal("SWITCH green").message
    two.say("SWITCH green FOR shop")
    assert [one.done for one in two.operations] == [[("switch", "Green")], []]


def test_a_client_is_killed(terminal):
    """It hears why, and its transaction ends."""
    stage = terminal.process.stages[0]
    peer = stage.client()
    stage.begin(peer)
    (number,) = stage.clients
    assert terminal.say(f"KILL {number}") == Done(f"killed: {number}")
    stage.run()
    assert peer.reply().code == 1927
    assert peer.closed
    stage.run()
    assert stage.is_clean()


def test_a_statement_is_stopped(terminal):
    """The client goes on; the log says who did it."""
    stage = terminal.process.stages[0]
    peer = stage.client()
    peer.query(b"SELECT SLEEP(100)")
    (number,) = stage.clients
    with capture_logs() as lines:
        assert terminal.say(f"KILL QUERY {number}") == Done(f"stopped: {number}")
    assert not peer.closed
    assert any("by the console" in str(line.get("by")) for line in lines)


def test_only_clients_can_be_killed(terminal):
    """Others are not there, and nobody kills itself."""
    assert terminal.refusal("KILL CONNECTION 999").code == 1094
    assert "your own" in terminal.refusal("KILL 77").message
    assert terminal.refusal("KILL x").code == 1064
    assert terminal.refusal("KILL 5 6").code == 1064


def test_a_reload_tells_what_has_changed(terminal):
    """Setting by setting, and what waits for a restart."""
    terminal.process.report = ReloadReport(changed=("log.level",), needs_restart=("x",))
    assert terminal.rows("RELOAD") == [
        {"setting": "log.level", "state": "in force"},
        {"setting": "x", "state": "needs a restart"},
    ]
    terminal.process.report = ReloadReport()
    assert terminal.say("RELOAD CONFIG") == Done("Nothing has changed")
    terminal.process.refusal = "line 3: no"
    assert terminal.refusal("RELOAD").message == "line 3: no"


def test_a_restart_hands_over(terminal):
    """The answer comes when the new process serves."""
    assert terminal.say("RESTART") == Done("A new process serves from now on")
    assert terminal.process.done == ["restart"]
    assert terminal.refusal("RESTART now").code == 1064


def test_the_level_of_the_log_is_changed(terminal):
    """With or without an equals sign, and to levels that there are only."""
    before = log.level()
    try:
        assert terminal.say("SET LOG LEVEL = ERROR") == Done("The level of the log: error")
        assert log.level() == "error"
        assert terminal.say("SET LOG LEVEL 'info'") == Done("The level of the log: info")
    finally:
        log.set_level(before)
    assert "debug, info" in terminal.refusal("SET LOG LEVEL = loud").message


def test_debug_logging_is_switched(two):
    """Of one proxy or of all."""
    proxies = [stage.proxy for stage in two.process.stages]
    assert two.say("SET DEBUG LOGGING ON FOR blog") == Done("Debug logging is on: Blog")
    assert [proxy.debug for proxy in proxies] == [False, True]
    two.say("SET DEBUG LOGGING = ON")
    assert [proxy.debug for proxy in proxies] == [True, True]
    two.say("SET DEBUG LOGGING OFF")
    assert [proxy.debug for proxy in proxies] == [False, False]
    assert two.refusal("SET DEBUG LOGGING maybe").code == 1064
