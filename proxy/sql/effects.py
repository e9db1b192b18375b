"""The vocabulary of what a statement may do to a session, or needs to find in it.

Servers report much by themselves (MySQL manual, "Server Tracking of Client Session State");
these values say what a text tells beyond that.  Names of variables, locks, statements and
tables are in lower case; `None` means "some name that the text does not tell".  The union
`Effect` at the end is closed.
"""

from __future__ import annotations

import attrs

Names = tuple[str, ...]


@attrs.frozen
class SetsVariables:
    """Session values of system variables are assigned, by SET or SET SESSION TRANSACTION."""

    names: Names


@attrs.frozen
class SetsNames:
    """SET NAMES, or SET CHARACTER SET that takes the connection's charset from the schema."""

    of_schema: bool = False


@attrs.frozen
class SetsGlobal:
    """SET GLOBAL, PERSIST or PERSIST_ONLY: nothing in this session, but not to be run twice."""

    names: Names


@attrs.frozen
class SetsNextTransaction:
    """Isolation or access mode of the next transaction only, on this very connection."""


@attrs.frozen
class WritesUserVariables:
    """User variables are assigned: @a."""

    names: Names | None


@attrs.frozen
class ReadsUserVariables:
    """The statement's meaning depends on user variables."""

    names: Names | None


@attrs.frozen
class UsesSchema:
    """USE: the default schema changes."""

    name: str


@attrs.frozen
class DropsSchema:
    """A schema is dropped: a session whose default schema it was has none afterwards."""

    name: str


@attrs.frozen
class SetsRole:
    """SET ROLE: the session's active roles, and with them its privileges, change."""


@attrs.frozen
class CreatesTemporaryTable:
    """A temporary table or sequence is made; its name has the schema where one is said."""

    name: str | None


@attrs.frozen
class DropsTables:
    """
    Tables are dropped; a name means the temporary one where there is one.

    Attributes:
        names: With the schema where one is said.
        temporary: The statement says TEMPORARY, so that permanent tables stay.
    """

    names: Names
    temporary: bool


@attrs.frozen
class RenamesTables:
    """Tables have other names afterwards, temporary ones perhaps."""


@attrs.frozen
class PreparesText:
    """PREPARE name FROM: a statement that only this connection knows, and its text if told."""

    name: str
    text: bytes | None = attrs.field(default=None, repr=False)


@attrs.frozen
class ExecutesText:
    """EXECUTE name: runs a text that is not in this one."""

    name: str


@attrs.frozen
class DeallocatesText:
    """DEALLOCATE PREPARE name."""

    name: str


@attrs.frozen
class OpensHandler:
    """HANDLER name OPEN: a table or alias is open until closed."""

    name: str


@attrs.frozen
class ReadsHandler:
    """HANDLER name READ."""

    name: str


@attrs.frozen
class ClosesHandler:
    """HANDLER name CLOSE."""

    name: str


# Locks


@attrs.frozen
class TakesNamedLock:
    """GET_LOCK: held until released as often as taken, or the session ends."""

    name: str | None


@attrs.frozen
class ReleasesNamedLock:
    """RELEASE_LOCK: gives a lock back once."""

    name: str | None


@attrs.frozen
class ReleasesAllNamedLocks:
    """RELEASE_ALL_LOCKS()."""


@attrs.frozen
class LocksTables:
    """LOCK TABLES, or FLUSH TABLES of named tables WITH READ LOCK or FOR EXPORT."""


@attrs.frozen
class LocksServer:
    """FLUSH TABLES WITH READ LOCK: like table locks, ended by UNLOCK TABLES."""


@attrs.frozen
class UnlocksTables:
    """UNLOCK TABLES."""


@attrs.frozen
class LocksInstance:
    """LOCK INSTANCE FOR BACKUP, BACKUP STAGE or BACKUP LOCK."""


@attrs.frozen
class UnlocksInstance:
    """UNLOCK INSTANCE, BACKUP STAGE END or BACKUP UNLOCK."""


# Transactions


@attrs.frozen
class BeginsTransaction:
    """BEGIN or START TRANSACTION; an open transaction is committed first."""


@attrs.frozen
class EndsTransaction:
    """
    COMMIT, or ROLLBACK where `commit` is False.

    Attributes:
        chain: A new transaction begins at once.
        release: The server closes the connection afterwards.
    """

    commit: bool
    chain: bool = False
    release: bool = False


