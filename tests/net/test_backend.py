"""Tests of `proxy.net.backend`."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from twisted.internet.task import Clock

from proxy.dialogue.answers import Kind
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.net.backend import ANSWER_LIMIT, BackendProtocol
from proxy.wire.commands import PING, QUIT, query
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.responses import Ok
from tests.support.scripted import ServerSide, error, packets, row
from tests.support.servers import Backend

SHAPES = [0, int(Capability.DEPRECATE_EOF)]


class Taker:
    """Keeps an answer."""

    def __init__(self):
        self.data, self.losses = b"", []

    def answer_arrived(self, data):
        self.data += data

    def backend_lost(self, why):
        self.losses.append(why)


class Connection:
    """A backend protocol and the scripted server behind it."""

    def __init__(self, *, shape=0, refusal=None):
        self.clock = Clock()
        self.server = Backend(self.clock, ServerSide(9, refusal=refusal))
        account = Account("app", "secret", shape)
        self.protocol = BackendProtocol(account, secure=False)
        self.outcome, self.failures = [], []
        self.protocol.logged_in.addCallbacks(self.outcome.append, self.failures.append)
        self.server.wire.connect(self.protocol)

    def greet(self):
        """Let the server greet and the login go through."""
        self.server.send(self.server.side.hello())
        self.run()

    def run(self):
        """Let everything arrive."""
        for _ in range(20):
            self.clock.advance(0)

    def ask(self, payload, kind=Kind.SIMPLE):
        """Ask, and give the list that gets the answer or the error."""
        got = []
        self.protocol.ask(payload, kind).addCallbacks(got.append, lambda f: got.append(f.value))
        self.run()
        return got


@pytest.fixture(params=SHAPES)
def connection(request):
    """A backend that is logged in, for both forms of the end of a result."""
    connection = Connection(shape=request.param)
    connection.greet()
    assert connection.outcome == [connection.protocol]
    return connection


def test_a_login_makes_a_backend_ready(connection):
    """After the login the number, the status and an exchange of the right shape are there."""
    protocol = connection.protocol
    assert protocol.connection_id == 9
    assert protocol.status == 2
    assert not protocol.owes_answer
    assert repr(protocol) == "<BackendProtocol 9 of 'app': <Exchange SIMPLE in ENDED>>"
    assert connection.server.side.login.user == "app"


def test_before_its_greeting_a_backend_has_no_number():
    """The repr says that it logs in."""
    protocol = Connection().protocol
    assert protocol.connection_id == 0
    assert repr(protocol) == "<BackendProtocol - of 'app': logging in>"


def test_a_refused_login_is_an_error_with_the_servers_reply():
    """The Deferred fails with the ERR packet's content, and the connection is cut."""
    connection = Connection(refusal=error(1045, "28000", b"Access denied"))
    connection.greet()
    (failure,) = connection.failures
    assert isinstance(failure.value, BackendRefusedError)
    assert failure.value.reply.code == 1045
    assert connection.server.gone


@pytest.mark.parametrize("data", [b"\x01\x00\x00\x00\x05", b"\xff\xff\xff\x00", b"HTTP/1.0"])
def test_a_server_that_speaks_something_else_is_lost(data):
    """Bytes that are no greeting end the login with an error."""
    connection = Connection()
    connection.server.send(data)
    connection.run()
    (failure,) = connection.failures
    assert type(failure.value) is BackendLostError
    assert connection.server.gone


def test_a_server_that_closes_during_the_login_is_lost():
    """The Deferred of the login fails once."""
    connection = Connection()
    connection.server.die()
    (failure,) = connection.failures
    assert str(failure.value) == "the connection was closed"


def test_a_cancelled_login_cuts_the_connection():
    """Nobody waits for the server any more."""
    connection = Connection()
    connection.protocol.logged_in.cancel()
    connection.run()
    assert connection.server.gone
    assert len(connection.failures) == 1


def test_an_answer_goes_to_its_taker_as_it_came(connection):
    """The bytes of a result reach the taker unchanged, however they are cut."""
    taker, side = Taker(), connection.server.side
    connection.protocol.send(encode(query(b"SELECT 1")), Kind.RESULT, taker, side.capabilities)
    connection.run()
    assert connection.protocol.owes_answer
    whole = packets(side.rows([(b"1",), (None,)]))
    for byte in whole:
        connection.server.send(bytes((byte,)))
    connection.run()
    assert taker.data == whole
    assert not connection.protocol.owes_answer


def test_a_statement_of_ours_gets_its_rows(connection):
    """`ask` answers status, warnings and rows."""
    got = connection.ask(query(b"SELECT 1"), Kind.RESULT)
    side = connection.server.side
    connection.server.answer(*side.rows([(b"1", b"x"), (None, b"")], warnings=3))
    connection.run()
    (answer,) = got
    assert answer.rows == ((b"1", b"x"), (None, b""))
    assert answer.warnings == 3


def test_a_statement_of_ours_may_have_no_rows(connection):
    """An OK packet in answer to a query is no row."""
    got = connection.ask(query(b"DO 1"), Kind.RESULT)
    connection.server.answer(connection.server.side.ok(affected_rows=4))
    connection.run()
    assert got[0].rows == ()
    assert got[0].row_count == 4


def test_rows_that_cannot_be_read_are_left_out(connection):
    """A row whose lengths do not fit is no row."""
    got = connection.ask(query(b"SELECT 1"), Kind.RESULT)
    payloads = connection.server.side.rows([(b"1",), (b"2",)])
    broken = [b"\x05x" if payload == row((b"1",)) else payload for payload in payloads]
    connection.server.answer(*broken)
    connection.run()
    assert got[0].rows == ((b"2",),)


