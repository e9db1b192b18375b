"""Names for values that several packages share."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """What an endpoint is for and what a target can do, in RDS Proxy's words."""

    READ_WRITE = "READ_WRITE"
    READ_ONLY = "READ_ONLY"


class ServerKind(enum.Enum):
    """Which family a server belongs to; the two differ in names of trackers and variables."""

    MYSQL = "MySQL"
    MARIADB = "MariaDB"


def kind_of(version: str) -> ServerKind:
    """The family that a version text speaks of: MariaDB writes its name into it."""
    return ServerKind.MARIADB if "mariadb" in version.lower() else ServerKind.MYSQL
