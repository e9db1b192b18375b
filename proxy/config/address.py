"""Where a target is: a TCP address or a Unix socket."""

from __future__ import annotations

import ipaddress
import re

import attrs

DEFAULT_PORT = 3306

_HOST_AND_PORT = re.compile(
    r"""
    (?: \[ (?P<v6> [0-9A-Fa-f:.]+ (?:%[\w.-]+)? ) \]    # IPv6 stands in brackets: it has colons
      | (?P<host> [^\s:/\[\]@]+ ) )
    (?: : (?P<port> [0-9]{1,5} ) )?
    """,
    re.VERBOSE | re.ASCII,
)


@attrs.frozen
class TcpAddress:
    """A host name or IP address (IPv6 without its brackets) and a port."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Whether the host is a name, which may lead elsewhere one day."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return False


@attrs.frozen
class UnixAddress:
    """The path of a Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def is_name(self) -> bool:
        """See `TcpAddress`."""
        return False


def parse_address(text: str) -> TcpAddress | UnixAddress:
    """Read `host`, `host:port`, `[v6]:port` or `unix:/path`.

    Raises:
        ValueError: it is none of these.
    """
    if text.startswith("unix:/"):
        return UnixAddress(text.removeprefix("unix:"))
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None:
        raise ValueError("not host:port, [IPv6]:port or unix:/path")
    port = int(found["port"] or DEFAULT_PORT)
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return TcpAddress(found["v6"] or found["host"], port)
