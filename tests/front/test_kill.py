"""Tests of `proxy.front.kill`: KILL by the ids that our own greetings gave."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

from proxy.front.kill import (
    LARGEST_NUMBER,
    READ_SECONDS,
    Kill,
    Outcome,
    by_operator,
    for_another,
)
from proxy.wire.framing import encode
from tests.support.memory import Stage
from tests.support.scripted import error


@pytest.fixture
def stage():
    """A proxy whose target gives in to KILL."""
    stage = Stage()
    stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
    return stage


@pytest.fixture
def victim(stage):
    """A client in the middle of a statement, on its backend."""
    victim = stage.client()
    victim.query(b"SELECT SLEEP(100)")
    victim.server = stage.busy()
    return victim


def texts(stage):
    """Every KILL that servers have heard."""
    found = [
        backend.side.text_of(command)
        for backend in stage.backends
        for command in backend.side.commands
    ]
    return [text for text in found if text.startswith(b"KILL")]


def kill(stage, victim, text=b"KILL QUERY %d", **login):
    """Let another client run a KILL; what it heard."""
    killer = stage.client(**login)
    number = victim if isinstance(victim, int) else victim.client.number
    killer.query(text % number)
    return killer.reply()


def test_kill_query_stops_the_statement_on_its_backend(stage, victim):
    """The id is ours, the KILL on the server names the server's own."""
    stage.clients[77] = stage.clients.pop(victim.client.number)
    victim.client.number = 77
    assert kill(stage, victim).affected_rows == 0
    assert texts(stage) == [b"KILL QUERY %d" % victim.server.side.number]
    victim.server.answer(error(1317, "70100", b"Query execution was interrupted").encode())
    stage.run()
    assert victim.reply().code == 1317
    assert not victim.closed


def test_a_late_kill_does_not_hit_the_next_client(stage, victim):
    """The backend whose statement ended by itself is not lent again."""
    stage.servers.holding = True
    kill(stage, victim)
    victim.server.answer()
    stage.run()
    other = stage.client()
    other.query(b"SELECT 1")
    stage.servers.holding = False
    for dial in [*stage.servers.dials]:
        dial()
    stage.run()
    assert stage.busy() is not victim.server
    stage.serve()
    assert other.reply().affected_rows == 0


@pytest.mark.usefixtures("victim")
@pytest.mark.parametrize("lane", ["express", "conductor"])
def test_kill_query_reaches_a_client_that_waits(stage, lane):
    """It hears 1317 in place of its answer and leaves the queue."""
    second = stage.client()
    second.query(b"SELECT SLEEP(100)")
    waiting = stage.client()
    statement = encode(b"\x03SELECT 1")
    waiting.send(statement if lane == "express" else statement + encode(b"\x0e"))
    assert len(stage.ledger.waiting) == 1
    kill(stage, waiting)
    assert b"Query execution was interrupted" in waiting.payloads()[0]
    assert not waiting.closed
    assert not stage.ledger.waiting
    assert texts(stage) == []


def test_kill_query_of_an_idle_client_is_nothing(stage):
    """In a transaction or not, what is not there cannot be stopped."""
    idle = stage.client()
    kill(stage, idle)
    stage.begin(idle)
    kill(stage, idle)
    idle.send(encode(b"\x0e"))
    assert idle.reply().affected_rows == 0
    assert texts(stage) == []


@pytest.mark.parametrize(
    "command", [b"KILL %d", b"KILL CONNECTION %d", b"kill /* now */ connection %d ;"]
)
def test_kill_ends_a_connection_and_its_statement(stage, victim, command):
    """The client is closed, the statement stopped, everything given back."""
    assert kill(stage, victim, command).affected_rows == 0
    assert victim.closed
    stage.run(1)
    assert b"KILL QUERY 1" in texts(stage)
    assert not stage.ledger.lent


def test_kill_ends_an_idle_connection_with_a_reason(stage):
    """Where the protocol has room for one, the client hears 1927."""
    idle = stage.client()
    kill(stage, idle, b"KILL %d")
    assert idle.closed
    assert idle.payloads()[0][1:3] == (1927).to_bytes(2, "little")


