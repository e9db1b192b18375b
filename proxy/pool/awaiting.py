"""What one reader has by now, and those who wait until it has more: one question for all."""

from __future__ import annotations

from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.gtids import Position, parse
from proxy.policy.marks import height
from proxy.pool.pool import TargetPool
from proxy.vocabulary import ServerKind, kind_of
from proxy.wire.commands import query

ROUND_SECONDS: Final = 0.1
"""How long the reader is asked to wait in one go: whoever comes meanwhile and wants less is
served in the next round."""

TRUST_SECONDS: Final = 5.0
"""How long a reader that did not get on is passed by where no look shows that it does: looks
come each second or so, but there may be none."""

_ASKING: Final = {
    ServerKind.MYSQL: "SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET('{}', {}) AS BINARY), "
    "CAST(@@GLOBAL.gtid_executed AS BINARY)",
    ServerKind.MARIADB: "SELECT CAST(MASTER_GTID_WAIT('{}', {}) AS BINARY), "
    "CAST(@@GLOBAL.gtid_slave_pos AS BINARY)",
}
"""MySQL manual, "GTID Functions"; MariaDB knowledge base, "MASTER_GTID_WAIT"."""


class _Waiting:
    """Somebody who wants transactions of a reader."""

    def __init__(self, wanted: Position) -> None:
        self.wanted = wanted
        self.ended: Deferred[bool] = Deferred()
        self.timer: Timer | None = None

    def end(self, *, met: bool) -> None:
        cancel(self.timer)
        if not self.ended.called:
            self.ended.callback(met)


class ReaderLine:
    """Waits at one reader, over one connection of its own, which is opened at the first wait.

    Attributes:
        has: The transactions that whoever reads there finds.
    """

    def __init__(self, pool: TargetPool, clock: Clock, log: FilteringBoundLogger) -> None:
        self.has = Position()
        self._pool = pool
        self._clock = clock
        self._log = log
        self._looked: Position | None = None
        self._passed_by_until = float("-inf")
        self._waiting: dict[_Waiting, None] = {}
        self._backend: BackendProtocol | None = None
        self._login: Deferred[BackendProtocol] | None = None
        self._asks = False
        self._stopped = False

    def __repr__(self) -> str:
        """How many wait."""
        return f"<ReaderLine of {self._pool.place}: {len(self._waiting)} waiting>"

    def saw(self, position: Position) -> None:
        """A look has shown the reader's position.

        That of MariaDB holds what the reader has logged, which cannot be read until a moment
        later: it shows no more than whether it gets on.
        """
        if position != self._looked:
            self._passed_by_until = float("-inf")
        self._looked = position
        if not position.domains:
            self.has = position

    @property
    def is_passed_by(self) -> bool:
        """Whether somebody has waited in vain, and the reader has not got on since."""
        return self._clock.seconds() < self._passed_by_until

    async def wait(self, user: str, wanted: Position, seconds: float) -> bool:
        """Wait until the reader has all that is wanted.

        Returns:
            Whether it has; not when that takes longer, or the reader cannot be asked.
        """
        one = _Waiting(wanted)
        self._waiting[one] = None
        one.timer = self._clock.callLater(seconds, self._give_up, one)
        if not self._asks:
            self._asks = True
            Deferred.fromCoroutine(self._ask_on(user))
        try:
            return await one.ended
        finally:
            cancel(one.timer)
            self._waiting.pop(one, None)

    def stop(self) -> None:
        """Nobody waits here any more."""
        self._stopped = True
        if self._login is not None:
            self._login.cancel()
        self._close()
        self._end_all()

    def _give_up(self, one: _Waiting) -> None:
        self._passed_by_until = self._clock.seconds() + TRUST_SECONDS
        one.end(met=False)

    def _end_all(self) -> None:
        for one in [*self._waiting]:
            self._give_up(one)

    def _close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.abort()

    async def _ask_on(self, user: str) -> None:
        try:
            while self._waiting:
                # Who wants least is served first, and those who want more wait on.
                first = min(self._waiting, key=lambda one: height(one.wanted))
                await self._ask(user, first.wanted)
                for one in [*self._waiting]:
                    if self.has.contains(one.wanted):
                        self._waiting.pop(one, None)
                        one.end(met=True)
        except Exception as error:  # noqa: BLE001 - whoever waits reads from the writer
            if not self._stopped:
                self._log.warning(
                    "a reader does not say how far it is",
                    target=self._pool.place,
                    why=str(error) or type(error).__name__,
                )
            self._close()
            self._end_all()
        finally:
            self._asks = False

    async def _ask(self, user: str, wanted: Position) -> None:
        connector = self._pool.dialer.connector
        backend: Any = self._backend
        if backend is None:
            logging_in = self._pool.accounts.log_in(user, 0, connector.connect)
            self._login = Deferred.fromCoroutine(logging_in)
            try:
                backend = self._backend = await self._login
            finally:
                self._login = None
            backend.on_loss = lambda *_: self._lost(backend)
        text = _ASKING[kind_of(backend.greeting.version)].format(wanted, ROUND_SECONDS)
        payload = query(text.encode(), backend.exchange.server_capabilities)
        began = self._clock.seconds()
        answer = await connector.limit(backend.ask(payload, Kind.RESULT))
        _, value = answer.row(2)
        position = parse((value or b"").decode("ascii", "replace"))
        if position is None:
            raise BackendLostError("its position makes no sense")
        self.has = position
        if not position.contains(wanted) and self._clock.seconds() - began < ROUND_SECONDS / 2:
            raise BackendLostError("it does not wait for transactions")

    def _lost(self, backend: BackendProtocol) -> None:
        if self._backend is backend:
            self._backend = None
