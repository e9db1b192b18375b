"""The first look at a target: what it is, before the first client needs to know."""

from __future__ import annotations

import contextlib
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from proxy.errors import StatementRefusedError
from proxy.front.proxy import Proxy
from proxy.net.clock import Clock, cancel
from proxy.observe.log import get_logger

PAUSE_SECONDS: Final = 5.0
"""Pause between attempts to see a target for the first time that it refused."""

AWAITED_SECONDS: Final = 1.0
"""How long the port stays closed for the first attempt. Clients go by the version that they are
greeted with: in front of MariaDB, those who are told of MySQL ask for collations that are not
there. A target that does not answer must not keep them out."""


class FirstLooks:
    """Learns the version and the limits of each proxy's target, once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: dict[Proxy, Deferred[None]] = {}
        self._awaited: dict[Proxy, Deferred[None]] = {}
        self._log = get_logger()

    def __repr__(self) -> str:
        """How many are under way."""
        return f"<FirstLooks: {len(self._looks)}>"

    def __len__(self) -> int:
        return len(self._looks)

    def begin(self, proxy: Proxy) -> None:
        """Look at the target that the proxy has by now, as one of the users that it has."""
        self.give_up(proxy)
        look = self._looks[proxy] = Deferred.fromCoroutine(self._look(proxy))
        look.addBoth(self._over, proxy, look)

    async def first_attempt(self, proxy: Proxy) -> None:
        """Wait until the first attempt has ended, well or not, or has taken long."""
        if proxy in self._looks:
            awaited = self._awaited[proxy] = Deferred()
            limit = self._clock.callLater(AWAITED_SECONDS, self._attempted, proxy)
            await awaited
            cancel(limit)

    def _attempted(self, proxy: Proxy) -> None:
        awaited = self._awaited.pop(proxy, None)
        if awaited is not None:
            awaited.callback(None)

    def give_up(self, proxy: Proxy) -> None:
        """Look no more: the proxy ends, or there is something else to look at."""
        self._attempted(proxy)
        look = self._looks.pop(proxy, None)
        if look is not None:
            look.cancel()

    def stop(self) -> None:
        """Look at nothing any more."""
        for proxy in [*self._looks]:
            self.give_up(proxy)

    def _over(self, result: object, proxy: Proxy, look: Deferred[None]) -> None:
        if self._looks.get(proxy) is look:
            del self._looks[proxy]
            self._attempted(proxy)
        if isinstance(result, Failure) and not result.check(CancelledError):
            trace = result.getTraceback()
            self._log.error("a mistake in the first look at a target", exception=trace)

    async def _look(self, proxy: Proxy) -> None:
        while not proxy.draining and proxy.pool.facts is None:
            # Nobody is known as a stranger before every source has been read once.
            await proxy.credentials.find("")
            for user in proxy.credentials.users()[:1]:
                with contextlib.suppress(StatementRefusedError):
                    await proxy.pool.look(user)
            if proxy.pool.facts is None:
                self._attempted(proxy)
                waiting: Deferred[None] = Deferred()
                self._clock.callLater(PAUSE_SECONDS, waiting.callback, None)
                await waiting
