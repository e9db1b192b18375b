"""A ledger with leases in it, and who waits for them."""

from __future__ import annotations

from collections.abc import Hashable

from proxy.policy.lease import Lease, Limits, Waiter
from proxy.policy.ledger import Ledger


def accepts(current: Hashable | None, wanted: Hashable) -> bool:
    """As in the proxy: a schema can be changed, but not unset."""
    return current in (None, "") or wanted != ""


def book(connections: int = 2, idle: int = 1, **more: float) -> Ledger:
    """An empty ledger."""
    return Ledger(Limits(connections, idle, **more), accepts)  # type: ignore[arg-type]


def waiter(key: str = "app", state: str = "shop", since: float = 0.0) -> Waiter:
    """Somebody who needs a backend."""
    return Waiter(key, state, since)


def idle(ledger: Ledger, state: str = "shop", key: str = "app", now: float = 0.0) -> Lease:
    """A lease that was dialed and stands idle in this state."""
    lease = ledger._start_dial(key, now)
    ledger.dialed(lease, state, now)
    return lease


def lingering(ledger: Ledger, state: str = "shop", key: str = "app", now: float = 0.0) -> Lease:
    """A lease that was lent, and is not needed any more by whoever has it."""
    lease = idle(ledger, state, key, now)
    assert ledger.take_same(lease, lease.serial)
    ledger.linger(lease, now)
    return lease
