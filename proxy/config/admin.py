"""Settings of the admin API: where the running proxy is asked and told things."""

from __future__ import annotations

import ipaddress
import re

import attrs

from proxy.config.rules import OrNull, Rule, UnfitError

MOST_PATH_BYTES = 107
"""Linux has room for so many in the address of a unix socket."""

_MODE = 0o660
_UNIX = re.compile(r"unix:(/[^:\0]*[^:/\0])(?::mode=0?([67][0-7]{2}))?")
_OPEN = (
    "whoever reaches it may command the proxy and is asked for no token, so it is for this "
    "machine alone"
)
_TCP = re.compile(r"tcp:([0-9]{1,5}):interface=(.+)")


@attrs.frozen
class AdminSocket:
    """A unix socket: its absolute path, and the mode that says who may open it."""

    path: str
    mode: int = _MODE

    def __str__(self) -> str:
        return f"unix:{self.path}"


@attrs.frozen
class AdminPort:
    """A TCP port on an address of the loopback interface."""

    port: int
    host: str = "127.0.0.1"

    def __str__(self) -> str:
        return f"tcp:{self.port}:interface={self.host}"


def parse_admin_listen(text: str) -> AdminSocket | AdminPort:
    r"""Take it apart; colons of an IPv6 address may stand as `\:`, as Twisted wants them.

    Raises:
        ValueError: it is neither form, or other machines could reach it; says why.
    """
    if text.startswith("unix:"):
        return _socket(text)
    found = _TCP.fullmatch(text)
    if found is None or not _is_loopback(host := found[2].replace("\\:", ":")):
        raise ValueError(_OPEN)
    if not 1 <= int(found[1]) <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return AdminPort(int(found[1]), host)


def _socket(text: str) -> AdminSocket:
    found = _UNIX.fullmatch(text)
    if found is None:
        raise ValueError("its path is absolute and has no colon, and a mode has 3 octal digits")
    path, mode = found.groups()
    if len(path.encode()) > MOST_PATH_BYTES:
        raise ValueError(f"its path has more than {MOST_PATH_BYTES} bytes")
    return AdminSocket(path, _MODE if mode is None else int(mode, 8))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@attrs.frozen
class AdminListen(Rule):
    """Where the admin API listens: only what no other machine reaches."""

    def _expects(self) -> str:
        return "unix:/path, unix:/path:mode=660 or tcp:PORT:interface=127.0.0.1"

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self._refuse(raw)
        try:
            parse_admin_listen(raw)
        except ValueError as error:
            raise UnfitError(f"{self._refuse(raw)}: {error}") from None
        return raw


@attrs.frozen(kw_only=True)
class AdminConfig:
    """Where the running proxy is asked and told things."""

    listen: str | None = attrs.field(
        default=None,
        validator=OrNull(AdminListen()),
        metadata={
            "doc": "Where `mysqlproxy targets`, `mysqlproxy drain` and their like reach the "
            "running proxy; null is nowhere. unix:/run/mysqlproxy/admin.sock may be opened by "
            "the proxy's own user and group, unless a mode such as :mode=600 says otherwise. "
            "tcp:PORT:interface=127.0.0.1 may be used by everybody on this machine. What other "
            "machines reach is refused, because nobody is asked for a token."
        },
    )

    @property
    def place(self) -> AdminSocket | AdminPort | None:
        """The same, taken apart."""
        return None if self.listen is None else parse_admin_listen(self.listen)
