import inspect

import pymysql.constants.ER
import pytest

from proxy import errors
from proxy.errors import (
    BackendLostError,
    BackendRefusedError,
    ErrorReply,
    Fault,
    StatementRefusedError,
)

CLIENT, BACKEND, PROXY = Fault.CLIENT, Fault.BACKEND, Fault.PROXY

# Where a server has the error, its own code, SQLSTATE and words.
REPLIES = [
    (
        errors.access_denied("app", "127.0.0.1", using_password=True),
        (1045, "28000", CLIENT),
        "Access denied for user 'app'@'127.0.0.1' (using password: YES)",
    ),
    (
        errors.access_denied("", "localhost", using_password=False),
        (1045, "28000", CLIENT),
        "Access denied for user ''@'localhost' (using password: NO)",
    ),
    (
        errors.too_many_clients(5),
        (1040, "08004", CLIENT),
        "Number simultaneous connections exceeded (5)",
    ),
    (
        errors.tls_required(),
        (3159, "HY000", CLIENT),
        "This RDS Proxy requires TLS connections.",
    ),
    (
        errors.host_not_allowed("203.0.113.9"),
        (1130, "HY000", CLIENT),
        "Host '203.0.113.9' is not allowed to connect to this MySQL server",
    ),
    (
        errors.plugin_not_supported(),
        (1251, "08004", BACKEND),
        (
            "Client does not support authentication protocol requested by server: see the "
            "proxy's log for the plugin of the account"
        ),
    ),
    (errors.bad_handshake("no user"), (1043, "08S01", CLIENT), "Bad handshake: no user"),
    (
        errors.malformed_packet("2 left"),
        (1835, "HY000", CLIENT),
        "Malformed communication packet: 2 left",
    ),
    (
        errors.packets_out_of_order(0, 3),
        (1156, "08S01", CLIENT),
        "Got packets out of order: expected number 0, got 3",
    ),
    (
        errors.packet_too_large(1024),
        (1153, "08S01", CLIENT),
        "Got a packet bigger than 'max_allowed_packet' bytes (1024 here)",
    ),
    (
        errors.not_supported("COM_BINLOG_DUMP"),
        (1235, "42000", CLIENT),
        "This version of mysqlproxy doesn't yet support 'COM_BINLOG_DUMP'",
    ),
    (errors.unknown_command(), (1047, "08S01", CLIENT), "Unknown command"),
    (errors.unknown_thread(7), (1094, "HY000", CLIENT), "Unknown thread id: 7"),
    (errors.not_owner_of_thread(7), (1095, "HY000", CLIENT), "You are not owner of thread 7"),
    (errors.query_interrupted(), (1317, "70100", CLIENT), "Query execution was interrupted"),
    (
        errors.unknown_statement(9, "mysqld_stmt_execute"),
        (1243, "HY000", CLIENT),
        "Unknown prepared statement handler (9) given to mysqld_stmt_execute",
    ),
    (
        errors.too_many_statements(16),
        (1461, "42000", CLIENT),
        "Can't create more than max_prepared_stmt_count statements (current value: 16)",
    ),
    (
        errors.charset_refused("ucs2"),
        (1231, "42000", CLIENT),
        "Variable 'character_set_client' can't be set to the value of 'ucs2'",
    ),
    (errors.no_cursor(9), (1421, "HY000", CLIENT), "The statement (9) has no open cursor."),
    (errors.no_cursor(9, ""), (1421, "HY000", CLIENT), "The statement (9) has no open cursor"),
    (
        errors.borrow_timeout(),
        (9501, "HY000", PROXY),
        "Timed-out waiting to acquire database connection",
    ),
    (
        errors.borrow_queue_full(10),
        (9501, "HY000", PROXY),
        "Too many clients (10) are already waiting for a database connection",
    ),
    (
        errors.backend_lost("during query"),
        (2013, "HY000", BACKEND),
        "Lost connection to the database during query",
    ),
    (
        errors.transaction_lost(),
        (1213, "40001", BACKEND),
        (
            "The transaction was rolled back by a failover or the loss of the database "
            "connection; try restarting the transaction"
        ),
    ),
    (
        errors.session_lost("a cursor"),
        (2013, "HY000", BACKEND),
        "Lost connection to the database, and with it session state: a cursor",
    ),
    (
        errors.outcome_unknown(),
        (2013, "08007", BACKEND),
        "Lost connection to the database while it ran the statement: its outcome is unknown",
    ),
    (
        errors.diagnostics_lost(),
        (1105, "HY000", PROXY),
        (
            "The warnings and errors of the last statement are on a database connection that "
            "serves another client now. Use SHOW WARNINGS, or read them in the same "
            "transaction."
        ),
    ),
    (
        errors.needs_prepare(),
        (1615, "HY000", PROXY),
        "Prepared statement needs to be re-prepared",
    ),
    (errors.shutting_down(), (1053, "08S01", PROXY), "Server shutdown in progress"),
    (
        errors.idle_timeout(),
        (4031, "HY000", PROXY),
        "The client was disconnected by the server because of inactivity.",
    ),
    (
        errors.pinned_too_long(300.0, ["TEMPORARY_TABLE", "NAMED_LOCK", "NAMED_LOCK"]),
        (4031, "HY000", CLIENT),
        (
            "The client was disconnected because it kept a database connection to itself "
            "for more than 300 seconds (NAMED_LOCK, TEMPORARY_TABLE)"
        ),
    ),
    (errors.connection_killed(), (1927, "70100", CLIENT), "Connection was killed"),
    (errors.internal_error(), (1105, "HY000", PROXY), "Unknown error: see the proxy's log"),
]


