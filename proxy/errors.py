"""Whose fault it was, and the MySQL error that it becomes.

Codes and SQLSTATEs below 9000 are the server's own (MySQL manual, "Server Error Message
Reference"); 9501 is Amazon RDS Proxy's.  A reply says to the client what happened and what to
do; which side caused it decides how loud the log line is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import attrs

UNKNOWN_STATEMENT = 1243
"""ER_UNKNOWN_STMT_HANDLER."""

ACCESS_DENIED = 1045
"""ER_ACCESS_DENIED_ERROR."""

STOPPING = frozenset((1053, 1927, 3169))
"""How a server answers what it breaks off, for it stops or ends the connection:
ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED of MariaDB, ER_SESSION_WAS_KILLED."""


class Fault(enum.Enum):
    """Which side caused an error."""

    CLIENT = "client"
    BACKEND = "backend"
    PROXY = "proxy"


@attrs.frozen
class ErrorReply:
    """What an ERR packet says: code, five-character SQLSTATE, message."""

    code: int
    sqlstate: str
    message: str
    fault: Fault = Fault.PROXY


class StatementRefusedError(Exception):
    """A client's command ends in an ERR packet; the connection goes on."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(f"{reply.code} ({reply.sqlstate}): {reply.message}")
        self.reply = reply


class BackendLostError(Exception):
    """A backend closed, broke the protocol or could not be reached."""


class StatementLostError(BackendLostError):
    """A backend went away with a client's command that it had been sent."""


class BackendRefusedError(BackendLostError):
    """A backend answered our login, or a statement of our own, with an ERR packet.

    Args:
        code: Of the packet.
        sqlstate: Likewise.
        message: Likewise.
        why: What the log says of it instead, where there was no such packet.
    """

    def __init__(self, code: int, sqlstate: str, message: str, why: str = "") -> None:
        super().__init__(why or f"{code} ({sqlstate}): {message}")
        self.reply = ErrorReply(code, sqlstate, message, Fault.BACKEND)


def access_denied(user: str, address: str, *, using_password: bool) -> ErrorReply:
    """A login that failed, in the server's own words (ER_ACCESS_DENIED_ERROR)."""
    used = "YES" if using_password else "NO"
    text = f"Access denied for user '{user}'@'{address}' (using password: {used})"
    return ErrorReply(ACCESS_DENIED, "28000", text, Fault.CLIENT)


def too_many_clients(limit: int) -> ErrorReply:
    """The limit on clients is reached (RDS Proxy's text, the server's SQLSTATE)."""
    return ErrorReply(
        1040, "08004", f"Number simultaneous connections exceeded ({limit})", Fault.CLIENT
    )


def tls_required() -> ErrorReply:
    """A client without TLS where it is required, in RDS Proxy's words (code and text)."""
    return ErrorReply(3159, "HY000", "This RDS Proxy requires TLS connections.", Fault.CLIENT)


def host_not_allowed(address: str) -> ErrorReply:
    """A client from a network that is not allowed (ER_HOST_NOT_PRIVILEGED)."""
    text = f"Host '{address}' is not allowed to connect to this MySQL server"
    return ErrorReply(1130, "HY000", text, Fault.CLIENT)


def plugin_not_supported() -> ErrorReply:
    """An account at the target that we cannot log in to (ER_NOT_SUPPORTED_AUTH_MODE)."""
    text = (
        "Client does not support authentication protocol requested by server: see the proxy's "
        "log for the plugin of the account"
    )
    return ErrorReply(1251, "08004", text, Fault.BACKEND)


def charset_refused(charset: str) -> ErrorReply:
    """A charset that no client can speak (ER_WRONG_VALUE_FOR_VAR)."""
    text = f"Variable 'character_set_client' can't be set to the value of '{charset}'"
    return ErrorReply(1231, "42000", text, Fault.CLIENT)


def bad_handshake(why: str) -> ErrorReply:
    """A login packet that makes no sense or asks for what is not offered."""
    return ErrorReply(1043, "08S01", f"Bad handshake: {why}", Fault.CLIENT)


def malformed_packet(why: str) -> ErrorReply:
    """A command packet that breaks the protocol (ER_MALFORMED_PACKET)."""
    return ErrorReply(1835, "HY000", f"Malformed communication packet: {why}", Fault.CLIENT)


def packets_out_of_order(expected: int, got: int) -> ErrorReply:
    """A packet whose sequence number is not the next one (ER_NET_PACKETS_OUT_OF_ORDER)."""
    text = f"Got packets out of order: expected number {expected}, got {got}"
    return ErrorReply(1156, "08S01", text, Fault.CLIENT)


def packet_too_large(limit: int) -> ErrorReply:
    """A command longer than we keep in memory (ER_NET_PACKET_TOO_LARGE)."""
    text = f"Got a packet bigger than 'max_allowed_packet' bytes ({limit} here)"
    return ErrorReply(1153, "08S01", text, Fault.CLIENT)


def not_supported(what: str) -> ErrorReply:
    """A command that cannot be served through a proxy (ER_NOT_SUPPORTED_YET)."""
    text = f"This version of mysqlproxy doesn't yet support '{what}'"
    return ErrorReply(1235, "42000", text, Fault.CLIENT)


def unknown_command() -> ErrorReply:
    """A command byte that no server knows (ER_UNKNOWN_COM_ERROR)."""
    return ErrorReply(1047, "08S01", "Unknown command", Fault.CLIENT)


