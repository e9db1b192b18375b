"""Settings of the admin API: where the running proxy is asked and told things, and by whom."""

from __future__ import annotations

import ipaddress
import re

import attrs

from proxy.config.admin_users import AdminRole, AdminUser
from proxy.config.rules import (
    Choice,
    FilePath,
    ListOf,
    OrNull,
    Rule,
    Switch,
    Text,
    UnfitError,
)
from proxy.config.secret import Secret

MOST_PATH_BYTES = 107
"""Linux has room for so many in the address of a unix socket."""

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")
"""What RFC 6750 allows, and long enough that nobody guesses it: 16 letters and digits taken by
chance have 95 bits."""

TOKEN_DESCRIBED = "16 to 512 letters, digits and -._~+/"  # noqa: S105 - what one looks like

_MODE = 0o660
_UNIX = re.compile(r"unix:(/[^:\0]*[^:/\0])(?::mode=0?([67][0-7]{2}))?")
_TCP = re.compile(r"tcp:([0-9]{1,5}):interface=(.+)")
_NO_ADDRESS = "its interface is an IP address, 0.0.0.0 or :: for all there are"
_FILE = FilePath()
_TEXT = Text()


@attrs.frozen
class AdminSocket:
    """A unix socket: its absolute path, and the mode that says who may open it."""

    path: str
    mode: int = _MODE

    def __str__(self) -> str:
        return f"unix:{self.path}"


