"""The first look at a target: what it is, before the first client needs to know."""

from __future__ import annotations

import contextlib
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from proxy.errors import StatementRefusedError
from proxy.front.proxy import Proxy
from proxy.net.clock import Clock
from proxy.observe.log import get_logger

PAUSE_SECONDS: Final = 5.0
"""Pause between attempts to see a target for the first time that it refused."""


class FirstLooks:
    """Learns the version and the limits of each proxy's target, once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: dict[Proxy, Deferred[None]] = {}
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

    def give_up(self, proxy: Proxy) -> None:
        """Look no more: the proxy ends, or there is something else to look at."""
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
                waiting: Deferred[None] = Deferred()
                self._clock.callLater(PAUSE_SECONDS, waiting.callback, None)
                await waiting
