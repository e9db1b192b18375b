"""Reading one's own writes: what a user has committed, and which reader has that by now.

On MySQL each commit is reported with its GTID (manual, "session_track_gtids").  MariaDB reports
none, so the writer is asked how far it is when somebody reads who has written.
"""

from __future__ import annotations

from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock
from proxy.policy.gtids import Position, parse
from proxy.policy.lease import Lease
from proxy.policy.marks import added
from proxy.pool.awaiting import ReaderLine
from proxy.pool.borrower import Located, PoolKey
from proxy.pool.elsewhere import Elsewhere, News
from proxy.pool.pool import TargetPool
from proxy.pool.route import Route
from proxy.session.outcome import Outcome
from proxy.session.session import Session
from proxy.session.state import State
from proxy.vocabulary import ServerKind, kind_of
from proxy.wire.commands import query
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_gtids

_POSITION: Final = {
    # With OFF the set is what the server had when it was switched off.
    ServerKind.MYSQL: b"SELECT CAST(IF(@@GLOBAL.gtid_mode LIKE 'ON%', "
    b"@@GLOBAL.gtid_executed, '') AS BINARY)",
    # What it wrote itself is in the one, what it replicated before it was the writer in the
    # other.
    ServerKind.MARIADB: b"SELECT CAST(IF(@@GLOBAL.log_bin, CONCAT_WS(',', "
    b"@@GLOBAL.gtid_binlog_pos, @@GLOBAL.gtid_current_pos), '') AS BINARY)",
}
"""How far a writer is; empty where its transactions have no GTIDs."""

_NOTHING: Final = Position()


