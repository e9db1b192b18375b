"""System variables whose session values follow a client from backend to backend.

Servers report each change of them (MySQL manual, "Server Tracking of Client Session State");
the value comes as text, and how it must be written to be set again depends on its type.
"""

from __future__ import annotations

import enum
from typing import Final

from proxy.vocabulary import ServerKind


class Form(enum.Enum):
    """How a variable's value is written in a SET statement."""

    TEXT = "a string"
    NUMBER = "a number"
    SWITCH = "ON or OFF"
    NULLABLE = "a string, or NULL where the report is empty"


CARRIED: Final[dict[bytes, Form]] = {
    b"autocommit": Form.SWITCH,
    b"auto_increment_increment": Form.NUMBER,
    b"character_set_client": Form.TEXT,
    b"character_set_connection": Form.TEXT,
    b"character_set_results": Form.NULLABLE,
    b"collation_connection": Form.TEXT,
    b"interactive_timeout": Form.NUMBER,
    b"net_write_timeout": Form.NUMBER,
    b"sql_mode": Form.TEXT,
    b"time_zone": Form.TEXT,
    b"transaction_isolation": Form.TEXT,
    b"transaction_read_only": Form.SWITCH,
    b"tx_isolation": Form.TEXT,
    b"tx_read_only": Form.SWITCH,
    b"wait_timeout": Form.NUMBER,
}
"""What a session carries: the list that RDS Proxy tracks, as far as sessions can set it."""

ORDER: Final[dict[bytes, int]] = {
    # Setting the charset sets the collation to its default, so the collation comes later.
    name: index
    for index, name in enumerate(
        sorted(CARRIED, key=lambda name: (name == b"collation_connection", name))
    )
}

_ONLY: Final[dict[ServerKind, frozenset[bytes]]] = {
    ServerKind.MYSQL: frozenset((b"transaction_isolation", b"transaction_read_only")),
    ServerKind.MARIADB: frozenset((b"tx_isolation", b"tx_read_only")),
}

DEFAULT_REPORTED: Final = frozenset(
    (
        b"autocommit",
        b"character_set_client",
        b"character_set_connection",
        b"character_set_results",
        b"time_zone",
    )
)
"""Variables whose changes a server reports by default, to clients with CLIENT_SESSION_TRACK."""


def carried_by(kind: ServerKind) -> tuple[bytes, ...]:
    """The names that a server of this kind knows, in order."""
    others = frozenset().union(*(names for other, names in _ONLY.items() if other is not kind))
    return tuple(name for name in sorted(CARRIED) if name not in others)


def assignment(name: bytes, value: bytes) -> bytes:
    """`name = value` for a SET statement, the value as a server reported it."""
    form = CARRIED[name]
    if form is Form.NULLABLE and not value:
        return name + b" = NULL"
    if form in (Form.TEXT, Form.NULLABLE):
        # Doubling the quote and the hexadecimal form need no escapes in any sql_mode.
        written = (
            b"x'" + value.hex().encode() + b"'"
            if b"\\" in value
            else b"'%s'" % (value.replace(b"'", b"''"))
        )
        return name + b" = " + written
    return name + b" = " + value
