"""The shares of a worker's pools: what they say goes to the supervisor, which answers."""

from __future__ import annotations

import socket
from typing import Final

import attrs

from proxy.net.clock import Clock
from proxy.policy.needs import Need, Order
from proxy.pool.pool import TargetPool
from proxy.pool.share import Share
from proxy.service.channel import Message
from proxy.service.link import Link

NEED: Final = "need"
"""A worker says how a pool stands, see `Need`; of a new number: that there is another pool."""

NO_NEED: Final = "no_need"
"""A worker says that a pool is gone, with all it had."""

SHARE: Final = "share"
"""The supervisor says what a pool may have, see `Order`.

A pool has a number of its worker's in all of them."""

_ORDER: Final = tuple(field.name for field in attrs.fields(Order))


class PoolShares:
    """All of one worker process; the other end of the link is `supervising.budget`."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._shares: dict[int, Share] = {}
        self._count = 0
        link.on(SHARE, self._heard)

    def __repr__(self) -> str:
        """Of how many pools."""
        return f"<PoolShares of {len(self._shares)} pools>"

    def attach(self, pool: TargetPool, proxy: str, target: str) -> None:
        """Have a new pool share, before anybody borrows from it.

        Args:
            pool: Which.
            proxy: The name of its proxy.
            target: The address of its target, as the configuration has it.
        """
        Share(pool, proxy, target, self._clock, self)

    def join(self, share: Share) -> int:
        """See `Office`."""
        self._count += 1
        self._shares[self._count] = share
        return self._count

    def say(self, share: Share, need: Need) -> None:
        """See `Office`."""
        more = attrs.asdict(need)
        self._link.tell(
            NEED, number=share.number, proxy=share.proxy, target=share.target, **more
        )

    def leave(self, share: Share) -> None:
        """See `Office`."""
        del self._shares[share.number]
        self._link.tell(NO_NEED, number=share.number)

    def _heard(self, message: Message, _: list[socket.socket]) -> None:
        share = self._shares.get(message["number"])
        if share is not None:  # else it has left, and the supervisor is about to hear that
            share.hear(Order(**{name: message[name] for name in _ORDER}))