def test_com_process_kill_is_the_same(stage, victim):
    """The old command ends the connection."""
    killer = stage.client()
    killer.send(encode(b"\x0c" + victim.client.number.to_bytes(4, "little")))
    assert killer.reply().affected_rows == 0
    assert victim.closed
    killer.send(encode(b"\x0c\x01"))
    assert killer.reply().code == 1835


def test_a_client_may_kill_itself(stage):
    """KILL QUERY of itself is 1317, and so is the last word after a KILL of itself."""
    client = stage.client()
    number = client.client.number
    client.query(b"KILL QUERY %d" % number)
    assert client.reply().code == 1317
    client.query(b"KILL %d" % number)
    assert client.reply().code == 1317
    assert client.closed
    assert stage.is_clean()


def test_an_unknown_id_is_1094(stage):
    """Ids are those of our own greetings, not the server's."""
    assert kill(stage, 4711).code == 1094


def test_a_client_that_has_not_logged_in_cannot_be_killed(stage):
    """Nobody owns it yet."""
    assert kill(stage, stage.connect()).code == 1094


def test_a_user_may_stop_its_own_clients_only(stage, victim):
    """Another user's client is 1095, and goes on."""
    assert kill(stage, victim, user="other").code == 1095
    assert not victim.closed
    assert texts(stage) == []


@pytest.mark.usefixtures("victim")
def test_kill_ends_a_client_that_waits(stage):
    """It leaves the queue, and nothing of it is left."""
    second = stage.client()
    second.query(b"SELECT SLEEP(100)")
    waiting = stage.client()
    waiting.query(b"SELECT 1")
    assert len(stage.ledger.waiting) == 1
    kill(stage, waiting, b"KILL %d")
    assert waiting.closed
    assert not stage.ledger.waiting
    assert texts(stage) == []


@pytest.mark.parametrize("query", [True, False])
def test_a_client_in_a_change_of_user_can_be_killed_whole(stage, query):
    """There is no statement that could be stopped; its connection can be ended."""
    stage.servers.routines[b"\x02shop"] = lambda side: None
    client = stage.client()
    client.change_user(schema=b"shop")
    killer = stage.client()
    killer.query((b"KILL QUERY %d" if query else b"KILL %d") % client.client.number)
    assert killer.reply().affected_rows == 0
    assert client.closed is not query
    assert texts(stage) == []


def test_an_operator_ends_an_idle_client_with_a_reason(stage):
    """The client can read 1927, and is gone."""
    idle = stage.client()
    by_operator(idle.client)
    stage.run()
    assert idle.reply().code == 1927
    assert idle.closed
    by_operator(idle.client)


def test_an_operator_ends_a_statement_and_then_its_client(stage, victim):
    """What stops the statement is its answer; whoever stays on after it is closed."""
    by_operator(victim.client)
    stage.run()
    assert b"KILL QUERY 1" in texts(stage)
    assert not victim.closed
    stage.run(READ_SECONDS)
    assert victim.closed
    stage.run(1)
    assert not stage.ledger.lent


def test_an_operator_ends_a_client_that_waits(stage):
    """Its statement is answered by 1927, and it is gone after a moment."""
    stage.begin(stage.client())
    stage.begin(stage.client())
    waiting = stage.client()
    waiting.query(b"SELECT 1")
    by_operator(waiting.client)
    stage.run()
    assert waiting.reply().code == 1927
    assert not stage.ledger.waiting
    stage.run(READ_SECONDS)
    assert waiting.closed


class Neighbours:
    """Processes that serve beside this one.

    Attributes:
        asked: What they were asked for.
        answer: Fires with what has become of it.
    """

    def __init__(self):
        self.asked = []
        self.answer = Deferred()

    async def kill(self, wanted):
        """See `Elsewhere`."""
        self.asked.append(wanted)
        return await self.answer


@pytest.fixture
def neighbours(stage):
    """Those of the proxy."""
    stage.proxy.elsewhere = Neighbours()
    return stage.proxy.elsewhere


