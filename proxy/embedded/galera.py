"""A Galera cluster of MariaDB servers: every member takes writes."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from proxy.embedded import debian, transfer
from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.launch import MAX_CONNECTIONS, Way, find_programs, tell
from proxy.embedded.local import LocalServer, new_server
from proxy.embedded.server import free_port
from proxy.embedded.settings import settings_for

READY_LIMIT_SECONDS = 60.0
"""A silent member is dropped after two seconds, and comes back within some more; the rest is
for a machine that is busy."""

_POLL_SECONDS = 0.05
_ADDRESS = "wsrep-cluster-address"
_NEW_CLUSTER = "gcomm://"
_METHOD = "embedded"

_INSTALLED = (
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib/libgalera_smm.so",
)
"""Where Debian, Fedora and Arch put the library."""

_SETTINGS = {
    "wsrep-on": "ON",
    "wsrep-cluster-name": "embedded",
    "wsrep-sst-method": _METHOD,
    "innodb-autoinc-lock-mode": "2",
    # Each member numbers what it gets from the others by itself.
    "gtid-strict-mode": "OFF",
}

_PROVIDER_OPTIONS = {
    # The default is 128 MiB, in each member's folder.
    "gcache.size": "16M",
    "evs.keepalive_period": "PT0.5S",
    # The default is five seconds; less than two are taken for silence by mistake.
    "evs.suspect_timeout": "PT2S",
    "evs.inactive_timeout": "PT6S",
}

_STATE = (
    "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN "
    "('WSREP_CLUSTER_CONF_ID', 'WSREP_CLUSTER_STATUS', 'WSREP_LOCAL_STATE_COMMENT', "
    "'WSREP_READY') ORDER BY VARIABLE_NAME"
)
_READY = [("Primary",), ("Synced",), ("ON",)]


@attrs.define(eq=False)
class GaleraServers:
    """
    The members of a cluster. As a context manager all are closed at the end of the block.

    Attributes:
        members: each takes writes. Most of them have to be there for any of them to do so.
            One that is thawed comes back by itself.
    """

    members: list[LocalServer]

    def ready(self) -> list[LocalServer]:
        """
        The members that are in the cluster, with all that was committed, and serve.

        One that was frozen believes for a moment what has been before, and is told by the
        number of its view from those which know better.
        """
        views = {member: _view(member) for member in self.members}
        newest = max(views.values(), default=0)
        return [member for member, view in views.items() if view == newest > 0]

    def wait_until_ready(
        self,
        members: Sequence[LocalServer] | None = None,
        limit_seconds: float = READY_LIMIT_SECONDS,
    ) -> None:
        """
        Wait until members are in the cluster and serve.

        Args:
            members: which; by default all.
            limit_seconds: how long it may take.

        Raises:
            ServerFailedError: one is not ready in time.
        """
        deadline = time.monotonic() + limit_seconds
        for member in self.members if members is None else members:
            while member not in self.ready():
                if time.monotonic() > deadline:
                    raise ServerFailedError(
                        f"The member on port {member.port} is not ready within "
                        f"{limit_seconds:g} s."
                    )
                time.sleep(_POLL_SECONDS)

    def rejoin(self, member: LocalServer, limit_seconds: float = READY_LIMIT_SECONDS) -> None:
        """
        Bring a member back, with what it missed or, after a crash, with the data of another.

        Args:
            member: is started if it does not run, and thawed if it is frozen.
            limit_seconds: how long it may take once it serves.

        Raises:
            ServerFailedError: it is not back in time, or there is no cluster: see `bootstrap`.
        """
        if member.is_frozen():
            member.thaw()
        member.start()
        self.wait_until_ready([member], limit_seconds)

    def bootstrap(self, member: LocalServer) -> None:
        """
        Begin the cluster anew with a dead member, which has to have all that was committed.

        Only when all are dead: two clusters would know nothing of each other. The others
        `rejoin`.

        Raises:
            ServerFailedError: it does not start.
        """
        # It does not know that it was among the last: that it may begin is said here.
        state = member.data_folder / "grastate.dat"
        if state.exists():
            text = state.read_text()
            state.write_text(text.replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        address = member.settings[_ADDRESS]
        member.settings[_ADDRESS] = _NEW_CLUSTER
        try:
            member.start()
        finally:
            member.settings[_ADDRESS] = address

    def close(self) -> None:
        """End all members at once and remove their data."""
        for member in self.members:
            member.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start_galera(
    members: int = 3,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
) -> GaleraServers:
    """
    Start a Galera cluster.

    Each member takes some 120 MiB.

    Args:
        members: how many; with three, one may fail.
        ways: see `proxy.embedded.launch.start_server`; containers are not among them.
        progress: is told what takes time.
        max_connections: each server's own limit of clients.

    Raises:
        ServerNotFoundError: there are no server programs; the text says what to install.
        PackagesUnavailableError: there is no Galera library, and none can be unpacked.
        ServerFailedError: a member does not start or join.
    """
    distribution = find_programs(Flavor.MARIADB, ways=ways, progress=progress)
    settings = {
        **settings_for(Flavor.MARIADB, max_connections),
        **_SETTINGS,
        "wsrep-provider": str(_library(distribution, progress)),
    }
    ports = [free_port() for _ in range(members)]
    address = _NEW_CLUSTER + ",".join(f"127.0.0.1:{port}" for port in ports)
    with ExitStack() as started:
        cluster = GaleraServers([])
        started.enter_context(cluster)
        for port in ports:
            places = {_ADDRESS: address, **_places(port)}
            member = new_server(distribution, settings | places, progress)
            cluster.members.append(member)
            _give_transfer(member)
        first, *others = cluster.members
        cluster.bootstrap(first)
        first.make_root()
        for member in others:
            # The accounts come with the data.
            member.password, member.version = first.password, first.version
            cluster.rejoin(member)
        cluster.wait_until_ready()
        started.pop_all()
    return cluster


def _library(distribution: Distribution, progress: Callable[[str], None]) -> Path:
    # A server that was unpacked runs beside other libraries than the machine's.
    if not distribution.launcher:
        for place in _INSTALLED:
            if Path(place).is_file():
                return Path(place)
    return debian.galera_library(progress)


def _places(port: int) -> dict[str, str]:
    """Where a member listens to the others."""
    options = {
        **_PROVIDER_OPTIONS,
        "gmcast.listen_addr": f"tcp://127.0.0.1:{port}",
        "ist.recv_addr": f"127.0.0.1:{free_port()}",
    }
    return {
        "wsrep-node-address": f"127.0.0.1:{port}",
        "wsrep-node-name": f"member-{port}",
        "wsrep-sst-receive-address": transfer.HOST,
        "wsrep-provider-options": ";".join(f"{k}={v}" for k, v in options.items()),
    }


def _give_transfer(member: LocalServer) -> None:
    """Put the program that moves the data on the path of a member, by the name it looks for."""
    folder = member.folder / "bin"
    folder.mkdir()
    program = folder / f"wsrep_sst_{_METHOD}"
    words = shlex.join([sys.executable, "-I", "-S", transfer.__file__])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o700)
    path = f"PATH={folder}:{os.environ.get('PATH', os.defpath)}"
    own = member.distribution
    member.distribution = attrs.evolve(own, launcher=("/usr/bin/env", path, *own.launcher))


def _view(member: LocalServer) -> int:
    """The number of the membership that a member knows, or 0 where it is not ready."""
    number, *state = member.ask(_STATE) or ((0,),)
    return int(number[0]) if state == _READY else 0
