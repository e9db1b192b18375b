"""Tests of `proxy.front.console_session`: commands at the console, and changes of user."""

import pytest
from twisted.internet.defer import Deferred

from proxy.errors import StatementRefusedError, query_interrupted, unknown_thread
from proxy.front import kill
from proxy.front.client import Client
from proxy.front.console import Asker, Done, Table
from proxy.front.console_session import LONGEST_SCHEMA, STEP_ROWS, ConsoleSession
from proxy.wire.constants import Capability, Command
from proxy.wire.framing import encode
from proxy.wire.responses import parse_err, parse_ok, parse_text_row
from proxy.wire.tables import Kind, TableColumn
from tests.front.consoling import PASSWORD, change_user, client_of, operator, stage
from tests.support.scripted import CLIENT_CAPABILITIES

COLUMNS = (TableColumn("name"), TableColumn("number", Kind.WHOLE))


@pytest.fixture
def made():
    """A proxy with an admin user."""
    return stage()


@pytest.fixture
def peer(made):
    """The admin user at the console."""
    return operator(made)


def command(peer, code, rest=b""):
    """Send a command; the payloads of its answer."""
    peer.send(encode(bytes((code,)) + rest))
    return peer.payloads()


def test_the_console_is_told_who_asks(made, peer):
    """User, address, connection, proxy and what the client was greeted with."""
    session = peer.client
    peer.query(b"SHOW POOLS")
    assert made.proxy.console.asked == [
        (Asker(1, "ops", "localhost", "shop", "", "8.0.0"), b"SHOW POOLS")
    ]
    assert repr(session).startswith("<ConsoleSession of 'ops' by <Client 1 ")


def test_rows_come_as_a_result_set(made, peer):
    """Count, definitions, rows and an end, numbered one by one."""
    made.proxy.console.answers[b"SHOW"] = Table(COLUMNS, [("a", 1), ("b", None)])
    peer.query(b"SHOW")
    numbers, payloads = zip(*peer.packets(), strict=True)
    assert list(numbers) == list(range(1, len(numbers) + 1))
    rows = [parse_text_row(payload) for payload in payloads if payload[:1] == b"\x01"]
    assert rows == [(b"a", b"1"), (b"b", None)]


@pytest.mark.parametrize("deprecated", [True, False])
def test_ends_are_as_the_client_knows_them(made, deprecated):
    """OK packets where EOF packets are deprecated."""
    wanted = int(CLIENT_CAPABILITIES) & ~Capability.DEPRECATE_EOF
    if deprecated:
        wanted |= Capability.DEPRECATE_EOF
    peer = operator(made, capabilities=wanted)
    made.proxy.console.answers[b"SHOW"] = Table(COLUMNS, [("a", 1)])
    peer.query(b"SHOW")
    payloads = peer.payloads()
    assert payloads[-1][0] == 0xFE
    assert (len(payloads[-1]) == 5) is not deprecated
    assert len(payloads) == (5 if deprecated else 6)


def test_many_rows_are_made_in_steps(made, peer):
    """Between two of them all others have their turn."""
    taken = []

    def rows():
        for number in range(3 * STEP_ROWS + 1):
            taken.append(number)
            yield ("a", number)

    made.proxy.console.answers[b"SHOW"] = Table(COLUMNS, rows())
    peer.wire.receive(encode(b"\x03SHOW"))
    assert len(taken) == STEP_ROWS
    made.run()
    assert len(taken) == 3 * STEP_ROWS + 1
    assert len(peer.payloads()) >= len(taken)


def test_a_client_that_leaves_between_two_steps_is_gone(made, peer):
    """Nothing goes on for it, and nothing is wrong."""
    endless = iter(lambda: ("a", 1), None)
    made.proxy.console.answers[b"SHOW"] = Table(COLUMNS, endless)
    peer.wire.receive(encode(b"\x03SHOW"))
    peer.wire.end()
    made.run()
    assert made.is_clean()


def test_an_answer_without_rows_may_say_something(made, peer):
    """As the info text of an OK packet."""
    made.proxy.console.answers[b"PAUSE"] = Done("paused: shop")
    peer.query(b"PAUSE")
    assert peer.reply().info == b"paused: shop"


def test_an_error_leaves_the_connection(made, peer):
    """The client hears it and can go on."""
    made.proxy.console.answers[b"KILL 9"] = StatementRefusedError(unknown_thread(9))
    peer.query(b"KILL 9")
    assert peer.reply().code == 1094
    peer.query(b"SHOW POOLS")
    assert peer.reply().status == 2