@attrs.frozen
class AdminPort:
    """A TCP port on an address of this machine."""

    port: int
    host: str = "127.0.0.1"

    def __str__(self) -> str:
        return f"tcp:{self.port}:interface={self.host}"

    @property
    def is_loopback(self) -> bool:
        """Whether no other machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback


AdminPlace = AdminSocket | AdminPort


def parse_admin_listen(text: str) -> AdminPlace:
    r"""Take it apart; colons of an IPv6 address may stand as `\:`, as Twisted wants them.

    Raises:
        ValueError: it is neither form; says why.
    """
    if text.startswith("unix:"):
        return _socket(text)
    found = _TCP.fullmatch(text)
    if found is None or not _is_address(host := found[2].replace("\\:", ":")):
        raise ValueError(_NO_ADDRESS)
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


@attrs.frozen
class AdminListen(Rule):
    """A place where the admin API listens, or a list of them."""

    def _expects(self) -> str:
        return "unix:/path, unix:/path:mode=660 or tcp:PORT:interface=127.0.0.1, or a list"

    def _read(self, raw: object) -> str | tuple[str, ...]:
        if isinstance(raw, list | tuple):
            return tuple(self._one(text) for text in raw)
        return self._one(raw)

    def _one(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self._refuse(raw)
        try:
            parse_admin_listen(raw)
        except ValueError as error:
            raise UnfitError(f"{self._refuse(raw)}: {error}") from None
        return raw


@attrs.frozen
class TokenText(Rule):
    """A token of the admin API.  No error ever shows the value."""

    def _expects(self) -> str:
        return TOKEN_DESCRIBED

    def _read(self, raw: object) -> Secret:
        if isinstance(raw, str):
            raw = Secret(raw)
        if isinstance(raw, Secret) and TOKEN.fullmatch(raw.reveal()):
            return raw
        raise UnfitError(f"must be {self.expects}")


@attrs.frozen(kw_only=True)
class AdminToken:
    """A text that opens the admin API to whoever has it."""

    name: str = attrs.field(
        validator=Text(r"[\w.@-]{1,64}", "1 to 64 letters, digits and ._@-"),
        metadata={"doc": "What the log calls whoever uses it; unique."},
    )
    role: AdminRole = attrs.field(
        default=AdminRole.VIEWER,
        validator=Choice(AdminRole),
        metadata={"doc": "VIEWER: may look. OPERATOR: may also act."},
    )
    token: Secret | None = attrs.field(
        default=None,
        validator=OrNull(TokenText()),
        repr=False,
        metadata={
            "doc": "The token itself, such as `openssl rand -hex 32` makes one. One of token, "
            "token_file and token_env is needed."
        },
    )
    token_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A file whose first line is the token. A new token there is taken up within "
            "seconds. A relative path starts at the folder of the configuration file."
        },
    )
    token_env: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={"doc": "An environment variable of the proxy that holds the token."},
    )


@attrs.frozen(kw_only=True)
class AdminTls:
    """TLS of the admin API."""

    certificate: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A PEM file: the certificate, and behind it those of its issuers. With it "
            "every TCP place of admin.listen speaks TLS, and nothing else. Renewed files are "
            "taken up within seconds."
        },
    )
    private_key: str | None = attrs.field(
        default=None, validator=OrNull(_FILE), metadata={"doc": "A PEM file with its key."}
    )
    client_ca: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A PEM file with the authorities that sign certificates of those who may "
            "act. Without tokens nobody else is served; with tokens either will do."
        },
    )


@attrs.frozen(kw_only=True)
class AdminConfig:
    """Where the running proxy is asked and told things, and by whom."""

    listen: str | tuple[str, ...] | None = attrs.field(
        default=None,
        validator=OrNull(AdminListen()),
        metadata={
            "doc": "Where the admin API, the dashboard and the metrics are, and where "
            "`mysqlproxy status` and its like reach the running proxy: one place or a list; "
            "null is nowhere. unix:/run/mysqlproxy/admin.sock may be opened by the proxy's own "
            "user and group, unless a mode such as :mode=600 says otherwise. "
            "tcp:PORT:interface=127.0.0.1 may be used by everybody on this machine, unless "
            "there are tokens. What other machines reach needs tls, and tokens or "
            "tls.client_ca; see also allow_clear_text."
        },
    )
    tokens: tuple[AdminToken, ...] = attrs.field(
        default=(),
        metadata={
            "doc": "Who may use it over TCP; with an empty list whoever reaches it may. A unix "
            "socket asks for none: its mode says who may open it."
        },
    )
    tls: AdminTls = attrs.field(
        factory=AdminTls, metadata={"doc": "TLS on the TCP places of admin.listen."}
    )
    allow_clear_text: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether TCP places that other machines reach may do without tls; tokens "
            "are needed there all the same. Whoever sees the packets on their way reads the "
            "tokens, and may act with them. For networks where nobody does: that of a pod, or "
            "of containers whose port is published on 127.0.0.1."
        },
    )
    allowed_hosts: tuple[str, ...] = attrs.field(
        default=(),
        validator=ListOf(Text(r"[A-Za-z0-9.-]{1,253}", "the name of a host, without a port")),
        metadata={
            "doc": "Names by which browsers and programs may call it over TCP, beside "
            "localhost and IP addresses: any other name is refused, because a page from "
            "elsewhere may have pointed it here (DNS rebinding)."
        },
    )
    users: tuple[AdminUser, ...] = attrs.field(
        default=(),
        metadata={
            "doc": "Who may log in to the SQL console: any MySQL client that connects to an "
            "endpoint as one of these users speaks with the proxy itself."
        },
    )

    @property
    def places(self) -> tuple[AdminPlace, ...]:
        """Where it listens, taken apart."""
        texts = (self.listen,) if isinstance(self.listen, str) else self.listen or ()
        return tuple(parse_admin_listen(text) for text in texts)

    @property
    def place(self) -> AdminPlace | None:
        """The first of them: where commands on this machine call; None for nowhere."""
        return next(iter(self.places), None)

    @property
    def reached(self) -> tuple[AdminPort, ...]:
        """Those of its places that other machines reach."""
        return tuple(
            place
            for place in self.places
            if isinstance(place, AdminPort) and not place.is_loopback
        )

    @property
    def has_tls(self) -> bool:
        """Whether its TCP places speak TLS."""
        return self.tls.certificate is not None

    @property
    def asks_who(self) -> bool:
        """Whether whoever comes by TCP has to show who it is."""
        return bool(self.tokens) or self.tls.client_ca is not None