@pytest.mark.parametrize(("reply", "kind", "message"), REPLIES)
def test_each_error_has_its_code_state_fault_and_words(reply, kind, message):
    """What a client hears, and whom the log blames."""
    assert (reply.code, reply.sqlstate, reply.fault) == kind
    assert reply.message == message


def test_every_error_is_listed_here():
    """No function that makes an error is left out of the table above."""
    made = [
        name
        for name, function in inspect.getmembers(errors, inspect.isfunction)
        if function.__module__ == errors.__name__
    ]
    source = inspect.getsource(inspect.getmodule(test_every_error_is_listed_here))
    assert [name for name in made if f"errors.{name}(" not in source] == []


def test_states_are_five_letters_and_digits():
    """An ERR packet has room for exactly these."""
    assert all(len(reply.sqlstate) == 5 and reply.sqlstate.isalnum() for reply, _, _ in REPLIES)


def test_codes_are_those_of_the_server():
    """PyMySQL's table of server errors has the same numbers under the manual's names."""
    er = pymysql.constants.ER
    assert errors.access_denied("", "", using_password=True).code == er.ACCESS_DENIED_ERROR
    assert errors.too_many_clients(1).code == er.CON_COUNT_ERROR
    assert errors.host_not_allowed("").code == er.HOST_NOT_PRIVILEGED
    assert errors.plugin_not_supported().code == er.NOT_SUPPORTED_AUTH_MODE
    assert errors.bad_handshake("").code == er.HANDSHAKE_ERROR
    assert errors.packets_out_of_order(0, 1).code == er.NET_PACKETS_OUT_OF_ORDER
    assert errors.packet_too_large(1).code == er.NET_PACKET_TOO_LARGE
    assert errors.not_supported("").code == er.NOT_SUPPORTED_YET
    assert errors.unknown_command().code == er.UNKNOWN_COM_ERROR
    assert errors.unknown_thread(1).code == er.NO_SUCH_THREAD
    assert errors.not_owner_of_thread(1).code == er.KILL_DENIED_ERROR
    assert errors.query_interrupted().code == er.QUERY_INTERRUPTED
    assert errors.unknown_statement(1, "").code == er.UNKNOWN_STMT_HANDLER
    assert errors.too_many_statements(1).code == er.MAX_PREPARED_STMT_COUNT_REACHED
    assert errors.no_cursor(1).code == er.STMT_HAS_NO_OPEN_CURSOR
    assert errors.shutting_down().code == er.SERVER_SHUTDOWN
    assert errors.diagnostics_lost().code == er.UNKNOWN_ERROR
    assert errors.internal_error().code == er.UNKNOWN_ERROR


def test_a_reply_is_the_proxys_fault_unless_said_otherwise():
    """Whoever makes an error and names nobody speaks of ourselves."""
    assert ErrorReply(1, "HY000", "m").fault is PROXY


def test_a_refused_statement_carries_its_reply():
    """The exception has the reply for the client and reads well in a log."""
    error = StatementRefusedError(errors.unknown_command())
    assert error.reply == errors.unknown_command()
    assert str(error) == "1047 (08S01): Unknown command"


def test_a_refusal_of_a_backend_is_a_lost_backend_too():
    """Who cares only that there is none need not know why; the server's words are kept."""
    error = BackendRefusedError(1045, "28000", "Access denied")
    assert isinstance(error, BackendLostError)
    assert error.reply == ErrorReply(1045, "28000", "Access denied", BACKEND)
    assert str(error) == "1045 (28000): Access denied"


def test_a_login_that_cannot_be_has_two_texts():
    """The log hears which setting or plugin it is about, the client what it may know."""
    error = BackendRefusedError(1251, "08004", "see the log", "the plugin is unknown")
    assert str(error) == "the plugin is unknown"
    assert error.reply == ErrorReply(1251, "08004", "see the log", BACKEND)
