"""Names for values that several packages share."""

from __future__ import annotations

import enum
import ipaddress
import re


class Role(enum.Enum):
    """What an endpoint is for and what a target can do, in RDS Proxy's words."""

    READ_WRITE = "READ_WRITE"
    READ_ONLY = "READ_ONLY"


class ServerKind(enum.Enum):
    """Which family a server belongs to; the two differ in names of trackers and variables."""

    MYSQL = "MySQL"
    MARIADB = "MariaDB"


def unmapped(address: str) -> str:
    """The IPv4 address behind one that is mapped into IPv6; any other as it is.

    A listener for both families shows clients so, and one for IPv4 does not: they are the same.
    """
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return address  # of a unix socket
    mapped = place.ipv4_mapped if isinstance(place, ipaddress.IPv6Address) else None
    return str(mapped or place)


def kind_of(version: str) -> ServerKind:
    """The family that a version text speaks of: MariaDB writes its name into it."""
    return ServerKind.MARIADB if "mariadb" in version.lower() else ServerKind.MYSQL


def version_number(version: str) -> int:
    """A version text as a number: 90704 for 9.7.4, 101119 for 10.11.19-MariaDB; 0 for none.

    MariaDB before 11 writes 5.5.5- before its own version, for old replicas.
    """
    found = re.match(r"(?:5\.5\.5-(?=1\d\.))?(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        return 0
    major, minor, patch = (int(part) for part in found.groups())
    return (major * 100 + minor) * 100 + patch
