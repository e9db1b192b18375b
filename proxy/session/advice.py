"""What an operator or a developer can do about each pin.

The words stand here once: `mysqlproxy pins` prints them, and the manual has them as a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from proxy.session.pins import FILTERS, PinReason


@attrs.frozen(kw_only=True)
class Advice:
    """What is worth knowing of one reason; all texts are whole sentences but the title.

    Attributes:
        title: What the session has, in a few words.
        pins: When it pins.
        ends: When the pin ends; a reset, a change of user and a disconnect end every pin.
        application: What an application can change.
        examples: Statements that show it.
        operator: What an operator can set; empty where there is nothing.
    """

    title: str
    pins: str
    ends: str
    application: str
    examples: tuple[str, ...] = ()
    operator: str = ""


_ONLY_RESET: Final = "With a reset, a change of user, or the connection."
_TIME_LIMIT: Final = "max_pinned_seconds ends clients that keep it for too long."

ADVICE: Final[Mapping[PinReason, Advice]] = {
    PinReason.USER_VARIABLE: Advice(
        title="user variables that cannot be read back",
        pins="When a statement assigns user variables whose names its text does not tell, when "
        "their values are too long to carry, or when the server reports no changes at all. "
        "Other user variables follow the session.",
        ends=_ONLY_RESET,
        application="Name each variable in the text, keep large values in a table, and pass "
        "values as parameters.",
        examples=("SELECT MAX(id) INTO @last FROM orders  -- follows: the text names it",),
        operator="On MySQL, let the account see its own variables: GRANT SELECT ON "
        "performance_schema.user_variables_by_thread TO 'app'@'%'.",
    ),
    PinReason.SESSION_VARIABLE: Advice(
        title="a session variable that cannot be had elsewhere",
        pins="When SET assigns a variable that works for one statement or on one connection "
        "only (rand_seed1, insert_id, gtid_next, pseudo_thread_id and their like), or one that "
        "the proxy does not know. Others follow the session.",
        ends=_ONLY_RESET,
        application="Leave such variables to replication and dumps. Give the value in the "
        "statement itself where that is what is meant.",
        examples=(
            "INSERT INTO t (id, name) VALUES (100, 'a')  -- not: SET insert_id = 100",
            "SELECT RAND(7)  -- not: SET rand_seed1 = 7",
        ),
        operator="init_query sets a variable alike for everybody, which pins nobody.",
    ),
    PinReason.TEMPORARY_TABLE: Advice(
        title="a temporary table",
        pins="When CREATE TEMPORARY TABLE, or a temporary sequence, succeeds.",
        ends="When every table that was made has been dropped. A table whose name the text "
        "does not tell stays until a reset.",
        application="Drop the table in the transaction that made it, or use a derived table or "
        "a common table expression.",
        examples=(
            "DROP TEMPORARY TABLE picked",
            "WITH picked AS (SELECT id FROM items WHERE price > 10) SELECT * FROM picked",
        ),
        operator=_TIME_LIMIT,
    ),
    PinReason.NAMED_LOCK: Advice(
        title="a named lock",
        pins="When GET_LOCK() is called.",
        ends="When all locks are released: RELEASE_LOCK() as often as GET_LOCK(), or "
        "RELEASE_ALL_LOCKS(). The proxy asks the server what is still held, so that a lock "
        "that was not granted does not pin.",
        application="Release as soon as the work is done, also when it failed, or lock a row "
        "for the length of a transaction.",
        examples=(
            "DO RELEASE_LOCK('nightly')",
            "START TRANSACTION; SELECT 1 FROM jobs WHERE name = 'nightly' FOR UPDATE; COMMIT",
        ),
        operator="Give jobs that hold a lock for their whole life an account of their own. "
        + _TIME_LIMIT,
    ),
    PinReason.TABLE_LOCK: Advice(
        title="locked tables",
        pins="When LOCK TABLES, or FLUSH TABLES of named tables WITH READ LOCK or FOR EXPORT, "
        "succeeds.",
        ends="With UNLOCK TABLES.",
        application="InnoDB rarely needs it: lock the rows that matter in a transaction.",
        examples=("SELECT amount FROM stock WHERE id = 7 FOR UPDATE", "UNLOCK TABLES"),
        operator="Send dumps to the server itself, or run mysqldump with --single-transaction.",
    ),
    PinReason.READ_LOCK: Advice(
        title="the global read lock",
        pins="When FLUSH TABLES WITH READ LOCK is run.",
        ends="With UNLOCK TABLES.",
        application="Unlock as soon as the position is read; nobody can write until then.",
        examples=("START TRANSACTION WITH CONSISTENT SNAPSHOT",),
        operator="Send backups to the server itself, not through the proxy.",
    ),
    PinReason.INSTANCE_LOCK: Advice(
        title="a lock for a backup",
        pins="When LOCK INSTANCE FOR BACKUP (MySQL), BACKUP STAGE or BACKUP LOCK (MariaDB) "
        "succeeds.",
        ends="With UNLOCK INSTANCE, BACKUP STAGE END or BACKUP UNLOCK.",
        application="End the backup with its own statement rather than with the connection.",
        examples=("UNLOCK INSTANCE", "BACKUP STAGE END"),
        operator="Send backups to the server itself, not through the proxy.",
    ),
    PinReason.HANDLER: Advice(
        title="a table opened by HANDLER",
        pins="When HANDLER ... OPEN succeeds.",
        ends="When each one has been closed by HANDLER ... CLOSE.",
        application="Close it when the last row is read, or read by the key: an ordinary "
        "SELECT needs no open handler.",
        examples=("HANDLER t CLOSE", "SELECT * FROM t WHERE id > 7 ORDER BY id LIMIT 100"),
        operator=_TIME_LIMIT,
    ),
    PinReason.TEXT_PREPARE: Advice(
        title="a statement of SQL's PREPARE",
        pins="When PREPARE name FROM succeeds.",
        ends="When each name has been given up by DEALLOCATE PREPARE.",
        application="Deallocate after the last EXECUTE, or use the driver's own prepared "
        "statements: those of the binary protocol do not pin.",
        examples=("DEALLOCATE PREPARE stmt", "cursor.execute('... WHERE id = %s', (7,))"),
        operator=_TIME_LIMIT,
    ),
    PinReason.ROLE: Advice(
        title="active roles",
        pins="When SET ROLE succeeds.",
        ends=_ONLY_RESET,
        application="Use an account that has the privileges, rather than a role for a while.",
        examples=("SET DEFAULT ROLE reporting TO 'app'@'%'",),
        operator="Let the roles be active from the login on: SET DEFAULT ROLE, or "
        "activate_all_roles_on_login=ON on MySQL.",
    ),
    PinReason.NEXT_TRANSACTION: Advice(
        title="settings for the next transaction only",
        pins="When SET TRANSACTION without SESSION is run and the server does not report what "
        "the next transaction will be. Servers with session tracking do.",
        ends="At the end of the next transaction.",
        application="Set it for the session, which follows it, or in START TRANSACTION.",
        examples=(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "START TRANSACTION READ ONLY",
        ),
        operator="init_query can set the isolation level for everybody.",
    ),
    PinReason.SAVEPOINT: Advice(
        title="a savepoint before the transaction",
        pins="When SAVEPOINT is run with autocommit=0 and no transaction open yet, which no "
        "server reports.",
        ends="At the end of the next transaction.",
        application="Begin the transaction first: then the open transaction keeps the "
        "connection, and COMMIT gives it back.",
        examples=("START TRANSACTION; SAVEPOINT a; ...; COMMIT",),
    ),
    PinReason.SEQUENCE: Advice(
        title="the last value of a sequence",
        pins="When a statement draws from a MariaDB sequence: LASTVAL() would give that value "
        "on this connection only.",
        ends=_ONLY_RESET,
        application="Use an AUTO_INCREMENT column, or keep the value that NEXTVAL() returned "
        "and give it as a parameter.",
        examples=("INSERT INTO t (name) VALUES ('a') RETURNING id",),
        operator="Where nobody calls LASTVAL(), a filter makes it no pin.",
    ),
    PinReason.XA: Advice(
        title="an XA transaction",
        pins="When XA START is run.",
        ends="With XA COMMIT or XA ROLLBACK; on MySQL already with XA PREPARE, unless "
        "xa_detach_on_prepare is off: from there on any session may finish it.",
        application="Prepare and finish without waiting for people or other services.",
        examples=("XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",),
        operator=_TIME_LIMIT,
    ),
    PinReason.CURSOR: Advice(
        title="a server-side cursor",
        pins="When a prepared statement is executed with a cursor.",
        ends="When the last row has been fetched, or the statement is reset, closed or "
        "executed again.",
        application="Read to the end or close the statement. For large results page by key, "
        "or let the driver stream: that holds the connection only while rows flow.",
        examples=("SELECT * FROM t WHERE id > ? ORDER BY id LIMIT 1000",),
        operator="In Connector/J, useCursorFetch=false.",
    ),
    PinReason.LONG_DATA: Advice(
        title="long data for a prepared statement",
        pins="When a driver sends a parameter in pieces (COM_STMT_SEND_LONG_DATA).",
        ends="When the statement is executed, reset or closed.",
        application="Execute right after the last piece; streams that wait for a file or "
        "another service in between keep the connection meanwhile.",
        examples=("INSERT INTO files (body) VALUES (?)  -- with the whole value",),
        operator=_TIME_LIMIT,
    ),
    PinReason.ROUTINE: Advice(
        title="a stored routine",
        pins="When CALL, a stored function or a loadable function ran, and what it left on the "
        "connection cannot be asked for: locks, temporary tables, statements, variables.",
        ends=_ONLY_RESET,
        application="Keep what lasts out of routines: take locks and make temporary tables in "
        "statements of their own, or drop and release them before the routine ends.",
        examples=(
            "CREATE PROCEDURE ... BEGIN DECLARE n INT; ... END  -- local, not: SET @n = 1",
        ),
        operator="On MySQL, let the account ask: GRANT SELECT ON "
        "performance_schema.user_variables_by_thread TO 'app'@'%' and GRANT SELECT ON "
        "performance_schema.metadata_locks TO 'app'@'%'. Where routines leave nothing, a "
        "filter makes them no pin.",
    ),
    PinReason.UNREPORTED: Advice(
        title="a change that nothing explains",
        pins="When the server says that something in the session changed, and neither its "
        "reports nor the text of the statement tell what: a trigger or a view that uses user "
        "variables, for instance.",
        ends=_ONLY_RESET,
        application="Look into the triggers and functions that the statement uses; local "
        "variables (DECLARE) do for most of them.",
        examples=("DECLARE total INT DEFAULT 0  -- not: SET @total = 0",),
        operator="Where those changes do no harm to others, a filter makes them no pin.",
    ),
    PinReason.UNTRACKED: Advice(
        title="a setting on a server without session tracking",
        pins="When SET, SET NAMES or USE is run and the server reports no changes of sessions: "
        "MySQL before 5.7, MariaDB before 10.2.",
        ends=_ONLY_RESET,
        application="Give schema and charset at the login, and name the schema of tables of "
        "others.",
        examples=("SELECT * FROM archive.orders  -- not: USE archive",),
        operator="init_query sets what everybody needs. A newer server reports changes.",
    ),
    PinReason.OPAQUE: Advice(
        title="a statement that the proxy could not read",
        pins="When a text is not understood to its end: syntax of a newer server, a comment or "
        "quote without end, bytes that are no text in the session's charset.",
        ends=_ONLY_RESET,
        application="Write the statement in plain syntax, executable comments included.",
        examples=("SET sql_mode = ''  -- not: /*!99999 SET sql_mode = '' */",),
        operator="A newer release of the proxy may read it. Where such statements leave "
        "nothing, a filter makes them no pin.",
    ),
}
"""What there is to say of each reason that can pin."""


def filters_for(reason: PinReason) -> tuple[str, ...]:
    """Members of `session_pinning_filters` under which this reason does not pin."""
    return tuple(name for name, reasons in FILTERS.items() if reason in reasons)


def reason_called(text: str) -> PinReason | None:
    """The reason of this name, in any case, or of this sentence; None when there is none."""
    wanted = text.strip()
    for reason in PinReason:
        if wanted.upper().replace("-", "_") == reason.name or wanted == reason.value:
            return reason
    return None