def test_a_new_database_is_told_to_whoever_tracks_it(made):
    """By USE or by COM_INIT_DB; and the console knows it from then on."""
    wanted = int(CLIENT_CAPABILITIES) | Capability.SESSION_TRACK
    made.client()  # the target can track too, which is known once it has been reached
    peer = operator(made, capabilities=wanted)
    made.proxy.console.answers[b"USE a"] = Done(schema="a")
    peer.query(b"USE a")
    (payload,) = peer.payloads()
    assert parse_ok(payload, wanted).changes == ((1, b"\x01a"),)
    (payload,) = command(peer, Command.INIT_DB, b"b")
    assert parse_ok(payload, wanted).changes == ((1, b"\x01b"),)
    peer.query(b"SELECT 1")
    assert made.proxy.console.asked[-1][0].schema == "b"
    command(peer, Command.RESET_CONNECTION)
    peer.query(b"SELECT 1")
    assert made.proxy.console.asked[-1][0].schema == ""


def test_names_of_databases_have_an_end(made, peer):
    """They are shown to all; one that no server could have is refused, or cut at a login."""
    long = "ä" * (LONGEST_SCHEMA + 1)
    (reply,) = command(peer, Command.INIT_DB, long.encode())
    assert parse_err(reply).code == 1059
    made.proxy.console.answers[b"USE"] = Done(schema=long)
    peer.query(b"USE")
    assert parse_err(peer.payloads()[0]).code == 1059
    assert peer.client.schema == ""
    other = operator(made, schema=long.encode())
    assert other.client.schema == "ä" * LONGEST_SCHEMA


def test_commands_of_every_client_are_answered(peer):
    """A ping and a reset by OK, options and fields by an end, statistics by a text."""
    assert parse_ok(command(peer, Command.PING)[0], 0).status == 2
    assert parse_ok(command(peer, Command.RESET_CONNECTION)[0], 0).status == 2
    for code, rest in ((Command.SET_OPTION, b"\0\0"), (Command.FIELD_LIST, b"t\0")):
        (payload,) = command(peer, code, rest)
        assert payload[0] == 0xFE
    (payload,) = command(peer, Command.STATISTICS)
    assert payload == b"Uptime: 4711  Clients: 1"


def test_a_kill_by_number_is_the_statement(made, peer):
    """COM_PROCESS_KILL is what some clients send for it."""
    command(peer, Command.PROCESS_KILL, (77).to_bytes(4, "little"))
    assert made.proxy.console.texts == [b"KILL 77"]


@pytest.mark.parametrize(
    "code", [Command.STMT_PREPARE, Command.STMT_EXECUTE, Command.STMT_RESET, Command.STMT_FETCH]
)
def test_prepared_statements_are_refused(peer, code):
    """By the error for what cannot be prepared, which says what to do."""
    (payload,) = command(peer, code, b"SELECT 1")
    error = parse_err(payload)
    assert error.code == 1295
    assert "send the text" in error.text


@pytest.mark.parametrize("code", [Command.STMT_CLOSE, Command.STMT_SEND_LONG_DATA])
def test_commands_without_an_answer_have_none(peer, code):
    """The next command is answered as ever."""
    assert command(peer, code, b"\1\0\0\0") == []
    assert len(command(peer, Command.PING)) == 1


@pytest.mark.parametrize(
    ("code", "rest", "error"),
    [
        (Command.SHUTDOWN, b"", 1047),
        (0x77, b"", 1047),
        (Command.SET_OPTION, b"", 1835),
        (Command.PROCESS_KILL, b"\1", 1835),
    ],
)
def test_other_commands_are_errors(peer, code, rest, error):
    """Those that no console has, and those that make no sense."""
    (payload,) = command(peer, code, rest)
    assert parse_err(payload).code == error


def test_a_client_that_quits_is_gone(made, peer):
    """Whether its command comes alone or behind another one."""
    other = operator(made)
    peer.send(encode(b"\x01"))
    other.send(encode(b"\x0e") + encode(b"\x01"))
    assert (peer.closed, other.closed) == (True, True)
    assert made.is_clean()


