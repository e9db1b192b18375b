"""Tests of `proxy.service.supervising.distant_console`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from proxy.admin.console_words import LONGEST
from proxy.admin.viewing import MOST_ROWS
from proxy.credentials.admins import Admins
from proxy.errors import StatementRefusedError, unknown_thread
from proxy.front.console import Asker, Done, Table
from proxy.service.supervising.distant_console import (
    ANSWER_SECONDS,
    PAGE_ROWS,
    ConsoleForWorkers,
    DistantConsole,
)
from proxy.wire.tables import Kind, TableColumn
from tests.front.consoling import ScriptedConsole, operator
from tests.front.consoling import stage as proxy_stage
from tests.support.linked import Result, linked, settle, wire_of

ASKER = Asker(65, "ops", "127.0.0.1", "shop", "caf\udce9", "8.4.0")
COLUMNS = (
    TableColumn("name"),
    TableColumn("number", Kind.WHOLE),
    TableColumn("share", Kind.FRACTION),
)


class Scene:
    """A worker's console, and the supervisor that answers.

    Attributes:
        console: What the supervisor's console is told to answer.
        distant: The console of the worker.
        member: The worker, as the supervisor has it.
    """

    def __init__(self):
        self.clock = Clock()
        self.clock.advance(100.0)
        down, self.up = linked(self.clock)
        self.member = SimpleNamespace(number=1, link=down)
        self.console = ScriptedConsole(Admins())
        self.answering = ConsoleForWorkers(self.console, self.clock)
        self.answering.join(self.member)
        self.admins = Admins()
        self.distant = DistantConsole(self.up, self.admins, self.clock)
        settle(self.clock)

    def ask(self, text=b"SHOW", answer=None):
        """Ask in the worker, and let everything arrive."""
        if answer is not None:
            self.console.answers[text] = answer
        result = Result(Deferred.fromCoroutine(self.distant.answer(ASKER, text)))
        settle(self.clock)
        return result


@pytest.fixture
def scene():
    """A worker and its supervisor."""
    return Scene()


def test_the_supervisor_is_told_who_asks_and_what(scene):
    """Byte by byte, whatever the bytes are."""
    text = bytes(range(256))
    assert scene.ask(text).value == Done()
    assert scene.console.asked == [(ASKER, text)]


@pytest.mark.parametrize("answer", [Done(), Done("paused: caf\u00e9"), Done(schema="x")])
def test_an_answer_without_rows_comes_as_it_is(scene, answer):
    """With its sentence, and the new default database."""
    assert scene.ask(answer=answer).value == answer


def test_rows_come_as_they_are(scene):
    """Values of all kinds, and what the columns hold."""
    rows = [("a\udcff\u00e9", 2**63, 0.25), (None, -1, 1e300), ("", True, float("inf"))]
    answer = scene.ask(answer=Table(COLUMNS, iter(rows))).value
    assert answer.columns == COLUMNS
    assert [tuple(row) for row in answer.rows] == rows


@pytest.mark.parametrize("count", [0, 1, PAGE_ROWS, PAGE_ROWS + 1, 3 * PAGE_ROWS])
def test_many_rows_come_page_by_page(scene, count):
    """Between two pages others have their turn, and the answer is whole in the end."""
    scene.console.answers[b"SHOW"] = Table(COLUMNS[1:2], ([one] for one in range(count)))
    result = Result(Deferred.fromCoroutine(scene.distant.answer(ASKER, b"SHOW")))
    scene.clock.advance(0)
    settle(scene.clock)
    assert [*result.value.rows] == [[one] for one in range(count)]


def test_two_long_answers_do_not_mix(scene):
    """Each page says which answer it is of."""
    results = []
    for text in (b"SHOW A", b"SHOW B"):
        rows = [[text[-1]]] * (2 * PAGE_ROWS)
        scene.console.answers[text] = Table(COLUMNS[1:2], rows)
        asking = Deferred.fromCoroutine(scene.distant.answer(ASKER, text))
        results.append(Result(asking))
    assert repr(scene.distant) == "<DistantConsole for <Admins: 0>, 2 asked>"
    settle(scene.clock)
    assert [{*map(tuple, one.value.rows)} for one in results] == [{(65,)}, {(66,)}]
    assert "0 asked" in repr(scene.distant)
    assert repr(scene.answering) == "<ConsoleForWorkers 0 asked>"


def test_there_is_a_limit_to_rows(scene):
    """Nobody reads more, and all have to be in memory at once."""
    answer = scene.ask(answer=Table(COLUMNS[:1], ([""] for _ in range(MOST_ROWS + 5)))).value
    assert len([*answer.rows]) == MOST_ROWS


def test_a_refusal_comes_as_it_is(scene):
    """Code, state, text and whose fault it is."""
    error = scene.ask(answer=StatementRefusedError(unknown_thread(9))).error
    assert isinstance(error, StatementRefusedError)
    assert error.reply == unknown_thread(9)


def test_a_statement_that_is_too_long_is_cut(scene):
    """It stays too long, which is all that is said of it; the link carries no megabytes."""
    scene.ask(b"x" * (1 << 20))
    assert [len(text) for text in scene.console.texts] == [LONGEST + 1]


def test_a_mistake_in_making_rows_is_an_error(scene):
    """The connection of who asks goes on, and the supervisor's log has it."""

    def rows():
        yield ["a"]
        raise ZeroDivisionError

    with capture_logs() as logs:
        error = scene.ask(answer=Table(COLUMNS[:1], rows())).error
    assert error.reply.code == 1105
    assert "ZeroDivisionError" in logs[0]["exception"]


