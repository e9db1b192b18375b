"""What a session is told: of the servers that serve it, and how a statement went."""

from __future__ import annotations

import attrs

from proxy.vocabulary import ServerKind


@attrs.frozen
class Target:
    """What a session knows of the servers that serve it.

    Attributes:
        kind: Their family.
        version: As in `Dialect.version`.
        sql_mode: What every new connection has.
        tracks: They report changes of a session.
        sees_user_variables: The account may ask which user variables a connection has.
        sees_locks: It may ask which named locks a connection holds.
    """

    kind: ServerKind
    version: int = 0
    sql_mode: bytes = b""
    tracks: bool = True
    sees_user_variables: bool = False
    sees_locks: bool = False


@attrs.frozen
class Outcome:
    """How a statement went.

    Attributes:
        status: Status bits of the answer; those before where it was an ERR packet.
        changes: Its session reports, (kind, data) each.
        failed: It ended in an ERR packet.
        sqlstate: Of that ERR packet.
        unparsed: The server could not read it: nothing of it ran.
        warnings: Its warning count.
        row_count: The rows it changed, -1 where it gave rows or failed.
        rows: How many rows it gave; None where it gave none at all.
        insert_id: The id that its OK packet tells, 0 for none.
        values: The parameters of a COM_STMT_EXECUTE, as they were sent.
        next_transaction: The characteristics of the next transaction only, where the server
            reported them: SET TRANSACTION statements.
    """

    status: int
    changes: list[tuple[int, bytes]]
    failed: bool = False
    sqlstate: str = ""
    unparsed: bool = False
    warnings: int = 0
    row_count: int = 0
    rows: int | None = None
    insert_id: int = 0
    values: bytes = b""
    next_transaction: bytes | None = None
