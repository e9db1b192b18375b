"""Which tokens have been used, and from where.

There is one memory for each proxy.  Where several workers serve, their supervisor has it, and
they ask (`proxy.service.seats.remembered`); proxies that are started by themselves know nothing
of each other, and each of them lets a token in once.
"""

from __future__ import annotations

import heapq
from typing import Protocol

import attrs
from twisted.internet.defer import Deferred

from proxy.config.aws import TokenReuse
from proxy.credentials.iam.presigned import Refused
from proxy.vocabulary import unmapped

MOST_TOKENS = 100_000
"""Remembered at once, some 300 bytes each, so 30 MB at most.  A token is forgotten after its 15
minutes, 20 where clocks differ: 80 logins with new tokens each second find room."""


class TokenMemory(Protocol):
    """Knows which tokens have been used: `UsedTokens` here, or somebody who has to be asked."""

    def use(
        self, digest: bytes, address: str, expires: float, now: float
    ) -> Deferred[Refused | None] | Refused | None:
        """See `UsedTokens.use`; what has to be waited for never fails.

        Whoever cannot say refuses, and says that it is our fault.
        """


@attrs.frozen
class _Use:
    address: str
    expires: float


class UsedTokens:
    """Remembers the digests of tokens until they expire.

    When the memory is full of tokens that are still good, no token that is new to it is let in:
    forgetting one would let it in again.  Only tokens that are good in every other way are ever
    remembered, so whoever fills the memory has a valid access key, and is in the log.
    """

    def __init__(self, reuse: TokenReuse, limit: int = MOST_TOKENS) -> None:
        self._reuse = reuse
        self._limit = limit
        self._uses: dict[bytes, _Use] = {}
        self._by_expiry: list[tuple[float, bytes]] = []
        self._forgotten_until = float("-inf")

    def __repr__(self) -> str:
        """How many are remembered, and what they are remembered for."""
        return f"<UsedTokens {self._reuse.value}: {len(self._uses)} of {self._limit}>"

    def use(self, digest: bytes, address: str, expires: float, now: float) -> Refused | None:
        """Use a token that is good in every other way, or hear why it may not be used.

        Args:
            digest: Of the token.
            address: Where the client is, without its port.
            expires: POSIX time.
            now: POSIX time.
        """
        if self._reuse is TokenReuse.ANY:
            return None
        self._forget(now)
        address = unmapped(address)
        use = self._uses.get(digest)
        if use is not None:
            if self._reuse is TokenReuse.NONE:
                return Refused("the token has been used already")
            if use.address != address:
                return Refused("the token has been used already, from another address")
            return None
        if expires <= self._forgotten_until:
            # It was forgotten as expired if it was used: our clock has gone back since.
            return Refused("the token may have been used before our clock went back")
        if len(self._uses) >= self._limit:
            return Refused(
                f"{self._limit} tokens are remembered, and there is no room for more",
                is_our_fault=True,
            )
        self._uses[digest] = _Use(address, expires)
        heapq.heappush(self._by_expiry, (expires, digest))
        return None

    def _forget(self, now: float) -> None:
        while self._by_expiry and self._by_expiry[0][0] <= now:
            expires, digest = heapq.heappop(self._by_expiry)
            del self._uses[digest]
            self._forgotten_until = max(self._forgotten_until, expires)
