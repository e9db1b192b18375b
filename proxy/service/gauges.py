"""How a proxy stands, for the metrics.

Counted where that is cheap; what is walked through are connections to targets and pinned
clients, of which there are hundreds, and never all clients.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from proxy.failover.availability import Availability
from proxy.failover.steward import Steward
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.pool.pool import TargetPool
from proxy.vocabulary import Role
from proxy.wire.constants import Status

_IN_TRANSACTION = int(Status.IN_TRANS)


def proxy_now(
    proxy: Proxy, steward: Steward, availability: Availability, secret_ages: Iterable[float]
) -> ProxyNow:
    """Look at a proxy once."""
    waits, clock = steward.waits, steward.clock
    pinned = [one for one in proxy.pinned if one.session is not None and one.session.pins]
    switched = steward.switched_at
    return ProxyNow(
        targets=_targets(proxy, steward, pinned),
        availability_percentage=availability.percentages(),
        session_pins_now=_reasons(pinned),
        max_clients=proxy.config.max_clients,
        secret_age_seconds=max(secret_ages, default=0.0),
        writer_held=bool(waits.why),
        writer_held_seconds=waits.seconds,
        writer_paused=waits.paused,
        writer_last_switch_timestamp_seconds=(
            0.0 if switched is None else time.time() - (clock.seconds() - switched)
        ),
        statement_digests=len(proxy.digests),
    )


def _reasons(pinned: list[Client]) -> dict[str, int]:
    """How many clients each reason pins."""
    found: Counter[str] = Counter()
    for client in pinned:
        assert client.session is not None
        found.update({pin.reason.name.lower() for pin in client.session.pins})
    return dict(found)


def _targets(proxy: Proxy, steward: Steward, pinned: list[Client]) -> tuple[TargetNow, ...]:
    pins = Counter(client.lease.pool for client in pinned if client.lease is not None)
    known = {post.pool: post for post in steward.posts.values()}
    now = steward.clock.seconds()
    found = []
    for address, pool in proxy.pools.by_address().items():
        post = known.get(pool)
        status = None
        if post is not None:
            status = post.status(steward.writer, now, watched=steward.watches)
        role = Role.READ_WRITE if pool is proxy.pool else Role.READ_ONLY
        found.append(
            _target(
                address,
                role.value,
                pool,
                now,
                pins[pool],
                state=status.state if status is not None else "",
                lag=status.lag_seconds if status is not None else None,
                seen=status.seen_seconds_ago if status is not None else None,
                draining=status is not None and status.draining,
            )
        )
    return tuple(found)


def _target(
    address: str,
    role: str,
    pool: TargetPool,
    now: float,
    pinned: int,
    *,
    state: str,
    lag: float | None,
    seen: float | None,
    draining: bool,
) -> TargetNow:
    ledger = pool.ledger
    tls = busy = 0
    for lease in ledger.leases():
        backend = lease.backend
        if backend is None:
            continue
        if backend.tls_version:
            tls += 1
        if backend.exchange.status & _IN_TRANSACTION:
            busy += 1
    first = next(iter(ledger.waiting), None)
    return TargetNow(
        address=address,
        place=pool.place,
        target_role=role,
        counters=pool.counters,
        target_state=state,
        target_lag_seconds=lag,
        target_seen_age_seconds=seen,
        target_draining=draining,
        database_connections=ledger.total,
        database_connections_with_tls=tls,
        database_connections_idle=ledger.idle_count,
        database_connections_lingering=len(ledger.lingering) + len(ledger.called),
        database_connections_dialing=len(ledger.dialing),
        database_connections_resetting=len(ledger.resetting),
        database_connections_retiring=len(ledger.retiring),
        database_connections_currently_borrowed=ledger.borrowed,
        database_connections_currently_in_transaction=busy,
        database_connections_currently_session_pinned=pinned,
        max_database_connections_allowed=ledger.limits.connections,
        client_connections_waiting=len(ledger.waiting),
        longest_wait_seconds=now - first.since if first is not None else 0.0,
        pool_held=ledger.held,
    )
