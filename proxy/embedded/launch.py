"""Gets a running server by whichever way this machine offers."""

import enum
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from proxy.embedded import debian
from proxy.embedded.certificates import CertificateFiles
from proxy.embedded.container import start_container
from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import EmbeddedError, ServerNotFoundError
from proxy.embedded.find import installed
from proxy.embedded.local import LocalServer, start_local
from proxy.embedded.server import Server

WAYS_VARIABLE = "MYSQLPROXY_SERVERS"
"""The environment variable that names the ways to try, such as ``debian,container``."""

MAX_CONNECTIONS = 300

_PACKAGES = {
    Flavor.MYSQL: "mysql-community-server (or mysql-server)",
    Flavor.MARIADB: "mariadb-server-core (or mariadb-server)",
}


class Way(enum.Enum):
    """A way to a server; the value is its name in `WAYS_VARIABLE`."""

    SYSTEM = "system"
    DEBIAN = "debian"
    CONTAINER = "container"


LOCAL_WAYS = (Way.SYSTEM, Way.DEBIAN)
"""The ways that run the server as a process of this machine."""


def tell(line: str) -> None:
    """Print a line of progress where it does not mix with a program's output."""
    print(f"mysqlproxy: {line}", file=sys.stderr, flush=True)  # noqa: T201 - that is its task


def chosen_ways(environment: Mapping[str, str] = os.environ) -> tuple[Way, ...]:
    """
    The ways that the environment names, in its order; all of them where it names none.

    Raises:
        EmbeddedError: it names something else.
    """
    names = environment.get(WAYS_VARIABLE, "").replace(",", " ").split()
    try:
        return tuple(Way(name) for name in names) or tuple(Way)
    except ValueError as error:
        known = ", ".join(way.value for way in Way)
        raise EmbeddedError(f"{WAYS_VARIABLE}: {error}; it may name {known}.") from error


def start_server(
    flavor: Flavor,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
    tls: CertificateFiles | None = None,
    settings: Mapping[str, str] | None = None,
) -> Server:
    """
    Start a new server with empty tables, by the first way that works.

    Args:
        flavor: which family is wanted.
        ways: the ways to try, in order; by default `chosen_ways`.
        progress: is told, in one line each, what takes time and which way failed.
        max_connections: the server's own limit of clients.
        tls: the certificate it shows, see `proxy.embedded.local.start_local`; containers are
            not among the ways then.
        settings: further option names and values; nor are they then.

    Raises:
        ServerNotFoundError: no way led to a server; the text says what to install.
    """
    reasons = []
    for way in chosen_ways() if ways is None else ways:
        try:
            if way is Way.CONTAINER:
                _demand_nothing_special(tls, settings)
                return start_container(flavor, progress, max_connections=max_connections)
            programs = _programs(way, flavor, progress)
            if programs is not None:
                return start_local(
                    programs,
                    progress,
                    max_connections=max_connections,
                    tls=tls,
                    settings=settings,
                )
            reasons.append(f"{way.value}: none is installed")
        except EmbeddedError as error:
            progress(str(error))
            reasons.append(f"{way.value}: {error}")
    raise ServerNotFoundError(_advice(flavor, reasons))


def start_local_server(
    flavor: Flavor,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
    tls: CertificateFiles | None = None,
    settings: Mapping[str, str] | None = None,
) -> LocalServer:
    """
    As `start_server`, by those ways only that run a process of this machine.

    Raises:
        ServerNotFoundError: no such way led to a server.
    """
    ways = [way for way in (chosen_ways() if ways is None else ways) if way in LOCAL_WAYS]
    server = start_server(
        flavor,
        ways=ways,
        progress=progress,
        max_connections=max_connections,
        tls=tls,
        settings=settings,
    )
    assert isinstance(server, LocalServer)
    return server


def find_programs(
    flavor: Flavor,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
) -> Distribution:
    """
    The server programs on this machine, by the first way that has them.

    Args:
        flavor: which family is wanted.
        ways: see `start_server`; containers are not among them.
        progress: is told what takes time and which way failed.

    Raises:
        ServerNotFoundError: there are none; the text says what to install.
    """
    reasons = []
    for way in chosen_ways() if ways is None else ways:
        try:
            programs = _programs(way, flavor, progress) if way in LOCAL_WAYS else None
        except EmbeddedError as error:
            progress(str(error))
            reasons.append(f"{way.value}: {error}")
        else:
            if programs is not None:
                return programs
            reasons.append(f"{way.value}: no programs")
    raise ServerNotFoundError(_advice(flavor, reasons))


def _programs(way: Way, flavor: Flavor, progress: Callable[[str], None]) -> Distribution | None:
    if way is Way.SYSTEM:
        return installed(flavor, progress)
    return debian.server(flavor, progress)


def _demand_nothing_special(
    tls: CertificateFiles | None, settings: Mapping[str, str] | None
) -> None:
    """A container's server runs as a user of its own, who may not read our user's key."""
    if tls is not None:
        raise EmbeddedError("A server in a container cannot be given a certificate.")
    if settings:
        raise EmbeddedError("A server in a container cannot be given settings of its own.")


def _advice(flavor: Flavor, reasons: Sequence[str]) -> str:
    oldest = ".".join(str(number) for number in flavor.oldest_version)
    return (
        f"There is no {flavor.title} server to start here: install {_PACKAGES[flavor]}, "
        f"version {oldest} or newer, so that its server is on PATH, or start a container "
        f"engine and install mysqlproxy[containers] (tried {'; '.join(reasons) or 'nothing'})"
    )
