"""A cluster by MySQL Group Replication: one primary, elected by the members."""

import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import attrs
import pymysql

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.launch import MAX_CONNECTIONS, Way, start_local_server, tell
from proxy.embedded.local import LocalServer, start_local

ELECTION_LIMIT_SECONDS = 60.0
"""A silent member is suspected after five seconds and expelled within some more; the rest is
for a machine that is busy."""

_POLL_SECONDS = 0.05
_RECOVERY_USER = "recovery"
_RECOVERY_GRANTS = "REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM"

_SETTINGS = {
    "plugin-load-add": "group_replication.so",
    # The members talk by the servers' own ports: none beside them can be taken.
    "group-replication-communication-stack": "MYSQL",
    "group-replication-ssl-mode": "DISABLED",
    # Without TLS, caching_sha2_password needs the other member's RSA key.
    "group-replication-recovery-get-public-key": "ON",
    "group-replication-recovery-reconnect-interval": "1",
    # A member that is suspected is expelled at once.
    "group-replication-member-expel-timeout": "0",
    # The least that it takes; the default is 1 GiB.
    "group-replication-message-cache-size": str(128 * 1024 * 1024),
    "group-replication-start-on-boot": "OFF",
}

_MEMBERS = "performance_schema.replication_group_members"

_ELECTED = (
    f"SELECT MEMBER_PORT FROM {_MEMBERS} "  # noqa: S608 - our own words
    "WHERE MEMBER_STATE = 'ONLINE' AND MEMBER_ROLE = 'PRIMARY' "
    f"AND (SELECT SUM(MEMBER_STATE = 'ONLINE') * 2 > COUNT(*) FROM {_MEMBERS})"
)
_WRITABLE = "SELECT NOT @@GLOBAL.super_read_only"
_ONLINE = f"SELECT MEMBER_PORT FROM {_MEMBERS} WHERE MEMBER_STATE = 'ONLINE'"  # noqa: S608 - ours
_OWN_STATE = f"SELECT MEMBER_STATE FROM {_MEMBERS} WHERE MEMBER_ID = @@server_uuid"  # noqa: S608 - ours


@attrs.define(eq=False)
class GroupServers:
    """
    The members of a group. As a context manager all are closed at the end of the block.

    A table needs a primary key to be written to.

    Attributes:
        members: in no order; which one leads is up to them. A member that is started again
            refuses writes until it is brought back, see `rejoin`; one that is thawed comes
            back by itself.
    """

    members: list[LocalServer]

    def primary(self) -> LocalServer | None:
        """
        The member that most members take for the primary, if it takes writes by now.

        A member that was cut off or frozen believes for some seconds what has been before.
        """
        votes = Counter(port for member in self.members for (port,) in member.ask(_ELECTED))
        for port, _ in votes.most_common(1):
            for member in self.members:
                if member.port == port and member.ask(_WRITABLE) == ((1,),):
                    return member
        return None

    def wait_for_primary(
        self,
        other_than: LocalServer | None = None,
        limit_seconds: float = ELECTION_LIMIT_SECONDS,
    ) -> LocalServer:
        """
        Wait until there is a primary that takes writes.

        Args:
            other_than: the one before.
            limit_seconds: how long the election may take.

        Raises:
            ServerFailedError: there is none in time.
        """
        deadline = time.monotonic() + limit_seconds
        while True:
            primary = self.primary()
            if primary is not None and primary is not other_than:
                return primary
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    f"The group elected no primary within {limit_seconds:g} s."
                )
            time.sleep(_POLL_SECONDS)

    def set_primary(self, member: LocalServer) -> None:
        """
        Let the group make a member its primary; transactions in progress are waited for.

        Raises:
            pymysql.err.MySQLError: the group refuses, for instance as the member is not in it.
            ServerFailedError: there is no primary to ask.
        """
        [[identity]] = member.execute("SELECT @@server_uuid")
        self.wait_for_primary().execute(
            f"SELECT group_replication_set_as_primary('{identity}')"
        )

    def rejoin(
        self, member: LocalServer, limit_seconds: float = ELECTION_LIMIT_SECONDS
    ) -> None:
        """
        Bring a member back into the group, and wait until it has what the others have.

        Args:
            member: is started if it does not run, and thawed if it is frozen.
            limit_seconds: how long it may take.

        Raises:
            ServerFailedError: it is not back in time, or there is no group: see `bootstrap`.
        """
        if member.is_frozen():
            member.thaw()
        member.start()
        deadline = time.monotonic() + limit_seconds
        while not self._is_online(member):
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    f"The member on port {member.port} is not back in the group within "
                    f"{limit_seconds:g} s; its state is {_state(member)}."
                )
            if _state(member) in {"OFFLINE", "ERROR"} and self.primary() is not None:
                _join(member)
            time.sleep(_POLL_SECONDS)

    def bootstrap(self, member: LocalServer) -> None:
        """
        Begin the group anew with one member, which has to have all that was committed.

        Only when no member is in the group any more: two groups would know nothing of each
        other. The others `rejoin`.

        Raises:
            ServerFailedError: it does not start, or does not lead.
        """
        member.start()
        begins = "SET GLOBAL group_replication_bootstrap_group"
        try:
            member.execute(
                "STOP GROUP_REPLICATION", f"{begins} = ON", "START GROUP_REPLICATION"
            )
        finally:
            # Later it joins a group, and must not make one.
            member.execute(f"{begins} = OFF")
        self.wait_for_primary()

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

    def _is_online(self, member: LocalServer) -> bool:
        """Whether the primary sees the member in the group, with all that was committed."""
        primary = self.primary()
        return primary is not None and (member.port,) in primary.ask(_ONLINE)


