"""The matrix of logins: what each cell is, and whose logins it takes.

`tests.support.login_stand` runs them, `tests/live/test_login_matrix.py` looks at them.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator

import attrs

from proxy.config.tls import TlsMode
from proxy.embedded import Flavor
from tests.support.login_clients import Driver

PARAMETER_BYTES = 100_000
"""More than fits into one segment, one record of TLS or one read of a socket."""


class Account(enum.Enum):
    """How the database account proves its password to the server."""

    COLD = "caching_sha2_password, cold"
    """The server's cache does not have it: it asks for the password itself."""

    WARM = "caching_sha2_password, warm"
    NATIVE = "mysql_native_password"

    @property
    def plugin(self) -> str:
        """Its plugin."""
        return self.value.partition(",")[0]


class ClientTls(enum.Enum):
    """What the proxy has of TLS for clients, who use it where it is offered."""

    OFF = "off"
    OFFERED = "offered and used"
    REQUIRED = "required"


class Way(enum.Enum):
    """How a client proves to the proxy who it is."""

    SHA2_FIRST = "caching_sha2_password, first login"
    """Of a user who is new to the proxy.  The proxy knows the password, so a proof is enough
    even then; it asks for the password itself when the proof is wrong."""

    SHA2_AGAIN = "caching_sha2_password, again"
    """Of a user who is known, without a connection to the database that is left."""

    NATIVE = "mysql_native_password"
    """MySQL's own client has it no more: MariaDB's takes its place in these cells."""

    TOKEN = "mysql_clear_password with an IAM token"
    """PyMySQL and mysql2 begin with the plugin that they are greeted with: before MySQL that is
    caching_sha2_password, whose full authentication shows a token as well."""

    @property
    def is_again(self) -> bool:
        """Whether it is in the second round."""
        return self is Way.SHA2_AGAIN


ACCOUNTS = {
    Flavor.MYSQL: (Account.COLD, Account.WARM),
    Flavor.MARIADB: (Account.NATIVE,),
}
"""What a server can have: MySQL has had no mysql_native_password since 9.0, MariaDB 10.11 has
no caching_sha2_password."""

MODES = (TlsMode.DISABLED, TlsMode.PREFERRED, TlsMode.VERIFY_IDENTITY)

# Names of users have 32 characters in MySQL.
_SHORT = {
    Account.COLD: "cold",
    Account.WARM: "warm",
    Account.NATIVE: "sha1",
    TlsMode.DISABLED: "none",
    TlsMode.PREFERRED: "any",
    TlsMode.VERIFY_IDENTITY: "verify",
    ClientTls.OFF: "off",
    ClientTls.OFFERED: "use",
    ClientTls.REQUIRED: "req",
    Way.SHA2_FIRST: "sha2",
    Way.SHA2_AGAIN: "sha2",
    Way.NATIVE: "sha1",
    Way.TOKEN: "iam",
}


@attrs.frozen
class Cell:
    """One login of one client.

    Attributes:
        flavor: The server's.
        account: The account on the server.
        mode: TLS on the way to the server.
        client_tls: TLS on the way to the proxy.
        way: How the client proves who it is.
        driver: The client.
    """

    flavor: Flavor
    account: Account
    mode: TlsMode
    client_tls: ClientTls
    way: Way
    driver: Driver

    def __str__(self) -> str:
        """The cell in words, for the name of a test."""
        return (
            f"{self.flavor.value}: {self.driver.value} by {self.way.value}, "
            f"TLS {self.client_tls.value}; account {self.account.value}, "
            f"backend TLS {self.mode.value}"
        )

    @property
    def user(self) -> str:
        """A user of its own, so that nobody else's login warms anything.

        A second login is one of the same user as the first.
        """
        parts = (self.account, self.mode, self.client_tls, self.way)
        return "_".join([*(_SHORT[part] for part in parts), self.driver.name.lower()])

    @property
    def password(self) -> str:
        """The account's."""
        return f"{self.user}'s word & more"

    @property
    def proxy(self) -> str:
        """The name of the proxy that the client talks to.

        No proxy takes tokens without offering TLS: its configuration is refused.  So a client
        that has a token and no TLS talks to one that offers it.
        """
        offered = ClientTls.OFFERED if has_to_be_refused(self) else self.client_tls
        return proxy_name(self.mode, offered)


def proxy_name(mode: TlsMode, client_tls: ClientTls) -> str:
    """The proxy of a process that has these two."""
    return f"{mode.name}-{client_tls.name}".replace("_", "-").lower()


def cells(flavor: Flavor) -> Iterator[Cell]:
    """All cells of a server, with the accounts that it can have."""
    for parts in itertools.product(ACCOUNTS[flavor], MODES, ClientTls, Way, Driver):
        yield Cell(flavor, *parts)


def has_to_be_refused(cell: Cell) -> bool:
    """Whether it is a login by a token that others on the way could read."""
    return cell.way is Way.TOKEN and cell.client_tls is ClientTls.OFF
