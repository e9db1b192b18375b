"""One look after the other at a target, over one connection that is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

from proxy.errors import BackendLostError
from proxy.failover.probes.asking import Probe
from proxy.failover.probes.failures import failure_of
from proxy.net.backend import BackendProtocol
from proxy.net.clock import Clock
from proxy.policy.observation import Failure, Look, Seen

RENEWAL_SECONDS = 5.0
"""How long a connection to a name is kept: the name may lead to another server by then, and
the old one may live on.  That is the least time for which Amazon lets its names be cached."""

DOUBTFUL_RENEWAL_SECONDS = 1.0
"""The same where the server takes no writes: perhaps the name has moved to one that does."""

LogIn = Callable[[], Awaitable[BackendProtocol]]
"""Connects to the target as the monitors' user; raises `BackendLostError`."""


class NobodyToLookAsError(BackendLostError):
    """There is no user, or no password, to log in with: the target is not to blame."""


class Eye:
    """Looks when it is told to, at most once at a time.

    Attributes:
        is_looking: Whether it does.
        began: When the look that is under way began, or the last one did, in seconds.
    """

    def __init__(
        self,
        log_in: LogIn,
        probe: Probe,
        clock: Clock,
        timeout_seconds: float,
        on_loss: Callable[[], None],
        *,
        is_name: bool = False,
    ) -> None:
        self._is_name = is_name
        self._opened = 0.0
        self._renewal = RENEWAL_SECONDS
        self._log_in = log_in
        self._probe = probe
        self._clock = clock
        self._timeout = timeout_seconds
        self._on_loss = on_loss
        self._backend: BackendProtocol | None = None
        self._running: Deferred[Seen] | None = None
        self._broken_off = False
        self.began = 0.0

    def __repr__(self) -> str:
        """What it does, over which connection."""
        return f"<Eye {'looking' if self.is_looking else 'closed'}: {self._backend!r}>"

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way."""
        return self._running is not None

    async def look(self) -> Look | None:
        """Look; None when that was broken off by `shut`."""
        assert self._running is None
        began = self.began = self._clock.seconds()
        self._broken_off = False
        self._running = Deferred.fromCoroutine(self._see())
        self._running.addTimeout(self._timeout, self._clock)  # type: ignore[arg-type]
        try:
            seen = await self._running
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was seen
            self._drop()
            if self._broken_off:
                return None
            failure, why = failure_of(error)
            if isinstance(error, NobodyToLookAsError):
                failure = Failure.DENIED
            return Look(began=began, ended=self._clock.seconds(), failure=failure, why=why)
        finally:
            self._running = None
        return Look(began=began, ended=self._clock.seconds(), seen=seen)

    async def _connection(self) -> BackendProtocol:
        """The connection to the target, made anew where there is none.

        Raises:
            BackendLostError: it cannot be had.
        """
        now = self._clock.seconds()
        if self._is_name and now - self._opened >= self._renewal:
            self._drop()
        if self._backend is None:
            self._opened = now
            backend = await self._log_in()
            backend.on_loss = self._lost
            self._backend = backend
        return self._backend

    async def _see(self) -> Seen:
        seen = await self._probe.look(await self._connection())
        self._renewal = RENEWAL_SECONDS if seen.writable else DOUBTFUL_RENEWAL_SECONDS
        return seen

    def _lost(self, why: str, busy: bool) -> None:  # noqa: ARG002, FBT001 - see `on_loss`
        self._backend = None
        if not busy:
            self._on_loss()

    def shut(self) -> None:
        """Break off what it does, and close its connection."""
        if self._running is not None:
            self._broken_off = True
            self._running.cancel()
        self._drop()

    def _drop(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.on_loss = _nobody
            if backend.owes_answer:
                backend.abort()
            else:
                backend.quit()


def _nobody(why: str, busy: bool) -> None:  # noqa: FBT001 - see `on_loss`
    """A connection that was closed by us is gone."""
