"""A running server as its user sees it: where it is, how to log in, how to end it."""

import abc
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs
import pymysql
import pymysql.cursors

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import ServerFailedError

CONNECT_LIMIT_SECONDS = 10
STOP_LIMIT_SECONDS = 20.0
ROOT = "root"

Connection: TypeAlias = "pymysql.Connection[pymysql.cursors.Cursor]"
"""PyMySQL's connection; only its stubs are generic."""


@attrs.define(eq=False, kw_only=True)
class Server(abc.ABC):
    """
    A real server. As a context manager it is closed at the end of the block.

    Attributes:
        flavor: MySQL or MariaDB.
        version: what the server says of itself, such as ``9.7.4-2``.
        host: the address it listens on.
        port: the TCP port; it stays the same when the server is stopped and started.
        password: the password of the account `user`, made up for this server.
        user: an account with all privileges from any address.
    """

    flavor: Flavor
    host: str
    port: int
    password: str = attrs.field(repr=False)
    version: str = ""
    user: str = ROOT

    @property
    def pid(self) -> int | None:
        """The server's process id, or None where it is stopped or not on this machine."""
        return None

    @property
    def socket_path(self) -> Path | None:
        """The server's Unix socket, or None where this machine has none."""
        return None

    @abc.abstractmethod
    def is_running(self) -> bool:
        """Whether the server's process lives."""

    @abc.abstractmethod
    def start(self) -> None:
        """Start a stopped server again, with its data, on the same port; wait until ready."""

    @abc.abstractmethod
    def stop(self, limit_seconds: float = STOP_LIMIT_SECONDS) -> None:
        """Ask the server to finish, and kill it after the limit; its data stay."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End the server at once, as a crash would; its data stay."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the server at once and remove its data."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def connect(self, **options: Any) -> Connection:
        """
        Log in over TCP.

        Args:
            options: as of `pymysql.connect`. By default the account with all privileges,
                autocommit on, and ten seconds for the connection.

        Raises:
            pymysql.err.MySQLError: as PyMySQL says it.
        """
        settings: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "autocommit": True,
            "connect_timeout": CONNECT_LIMIT_SECONDS,
        }
        return pymysql.connect(**(settings | options))

    def execute(self, *statements: str) -> Sequence[Sequence[Any]]:
        """Run statements on a connection of their own; the rows of the last one."""
        rows: Sequence[Sequence[Any]] = ()
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall()
        return rows

    def create_user(
        self,
        name: str,
        password: str,
        plugin: str | None = None,
        grants: Sequence[str] = ("ALL PRIVILEGES ON *.*",),
    ) -> None:
        """
        Make an account that may come from any address.

        Args:
            name: the account's name.
            password: its password.
            plugin: the authentication plugin, or None for the server's own choice
                (caching_sha2_password on MySQL, mysql_native_password on MariaDB).
            grants: what stands between ``GRANT`` and ``TO``; ``WITH GRANT OPTION`` at the
                end of one is put behind the account.

        Raises:
            pymysql.err.MySQLError: the server refuses, for instance because it has no such
                plugin.
        """
        account = f"{_quoted(name)}@'%'"
        way = f"IDENTIFIED BY {_quoted(password)}"
        if plugin is not None and self.flavor is Flavor.MYSQL:
            way = f"IDENTIFIED WITH {plugin} BY {_quoted(password)}"
        elif plugin is not None:
            way = f"IDENTIFIED VIA {plugin} USING PASSWORD({_quoted(password)})"
        statements = [f"CREATE USER {account} {way}"]
        for grant in grants:
            right, option, _ = grant.partition(" WITH GRANT OPTION")
            statements.append(f"GRANT {right} TO {account}{option}")
        self.execute(*statements)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _quoted(text: str) -> str:
    """A string literal that means the same in every sql_mode."""
    if "\\" in text:
        raise ServerFailedError("Backslashes in account names and passwords are not handled.")
    return "'" + text.replace("'", "''") + "'"