@attrs.frozen
class CommitsImplicitly:
    """DDL or administration, which commits an open transaction first."""


@attrs.frozen
class UsesSavepoint:
    """SAVEPOINT, ROLLBACK TO, RELEASE SAVEPOINT; outside of transactions nobody reports it."""


@attrs.frozen
class ControlsXa:
    """
    Any XA statement but RECOVER; the connection works on the XA transaction until its end.

    Attributes:
        verb: START, END, PREPARE, COMMIT or ROLLBACK.
    """

    verb: str


# What the statement before left to be read


@attrs.frozen
class CountsFoundRows:
    """SQL_CALC_FOUND_ROWS: leaves a count for FOUND_ROWS()."""


@attrs.frozen
class ReadsFoundRows:
    """FOUND_ROWS(): the count that the last SELECT left."""


@attrs.frozen
class ReadsRowCount:
    """ROW_COUNT(): what the statement before changed."""


@attrs.frozen
class ReadsLastInsertId:
    """LAST_INSERT_ID(), @@last_insert_id or @@identity."""


@attrs.frozen
class WritesLastInsertId:
    """LAST_INSERT_ID(expression) or SET last_insert_id: the next reading gives that value."""


@attrs.frozen
class ReadsDiagnostics:
    """SHOW WARNINGS, ERRORS or PROFILES, GET DIAGNOSTICS; @@warning_count `clears` them."""

    clears: bool = False


@attrs.frozen
class ReadsCounters:
    """SHOW STATUS: counters of this very connection, as the statements before left them."""


@attrs.frozen
class DrawsFromSequence:
    """NEXTVAL or SETVAL of a MariaDB sequence: LASTVAL gives the value later."""


@attrs.frozen
class ReadsLastOfSequence:
    """LASTVAL or PREVIOUS VALUE FOR: what this connection drew last."""


@attrs.frozen
class ReadsLastGtid:
    """@@last_gtid of MariaDB: the transaction that this connection committed last."""


@attrs.frozen
class ReadsConnectionId:
    """CONNECTION_ID(), @@pseudo_thread_id, PS_CURRENT_THREAD_ID(): a number of the backend."""


# The rest


@attrs.frozen
class CallsRoutine:
    """
    A stored procedure or function, or a loadable one, which can do almost anything.

    Attributes:
        name: As written, without quotes, in lower case, with its schema where there is one.
        procedure: Called by CALL; a procedure can end the transaction, a function cannot.
    """

    name: str
    procedure: bool


@attrs.frozen
class LoadsLocalFile:
    """LOAD DATA or XML LOCAL: the server asks the client for a file in the middle."""


@attrs.frozen
class Kills:
    """
    KILL.

    Attributes:
        id: The connection's id where it is a plain number, else None.
        query: Only the statement is stopped.
    """

    id: int | None
    query: bool


@attrs.frozen
class ChangesAccount:
    """A password or an account changes: SET PASSWORD; ALTER, RENAME or DROP USER."""


@attrs.frozen
class ShutsDown:
    """SHUTDOWN or RESTART of the server."""


@attrs.frozen
class Opaque:
    """The text was not understood to its end: it could do anything."""

    why: str


Effect = (
    SetsVariables
    | SetsNames
    | SetsGlobal
    | SetsNextTransaction
    | WritesUserVariables
    | ReadsUserVariables
    | UsesSchema
    | DropsSchema
    | SetsRole
    | CreatesTemporaryTable
    | DropsTables
    | RenamesTables
    | PreparesText
    | ExecutesText
    | DeallocatesText
    | OpensHandler
    | ReadsHandler
    | ClosesHandler
    | TakesNamedLock
    | ReleasesNamedLock
    | ReleasesAllNamedLocks
    | LocksTables
    | LocksServer
    | UnlocksTables
    | LocksInstance
    | UnlocksInstance
    | BeginsTransaction
    | EndsTransaction
    | CommitsImplicitly
    | UsesSavepoint
    | ControlsXa
    | CountsFoundRows
    | ReadsFoundRows
    | ReadsRowCount
    | ReadsLastInsertId
    | WritesLastInsertId
    | ReadsDiagnostics
    | ReadsCounters
    | DrawsFromSequence
    | ReadsLastOfSequence
    | ReadsLastGtid
    | ReadsConnectionId
    | CallsRoutine
    | LoadsLocalFile
    | Kills
    | ChangesAccount
    | ShutsDown
    | Opaque
)
