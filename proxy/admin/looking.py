"""How a proxy and the process stand: snapshots made when somebody asks.

Times are of the clock that the pools have.  Nothing here changes anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from proxy import __version__
from proxy.admin.process import Process, Served
from proxy.admin.snapshot import (
    DigestStatus,
    EndpointStatus,
    PinReasonStatus,
    PoolStatus,
    ProcessStatus,
)
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.observe import log
from proxy.observe.figures import Figures, figures
from proxy.pool.pool import TargetPool
from proxy.session.advice import ADVICE
from proxy.session.pins import PinReason


def process_status(process: Process) -> ProcessStatus:
    """The process itself."""
    path, why = process.config_path, process.why_not_ready()
    served, workers, own = process.served(), process.workers(), figures()
    all_of_it: list[Figures | WorkerStatus] = [
        own,
        *[one for one in workers if one.pid != own.pid],
    ]
    return ProcessStatus(
        version=__version__,
        form=process.form,
        pid=own.pid,
        uptime=process.uptime,
        time=moment(datetime.now(UTC)),
        ready=not why,
        not_ready=why,
        log_level=log.level(),
        debug_logging=tuple(debug_logging(process)),
        configuration="" if path is None else str(path),
        configured=moment(process.configured),
        clients=sum(one.sight.count for one in served),
        open_files=sum(one.open_files for one in all_of_it),
        max_open_files=sum(one.max_open_files for one in all_of_it),
        resident_bytes=sum(one.resident_bytes for one in all_of_it),
        cpu_seconds=sum(one.cpu_seconds for one in all_of_it),
        workers=len(workers),
    )


def moment(when: datetime) -> str:
    """ISO 8601 in UTC."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def debug_logging(process: Process) -> list[str]:
    """Names of the proxies whose statements are logged."""
    return [one.operations.name for one in process.served() if one.sight.debug]


def endpoints(served: Served) -> list[EndpointStatus]:
    """The endpoints of a proxy, in the order of the configuration."""
    sight = served.sight
    counters = sight.counters
    return [
        EndpointStatus(
            proxy=sight.name,
            name=endpoint.name,
            target_role=endpoint.target_role.name,
            address=served.addresses.get(endpoint.name, ""),
            clients=counters.endpoint(endpoint.name).client_connections,
        )
        for endpoint in sight.config.endpoints
    ]


def pools(proxy: Proxy, now: float) -> list[PoolStatus]:
    """The pools of a proxy."""
    pinned = Counter(
        client.lease.pool
        for client in proxy.pinned
        if client.lease is not None and client.session is not None and client.session.pins
    )
    return [
        _pool(proxy.config.name, address, pool, pinned[pool], now)
        for address, pool in proxy.pools.by_address().items()
    ]


def _pool(name: str, address: str, pool: TargetPool, pinned: int, now: float) -> PoolStatus:
    """A pool, with the limits of its target: this process may have a share of them only."""
    ledger, limits = pool.ledger, pool.allowance.whole
    first = next(iter(ledger.waiting), None)
    return PoolStatus(
        proxy=name,
        target=address,
        connections=ledger.total,
        idle=ledger.idle_count,
        lent=len(ledger.lent),
        lingering=len(ledger.lingering) + len(ledger.called),
        dialing=len(ledger.dialing),
        resetting=len(ledger.resetting),
        retiring=len(ledger.retiring),
        pinned=pinned,
        in_transaction=sum(1 for lease in ledger.lent if is_in_transaction(lease.holder)),
        waiting=len(ledger.waiting),
        longest_wait=0.0 if first is None else max(0.0, now - first.since),
        max_connections=limits.connections,
        max_idle_connections=limits.idle,
        held=ledger.held,
    )


def is_in_transaction(holder: object) -> bool:
    """Whether whoever has a connection is a client in a transaction."""
    return (
        isinstance(holder, Client)
        and holder.session is not None
        and holder.session.in_transaction
    )


def pinned_by_reason(proxy: Proxy) -> dict[str, int]:
    """How many clients each reason pins, by its name in lower case as counters have it."""
    now: Counter[str] = Counter()
    for client in proxy.pinned:
        if client.session is not None:
            now.update({pin.reason.name.lower() for pin in client.session.pins})
    return dict(now)


def pin_reasons(
    name: str, now: Mapping[str, int], totals: Mapping[str, int]
) -> list[PinReasonStatus]:
    """By reason, those that pin now or have pinned, most now first.

    Args:
        name: Of the proxy.
        now: As `pinned_by_reason` has it.
        totals: How often each has pinned, likewise.
    """
    found = [
        PinReasonStatus(
            proxy=name,
            reason=reason.name,
            why=reason.value,
            now=now.get(reason.name.lower(), 0),
            total=totals.get(reason.name.lower(), 0),
            advice=advice(reason),
        )
        for reason in PinReason
        if now.get(reason.name.lower()) or totals.get(reason.name.lower())
    ]
    return sorted(found, key=lambda one: (-one.now, -one.total, one.reason))


def digests(proxy: Proxy, most: int) -> list[DigestStatus]:
    """The statements that took most of the time."""
    table = proxy.digests
    return [
        DigestStatus(
            proxy=proxy.config.name,
            digest=one.text,
            count=one.count,
            errors=one.errors,
            total_seconds=one.seconds,
            mean_seconds=one.seconds / one.count if one.count else 0.0,
            max_seconds=one.longest,
            last_seen=table.age(one),
        )
        for one in table.top(most)
    ]


def advice(reason: PinReason) -> str:
    """What can be done about a reason, as some sentences."""
    known = ADVICE[reason]
    return f"{known.application} {known.operator}".strip()
