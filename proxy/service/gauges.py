"""How a proxy stands, for the metrics.

Counted where that is cheap; what is walked through are connections to targets and pinned
clients, of which there are hundreds, and never all clients.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import attrs

from proxy.config.model import ProxyConfig
from proxy.failover.availability import Availability
from proxy.failover.ground import AnyPool
from proxy.failover.post import Post
from proxy.failover.steward import Steward
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.observe.counters import TargetCounters
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.pool.pool import TargetPool
from proxy.service.supervising.distant_proxy import DistantProxy
from proxy.vocabulary import Role
from proxy.wire.constants import Status

_IN_TRANSACTION = int(Status.IN_TRANS)


def proxy_now(
    proxy: Proxy,
    steward: Steward | None,
    availability: Availability | None,
    secret_ages: Iterable[float],
) -> ProxyNow:
    """Look at a proxy once.

    Args:
        proxy: The proxy.
        steward: Who watches its targets; None where that is another process.
        availability: How often there was a target for each role; None likewise.
        secret_ages: How many seconds ago its secrets were read.
    """
    pinned = [one for one in proxy.pinned if one.session is not None and one.session.pins]
    now = ProxyNow(
        targets=_targets(proxy, steward, pinned),
        session_pins_now=_reasons(pinned),
        statement_digests=len(proxy.digests),
    )
    if steward is None or availability is None:
        return now
    return _with_course(now, proxy.config, steward, availability, secret_ages)


def course_now(
    proxy: DistantProxy,
    steward: Steward,
    availability: Availability,
    secret_ages: Iterable[float],
) -> ProxyNow:
    """The same without what is in the processes that serve; the arguments are as there."""
    now, targets = steward.clock.seconds(), []
    for pool in proxy.pools:
        post = steward.posts.get(pool.target.address)
        if post is not None:
            status = post.status(steward.writer, now, watched=steward.watches)
            targets.append(
                TargetNow(
                    address=post.name,
                    place=str(post.target.place),
                    target_role=status.role,
                    counters=TargetCounters(),
                    target_state=status.state,
                    target_lag_seconds=status.lag_seconds,
                    target_seen_age_seconds=status.seen_seconds_ago,
                    target_draining=status.draining,
                    pool_held=pool.ledger.held,
                )
            )
    here = ProxyNow(targets=tuple(targets))
    return _with_course(here, proxy.config, steward, availability, secret_ages)


def _with_course(
    now: ProxyNow,
    config: ProxyConfig,
    steward: Steward,
    availability: Availability,
    secret_ages: Iterable[float],
) -> ProxyNow:
    """The same with what is decided, and by what."""
    waits, clock, switched = steward.waits, steward.clock, steward.switched_at
    return attrs.evolve(
        now,
        availability_percentage=availability.percentages(),
        max_clients=config.max_clients,
        secret_age_seconds=max(secret_ages, default=0.0),
        writer_held=bool(waits.why),
        writer_held_seconds=waits.seconds,
        writer_paused=waits.paused,
        writer_last_switch_timestamp_seconds=(
            0.0 if switched is None else time.time() - (clock.seconds() - switched)
        ),
    )


def _reasons(pinned: list[Client]) -> dict[str, int]:
    """How many clients each reason pins."""
    found: Counter[str] = Counter()
    for client in pinned:
        assert client.session is not None
        found.update({pin.reason.name.lower() for pin in client.session.pins})
    return dict(found)


def _targets(
    proxy: Proxy, steward: Steward | None, pinned: list[Client]
) -> tuple[TargetNow, ...]:
    pins = Counter(client.lease.pool for client in pinned if client.lease is not None)
    posts = steward.posts.values() if steward is not None else ()
    known: dict[AnyPool, Post] = {post.pool: post for post in posts}
    found = []
    for address, pool in proxy.pools.by_address().items():
        post, now = known.get(pool), pool.clock.seconds()
        status = None
        if post is not None and steward is not None:
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
        max_database_connections_allowed=pool.allowance.whole.connections,
        client_connections_waiting=len(ledger.waiting),
        longest_wait_seconds=now - first.since if first is not None else 0.0,
        pool_held=ledger.held,
    )