@pytest.mark.parametrize(
    ("outcome", "code"), [(Outcome.UNKNOWN, 1094), (Outcome.NOT_OWNER, 1095)]
)
def test_whom_nobody_here_knows_others_are_asked_for(stage, neighbours, outcome, code):
    """Who asks waits, and hears what they say; the connection goes on."""
    killer = stage.client()
    killer.query(b"KILL QUERY 4711")
    wanted = Kill(number=4711, user="app", proxy="shop", query=True, by=killer.client.number)
    assert neighbours.asked == [wanted]
    assert killer.payloads() == []
    neighbours.answer.callback(outcome)
    stage.run()
    assert killer.reply().code == code
    killer.send(encode(b"\x0e"))
    assert killer.reply().affected_rows == 0


def test_a_kill_elsewhere_is_answered_when_it_is_done(stage, neighbours):
    """As one here; COM_PROCESS_KILL is the same."""
    killer = stage.client()
    killer.send(encode(b"\x0c" + (4711).to_bytes(4, "little")))
    assert not neighbours.asked[0].query
    neighbours.answer.callback(Outcome.DONE)
    stage.run()
    assert killer.reply().affected_rows == 0


def test_others_are_not_asked_for_whom_this_process_knows(stage, neighbours, victim):
    """Nor when it is another user's, nor for a number that nobody can have."""
    assert kill(stage, victim).affected_rows == 0
    assert kill(stage, victim, user="other").code == 1095
    assert kill(stage, LARGEST_NUMBER + 1).code == 1094
    assert neighbours.asked == []


def test_whoever_waits_for_others_can_leave(stage, neighbours):
    """Nothing of it is left, and the answer has nowhere to go."""
    killer = stage.client()
    killer.query(b"KILL 4711")
    killer.leave()
    assert stage.is_clean()
    assert neighbours.answer.called


def test_whoever_waits_for_others_can_be_stopped(stage, neighbours):
    """By a KILL QUERY of its own user, for instance."""
    killer = stage.client()
    killer.query(b"KILL 4711")
    neighbours.answer, first = Deferred(), neighbours.answer
    kill(stage, killer)
    assert killer.reply().code == 1317
    assert first.called
    assert not killer.closed


@pytest.mark.parametrize("outcome", Outcome)
def test_whoever_was_told_to_go_meanwhile_hears_no_answer(stage, neighbours, outcome):
    """There is no room for one behind the good-bye."""
    killer = stage.client()
    killer.query(b"KILL 4711")
    killer.client.dialogue.close()
    neighbours.answer.callback(outcome)
    stage.run()
    assert killer.payloads() == []


def test_a_kill_for_another_process_needs_its_owner(stage, victim):
    """Same user, same proxy, logged in; else nothing happens."""
    number = victim.client.number
    wanted = Kill(number=number, user="app", proxy="shop", query=True, by=65)
    cases = [
        (Kill(number, "other", "shop", query=True, by=65), Outcome.NOT_OWNER),
        (Kill(number, "app", "office", query=True, by=65), Outcome.NOT_OWNER),
        (Kill(4711, "app", "shop", query=True, by=65), Outcome.UNKNOWN),
        (
            Kill(stage.connect().client.number, "app", "shop", query=True, by=65),
            Outcome.UNKNOWN,
        ),
    ]
    for kind, outcome in cases:
        assert for_another(stage.clients, kind) is outcome
    stage.run()
    assert texts(stage) == []
    assert for_another(stage.clients, wanted) is Outcome.DONE
    stage.run()
    assert texts(stage) == [b"KILL QUERY %d" % victim.server.side.number]
    assert not victim.closed


def test_a_kill_of_a_connection_for_another_process_ends_it(stage, victim):
    """And says in the log who wanted it."""
    wanted = Kill(victim.client.number, "app", "shop", query=False, by=65)
    with capture_logs() as logs:
        assert for_another(stage.clients, wanted) is Outcome.DONE
    stage.run()
    stage.run(1)
    assert victim.closed
    assert not stage.ledger.lent
    (line,) = [one for one in logs if one["event"] == "a client was killed"]
    assert (line["by"], line["client"], line["user"]) == (65, wanted.number, "app")
