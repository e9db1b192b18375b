"""The counters of a proxy, its endpoints and its targets, as if there were one of each."""

from __future__ import annotations


class Sums:
    """Gives each counter by its name, added up over endpoints and targets."""

    def __init__(self, counters, pools):
        self._counters, self._pools = counters, pools

    def __getattr__(self, name):
        if hasattr(self._counters, name):
            return getattr(self._counters, name)
        ones = [*self._counters.endpoints.values(), *(pool.counters for pool in self._pools)]
        return sum(getattr(one, name) for one in ones if hasattr(one, name))
