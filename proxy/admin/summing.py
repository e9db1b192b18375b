"""What several processes say of one proxy, put together as if it were one process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from proxy.admin.sight import Standing
from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    PinStatus,
    PoolStatus,
)

_LIMITS: Final = ("max_connections", "max_idle_connections")
"""Those of the target, which all processes share; who has not seen it yet knows less."""

_ADDED: Final = tuple(
    one.name
    for one in attrs.fields(PoolStatus)
    if str(one.type) == "int" and one.name not in _LIMITS
)
"""Numbers of connections and clients."""


def standing(parts: Iterable[Standing]) -> Standing:
    """All of it added up."""
    parts = [*parts]
    names = [one.name for one in attrs.fields(Standing)]
    return Standing(**{name: sum(getattr(one, name) for one in parts) for name in names})


def pools(parts: Iterable[Iterable[PoolStatus]]) -> list[PoolStatus]:
    """The pools of each target as one."""
    found: dict[str, list[PoolStatus]] = {}
    for part in parts:
        for pool in part:
            found.setdefault(pool.target, []).append(pool)
    return [_pool(some) for some in found.values()]


def _pool(parts: Sequence[PoolStatus]) -> PoolStatus:
    numbers = {name: sum(getattr(one, name) for one in parts) for name in _ADDED}
    numbers |= {name: max(getattr(one, name) for one in parts) for name in _LIMITS}
    return attrs.evolve(
        parts[0],
        longest_wait=max(one.longest_wait for one in parts),
        held=any(one.held for one in parts),
        **numbers,
    )


def clients(rows: Iterable[ClientStatus]) -> list[ClientStatus]:
    """Those that have been connected longest first."""
    return sorted(rows, key=lambda one: -one.connected)


def connections(rows: Iterable[ConnectionStatus]) -> list[ConnectionStatus]:
    """Target by target, in the order in which one process has them."""
    rows = [*rows]
    order = {target: at for at, target in enumerate(dict.fromkeys(one.target for one in rows))}
    return sorted(rows, key=lambda one: order[one.target])


def pins(rows: Iterable[PinStatus]) -> list[PinStatus]:
    """The longest first."""
    return sorted(rows, key=lambda one: -one.lasts)


def digests(rows: Iterable[DigestStatus]) -> list[DigestStatus]:
    """Each statement once; those that took most of the time first."""
    found: dict[str, DigestStatus] = {}
    for row in rows:
        known = found.get(row.digest)
        found[row.digest] = row if known is None else _digest(known, row)
    return sorted(found.values(), key=lambda one: -one.total_seconds)


def _digest(one: DigestStatus, other: DigestStatus) -> DigestStatus:
    count, seconds = one.count + other.count, one.total_seconds + other.total_seconds
    return attrs.evolve(
        one,
        count=count,
        errors=one.errors + other.errors,
        total_seconds=seconds,
        mean_seconds=seconds / count if count else 0.0,
        max_seconds=max(one.max_seconds, other.max_seconds),
        last_seen=min(one.last_seen, other.last_seen),
    )
