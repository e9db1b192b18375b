"""The sum of what several processes have counted of one proxy: as if it were one process.

What a process has counted stays counted when it is gone, and when it begins anew, so that no
counter ever falls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from proxy.observe.counters import MOST_TARGETS, Counters, EndpointCounters, TargetCounters
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.observe.tally import (
    CLIENTS,
    HISTOGRAMS,
    OF_CLIENTS,
    OF_ENDPOINT,
    OF_PROXY,
    OF_TALLY,
    OF_TARGET,
    ProxyTally,
)

_ADDED: Final = tuple(one.name for one in attrs.fields(TargetNow) if str(one.type) == "int")
"""Numbers of `TargetNow` that are added up: connections and clients."""


class Sums:
    """Those of one proxy.

    Args:
        own: What this process counts of it itself; it is a part of the sum.

    Attributes:
        counters: The sum; always the same object, as it was at the last `refresh`.
    """

    def __init__(self, own: Counters | None = None) -> None:
        self._own = own or Counters()
        self._latest: dict[int, ProxyTally] = {}
        self._kept = Counters()  # what those have counted that are gone
        self._kept_targets: dict[str, TargetCounters] = {}  # by place
        self.counters = Counters()

    def __repr__(self) -> str:
        """Of how many it is the sum."""
        return f"<Sums of {len(self._latest)}>"

    def take(self, worker: int, tally: ProxyTally) -> None:
        """A process tells what it has counted by now."""
        before = self._latest.get(worker)
        self._latest[worker] = tally
        if before is not None:
            _keep_fallen(self._kept, before.counters, tally.counters)
            after = {one.place: one.counters for one in tally.now.targets}
            for one in before.now.targets:
                now = after.get(one.place)
                if now is None or _has_fallen(one.counters, now, OF_TARGET):
                    self._keep_target(one)

    def leave(self, worker: int) -> None:
        """A process is gone: its clients and connections are, and what it has counted stays."""
        before = self._latest.pop(worker, None)
        if before is not None:
            _keep_fallen(self._kept, before.counters, None)
            for one in before.now.targets:
                self._keep_target(one)

    def _keep_target(self, target: TargetNow) -> None:
        kept = self._kept_targets.pop(target.place, None) or TargetCounters()
        add_numbers(kept, target.counters, OF_TARGET)
        self._kept_targets[target.place] = kept
        if len(self._kept_targets) > MOST_TARGETS:
            del self._kept_targets[next(iter(self._kept_targets))]

    def refresh(self) -> Counters:
        """Add all up anew; the same as `counters`."""
        total, fresh = self.counters, Counters()
        for counters in (
            self._kept,
            self._own,
            *[tally.counters for tally in self._latest.values()],
        ):
            _add(fresh, counters)
        for name in (*OF_PROXY, "endpoints", "session_pins"):
            setattr(total, name, getattr(fresh, name))
        return total

    def now(self) -> ProxyNow:
        """How all stand together; `counters` are of the same moment."""
        self.refresh()
        tallies = [tally.now for tally in self._latest.values()]
        pins: Counter[str] = Counter()
        for one in tallies:
            pins.update(one.session_pins_now)
        return ProxyNow(
            targets=self._targets(tallies),
            session_pins_now=dict(pins),
            secret_age_seconds=max([one.secret_age_seconds for one in tallies], default=0.0),
            statement_digests=max([one.statement_digests for one in tallies], default=0),
        )

    def _targets(self, tallies: Iterable[ProxyNow]) -> tuple[TargetNow, ...]:
        found: dict[str, list[TargetNow]] = {}
        for one in tallies:
            for target in one.targets:
                found.setdefault(target.place, []).append(target)
        return tuple(self._target(place, parts) for place, parts in found.items())

    def _target(self, place: str, parts: list[TargetNow]) -> TargetNow:
        return attrs.evolve(
            parts[0],
            counters=self.of_target(place),
            longest_wait_seconds=max(one.longest_wait_seconds for one in parts),
            pool_held=any(one.pool_held for one in parts),
            **{name: sum(getattr(one, name) for one in parts) for name in _ADDED},
        )

    def of_target(self, place: str) -> TargetCounters:
        """What has happened at a target."""
        total = TargetCounters()
        kept = self._kept_targets.get(place)
        if kept is not None:
            add_numbers(total, kept, OF_TARGET)
        for tally in self._latest.values():
            for one in tally.now.targets:
                if one.place == place:
                    add_numbers(total, one.counters, OF_TARGET)
        return total

    def joined(
        self, steward: ProxyNow, limits: Mapping[str, int] = MappingProxyType({})
    ) -> ProxyNow:
        """How all stand together, by the processes that serve and by the one that decides.

        What the targets are, and how they do, is what the latter says; what clients and
        connections there are, is what the former say.

        Args:
            steward: How the proxy stands by the one that decides.
            limits: The most connections to each target, by its address, that all may have.
        """
        return join(self.now(), steward, limits, self.of_target)


def join(
    workers: ProxyNow,
    steward: ProxyNow,
    limits: Mapping[str, int] = MappingProxyType({}),
    counters: Callable[[str], TargetCounters] = lambda _place: TargetCounters(),
) -> ProxyNow:
    """See `Sums.joined`.

    Args:
        workers: The sum of those that serve.
        steward: How the proxy stands by the one that decides.
        limits: The most connections to each target; without one the sum of what each may have.
        counters: Gives those of a target, by its place, that no worker has a pool for.
    """
    found = {one.place: one for one in workers.targets}
    targets = []
    for one in steward.targets:
        theirs = found.pop(one.place, None)
        targets.append(
            attrs.evolve(one, counters=counters(one.place))
            if theirs is None
            else _joined(theirs, one, limits.get(one.address, 0))
        )
    left = [
        one
        for one in found.values()
        if one.database_connections or one.client_connections_waiting
    ]
    return attrs.evolve(
        steward,
        targets=(*targets, *[attrs.evolve(one, target_state="") for one in left]),
        session_pins_now=workers.session_pins_now,
        secret_age_seconds=max(workers.secret_age_seconds, steward.secret_age_seconds),
        statement_digests=workers.statement_digests,
    )


def _joined(theirs: TargetNow, steward: TargetNow, limit: int) -> TargetNow:
    return attrs.evolve(
        theirs,
        address=steward.address,
        target_role=steward.target_role or theirs.target_role,
        target_state=steward.target_state,
        target_lag_seconds=steward.target_lag_seconds,
        target_seen_age_seconds=steward.target_seen_age_seconds,
        target_draining=steward.target_draining,
        max_database_connections_allowed=limit or theirs.max_database_connections_allowed,
        pool_held=theirs.pool_held or steward.pool_held,
    )


# Adding up


def add_numbers(total: Any, more: Any, names: Iterable[str]) -> None:
    """Add numbers of the same names."""
    for name in names:
        setattr(total, name, getattr(total, name) + getattr(more, name))


def _add(total: Counters, more: Counters, *, clients: bool = True) -> None:
    """Add all of one; without clients only what never falls."""
    add_numbers(total, more, OF_PROXY)
    for reason, count in more.session_pins.items():
        total.session_pins[reason] = total.session_pins.get(reason, 0) + count
    for name, one in more.endpoints.items():
        _add_endpoint(total.endpoint(name), one, clients=clients)


def _add_endpoint(total: EndpointCounters, more: EndpointCounters, *, clients: bool) -> None:
    add_numbers(total, more, (*OF_ENDPOINT, CLIENTS) if clients else OF_ENDPOINT)
    for name in OF_CLIENTS:
        numbers = (*OF_TALLY, "clients") if clients else OF_TALLY
        add_numbers(getattr(total, name), getattr(more, name), numbers)
    for name in HISTOGRAMS:
        getattr(total, name).merge(getattr(more, name))
    for address, latency in more.query_database_response_latency.items():
        total.of_target(address).merge(latency)


def _keep_fallen(kept: Counters, before: Counters, after: Counters | None) -> None:
    """Keep what has begun anew since: all of it where there is nothing after it."""
    if after is None:
        _add(kept, before, clients=False)
        return
    pins = after.session_pins
    if _has_fallen(before, after, OF_PROXY) or any(
        pins.get(reason, 0) < count for reason, count in before.session_pins.items()
    ):
        _add(kept, _without_endpoints(before), clients=False)
    for name, one in before.endpoints.items():
        now = after.endpoints.get(name)
        if now is None or _endpoint_has_fallen(one, now):
            _add_endpoint(kept.endpoint(name), one, clients=False)


def _without_endpoints(counters: Counters) -> Counters:
    other = Counters()
    add_numbers(other, counters, OF_PROXY)
    other.session_pins = counters.session_pins
    return other


def _endpoint_has_fallen(before: EndpointCounters, after: EndpointCounters) -> bool:
    return (
        _has_fallen(before, after, OF_ENDPOINT)
        or before.query_requests > after.query_requests
        or any(getattr(before, name).count > getattr(after, name).count for name in HISTOGRAMS)
    )


def _has_fallen(before: Any, after: Any, names: Iterable[str]) -> bool:
    return any(getattr(after, name) < getattr(before, name) for name in names)
