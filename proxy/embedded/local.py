"""A server as a process of this machine, in a folder of its own."""

import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pymysql
from pymysql.constants import CLIENT

from proxy.embedded.certificates import CertificateFiles
from proxy.embedded.distribution import Distribution
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.process import GuardedProcess
from proxy.embedded.server import ROOT, STOP_LIMIT_SECONDS, Connection, Server, free_port
from proxy.embedded.settings import as_options, settings_for, tls_settings
from proxy.embedded.template import last_words, new_data_folder

START_LIMIT_SECONDS = 60.0
ANSWER_LIMIT_SECONDS = 2.0
"""Then a server counts as one that does not answer, such as one that is being frozen."""

_POLL_SECONDS = 0.02
_PORT_ATTEMPTS = 5
_SOCKET_PATH_LIMIT_BYTES = 107
"""sun_path of unix(7) has 108 bytes, the closing zero among them."""

_PORT_TAKEN = re.compile(r"Address already in use|Do you already have another", re.IGNORECASE)


class PortTakenError(ServerFailedError):
    """Another process took the port between its choice and the server's start."""


@attrs.define(eq=False, kw_only=True)
class LocalServer(Server):
    """
    A server started from programs on this machine.

    Attributes:
        distribution: the programs it runs.
        folder: holds its data, socket and log; only this user can enter it.
        settings: option names and values of the next start.
    """

    distribution: Distribution
    folder: Path
    settings: dict[str, str] = attrs.field(repr=False)
    _process: GuardedProcess | None = None
    _renewals: int = 0

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it is stopped."""
        return self._process.pid if self._process and self._process.is_running() else None

    @property
    def socket_path(self) -> Path:
        """The server's Unix socket."""
        return self.folder / "server.sock"

    @property
    def data_folder(self) -> Path:
        """The server's data, its keys and certificates among them."""
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        """The server's error log."""
        return self.folder / "server.log"

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self.pid is not None

    def start(self) -> None:
        """
        Start the server and wait until it serves.

        Raises:
            PortTakenError: somebody else listens on its port by now.
            ServerFailedError: it ended again, is not ready in time, or serves no TLS with
                the certificate it was given; its last words are told.
        """
        if self.is_running():
            return
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._process = GuardedProcess.start(
            self.distribution.server_command(*self._options()),
            log=self.log_path,
            folder=self.folder,
            limit_seconds=STOP_LIMIT_SECONDS,
        )
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._is_ready():
            if not self._process.is_running():
                raise self._failure("ended while starting", log_start)
            if time.monotonic() > deadline:
                self.kill()
                raise self._failure(
                    f"was not ready within {START_LIMIT_SECONDS:.0f} s", log_start
                )
            time.sleep(_POLL_SECONDS)
        # MySQL serves without TLS when it cannot use its files.
        if "ssl-cert" in self.settings and not self._offers_tls():
            self.kill()
            raise self._failure("does not serve TLS with its certificate", log_start)

    def freeze(self) -> None:
        """
        Stop the server where it stands: connections stay open and nothing answers.

        Raises:
            ServerFailedError: it does not run.
        """
        self._running().freeze()

    def thaw(self) -> None:
        """
        Let a frozen server go on as if nothing had been.

        Raises:
            ServerFailedError: it does not run.
        """
        self._running().thaw()

    def is_frozen(self) -> bool:
        """Whether the server was frozen, and not thawed since."""
        return self._process is not None and self._process.is_frozen()

    def stop(self, limit_seconds: float = STOP_LIMIT_SECONDS) -> None:
        """Ask the server to finish, and kill it after the limit; its data stay."""
        if self._process is not None:
            self._process.stop(limit_seconds)

    def kill(self) -> None:
        """End the server at once, as a crash would; its data stay."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the server at once and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(
        self, question: str, limit_seconds: float = ANSWER_LIMIT_SECONDS
    ) -> Sequence[Sequence[Any]]:
        """The rows of a statement, or none where the server is dead, frozen or too slow."""
        if not self.is_running() or self.is_frozen():
            return ()
        try:
            with (
                self.connect(
                    connect_timeout=limit_seconds, read_timeout=limit_seconds
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(question)
                return cursor.fetchall()
        except pymysql.err.MySQLError:
            return ()

    def renew(self, progress: Callable[[str], None]) -> None:
        """
        Throw the data away and start with empty tables; port, password and settings stay.

        Args:
            progress: is told what takes time.

        Raises:
            ServerFailedError: as by `start`.
        """
        self.kill()
        self._renewals += 1
        shutil.rmtree(self.data_folder)
        new_data_folder(self.distribution, self.data_folder, progress)
        self.start()
        self.make_root()

    def make_root(self) -> None:
        """
        Make the account with all privileges, which may come by TCP.

        It is kept out of the binary log: a replica has its own.
        """
        name, password = f"'{self.user}'@'%'", self.password
        with self._by_socket() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"CREATE USER {name} IDENTIFIED BY '{password}'")
            cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION")
            cursor.execute("SELECT VERSION()")
            row = cursor.fetchone()
        assert row is not None
        self.version = str(row[0])

    def _running(self) -> GuardedProcess:
        if self._process is None or not self._process.is_running():
            raise ServerFailedError(f"The server on port {self.port} does not run.")
        return self._process

    def _options(self) -> tuple[str, ...]:
        places = {
            "datadir": str(self.data_folder),
            "socket": str(self.socket_path),
            "pid-file": str(self.folder / "server.pid"),
            "secure-file-priv": str(self.folder / "files"),
            "tmpdir": str(self.folder / "tmp"),
            "port": str(self.port),
            # Differs between servers of one machine, as replication demands; and from its
            # own before it was renewed, as a replica passes over what it wrote itself.
            "server-id": str(self.port + 100_000 * self._renewals),
            # How a replica shows up on its primary, for whoever discovers it there.
            "report-host": self.host,
            "report-port": str(self.port),
        }
        return as_options(self.settings | places)

    def _by_socket(self) -> Connection:
        # Nobody listens in on a Unix socket, and PyMySQL takes its time to prepare for TLS.
        return self.connect(
            unix_socket=str(self.socket_path), user=ROOT, password="", ssl_disabled=True
        )

    def _offers_tls(self) -> bool:
        # The stubs of PyMySQL know nothing of the greeting.
        connection: Any = self._by_socket()
        with connection:
            return bool(connection.server_capabilities & CLIENT.SSL)

    def _is_ready(self) -> bool:
        # PyMySQL leaves its Unix socket open when nobody listens: ask without it first.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket_path)) != 0:
                return False
        try:
            self._by_socket().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def _failure(self, what: str, log_start: int) -> ServerFailedError:
        with self.log_path.open("rb") as log:
            log.seek(log_start)
            text = log.read().decode("utf-8", "replace")
        kind = PortTakenError if _PORT_TAKEN.search(text) else ServerFailedError
        return kind(f"{self.distribution} {what}; its log says:\n{last_words(text)}")


def start_local(
    distribution: Distribution,
    progress: Callable[[str], None],
    *,
    max_connections: int = 300,
    tls: CertificateFiles | None = None,
    settings: Mapping[str, str] | None = None,
) -> LocalServer:
    """
    Start a new server with empty tables on a free port of 127.0.0.1.

    Args:
        distribution: the programs to run.
        progress: is told what takes time.
        max_connections: the server's own limit of clients.
        tls: the certificate it shows, in files that stay the caller's; None leaves TLS to
            the server: MySQL makes a certificate in its data folder, MariaDB has no TLS
            before version 11.4.
        settings: further option names and values, stronger than the usual ones.

    Raises:
        ServerFailedError: it did not start; its last words are told.
    """
    own = settings_for(distribution.flavor, max_connections)
    own |= tls_settings(tls) if tls is not None else {}
    own |= settings or {}
    server = new_server(distribution, own, progress)
    try:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                server.start()
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                server.port = free_port()
            else:
                break
        server.make_root()
    except BaseException:
        server.close()
        raise
    return server


def new_server(
    distribution: Distribution,
    settings: dict[str, str],
    progress: Callable[[str], None],
) -> LocalServer:
    """
    Prepare a server that was never started: it has no account yet that may come by TCP.

    Args:
        distribution: the programs to run.
        settings: all option names and values but those of its places.
        progress: is told what takes time.

    Raises:
        ServerFailedError: its data folder cannot be made.
    """
    server = LocalServer(
        flavor=distribution.flavor,
        host="127.0.0.1",
        port=free_port(),
        password=secrets.token_urlsafe(12),
        distribution=distribution,
        folder=_new_folder(),
        settings=settings,
    )
    try:
        for name in ("files", "tmp"):
            (server.folder / name).mkdir()
        new_data_folder(distribution, server.data_folder, progress)
    except BaseException:
        server.close()
        raise
    return server


def _new_folder() -> Path:
    for top in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        socket_path = f"{top}/mysqlproxy-12345678/server.sock"
        if len(os.fsencode(socket_path)) <= _SOCKET_PATH_LIMIT_BYTES and os.access(
            top, os.W_OK
        ):
            return Path(tempfile.mkdtemp(prefix="mysqlproxy-", dir=top))
    raise ServerFailedError(
        "No temporary folder has a path short enough for a Unix socket; set TMPDIR to one."
    )