def test_an_action_may_take_as_long_as_actions_may(scene):
    """A pause waits for open transactions."""
    waiting = Deferred()
    result = scene.ask(b"PAUSE", waiting)
    scene.clock.advance(ANSWER_SECONDS - 1)
    assert not result.is_there
    waiting.callback(Done("paused"))
    settle(scene.clock)
    assert result.value == Done("paused")


def test_whoever_leaves_is_not_waited_for(scene):
    """The supervisor hears so: it stops waiting too; what was begun goes on."""
    stopped = []
    waiting = Deferred(stopped.append)
    result = scene.ask(b"PAUSE", waiting)
    result.deferred.cancel()
    settle(scene.clock)
    assert isinstance(result.error, CancelledError)
    assert stopped == [waiting]
    assert repr(scene.answering) == "<ConsoleForWorkers 0 asked>"
    assert not scene.clock.calls


def test_whoever_leaves_amid_rows_gets_no_more(scene):
    """Those on their way are nobody's; none is made in vain."""
    made, asking = [], []

    def rows():
        for one in range(20 * PAGE_ROWS):
            made.append(one)
            if one == 2 * PAGE_ROWS:
                asking[0].cancel()
            yield [one]

    scene.console.answers[b"SHOW"] = Table(COLUMNS[:1], rows())
    asking.append(Deferred.fromCoroutine(scene.distant.answer(ASKER, b"SHOW")))
    result = Result(asking[0])
    settle(scene.clock)
    assert isinstance(result.error, CancelledError)
    assert len(made) < 5 * PAGE_ROWS
    assert not scene.clock.calls


def test_an_answer_that_is_on_its_way_may_be_left(scene):
    """There is nothing to stop any more."""
    waiting = Deferred()
    result = scene.ask(b"PAUSE", waiting)
    waiting.callback(Done("paused"))
    result.deferred.cancel()
    settle(scene.clock)
    assert isinstance(result.error, CancelledError)
    assert scene.ask(b"SHOW POOLS").value == Done()


def test_a_supervisor_that_dies_is_an_error(scene):
    """Whoever asks may ask again, and hears it at once from then on."""
    result = scene.ask(b"PAUSE", Deferred())
    wire_of(scene.up).break_off()
    for one in (result, scene.ask()):
        assert one.error.reply.code == 1105
        assert "has gone" in one.error.reply.message


def test_a_worker_that_dies_is_not_waited_for(scene):
    """What it had asked is stopped, and it may leave only once."""
    stopped = []
    scene.ask(b"PAUSE", Deferred(stopped.append))
    wire_of(scene.up).break_off()
    scene.answering.leave(scene.member)
    scene.answering.leave(scene.member)
    settle(scene.clock)
    assert len(stopped) == 1


def test_the_uptime_is_that_of_the_supervisor(scene):
    """As it was when the worker began, and it goes on."""
    assert scene.distant.uptime == ScriptedConsole.uptime
    scene.clock.advance(5)
    assert scene.distant.uptime == ScriptedConsole.uptime + 5
    assert scene.distant.admins is scene.admins


def test_until_the_uptime_is_known_it_is_the_worker_s_own(scene):
    """A supervisor that is gone ends the worker too."""
    wire_of(scene.up).break_off()
    alone = DistantConsole(scene.up, scene.admins, scene.clock)
    scene.clock.advance(3)
    assert alone.uptime == 3


def test_a_client_of_a_worker_is_served_by_it(scene):
    """From its statement to the rows; its connection goes on."""
    made = proxy_stage()
    scene.distant.admins = made.proxy.console.admins
    made.proxy.console = scene.distant
    peer = operator(made)
    scene.console.answers[b"SHOW"] = Table(COLUMNS[:2], [("a", 1)])
    for _ in range(2):
        peer.query(b"SHOW")
        settle(scene.clock)
        made.run()
        assert b"\x01a\x011" in peer.payloads()
    asker = scene.console.asked[0][0]
    assert (asker.user, asker.proxy, asker.number) == ("ops", "shop", 1)
