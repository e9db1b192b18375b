"""Who takes writes and who follows: promotion, and the return of an old primary."""

from collections.abc import Callable

from proxy.embedded.distribution import Flavor
from proxy.embedded.following import (
    CAUGHT_UP_LIMIT_SECONDS,
    follow,
    has_more,
    stop_following,
)
from proxy.embedded.launch import tell
from proxy.embedded.local import LocalServer


def refuse_writes(server: LocalServer) -> None:
    """
    Make a server read-only, now and at each later start.

    On MySQL writes of accounts with all privileges are refused as well, which MariaDB cannot.
    """
    name = _read_only(server)
    server.settings[name.replace("_", "-")] = "ON"
    if server.is_running():
        server.execute(f"SET GLOBAL {name} = ON")


def accept_writes(server: LocalServer) -> None:
    """Make a server writable, now and at each later start."""
    server.settings.pop(_read_only(server).replace("_", "-"), None)
    if server.is_running():
        # On MySQL this also ends what super_read_only says.
        server.execute("SET GLOBAL read_only = OFF")


def promote(replica: LocalServer, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS) -> None:
    """
    Make a replica take writes, after all that it has received; its primary is not asked.

    Args:
        replica: follows nobody afterwards.
        limit_seconds: how long the applying of what it has received may take.

    Raises:
        ServerFailedError: it took longer; the replica still refuses writes.
    """
    stop_following(replica, limit_seconds)
    accept_writes(replica)


def rejoin(
    server: LocalServer,
    primary: LocalServer,
    replication_password: str,
    progress: Callable[[str], None] = tell,
) -> None:
    """
    Make a server, such as an old primary, a read-only replica of another.

    Args:
        server: is started if it does not run, and before that killed if it is frozen: a
            thawed primary would write what it was about to. If it has transactions which
            the new primary has not, its data are thrown away and come anew from there.
        primary: has its whole history in its binary logs.
        replication_password: of the account for replication on the primary.
        progress: is told what takes time.

    Raises:
        ServerFailedError: it does not start.
    """
    if server.is_frozen():
        server.kill()
    refuse_writes(server)
    server.start()
    if has_more(server, primary):
        progress(f"the server on port {server.port} has lost transactions: it starts anew")
        accept_writes(server)
        server.renew(progress)
        refuse_writes(server)
    follow(server, primary, replication_password)


def _read_only(server: LocalServer) -> str:
    return "super_read_only" if server.flavor is Flavor.MYSQL else "read_only"