def unknown_thread(thread_id: int) -> ErrorReply:
    """KILL of an id that no client has (ER_NO_SUCH_THREAD)."""
    return ErrorReply(1094, "HY000", f"Unknown thread id: {thread_id}", Fault.CLIENT)


def not_owner_of_thread(thread_id: int) -> ErrorReply:
    """KILL of another user's client (ER_KILL_DENIED_ERROR)."""
    text = f"You are not owner of thread {thread_id}"
    return ErrorReply(1095, "HY000", text, Fault.CLIENT)


def query_interrupted() -> ErrorReply:
    """KILL QUERY reached a client that was still waiting for a backend."""
    return ErrorReply(1317, "70100", "Query execution was interrupted", Fault.CLIENT)


def unknown_statement(statement_id: int, what: str) -> ErrorReply:
    """An id that this client never prepared, or has closed (ER_UNKNOWN_STMT_HANDLER)."""
    text = f"Unknown prepared statement handler ({statement_id}) given to {what}"
    return ErrorReply(UNKNOWN_STATEMENT, "HY000", text, Fault.CLIENT)


def too_many_statements(limit: int) -> ErrorReply:
    """One client prepares without end (ER_MAX_PREPARED_STMT_COUNT_REACHED)."""
    text = f"Can't create more than max_prepared_stmt_count statements (current value: {limit})"
    return ErrorReply(1461, "42000", text, Fault.CLIENT)


def needs_prepare() -> ErrorReply:
    """A statement is not any more what the client prepared (ER_NEED_REPREPARE)."""
    return ErrorReply(1615, "HY000", "Prepared statement needs to be re-prepared")


def no_cursor(statement_id: int, end: str = ".") -> ErrorReply:
    """COM_STMT_FETCH without an open cursor (ER_STMT_HAS_NO_OPEN_CURSOR).

    Args:
        statement_id: The statement.
        end: MariaDB's text ends without a full stop.
    """
    text = f"The statement ({statement_id}) has no open cursor{end}"
    return ErrorReply(1421, "HY000", text, Fault.CLIENT)


def borrow_timeout() -> ErrorReply:
    """No backend came free in time, in RDS Proxy's words."""
    return ErrorReply(9501, "HY000", "Timed-out waiting to acquire database connection")


def borrow_queue_full(limit: int) -> ErrorReply:
    """More clients wait for a backend than the queue holds."""
    text = f"Too many clients ({limit}) are already waiting for a database connection"
    return ErrorReply(9501, "HY000", text)


def backend_lost(what: str) -> ErrorReply:
    """The backend went away before it answered (CR_SERVER_LOST)."""
    return ErrorReply(2013, "HY000", f"Lost connection to the database {what}", Fault.BACKEND)


def transaction_lost() -> ErrorReply:
    """The backend went away with a transaction open: it was rolled back (ER_LOCK_DEADLOCK).

    Drivers and frameworks run a transaction again that ended so; by CR_SERVER_LOST they would
    take the connection for closed, which it is not.
    """
    text = (
        "The transaction was rolled back by a failover or the loss of the database connection; "
        "try restarting the transaction"
    )
    return ErrorReply(1213, "40001", text, Fault.BACKEND)


def session_lost(what: str) -> ErrorReply:
    """The backend went away with session state that no other one can be given."""
    text = f"Lost connection to the database, and with it session state: {what}"
    return ErrorReply(2013, "HY000", text, Fault.BACKEND)


def outcome_unknown() -> ErrorReply:
    """The backend went away with a write under way (08007: transaction resolution unknown)."""
    text = "Lost connection to the database while it ran the statement: its outcome is unknown"
    return ErrorReply(2013, "08007", text, Fault.BACKEND)


def diagnostics_lost() -> ErrorReply:
    """Warnings are asked for in a way that only their own backend could answer (ER_UNKNOWN)."""
    text = (
        "The warnings and errors of the last statement are on a database connection that "
        "serves another client now. Use SHOW WARNINGS, or read them in the same transaction."
    )
    return ErrorReply(1105, "HY000", text)


def shutting_down() -> ErrorReply:
    """The proxy stops (ER_SERVER_SHUTDOWN)."""
    return ErrorReply(1053, "08S01", "Server shutdown in progress")


def idle_timeout() -> ErrorReply:
    """The client did nothing for too long (ER_CLIENT_INTERACTION_TIMEOUT)."""
    text = "The client was disconnected by the server because of inactivity."
    return ErrorReply(4031, "HY000", text)


def pinned_too_long(seconds: float, reasons: Iterable[str]) -> ErrorReply:
    """The client kept a backend by a pin beyond the limit (ER_CLIENT_INTERACTION_TIMEOUT).

    Drivers and their pools take the code for what it is: this connection has ended.

    Args:
        seconds: The limit, `max_pinned_seconds`.
        reasons: Names of the reasons that it still had, such as NAMED_LOCK.
    """
    text = (
        "The client was disconnected because it kept a database connection to itself for more "
        f"than {seconds:g} seconds ({', '.join(sorted(set(reasons)))})"
    )
    return ErrorReply(4031, "HY000", text, Fault.CLIENT)


def connection_killed() -> ErrorReply:
    """KILL of a connection while a statement of its own waits (ER_CONNECTION_KILLED)."""
    return ErrorReply(1927, "70100", "Connection was killed", Fault.CLIENT)


def internal_error() -> ErrorReply:
    """A mistake of ours (ER_UNKNOWN_ERROR); the log has the traceback."""
    return ErrorReply(1105, "HY000", "Unknown error: see the proxy's log")
