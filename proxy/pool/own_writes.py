"""Reading one's own writes: what a user has committed, and which reader has that by now.

On MySQL each commit is reported with its GTID (manual, "session_track_gtids").  MariaDB reports
none, so the writer is asked how far it is when somebody reads who has written.
"""

from __future__ import annotations

from collections.abc import Iterable

from structlog.typing import FilteringBoundLogger

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError, StatementRefusedError
from proxy.net.clock import Clock
from proxy.policy.gtids import Position, parse
from proxy.policy.marks import Marks, covers, merge, reached, wanted
from proxy.pool.awaiting import ReaderLine
from proxy.pool.borrower import PoolKey
from proxy.pool.pool import TargetPool
from proxy.pool.route import Route
from proxy.session.session import Session
from proxy.session.state import State
from proxy.vocabulary import ServerKind
from proxy.wire.commands import query
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_gtids

_BINLOG_POSITION = b"SELECT CAST(@@GLOBAL.gtid_binlog_pos AS BINARY)"


class OwnWrites:
    """Knows what the readers of a proxy are to have before a user may read from them.

    A user is whoever logs in by that name: an application that writes over one connection
    reads over another one.
    """

    def __init__(
        self, writers: Route, timeout_seconds: float, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._writers = writers
        self._timeout = timeout_seconds
        self._clock = clock
        self._log = log
        self._wanted: dict[str, Marks] = {}
        self._unknown: dict[str, int] = {}
        self._writes = 0
        self._reached: dict[TargetPool, Marks] = {}
        self._lines: dict[TargetPool, ReaderLine] = {}

    def __repr__(self) -> str:
        """Of how many users and readers it knows."""
        return f"<OwnWrites of {len(self._wanted)} users, {len(self._reached)} readers>"

    @property
    def pool(self) -> TargetPool:
        """The writer's, where everything is fresh; see `Located`."""
        return self._writers.pool

    # What is written

    def wrote(self, session: Session, changes: Iterable[tuple[int, bytes]]) -> None:
        """A statement has run on the writer; `changes` are what its answer reported.

        Where the server reports no commits, each statement may have been one.
        """
        user = session.user
        for kind, data in changes:
            if kind == SessionTrack.GTIDS:
                text = parse_gtids(data)
                position = None if isinstance(text, Malformed) else parse(text)
                if position is not None:
                    self._wanted[user] = merge(self._wanted.get(user, {}), wanted(position))
        if not self.is_told(session):
            self._writes += 1
            self._unknown[user] = self._writes

    def writer_changed(self, position: Position | None) -> None:
        """Another target takes the writes: what it lacks is lost, and not to be waited for."""
        has = {} if position is None else reached(position)
        for user, needed in [*self._wanted.items()]:
            self._wanted[user] = {
                source: min(number, has[source])
                for source, number in needed.items()
                if source in has
            }

    @staticmethod
    def is_told(session: Session) -> bool:
        """Whether the servers of a session tell of its commits."""
        return session.target.kind is ServerKind.MYSQL and session.target.tracks

    # What readers have

    def saw(self, pool: TargetPool, position: Position | None) -> None:
        """A look has shown what a reader has."""
        if position is not None:
            self._reached[pool] = reached(position)

    def forget(self, pool: TargetPool) -> None:
        """A reader serves no more, or is another server by now."""
        self._reached.pop(pool, None)
        line = self._lines.pop(pool, None)
        if line is not None:
            line.stop()

    def stop(self) -> None:
        """Wait for nobody any more."""
        for pool in [*self._lines]:
            self.forget(pool)

    # What is read

    def is_met(self, user: str, pool: TargetPool) -> bool:
        """Whether a reader is known to have all that a user has written."""
        if pool is self._writers.pool:
            return True
        if user in self._unknown:
            return False
        needed = self._wanted.get(user)
        return not needed or covers(self._reached.get(pool, {}), needed)

    def is_express(self, session: Session, pool: TargetPool) -> bool:
        """Whether a statement needs no look here, before it and after it."""
        if pool is self._writers.pool:
            return self.is_told(session)
        return self.is_met(session.user, pool)

    async def meet(self, user: str, pool: TargetPool) -> bool:
        """Wait for that; False when it takes too long, or cannot be known."""
        if pool is not self.pool and user in self._unknown and not await self._ask_writer(user):
            return False
        if self.is_met(user, pool):
            return True
        line = self._lines.get(pool)
        if line is None:
            line = self._lines[pool] = ReaderLine(pool, self._clock, self._log)
        has = await line.wait(user, self._wanted[user], self._timeout)
        if has is None:
            return False
        self._reached[pool] = has
        return True

    async def _ask_writer(self, user: str) -> bool:
        """Learn how far the writer is, which has all that the user has written by now."""
        write = self._unknown[user]
        try:
            lease = await self.pool.borrow(PoolKey(user, 0), State(), self)
        except StatementRefusedError:
            return False
        pool: TargetPool = lease.pool
        backend = lease.backend
        text = query(_BINLOG_POSITION, backend.exchange.server_capabilities)
        try:
            asked = pool.dialer.connector.limit(backend.ask(text, Kind.RESULT))
            (value,) = (await asked).row()
        except BackendLostError as error:
            self._log.warning("the writer does not say how far it is", why=str(error))
            pool.discard(lease, "it did not say how far it is")
            return False
        pool.give_back(lease, lease.state)  # type: ignore[arg-type]
        position = parse((value or b"").decode("ascii", "replace"))
        if position is None:
            return False
        self._wanted[user] = wanted(position)
        if self._unknown.get(user) == write:
            del self._unknown[user]
        return True
