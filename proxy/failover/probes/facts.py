"""What a server's global variables say of it, in the same words for all topologies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.config.address import TcpAddress
from proxy.failover.probes.asking import Asking, Row
from proxy.policy.gtids import Position, parse
from proxy.vocabulary import ServerKind, version_number

MYSQL: Final = (
    "version",
    "server_uuid",
    "server_id",
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "offline_mode",
    "gtid_mode",
    "gtid_executed",
)
"""Any user may read these; MySQL has them since 5.7.  Manual, "Server System Variables" and
"Global Transaction ID System Variables"."""

MARIADB: Final = (
    "version",
    "server_id",
    "hostname",
    "port",
    "read_only",
    "innodb_read_only",
    "gtid_slave_pos",
    "gtid_binlog_pos",
    "gtid_current_pos",
)
"""Likewise; knowledge base, "Server System Variables" and "Global Transaction ID"."""

_BARS: Final = ("read_only", "super_read_only", "innodb_read_only", "offline_mode")


class Facts:
    """Global variables of a server.

    Attributes:
        kind: The server's family.
        values: By their names; empty for NULL.
    """

    def __init__(self, kind: ServerKind, values: Mapping[str, str]) -> None:
        self.kind = kind
        self.values = values

    @property
    def version(self) -> str:
        """The version text."""
        return self.values.get("version", "")

    @property
    def version_number(self) -> int:
        """The version as a number, such as 90704."""
        return version_number(self.version)

    @property
    def server(self) -> str:
        """What tells the server from all others.

        Two servers of MariaDB may have the same server_id, as by default, but then not the
        same place.
        """
        values = self.values
        if values.get("server_uuid"):
            return values["server_uuid"]
        return f"{values.get('hostname')}:{values.get('port')}/{values.get('server_id')}"

    @property
    def bar(self) -> str:
        """Why ordinary users cannot write; empty when they can.

        read_only of MariaDB 12 may also be NO_LOCK or NO_LOCK_NO_ADMIN.
        """
        for name in _BARS:
            if self.is_on(name):
                return f"{name} is on"
        return ""

    @property
    def position(self) -> Position | None:
        """The transactions that it has; None where they have no GTIDs.

        MariaDB tells of what it wrote in gtid_binlog_pos and of what it replicated in
        gtid_slave_pos, and neither is whole: a replica need not log, and a writer that was a
        replica goes on from where it was.
        """
        values = self.values
        if self.kind is ServerKind.MYSQL:
            # With OFF the set is what the server had when it was switched off.
            if not values.get("gtid_mode", "").upper().startswith("ON"):
                return None
            return parse(values.get("gtid_executed", ""))
        position = Position()
        for name in ("gtid_slave_pos", "gtid_binlog_pos", "gtid_current_pos"):
            more = parse(values.get(name, ""))
            if more is None:
                return None
            position = position.union(more)
        return None if position.is_empty else position

    def is_on(self, name: str) -> bool:
        """Whether a variable is neither off nor missing."""
        return self.values.get(name, "").upper() not in ("", "0", "OFF")


async def ask_facts(asking: Asking) -> Facts:
    """The facts of a server, by one SELECT that needs no right.

    Raises:
        BackendLostError: as `Asking.rows` does.
    """
    names = MARIADB if asking.kind is ServerKind.MARIADB else MYSQL
    text = "SELECT " + ", ".join(f"@@global.{name}" for name in names)
    row = await asking.row(text.encode())
    return Facts(asking.kind, {name: value_of(row, f"@@global.{name}") for name in names})


def address_of(host: str | None, port: str | None) -> str:
    """host:port; empty where a server has not told both."""
    if not host or not port or not port.isdecimal() or not 0 < int(port) < 65536:
        return ""
    return str(TcpAddress(host, int(port)))


def value_of(row: Row, *names: str) -> str:
    """The value of the first of these columns that there is; empty for NULL or none."""
    return next((row[name] or "" for name in names if name in row), "")
