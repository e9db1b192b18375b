"""Actions that take a while: they run to their end, and whoever waits may go away."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.net.clock import Clock
from proxy.policy.standing import OperationRefusedError

Begin: TypeAlias = Callable[[], Coroutine[Deferred[Any], Any, None]]


@attrs.frozen(kw_only=True)
class Action:
    """What is done, and to what; what does not matter is empty, or 0."""

    name: str
    proxy: str = ""
    target: str = ""
    target_set: str = ""
    number: int = 0


@attrs.define(eq=False)
class _Running:
    """An action under way or over, who waits for it, and how it failed."""

    waiters: list[Deferred[None]] = attrs.field(factory=list)
    over: bool = False
    error: Exception | None = None


class Actions:
    """Those of all proxies that are under way.

    An action that is asked for again while it is under way is not begun again: both wait for
    the same one.  So their number is bounded by what can be named, or by who carries it out.
    """

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._running: dict[Action, _Running] = {}

    def under_way(self) -> list[Action]:
        """What has been begun and is not over."""
        return [*self._running]

    async def run(
        self,
        action: Action,
        begin: Begin,
        timeout_seconds: float,
        by: str,
        *,
        joins: bool = True,
    ) -> bool:
        """Begin an action unless it is under way, and wait for it.

        Args:
            action: What it is.
            begin: Begins it.
            timeout_seconds: How long to wait; it goes on after that.
            by: Who asks, for the log.
            joins: Whether to wait for one that is under way is as good as to begin it.

        Returns:
            Whether it is done.

        Raises:
            OperationRefusedError: it is not possible.
        """
        running = self._running.get(action) if joins else None
        if running is None:
            running = self._running[action] = _Running()
            Deferred.fromCoroutine(self._carry_out(action, begin, running, by))
        if not running.over:
            await self._wait(running, timeout_seconds)
        if running.error is not None:
            raise running.error
        return running.over

    async def _carry_out(
        self, action: Action, begin: Begin, running: _Running, by: str
    ) -> None:
        fields = attrs.asdict(action, filter=lambda _, value: bool(value))
        log = self._log.bind(action=fields.pop("name"), by=by, **fields)
        log.info("an operator's action begins")
        try:
            await begin()
        except OperationRefusedError as error:
            running.error = error
            log.warning("an operator's action was refused", why=error.why)
        except Exception as error:
            running.error = error
            log.exception("an operator's action failed by a mistake")
        else:
            log.info("an operator's action is done")
        running.over = True
        if self._running.get(action) is running:
            del self._running[action]
        for waiter in [*running.waiters]:
            waiter.callback(None)

    async def _wait(self, running: _Running, timeout_seconds: float) -> None:
        """Until it is over, or so long; whoever waits may be cancelled."""
        waiter: Deferred[None] = Deferred()
        running.waiters.append(waiter)

        def give_up() -> None:
            running.waiters.remove(waiter)
            waiter.callback(None)

        timer = self._clock.callLater(timeout_seconds, give_up)
        try:
            await waiter
        finally:
            if timer.active():
                timer.cancel()
            if waiter in running.waiters:
                running.waiters.remove(waiter)