def test_commands_sent_ahead_are_answered_in_order(made, peer):
    """One by one."""
    waiting = Deferred()
    made.proxy.console.answers[b"PAUSE"] = waiting
    peer.send(encode(b"\x03PAUSE") + encode(b"\x0e"))
    assert peer.payloads() == []
    waiting.callback(Done("paused"))
    made.run()
    assert len(peer.payloads()) == 2


def test_its_statements_are_nobodys(made, peer):
    """They are not counted among the requests of clients."""
    before = made.counters.query_requests
    peer.query(b"SHOW POOLS")
    command(peer, Command.PING)
    assert made.counters.query_requests == before


def test_a_silent_operator_is_disconnected_as_other_clients_are(made):
    """After idle_client_timeout, and not after the time for a login."""
    peer = operator(made)
    made.run(made.proxy.config.login_timeout + 2)
    assert not peer.closed
    for _ in range(2000):
        made.run(1.0)
    assert peer.reply().code == 4031
    assert peer.closed


def test_an_action_can_be_waited_for_no_longer(made, peer):
    """KILL QUERY by another operator, as Ctrl-C sends it: the connection goes on."""
    made.proxy.console.answers[b"PAUSE"] = Deferred()
    client = made.clients[1]
    peer.query(b"PAUSE")
    kill.interrupt(client, query_interrupted())
    made.run()
    assert peer.reply().code == 1317
    peer.query(b"SHOW POOLS")
    assert peer.reply().status == 2


def test_who_waits_for_an_action_is_not_idle(made, peer):
    """A proxy that stops lets it have its answer, such as that of a RESTART."""
    waiting = made.proxy.console.answers[b"RESTART"] = Deferred()
    client = client_of(peer)
    assert client.is_idle
    peer.query(b"RESTART")
    assert not client.is_idle
    waiting.callback(Done())
    made.run()
    assert client.is_idle


def test_a_client_that_leaves_while_an_action_runs_is_gone(made, peer):
    """The action is the console's; nothing is wrong."""
    made.proxy.console.answers[b"PAUSE"] = Deferred()
    peer.query(b"PAUSE")
    peer.leave()
    assert made.is_clean()


def test_an_answer_for_who_was_told_to_go_is_dropped(made):
    """The proxy stops meanwhile, for instance."""
    for text, answer in ((b"a", Done()), (b"b", Table(COLUMNS)), (b"c", None)):
        one, waiting = operator(made), Deferred()
        made.proxy.console.answers[text] = waiting
        one.query(text)
        client_of(one).hang_up()
        if answer is None:
            waiting.errback(StatementRefusedError(unknown_thread(1)))
        else:
            waiting.callback(answer)
        made.run()
        assert one.payloads() == []


def test_what_breaks_the_protocol_ends_the_connection(peer):
    """As for any client."""
    peer.send(encode(b""))
    assert peer.reply().code == 1835
    assert peer.closed


def test_a_change_of_user_leads_away_from_the_console_and_back(made):
    """Each user gets what it gets by a login, whatever the connection was before."""
    peer = operator(made)
    number = client_of(peer).number
    change_user(peer)
    made.run()
    assert peer.reply().status == 2
    assert isinstance(peer.client, Client)
    assert not made.proxy.consoles
    peer.query(b"SELECT 1")
    backend = made.busy()
    made.serve()
    peer.payloads()
    change_user(peer, PASSWORD, b"ops")
    assert peer.reply().status == 2
    assert isinstance(peer.client, ConsoleSession)
    assert made.clients[number].session is None
    assert not made.ledger.lent
    peer.query(b"SHOW POOLS")
    assert peer.reply().status == 2
    assert not backend.asked
    peer.leave()
    assert made.is_clean()


def test_a_change_of_user_to_a_wrong_password_ends_the_connection(made, peer):
    """As it does for any client; nobody is at the console any more."""
    change_user(peer, "wrong")
    assert peer.reply().code == 1045
    assert peer.closed
    assert not made.proxy.consoles


def test_a_transaction_ends_when_its_client_goes_to_the_console(made):
    """The connection goes back to the pool, rolled back."""
    peer = made.client()
    made.begin(peer)
    change_user(peer, PASSWORD, b"ops")
    made.run()
    assert peer.reply().status == 2
    assert not made.ledger.lent
    assert isinstance(peer.client, ConsoleSession)


def test_broken_tls_is_told_of(made):
    """The client behind the console logs it."""
    peer = operator(made)
    peer.client.tls_failed("it broke")
    assert client_of(peer).number == 1