def start_group(
    members: int = 3,
    *,
    ways: Sequence[Way] | None = None,
    progress: Callable[[str], None] = tell,
    max_connections: int = MAX_CONNECTIONS,
) -> GroupServers:
    """
    Start a group of MySQL servers, of which the first leads at the beginning.

    Each takes some 400 MiB.

    Args:
        members: how many; with three, one may fail.
        ways: see `proxy.embedded.launch.start_server`; containers are not among them.
        progress: is told what takes time.
        max_connections: each server's own limit of clients; the members take some of them.

    Raises:
        ServerNotFoundError: there are no server programs; the text says what to install.
        ServerFailedError: a member does not start or join. MySQL before 8.0.27 cannot.
    """
    settings = {**_SETTINGS, "group-replication-group-name": str(uuid.uuid4())}
    with ExitStack() as started:
        first = start_local_server(
            Flavor.MYSQL,
            ways=ways,
            progress=progress,
            max_connections=max_connections,
            settings=settings,
        )
        group = GroupServers([first])
        started.enter_context(group)
        while len(group.members) < members:
            member = start_local(
                first.distribution,
                progress,
                max_connections=max_connections,
                settings=settings,
            )
            group.members.append(member)
        _introduce(group.members)
        group.bootstrap(first)
        for member in group.members[1:]:
            # One after the other: at once they hinder each other.
            group.rejoin(member)
        started.pop_all()
    return group


def _introduce(members: Sequence[LocalServer]) -> None:
    """Tell each member where the others are and how to log in there, now and later."""
    password = secrets.token_urlsafe(12)
    seeds = ",".join(f"{member.host}:{member.port}" for member in members)
    for member in members:
        places = {
            "group-replication-local-address": f"{member.host}:{member.port}",
            "group-replication-group-seeds": seeds,
        }
        member.settings.update(places)
        # A member that is out of the group must not be taken for a lone primary.
        member.settings["super-read-only"] = "ON"
        member.execute(
            # The members' own, as no group has a transaction yet.
            "SET SESSION sql_log_bin = 0",
            f"CREATE USER '{_RECOVERY_USER}'@'%' IDENTIFIED BY '{password}'",
            f"GRANT {_RECOVERY_GRANTS} ON *.* TO '{_RECOVERY_USER}'@'%'",
            f"CHANGE REPLICATION SOURCE TO SOURCE_USER = '{_RECOVERY_USER}', "
            f"SOURCE_PASSWORD = '{password}' FOR CHANNEL 'group_replication_recovery'",
            *(
                f"SET GLOBAL {name.replace('-', '_')} = '{value}'"
                for name, value in places.items()
            ),
        )


def _join(member: LocalServer) -> None:
    """Let a member that is out of the group try once to get in."""
    try:
        # The server of an expelled member turns everybody away.
        member.execute("STOP GROUP_REPLICATION", "SET GLOBAL offline_mode = OFF")
        member.execute("START GROUP_REPLICATION")
    except pymysql.err.OperationalError:
        # The others may not have noticed yet that it was away; whoever waits tries again.
        return


def _state(member: LocalServer) -> str:
    """The member's state as it sees itself."""
    rows = member.ask(_OWN_STATE)
    return str(rows[0][0]) if rows else "OFFLINE"
