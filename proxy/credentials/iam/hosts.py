"""For which hosts a token may have been made."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

_PATTERN = re.compile(
    r"""
    (?P<below> \*\. )?
    (?P<name> [\w-]+(?:\.[\w-]+)* | \[ [0-9A-Fa-f:.]+ \] )
    (?: : (?P<port> [1-9][0-9]{0,4} ) )?
    """,
    re.VERBOSE | re.ASCII,
)


class HostPatternError(ValueError):
    """A pattern that no host could match; says which one."""


@attrs.frozen
class HostPattern:
    """Some hosts.

    Attributes:
        name: In lower case; IPv6 in brackets.
        below: Whether all names below `name` are meant, at any depth, and not `name` itself.
        port: None for any.
    """

    name: str
    below: bool = False
    port: int | None = None

    def accepts(self, host: str, port: int) -> bool:
        """Whether this host, whose case does not matter, is one of these."""
        if self.port not in {None, port}:
            return False
        host = host.lower()
        return host.endswith(f".{self.name}") if self.below else host == self.name


@attrs.frozen
class AcceptedHosts:
    """The hosts under which clients know this proxy.

    Without any pattern every host is accepted.  Then a token that somebody made for another
    database, or for another proxy, with the same region and user logs in here too: whoever is
    sent such a token, the owner of that database among them, can hand it on within its life.
    """

    patterns: tuple[HostPattern, ...] = ()

    def accept(self, host: str, port: int) -> bool:
        """Whether a token for this host and port is meant for us."""
        return not self.patterns or any(p.accepts(host, port) for p in self.patterns)


def read_hosts(texts: Iterable[str]) -> AcceptedHosts:
    """Read `proxy.example`, `*.example`, `proxy.example:3306`, `[::1]`.

    Raises:
        HostPatternError: one of them is none of these.
    """
    return AcceptedHosts(tuple(map(_pattern, texts)))


def _pattern(text: str) -> HostPattern:
    found = _PATTERN.fullmatch(text)
    if found is None or (found["below"] and found["name"].startswith("[")):
        raise HostPatternError(f"{text!r} is no host, *.domain, host:port or *.domain:port")
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > 65535:
        raise HostPatternError(f"{text!r}: a port is a number from 1 to 65535")
    return HostPattern(found["name"].lower(), found["below"] is not None, port)
