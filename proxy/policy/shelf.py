"""Idle leases of one kind, where the best one is found at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from proxy.policy.lease import Lease

Accepts = Callable[[Hashable | None, Hashable], bool]
"""Whether a backend in the first state can be brought to the second."""


class Shelf:
    """Idle leases of one key: newest last, and stacked by state."""

    __slots__ = ("by_state", "leases")

    def __init__(self) -> None:
        self.leases: dict[Lease, None] = {}
        self.by_state: dict[Hashable, list[Lease]] = {}

    def put(self, lease: Lease) -> None:
        """A lease came free."""
        self.leases[lease] = None
        stack = self.by_state.get(lease.state)
        if stack is None:
            self.by_state[lease.state] = [lease]
        else:
            stack.append(lease)

    def remove(self, lease: Lease) -> None:
        """A lease is taken, or gone."""
        del self.leases[lease]
        stack = self.by_state[lease.state]
        if stack[-1] is lease:  # mostly: `best` gives no other of a stack
            stack.pop()
        else:
            stack.remove(lease)
        if not stack:
            del self.by_state[lease.state]

    def take(self, state: Hashable) -> Lease | None:
        """Take out the newest lease of exactly this state."""
        stack = self.by_state.get(state) if self.leases else None
        if not stack:
            return None
        lease = stack.pop()
        if not stack:
            del self.by_state[state]
        del self.leases[lease]
        return lease

    def best(self, state: Hashable, accepts: Accepts) -> Lease | None:
        """An equal state's newest lease, else the newest that can be brought to the state."""
        stack = self.by_state.get(state)
        if stack:
            return stack[-1]
        return next(
            (lease for lease in reversed(self.leases) if accepts(lease.state, state)), None
        )
