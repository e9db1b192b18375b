"""A proxy that this process serves itself, as operators see it."""

from __future__ import annotations

from collections.abc import Iterator

from proxy import errors
from proxy.admin import looking, looking_closer
from proxy.admin.sight import Seen, Standing
from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
)
from proxy.config.model import ProxyConfig
from proxy.front.client import Client
from proxy.front.kill import by_operator, interrupt
from proxy.front.proxy import Proxy
from proxy.observe.counters import Counters
from proxy.policy.lease import Lease
from proxy.pool.ending import end, find

_KILLED = "an operator ended it"


class NearSight:
    """See `proxy.admin.sight.Sight`.

    Args:
        proxy: The proxy itself.
        worker: The number of this process among those that serve.
    """

    def __init__(self, proxy: Proxy, worker: int = 1) -> None:
        self._proxy = proxy
        self._worker = worker

    def __repr__(self) -> str:
        """Of which proxy."""
        return f"<NearSight of {self._proxy!r}>"

    @property
    def name(self) -> str:
        """See `Sight`."""
        return self._proxy.config.name

    @property
    def config(self) -> ProxyConfig:
        """See `Sight`."""
        return self._proxy.config

    @property
    def counters(self) -> Counters:
        """See `Sight`."""
        return self._proxy.counters

    @property
    def count(self) -> int:
        """See `Sight`."""
        return self._proxy.count

    @property
    def debug(self) -> bool:
        """See `Sight`."""
        return self._proxy.debug

    @debug.setter
    def debug(self, on: bool) -> None:
        self._proxy.debug = on

    @property
    def _now(self) -> float:
        """By the clock that the pools have."""
        return self._proxy.pool.clock.seconds()

    def standing(self) -> Standing:
        """See `Sight`."""
        proxy = self._proxy
        ledgers = [pool.ledger for pool in proxy.pools]
        return Standing(
            clients=proxy.count,
            connections=sum(ledger.total for ledger in ledgers),
            lent=sum(ledger.borrowed for ledger in ledgers),
            waiting=sum(len(ledger.waiting) for ledger in ledgers),
            pinned=sum(
                1
                for client in proxy.pinned
                if client.session is not None and client.session.pins
            ),
        )

    def pools(self) -> list[PoolStatus]:
        """See `Sight`."""
        return looking.pools(self._proxy, self._now)

    def pin_reasons(self) -> list[PinReasonStatus]:
        """See `Sight`."""
        now, totals = looking.pinned_by_reason(self._proxy), self.counters.session_pins
        return looking.pin_reasons(self.name, now, totals)

    async def clients(self, most: int | None = None) -> Seen[ClientStatus]:
        """See `Sight`."""
        found = self._proxy.own_clients()
        rows = looking_closer.ClientRows(self._proxy, self._now, self._worker)
        return Seen(map(rows.row, found[:most]), len(found))

    async def connections(self, most: int | None = None) -> Seen[ConnectionStatus]:
        """See `Sight`."""
        found = [*looking_closer.connections(self._proxy)]
        return Seen(self._connections(found[:most]), len(found))

    def _connections(self, found: list[tuple[str, Lease]]) -> Iterator[ConnectionStatus]:
        proxy, now, worker = self._proxy, self._now, self._worker
        for address, lease in found:
            yield looking_closer.connection_row(proxy, address, lease, now, worker)

    async def pins(self, most: int | None = None) -> Seen[PinStatus]:
        """See `Sight`."""
        found = looking_closer.pins(self._proxy, self._now)
        return Seen(found[:most], len(found))

    async def digests(self, most: int) -> Seen[DigestStatus]:
        """See `Sight`."""
        return Seen(looking.digests(self._proxy, most), len(self._proxy.digests))

    def _client(self, number: int) -> Client | None:
        client = self._proxy.clients.get(number)
        return client if client is not None and client.proxy is self._proxy else None

    async def has_client(self, number: int) -> bool:
        """See `Sight`."""
        return self._client(number) is not None

    async def kill_client(self, number: int) -> bool:
        """See `Sight`."""
        client = self._client(number)
        if client is not None:
            by_operator(client)
        return client is not None

    async def stop_statement(self, number: int) -> bool:
        """See `Sight`."""
        client = self._client(number)
        if client is not None:
            interrupt(client, errors.query_interrupted())
        return client is not None

    async def has_connection(self, target: str, number: int) -> bool:
        """See `Sight`."""
        pool = self._proxy.pools.by_address().get(target)
        return pool is not None and find(pool, number) is not None

    async def kill_connection(self, target: str, number: int) -> bool:
        """See `Sight`."""
        pool = self._proxy.pools.by_address().get(target)
        lease = None if pool is None else find(pool, number)
        if pool is None or lease is None:
            return False
        end(pool, lease, _KILLED)
        return True
