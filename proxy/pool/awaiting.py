"""Those who wait until a reader has certain transactions: one question at a time for all."""

from __future__ import annotations

from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.gtids import parse
from proxy.policy.marks import Marks, as_position, covers, reached
from proxy.pool.pool import TargetPool
from proxy.vocabulary import ServerKind, kind_of
from proxy.wire.commands import query

ROUND_SECONDS = 0.1
"""How long the reader is asked to wait in one go: whoever comes meanwhile and wants less is
served in the next round."""

_ASKING = {
    ServerKind.MYSQL: "SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET('{}', {}) AS CHAR), "
    "@@GLOBAL.gtid_executed",
    ServerKind.MARIADB: "SELECT MASTER_GTID_WAIT('{}', {}), @@GLOBAL.gtid_slave_pos",
}
"""MySQL manual, "GTID Functions"; MariaDB knowledge base, "MASTER_GTID_WAIT"."""


class _Waiting:
    """Somebody who wants transactions of a reader."""

    def __init__(self, wanted: Marks) -> None:
        self.wanted = wanted
        self.reached: Deferred[Marks | None] = Deferred()
        self.timer: Timer | None = None

    def end(self, reached: Marks | None) -> None:
        cancel(self.timer)
        if not self.reached.called:
            self.reached.callback(reached)


class ReaderLine:
    """Waits at one reader, over a connection of its own."""

    def __init__(self, pool: TargetPool, clock: Clock, log: FilteringBoundLogger) -> None:
        self._pool = pool
        self._clock = clock
        self._log = log
        self._waiting: dict[_Waiting, None] = {}
        self._backend: BackendProtocol | None = None
        self._asks = False

    def __repr__(self) -> str:
        """How many wait."""
        return f"<ReaderLine of {self._pool.place}: {len(self._waiting)} waiting>"

    async def wait(self, user: str, wanted: Marks, seconds: float) -> Marks | None:
        """Wait until the reader has all that is wanted.

        Returns:
            What it has by then; None when it takes longer, or the reader cannot be asked.
        """
        one = _Waiting(wanted)
        self._waiting[one] = None
        one.timer = self._clock.callLater(seconds, one.end, None)
        if not self._asks:
            self._asks = True
            Deferred.fromCoroutine(self._ask_on(user))
        try:
            return await one.reached
        finally:
            cancel(one.timer)
            self._waiting.pop(one, None)

    def stop(self) -> None:
        """Nobody waits here any more."""
        self._give_up()
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.abort()

    def _give_up(self) -> None:
        for one in [*self._waiting]:
            one.end(None)

    async def _ask_on(self, user: str) -> None:
        try:
            while self._waiting:
                # Who wants least is served first, and those who want more wait on.
                first = min(self._waiting, key=lambda one: sum(one.wanted.values()))
                has = await self._ask(user, first.wanted)
                for one in [one for one in self._waiting if covers(has, one.wanted)]:
                    self._waiting.pop(one, None)
                    one.end(has)
        except Exception as error:  # noqa: BLE001 - whoever waits reads from the writer
            self._log.warning(
                "a reader does not say how far it is",
                target=self._pool.place,
                why=str(error) or type(error).__name__,
            )
            self.stop()
        finally:
            self._asks = False

    async def _ask(self, user: str, wanted: Marks) -> Marks:
        connector = self._pool.dialer.connector
        if self._backend is None:
            self._backend = await self._pool.accounts.log_in(user, 0, connector.connect)
            self._backend.on_loss = self._lost
        backend: Any = self._backend
        text = _ASKING[kind_of(backend.greeting.version)]
        asked = text.format(as_position(wanted), ROUND_SECONDS).encode()
        payload = query(asked, backend.exchange.server_capabilities)
        began = self._clock.seconds()
        answer = await connector.limit(backend.ask(payload, Kind.RESULT))
        _, value = answer.row(2)
        position = parse((value or b"").decode("ascii", "replace"))
        if position is None:
            raise BackendLostError("its position makes no sense")
        has = reached(position)
        if not covers(has, wanted) and self._clock.seconds() - began < ROUND_SECONDS / 2:
            raise BackendLostError("it does not wait for transactions")
        return has

    def _lost(self, why: str, busy: bool) -> None:  # noqa: ARG002, FBT001 - see `on_loss`
        self._backend = None