class OwnWrites:
    """Knows what the readers of a proxy are to have before a user may read from them.

    A user is whoever logs in by that name: an application that writes over one connection
    reads over another one.  Where other workers serve too, what they have done is kept beside
    it, by slots, which are numbers.
    """

    def __init__(
        self,
        writers: Route,
        timeout_seconds: float,
        clock: Clock,
        log: FilteringBoundLogger,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._writers = writers
        self._timeout = timeout_seconds
        self._clock = clock
        self._log = log
        self._elsewhere = elsewhere
        self._wanted: dict[str | int, Position] = {}
        self._unknown: dict[str | int, int] = {}
        self._doubts = 0
        self._reports = False
        self._lines: dict[TargetPool, ReaderLine] = {}
        self._stopped = False

    def __repr__(self) -> str:
        """Of how many users and readers it knows."""
        users = {*self._wanted, *self._unknown}
        return f"<OwnWrites of {len(users)} users, {len(self._lines)} readers>"

    def change_timeout(self, seconds: float) -> None:
        """Who begins to wait for a reader from now on waits for this long."""
        self._timeout = seconds

    @property
    def pool(self) -> TargetPool:
        """The writer's, where everything is fresh; see `Located`."""
        return self._writers.pool

    # What is written

    def wrote(
        self, session: Session, pool: TargetPool, outcome: Outcome, *, reads_only: bool
    ) -> None:
        """A statement has run where writes may run.

        Args:
            session: Whose.
            pool: Where.
            outcome: How it went; what it committed is reported there.
            reads_only: Whether it commits nothing, as far as its text tells.
        """
        user = session.user
        for kind, data in outcome.changes:
            if kind != SessionTrack.GTIDS:
                continue
            text = parse_gtids(data)
            position = None if isinstance(text, Malformed) else parse(text)
            if position is None or pool is not self.pool:
                # What an old writer reports the new one may lack.
                self.doubt(user)
                continue
            self._reports = True
            self._add(user, position)
            self._note(user, position, session)
        # There is no report in an error, though what came before it may be committed.
        if not reads_only and (outcome.failed or not self.is_told(session)):
            self.doubt(user)

    def _add(self, whose: str | int, position: Position) -> None:
        self._wanted[whose] = added(self._wanted.get(whose, _NOTHING), position)

    def doubt(self, user: str) -> None:
        """The user may have committed something, and nobody has said what."""
        self._doubt(user)
        self._note(user, None)

    def _doubt(self, whose: str | int) -> None:
        self._doubts += 1
        self._unknown[whose] = self._doubts

    @property
    def announces(self) -> bool:
        """Whether others have to know that something was written before the writer's client."""
        return self._elsewhere is not None

    def announce(self, session: Session) -> None:
        """Its client is about to hear of what it has written; `wrote` says what that is."""
        if self._elsewhere is not None:
            self._elsewhere.announce(session.user, session)

    def _note(
        self, user: str, position: Position | None, session: Session | None = None
    ) -> None:
        """Let other workers know."""
        if self._elsewhere is not None:
            self._elsewhere.note(user, position, session)

    def hear(self, seat: int, news: News) -> None:
        """What users have written by way of another worker."""
        if self._elsewhere is not None:
            for slot, position in self._elsewhere.hear(seat, news):
                if position is None:
                    self._doubt(slot)
                else:
                    self._add(slot, position)

    def writer_changed(self, position: Position | None) -> None:
        """Another target takes the writes: what it lacks is lost, and not to be waited for.

        Args:
            position: What it was seen to have; by now it may have more.
        """
        self._reports = False
        if self._elsewhere is not None:
            self._elsewhere.forget_positions()
        for whose, needed in [*self._wanted.items()]:
            if position is None or not position.contains(needed):
                del self._wanted[whose]
                self._doubt(whose)

    def is_told(self, session: Session) -> bool:
        """Whether the writer tells the sessions of this kind what they commit.

        That it can is not enough: it has to be seen, as it may number no transactions.
        """
        target = session.target
        return self._reports and target.tracks and target.kind is ServerKind.MYSQL

    # What readers have

    def saw(self, pool: TargetPool, position: Position | None) -> None:
        """A look has shown what a target has; None where its transactions have no GTIDs."""
        if pool is self.pool:
            self.forget(pool)  # it may have been a reader
            if position is None:
                self._reports = False
        elif position is not None and not self._stopped:
            self._line(pool).saw(position)

    def _line(self, pool: TargetPool) -> ReaderLine:
        line = self._lines.get(pool)
        if line is None:
            line = self._lines[pool] = ReaderLine(pool, self._clock, self._log)
        return line

    def forget(self, pool: TargetPool) -> None:
        """A reader serves no more, or is another server by now."""
        line = self._lines.pop(pool, None)
        if line is not None:
            line.stop()

    def stop(self) -> None:
        """Wait for nobody any more."""
        self._stopped = True
        if self._elsewhere is not None:
            self._elsewhere.stop()
        for pool in [*self._lines]:
            self.forget(pool)

    # What is read

    def is_met(self, user: str, pool: TargetPool) -> bool:
        """Whether a reader is known to have all that a user has written."""
        if pool is self._writers.pool:
            return True
        whose = self._whose(user)
        if self._is_unknown(whose):
            return False
        return all(self._has(pool, self._wanted.get(one, _NOTHING)) for one in whose)

    def _whose(self, user: str) -> tuple[str | int, ...]:
        """Under what the writes of a user are noted."""
        if self._elsewhere is None:
            return (user,)
        slot = self._elsewhere.slot(user)
        if self._elsewhere.is_news(slot):
            self._doubt(slot)
        return user, slot

    def _is_unknown(self, whose: tuple[str | int, ...]) -> bool:
        return any(one in self._unknown for one in whose)

    def _sum(self, whose: tuple[str | int, ...]) -> Position:
        position = _NOTHING
        for one in whose:
            position = position.union(self._wanted.get(one, _NOTHING))
        return position

    def _has(self, pool: TargetPool, needed: Position) -> bool:
        if pool is self._writers.pool:
            return True
        line = self._lines.get(pool)
        return needed.is_empty if line is None else line.has.contains(needed)

    def _is_passed_by(self, pool: TargetPool) -> bool:
        line = self._lines.get(pool)
        return line is not None and line.is_passed_by

    async def needed(self, key: PoolKey, state: State) -> Position | None:
        """What a user has written by now; None where that cannot be known.

        Args:
            key: Whose, and of which kind its connections are.
            state: That of its session, for the connection over which the writer is asked.

        Raises:
            StatementRefusedError: there is no connection to the writer in time.
        """
        whose = self._whose(key.user)
        if not self._is_unknown(whose):
            return self._sum(whose)
        while True:
            lease = await self.pool.borrow(key, state, self)
            pool: TargetPool = lease.pool
            if not self._is_unknown(whose):  # somebody else has asked meanwhile
                pool.give_back(lease, lease.state)  # type: ignore[arg-type]
                return self._sum(whose)
            position = await self._ask_writer(lease)
            if pool is self.pool:
                return position

    async def _ask_writer(self, lease: Lease) -> Position | None:
        """Learn how far a writer is, for all who have written by now; None: nobody knows."""
        pool: TargetPool = lease.pool
        backend: BackendProtocol = lease.backend
        assert backend.greeting is not None
        text = _POSITION[kind_of(backend.greeting.version)]
        doubts = self._doubts
        asked = backend.ask(query(text, backend.exchange.server_capabilities), Kind.RESULT)
        try:
            (value,) = (await pool.dialer.connector.limit(asked)).row()
        except BackendLostError as error:
            self._log.warning("the writer does not say how far it is", why=str(error))
            pool.discard(lease, "it did not say how far it is")
            return None
        except BaseException:
            pool.discard(lease, "who asked how far it is has gone")
            raise
        position = parse((value or b"").decode("ascii", "replace"))
        if position is not None and position.is_empty:
            position = None
        if position is not None and pool is self.pool:
            for whose in [one for one, doubt in self._unknown.items() if doubt <= doubts]:
                del self._unknown[whose]
                self._wanted[whose] = self._wanted.get(whose, _NOTHING).union(position)
        pool.give_back(lease, lease.state)  # type: ignore[arg-type]
        return position

    async def comes(self, key: PoolKey, state: State, pool: TargetPool) -> bool:
        """Wait until a reader has what a user has written by now; False if that takes long.

        The arguments, and what it raises, are those of `needed`.
        """
        if self.is_met(key.user, pool):
            return True
        if self._is_passed_by(pool):
            return False
        needed = await self.needed(key, state)
        return needed is not None and await self.meet(key.user, needed, pool)

    async def meet(self, user: str, needed: Position, pool: TargetPool) -> bool:
        """Wait until a reader has what is needed; False when that takes too long."""
        if self._has(pool, needed):
            return True
        if self._stopped or not self._timeout or self._is_passed_by(pool):
            return False
        line = self._line(pool)
        if await line.wait(user, needed, self._timeout):
            return True
        for whose in self._whose(user) if self._lines.get(pool) is line else ():
            if self._wanted.pop(whose, None) is not None:
                # If it never comes, because it is lost everywhere, it is not waited for again.
                self._doubt(whose)
        return False

    async def borrow(self, reader: Located, key: PoolKey, state: State, size: int) -> Lease:
        """A lease for somebody who reads: where it finds what was written by the same user.

        Args:
            reader: Whom; its pool is that of a reader, or none serves by now.
            key: See `TargetPool.borrow`.
            state: Likewise.
            size: Likewise.

        Raises:
            StatementRefusedError: as there.
        """
        user, pool = key.user, reader.pool
        needed: Position | None = None
        at_writer = pool is self.pool
        if not at_writer and (self.is_met(user, pool) or not self._is_passed_by(pool)):
            needed = await self.needed(key, state)
        while needed is not None:
            pool = reader.pool
            # Where nobody is served nobody is asked either.
            if pool.ledger.held or await self.meet(user, needed, pool):
                lease = await pool.borrow(key, state, reader, size)
                if self._has(lease.pool, needed):
                    return lease
                # It was moved to another reader while it waited.
                lease.pool.give_back(lease, lease.state)
            elif reader.pool is pool:
                break
        return await self.pool.borrow(key, state, self, size)
