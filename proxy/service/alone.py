"""One process that serves its clients by itself."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory

from proxy.config.model import ProxyConfig
from proxy.front.listener import ClientFactory
from proxy.service.assembly import Assembly, assemble
from proxy.service.started import Started


class Alone(Started):
    """See the module: there are no others who would have to be told anything."""

    def assemble(self, config: ProxyConfig) -> Assembly:
        """See `Started`."""
        return assemble(config, self._shared)

    def clients_of(self, proxy: Any, endpoint: str) -> Factory:
        """See `Started`."""
        return ClientFactory(proxy, endpoint)

    async def _can_serve(self, proxy: Any) -> None:
        await self.first_looks.first_attempt(proxy)

    async def prepare_others(self, text: str) -> None:
        """See `Started`."""

    def let_others_be(self) -> None:
        """See `Started`."""

    def have_others_change(self, text: str) -> None:
        """See `Started`."""
