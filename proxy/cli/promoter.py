"""The trial's stand-in for what promotes replicas elsewhere: the proxy itself only follows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

import pymysql

from proxy.cli.trial_servers import address_of
from proxy.embedded import EmbeddedError, LocalServer, ReplicatedServers
from proxy.embedded.following import status

LOOK_SECONDS = 0.1
"""Between two looks at the servers: short beside the second that follows."""

PROMOTION_SECONDS = 1.0
"""From the death of the primary until the replica is promoted: a quick tool takes so long to be
sure, and the wait can be watched."""

RETRY_SECONDS = 1.0
"""After something has failed."""


class Promoter:
    """Keeps a primary and its replica going, in a thread, while the block lasts.

    A dead primary's place is taken by its replica, and who is dead is started anew, as a
    replica.  Where the proxy has promoted the replica, the old primary is made to follow it.
    """

    def __init__(
        self, group: ReplicatedServers, writer: Callable[[], str], say: Callable[[str], None]
    ) -> None:
        """Do nothing yet.

        Args:
            group: The servers; nobody else changes their roles meanwhile, but the proxy.
            writer: The address of the one that the proxy takes for the writer.
            say: Tells whoever watches; called from the thread.
        """
        self._group = group
        self._writer = writer
        self._say = say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __repr__(self) -> str:
        """Whom it takes for the primary."""
        return f"<Promoter of {address_of(self._group.primary)}>"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                self.look()
            except (EmbeddedError, pymysql.MySQLError) as error:
                self._say(f"The servers are not as they should be; once more: {error}")
                self._over.wait(RETRY_SECONDS)

    def look(self) -> None:
        """Look once at the servers, and do what there is to do.

        Raises:
            EmbeddedError: it was not possible.
            pymysql.MySQLError: a server did not do it.
        """
        group = self._group
        if not group.primary.is_running():
            self._replace()
        else:
            self._follow_proxy()
        for server in [*group.apart, *group.replicas]:
            if not server.is_running() and not self._over.is_set():
                group.rejoin(server)
                self._say(f"{_named(server)} is back, as a replica.")

    def _replace(self) -> None:
        """Let the replica take the place of a dead primary, which starts anew without one."""
        group = self._group
        self._say(f"{address_of(group.primary)} is dead.")
        if self._over.wait(PROMOTION_SECONDS):
            return
        if not any(replica.is_running() for replica in group.replicas):
            group.primary.start()
            self._say(f"So is its replica; {_named(group.primary)} was started anew.")
            return
        group.promote()
        self._say(f"A script has promoted {_named(group.primary)}.")

    def _follow_proxy(self) -> None:
        """Complete what the proxy has begun, once it has done all that it does."""
        for replica in self._group.replicas:
            promoted = self._writer() == address_of(replica)
            if promoted and replica.is_running() and not status(replica):
                old = self._group.primary
                self._group.switch_over(replica)
                self._say(f"{_named(replica)} takes the writes; {_named(old)} follows it.")


def _named(server: LocalServer) -> str:
    return f"{address_of(server)} (process {server.pid})"
