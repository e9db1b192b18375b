"""What monitors' users are asked to change on targets: writable or not, whom they follow.

MySQL manual, "super_read_only", "RESET REPLICA Statement", "GTID Functions"; MariaDB knowledge
base, "read_only", "RESET REPLICA", "MASTER_GTID_WAIT".
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from structlog.typing import FilteringBoundLogger

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.failover.post import Post
from proxy.net.answer import Answer
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock
from proxy.policy.gtids import parse
from proxy.vocabulary import ServerKind, kind_of, version_number
from proxy.wire.commands import query

ORDER_SECONDS = 10.0
"""How long one order may take: SET GLOBAL read_only waits for commits that are under way."""

REPLICA_WORDS = 80022
"""MySQL says REPLICA for SLAVE, and SOURCE for MASTER, since this version."""


# What a server says of itself is put into statements for another one.
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"[\w.:%-]{1,255}")


class OrderLateError(BackendLostError):
    """An order was not carried out in time."""


class Session:
    """A connection to a target for orders."""

    def __init__(self, post: Post, backend: BackendProtocol, clock: Clock) -> None:
        assert backend.greeting is not None
        self._post = post
        self._backend = backend
        self._clock = clock
        version = backend.greeting.version
        self.is_mariadb = kind_of(version) is ServerKind.MARIADB
        modern = not self.is_mariadb and version_number(version) >= REPLICA_WORDS
        self._replica = "REPLICA" if modern else "SLAVE"

    async def run(self, text: str, seconds: float = ORDER_SECONDS) -> Answer:
        """Run a statement.

        Raises:
            BackendLostError: it fails, or takes too long and was broken off.
        """
        try:
            return await self._ask(self._backend, text, seconds)
        except BackendLostError as error:
            if isinstance(error, OrderLateError):
                await self._break_off()
            raise _named(error, self._post.name) from error

    async def _ask(self, backend: BackendProtocol, text: str, seconds: float) -> Answer:
        payload = query(text.encode(), backend.exchange.server_capabilities)
        asked = backend.ask(payload, Kind.RESULT)
        clock: Any = self._clock
        return await asked.addTimeout(seconds, clock, _too_long)

    async def _break_off(self) -> None:
        """A server goes on to wait for a lock when nobody waits for its answer any more.

        SET GLOBAL read_only would then be carried out when everybody has forgotten it.
        """
        with contextlib.suppress(BackendLostError):  # who is not there carries nothing out
            other = await self._post.log_in()
            try:
                await self._ask(other, f"KILL {self._backend.connection_id}", ORDER_SECONDS)
            finally:
                other.quit()

    async def set_read_only(self, *, on: bool) -> None:
        """Take writes, or none: on MySQL not even those of accounts with all privileges."""
        if self.is_mariadb:
            await self.run(f"SET GLOBAL read_only = {int(on)}")
        elif on:
            await self.run("SET GLOBAL super_read_only = 1")
        else:
            await self.run("SET GLOBAL super_read_only = 0")
            await self.run("SET GLOBAL read_only = 0")

    async def position(self) -> str:
        """The transactions that it has, as its family writes them."""
        name = "gtid_current_pos" if self.is_mariadb else "gtid_executed"
        (value,) = (await self.run(f"SELECT @@GLOBAL.{name}")).row()
        position = parse((value or b"").decode("ascii", "replace"))
        if position is None:
            raise BackendLostError(f"{self._post.name}: its position makes no sense")
        return str(position)

    async def wait_for(self, position: str, seconds: float) -> bool:
        """Wait until it has these transactions; whether it has by then."""
        if self.is_mariadb:
            text = f"SELECT MASTER_GTID_WAIT('{position}', {seconds:g})"
        else:
            text = f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {seconds:g})"
        return (await self.run(text, seconds + ORDER_SECONDS)).row() == (b"0",)

    async def set_following(self, *, on: bool) -> None:
        """Replicate as it was set up, or not for the time being."""
        await self.run(f"{'START' if on else 'STOP'} {self._replica}")

    async def follow_nobody(self) -> None:
        """Forget whom it replicated from; it does so no more."""
        await self.run(f"RESET {self._replica} ALL")

    async def follow(self, host: str, port: int) -> None:
        """Replicate from another server, as the user as whom it has replicated until now."""
        if not _HOST.fullmatch(host):
            raise BackendLostError(f"{host!r} is no host that a server could be told to follow")
        await self.set_following(on=False)
        if self._replica == "REPLICA":
            text = "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{}', SOURCE_PORT = {}"
        else:
            text = "CHANGE MASTER TO MASTER_HOST = '{}', MASTER_PORT = {}"
        try:
            await self.run(text.format(host, port))
        finally:
            await self.set_following(on=True)

    async def become_primary(self, member: str) -> None:
        """Make a member the primary of its group; any member can be asked.

        MySQL manual, "Changing the Primary".
        """
        if not _UUID.fullmatch(member):
            raise BackendLostError(f"{member!r} is no member of a group")
        await self.run(f"SELECT group_replication_set_as_primary('{member}')", 60.0)


def _named(error: BackendLostError, name: str) -> BackendLostError:
    """The same error, which says whose it is."""
    why = f"{name}: {error}"
    if not isinstance(error, BackendRefusedError):
        return BackendLostError(why)
    reply = error.reply
    return BackendRefusedError(reply.code, reply.sqlstate, reply.message, why)


def _too_long(_: object, timeout: float) -> Any:
    raise OrderLateError(f"no answer within {timeout:g} s")


@asynccontextmanager
async def session(post: Post, clock: Clock) -> AsyncIterator[Session]:
    """A session with a target.

    Raises:
        BackendLostError: it cannot be had.
    """
    logging_in: Awaitable[BackendProtocol] = post.log_in()
    backend = await logging_in
    try:
        yield Session(post, backend, clock)
    finally:
        if backend.owes_answer:
            backend.abort()
        else:
            backend.quit()


async def fence(post: Post, clock: Clock, log: FilteringBoundLogger) -> None:
    """Make a target read-only that takes writes and should not."""
    try:
        async with session(post, clock) as orders:
            await orders.set_read_only(on=True)
    except BackendLostError as error:
        log.warning(
            "a second target takes writes, and cannot be made read-only",
            target=post.name,
            why=str(error),
        )
    else:
        log.warning("a second target took writes, and is read-only now", target=post.name)
