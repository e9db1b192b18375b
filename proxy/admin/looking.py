"""How a proxy and the process stand: snapshots made when somebody asks.

Times are of the clock that the pools have.  Nothing here changes anything.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from proxy import __version__
from proxy.admin.process import Process, Served
from proxy.admin.snapshot import (
    DigestStatus,
    EndpointStatus,
    PinReasonStatus,
    PoolStatus,
    ProcessStatus,
)
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.observe import log
from proxy.policy.ledger import Ledger
from proxy.session.advice import ADVICE
from proxy.session.pins import PinReason

_FILES = Path("/proc/self/fd")
_MEMORY = Path("/proc/self/statm")


def process_status(process: Process) -> ProcessStatus:
    """The process itself."""
    path, why = process.config_path, process.why_not_ready()
    served = process.served()
    return ProcessStatus(
        version=__version__,
        form=process.form,
        pid=os.getpid(),
        uptime=process.uptime,
        time=moment(datetime.now(UTC)),
        ready=not why,
        not_ready=why,
        log_level=log.level(),
        debug_logging=tuple(debug_logging(process)),
        configuration="" if path is None else str(path),
        configured=moment(process.configured),
        clients=sum(one.proxy.count for one in served),
        open_files=_open_files(),
        max_open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        resident_bytes=_resident_bytes(),
        cpu_seconds=time.process_time(),
    )


def moment(when: datetime) -> str:
    """ISO 8601 in UTC."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def debug_logging(process: Process) -> list[str]:
    """Names of the proxies whose statements are logged."""
    return [one.operations.name for one in process.served() if one.proxy.debug]


def _open_files() -> int:
    """File descriptors in use; Linux tells their number since 6.2, else they are counted."""
    try:
        return _FILES.stat().st_size or sum(1 for _ in _FILES.iterdir())
    except OSError:
        return 0


def _resident_bytes() -> int:
    try:
        pages = int(_MEMORY.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def endpoints(served: Served) -> list[EndpointStatus]:
    """The endpoints of a proxy, in the order of the configuration."""
    proxy = served.proxy
    return [
        EndpointStatus(
            proxy=proxy.config.name,
            name=endpoint.name,
            target_role=endpoint.target_role.name,
            address=served.addresses.get(endpoint.name, ""),
            clients=proxy.counters.endpoint(endpoint.name).client_connections,
        )
        for endpoint in proxy.config.endpoints
    ]


def pools(proxy: Proxy, now: float) -> list[PoolStatus]:
    """The pools of a proxy."""
    pinned = Counter(
        client.lease.pool
        for client in proxy.pinned
        if client.lease is not None and client.session is not None and client.session.pins
    )
    return [
        _pool(proxy.config.name, address, pool.ledger, pinned[pool], now)
        for address, pool in proxy.pools.by_address().items()
    ]


def _pool(name: str, address: str, ledger: Ledger, pinned: int, now: float) -> PoolStatus:
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
        max_connections=ledger.limits.connections,
        max_idle_connections=ledger.limits.idle,
        held=ledger.held,
    )


def is_in_transaction(holder: object) -> bool:
    """Whether whoever has a connection is a client in a transaction."""
    return (
        isinstance(holder, Client)
        and holder.session is not None
        and holder.session.in_transaction
    )


def pin_reasons(proxy: Proxy) -> list[PinReasonStatus]:
    """By reason, those that pin now or have pinned, most now first."""
    now: Counter[str] = Counter()
    for client in proxy.pinned:
        if client.session is not None:
            now.update({pin.reason.name for pin in client.session.pins})
    totals = proxy.counters.session_pins
    found = [
        PinReasonStatus(
            proxy=proxy.config.name,
            reason=reason.name,
            why=reason.value,
            now=now[reason.name],
            total=totals.get(reason.name.lower(), 0),
            advice=advice(reason),
        )
        for reason in PinReason
        if now[reason.name] or totals.get(reason.name.lower())
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