def test_rows_with_wrong_sequence_numbers_are_no_rows(connection):
    """A server that counts wrongly is not understood, and nothing is raised for it."""
    got = connection.ask(query(b"SELECT 1"), Kind.RESULT)
    side = connection.server.side
    connection.server.asked.clear()
    connection.server.send(packets(side.rows([(b"1",)]), 5))
    connection.run()
    assert [getattr(answer, "rows", ()) for answer in got] == [()]


def test_an_error_in_answer_to_a_statement_of_ours(connection):
    """It becomes an exception with the server's reply; the connection goes on."""
    got = connection.ask(query(b"nonsense"), Kind.RESULT)
    connection.server.answer(error(1064, "42000", b"syntax").encode())
    connection.run()
    assert isinstance(got[0], BackendRefusedError)
    assert got[0].reply.sqlstate == "42000"
    assert not connection.server.gone
    assert connection.ask(PING)[0].status == 2


def test_an_answer_of_ours_that_never_ends_is_cut_off(connection):
    """No more is kept than an answer to a statement of ours can have."""
    got = connection.ask(query(b"SELECT 1"), Kind.RESULT)
    endless = connection.server.side.rows([(b"x" * 60_000,)] * 280)[:-1]
    assert sum(map(len, endless)) > ANSWER_LIMIT
    connection.server.answer(*endless)
    connection.run()
    assert isinstance(got[0], BackendLostError)
    assert connection.server.gone


def test_cancelling_a_statement_of_ours_cuts_the_connection(connection):
    """What it would answer nobody could tell from the next answer."""
    got = []
    asked = connection.protocol.ask(query(b"SELECT SLEEP(9)"), Kind.RESULT)
    asked.addErrback(got.append)
    asked.cancel()
    connection.run()
    assert len(got) == 1
    assert connection.server.gone


def test_the_pool_hears_of_a_loss_before_the_taker(connection):
    """The lease is gone from the book when its borrower hears of the loss."""
    order, taker = [], Taker()
    taker.backend_lost = lambda why: order.append(("taker", why))
    connection.protocol.on_loss = lambda why, busy: order.append(("pool", why, busy))
    connection.protocol.send(encode(PING), Kind.SIMPLE, taker, 0)
    connection.server.die()
    why = "the connection was closed"
    assert order == [("pool", why, True), ("taker", why)]


def test_an_idle_backend_that_is_lost_is_reported_once(connection):
    """Nobody waits for an answer, and the pool is told so."""
    losses = []
    connection.protocol.on_loss = lambda why, busy: losses.append((why, busy))
    connection.server.die()
    connection.protocol.ended("again")
    assert losses == [("the connection was closed", False)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            encode(error(1053, "08S01", b"Server shutdown in progress").encode()),
            "the server says 1053 (08S01): Server shutdown in progress",
        ),
        (encode(b"\xff\x01"), "the server sent something unasked"),
        (encode(Ok().encode(0)), "the server sent something unasked"),
        (b"\x00", "the server sent something unasked"),
    ],
)
def test_what_comes_unasked_ends_the_connection(connection, data, said):
    """An idle backend that says anything is gone, with its reason where it gives one."""
    losses = []
    connection.protocol.on_loss = lambda why, busy: losses.append(why)
    connection.server.send(data)
    connection.run()
    assert losses == [said]
    assert connection.server.gone


def test_an_answer_that_breaks_the_protocol_is_a_loss(connection):
    """The taker hears it, and nobody gets this connection again."""
    taker = Taker()
    connection.protocol.send(encode(PING), Kind.SIMPLE, taker, 0)
    connection.run()
    connection.protocol.send(encode(query(b"DO 1")), Kind.SIMPLE, taker, 0)
    connection.server.send(packets([b"\x42nonsense"]))
    connection.run()
    assert taker.losses == ["first byte 66 of an answer"]
    assert connection.server.gone


def test_bytes_behind_an_answer_are_a_loss_after_it(connection):
    """The answer is good; the connection that said more is not."""
    taker, losses = Taker(), []
    connection.protocol.on_loss = lambda why, busy: losses.append((why, busy))
    connection.protocol.send(encode(query(b"DO 1")), Kind.SIMPLE, taker, 0)
    connection.run()
    answer = packets([connection.server.side.ok()])
    connection.server.send(answer + b"more")
    connection.run()
    assert taker.data == answer
    assert losses == [("the server sent more than its answer", False)]


def test_somebody_else_can_take_the_rest_of_an_answer(connection):
    """The first taker hears nothing then; without an answer there is nothing to take."""
    first, second = Taker(), Taker()
    connection.protocol.replace_taker(first)
    assert not connection.protocol.owes_answer
    connection.protocol.send(encode(query(b"DO 1")), Kind.SIMPLE, first, 0)
    connection.protocol.replace_taker(second)
    connection.run()
    connection.server.answer()
    connection.run()
    assert first.data == b""
    assert second.data == packets([connection.server.side.ok()])


def test_good_bye_is_said(connection):
    """The server hears COM_QUIT before the connection closes."""
    connection.protocol.quit()
    connection.run()
    assert connection.server.side.commands[-1] == QUIT
    assert connection.server.gone


def test_a_command_without_an_answer_leaves_nothing_owed(connection):
    """After `tell` the backend is free at once."""
    connection.protocol.tell(b"\x19\x01\x00\x00\x00")
    connection.run()
    assert not connection.protocol.owes_answer
    assert connection.server.side.commands[-1] == b"\x19\x01\x00\x00\x00"
