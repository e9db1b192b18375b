"""System variables: which of them follow a client from backend to backend, and how.

Servers report each change of them (MySQL manual, "Server Tracking of Client Session State");
the value comes as text, and how it must be written to be set again depends on its type.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from proxy.session import mariadb_variables, mysql_variables
from proxy.vocabulary import ServerKind


class Treatment(enum.Enum):
    """What becomes of a session's value."""

    CARRIED = "it is set on whichever backend the session has"
    ASKED = "the same, but its report does not tell it: it is asked for"
    INSERT_ID = "it is what LAST_INSERT_ID() gives, which is carried by other means"
    OURS = "the proxy sets it, and answers for what the client sets"
    PINNED = "no other backend can be given what it stands for"
    READ_ONLY = "no session can set it"
    GLOBAL = "no session has a value of its own"


def _names(*tables: list[str]) -> frozenset[bytes]:
    return frozenset(name.encode() for table in tables for name in table)


_TABLES: Final = {
    ServerKind.MYSQL: mysql_variables,
    ServerKind.MARIADB: mariadb_variables,
}

_SPECIAL: Final[dict[bytes, Treatment]] = {
    b"timestamp": Treatment.ASKED,
    b"identity": Treatment.INSERT_ID,
    b"last_insert_id": Treatment.INSERT_ID,
    b"session_track_schema": Treatment.OURS,
    b"session_track_state_change": Treatment.OURS,
    b"session_track_system_variables": Treatment.OURS,
    b"session_track_transaction_info": Treatment.OURS,
}

_TREATMENTS: Final[dict[ServerKind, dict[bytes, Treatment]]] = {
    kind: {
        **dict.fromkeys(_names(table.GLOBAL), Treatment.GLOBAL),
        **dict.fromkeys(_names(table.READ_ONLY), Treatment.READ_ONLY),
        **dict.fromkeys(_names(table.PINNED), Treatment.PINNED),
        **dict.fromkeys(
            _names(table.NUMBER, table.SWITCH, table.TEXT, table.NULLABLE), Treatment.CARRIED
        ),
        **_SPECIAL,
    }
    for kind, table in _TABLES.items()
}

_BARE: Final = _names(
    *(numbers for table in _TABLES.values() for numbers in (table.NUMBER, table.SWITCH))
) | {b"timestamp"}
_NULLABLE: Final = _names(*(table.NULLABLE for table in _TABLES.values()))

_ALIASES: Final[dict[bytes, bytes]] = {
    b"log_slow_min_examined_row_limit": b"min_examined_row_limit",
    b"log_slow_query": b"slow_query_log",
    b"log_slow_query_time": b"long_query_time",
    b"max_insert_delayed_threads": b"max_delayed_threads",
    b"storage_engine": b"default_storage_engine",
    b"tmp_memory_table_size": b"tmp_table_size",
}
"""Second names of one variable; a server reports it by the name that the statement said."""

FOLLOWERS: Final[dict[bytes, bytes]] = {
    b"character_set_connection": b"collation_connection",
    b"character_set_server": b"collation_server",
    b"max_join_size": b"sql_big_selects",
}
"""Variables that set another one as well, of which no report tells."""

CHARSETS: Final = frozenset(
    (
        b"character_set_client",
        b"character_set_connection",
        b"character_set_results",
        b"collation_connection",
    )
)
"""What SET NAMES sets."""

NAMES: Final = b"set names"
"""No variable, but kept like one: the collation of the login or of the last SET NAMES.

With it servers remember the charset of the client and of the results, and tell it in column
definitions; to set the variables by themselves gives those the default collation.
"""

_RANKS: Final = {**dict.fromkeys(FOLLOWERS.values(), 1), NAMES: -1}

_WITHOUT_MEANING: Final = frozenset(
    (
        b"autocommit",
        b"completion_type",
        b"innodb_lock_wait_timeout",
        b"interactive_timeout",
        b"lock_wait_timeout",
        b"long_query_time",
        b"max_execution_time",
        b"max_statement_time",
        b"net_read_timeout",
        b"net_write_timeout",
        b"sql_log_bin",
        b"sql_log_off",
        b"timestamp",
        b"transaction_isolation",
        b"transaction_read_only",
        b"tx_isolation",
        b"tx_read_only",
        b"wait_timeout",
    )
)
"""Variables that no prepared statement keeps from the time when it was prepared."""


def canonical(name: bytes) -> bytes:
    """The one name of a variable that has two."""
    return _ALIASES.get(name, name)


def treatment(name: bytes, kind: ServerKind) -> Treatment | None:
    """What becomes of a variable, by its name in lower case; None for one nobody knows."""
    return _TREATMENTS[kind].get(name)


def tracked(kind: ServerKind, on_server: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of a server's variables whose changes it shall report.

    Left out are those that no session can set, and those that would be reported with every
    statement.  Variables that nobody knows are tracked: their report keeps the backend.
    """
    wanted = (Treatment.CARRIED, Treatment.ASKED, Treatment.PINNED, None)
    return tuple(sorted(name for name in on_server if treatment(name, kind) in wanted))


def matters_to_prepare(name: bytes) -> bool:
    """Whether a variable's value may decide what a statement means that is prepared now."""
    return name not in _WITHOUT_MEANING and not name.endswith(b"_size")


def rank(name: bytes) -> tuple[int, bytes]:
    """Where a variable stands in a SET: behind the one that would change it as well."""
    return _RANKS.get(name, 0), name


def assignment(name: bytes, value: bytes) -> bytes:
    """`name = value` for a SET statement, the value as a server reported it."""
    if name in _BARE:
        return name + b" = " + value
    if name == b"system_versioning_asof" and value == b"DEFAULT":
        return name + b" = DEFAULT"  # as a text it would be no time
    if name in _NULLABLE and not value:
        return name + b" = NULL"
    if b"\\" in value or not value.isascii():
        # No sql_mode and no charset of the connection changes what this means.
        return b"%s = _utf8mb4 x'%s'" % (name, value.hex().encode())
    return b"%s = '%s'" % (name, value.replace(b"'", b"''"))
