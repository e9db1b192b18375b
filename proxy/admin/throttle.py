"""Slowing down who tries tokens."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from proxy.policy.guesses import REMEMBERED, Guesses, source_of

THRESHOLD: Final = 5
"""Wrong tokens in a row from one address before it has to wait: who renewed a token has some
programs with the old one."""

LONGEST_SECONDS: Final = 60.0
"""The longest wait: at this rate a token takes longer than the sun will."""

GOOD_ONES: Final = 1000
"""Pairs of address and token that were right: they are right while others guess, too."""


class Throttle:
    """Counts wrong tokens by address; IPv6 addresses of one network are one.

    An address that has to wait is not looked at: neither a wrong token nor a right one.  But
    nobody can lock out those who were here before from the same address, behind a balancer.
    """

    def __init__(self) -> None:
        self._guesses = Guesses(THRESHOLD, LONGEST_SECONDS)
        self._until: OrderedDict[str, float] = OrderedDict()
        self._good: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def __repr__(self) -> str:
        """How many have to wait, or had to."""
        return f"<Throttle of {len(self._until)}>"

    def wait(self, address: str, digest: bytes, now: float) -> float:
        """For how many seconds what comes from there is not looked at."""
        source = source_of(address)
        if (source, digest) in self._good:
            return 0.0
        return max(0.0, self._until.get(source, now) - now)

    def failed(self, address: str, now: float) -> None:
        """A wrong one."""
        source = source_of(address)
        delay = self._guesses.failed("", address, now)
        if delay:
            self._until.pop(source, None)
            self._until[source] = now + delay
            if len(self._until) > REMEMBERED:
                self._until.popitem(last=False)

    def succeeded(self, address: str, digest: bytes) -> None:
        """A right one.

        It does not make up for wrong ones: who has a viewer's token may not try for another.
        """
        key = (source_of(address), digest)
        self._good[key] = None
        self._good.move_to_end(key)
        if len(self._good) > GOOD_ONES:
            self._good.popitem(last=False)
