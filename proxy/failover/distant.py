"""Pools and routes that are in other processes: workers do what is done to these.

What is read of them is what workers have reported, each second or so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import attrs

from proxy.config.model import Target
from proxy.failover.reports import PoolReport
from proxy.policy.gtids import Position
from proxy.pool.watcher import Watcher
from proxy.vocabulary import Role


def encode_target(target: Target) -> dict[str, Any]:
    """A target, as JSON has it."""
    return {**attrs.asdict(target), "role": target.role.name}


def decode_target(told: Mapping[str, Any]) -> Target:
    """The same."""
    return Target(**{**told, "role": Role[told["role"]]})


class Voice(Protocol):
    """Tells workers what to do, and hears how they stand."""

    def order(self, do: str, **more: Any) -> None:
        """Have something done by all."""

    def reports(self, address: str) -> Iterable[PoolReport]:
        """What each worker has last said of a pool."""

    def attend(self) -> bool:
        """Have them report often for a while; whether all have done what they were told."""


class DistantLedger:
    """The sums over all workers.

    Attributes:
        held: Whether they were told to lend nothing.
    """

    def __init__(self, voice: Voice, address: str) -> None:
        self._voice = voice
        self._address = address
        self.held = False

    def __repr__(self) -> str:
        """The sums."""
        return f"<DistantLedger {self.borrowed} borrowed of {self.total}>"

    def _sum(self, name: str) -> int:
        return sum(getattr(one, name) for one in self._voice.reports(self._address))

    @property
    def waiting(self) -> range:
        """As many as wait."""
        return range(self._sum("waiting"))

    @property
    def borrowed(self) -> int:
        """Backends that clients have."""
        return self._sum("borrowed")

    @property
    def total(self) -> int:
        """All backends."""
        return self._sum("total")


class DistantOpening:
    """How the last dials of the workers went."""

    def __init__(self, voice: Voice, address: str) -> None:
        self._voice = voice
        self._address = address

    @property
    def answers(self) -> bool:
        """Whether the target answered one of them."""
        return any(one.answers for one in self._voice.reports(self._address))

    @property
    def last_failure(self) -> str:
        """Why those failed that did; empty where one went well."""
        reports = [*self._voice.reports(self._address)]
        if any(one.answers and not one.last_failure for one in reports):
            return ""
        return next((one.last_failure for one in reports if one.last_failure), "")


class DistantPool:
    """The pools that all workers have of one target."""

    def __init__(self, voice: Voice, target: Target) -> None:
        self._voice = voice
        self.target = target
        self.ledger = DistantLedger(voice, target.address)
        self.opening = DistantOpening(voice, target.address)
        self._watcher: Watcher | None = None
        self._was_cut_off = False

    def __repr__(self) -> str:
        """The target."""
        return f"<DistantPool {self.target.address} {self.ledger!r}>"

    def _order(self, do: str, **more: Any) -> None:
        self._voice.order(do, target=self.target.address, **more)

    @property
    def facts(self) -> object | None:
        """Something, when a worker knows what the target is."""
        return next(filter(None, map(_facts, self._voice.reports(self.target.address))), None)

    @property
    def watcher(self) -> Watcher | None:
        """Who is told of trouble with the target."""
        return self._watcher

    @watcher.setter
    def watcher(self, watcher: Watcher | None) -> None:
        before, self._watcher = self._watcher, watcher
        if (before is None) is not (watcher is None):
            self._order("watch", on=watcher is not None)

    def hold(self) -> None:
        """Lend nothing."""
        self.ledger.held = True
        self._order("hold")

    def release(self) -> None:
        """Lend again."""
        self.ledger.held = False
        self._order("release")

    def retire_all(self) -> None:
        """Begin a new generation."""
        self._was_cut_off = False
        self._order("retire")

    def cut_off(self, why: str) -> None:
        """Close what is left of older generations; the steward says so again and again."""
        if not self._was_cut_off or self.ledger.borrowed:
            self._was_cut_off = True
            self._order("cut_off", why=why)

    def is_busy(self, *, left: bool = False) -> bool:
        """See `proxy.failover.leases`."""
        return self._may_have("left" if left else "busy")

    def is_lent(self) -> bool:
        """See `proxy.failover.leases`."""
        return self._may_have("borrowed")

    def is_open(self) -> bool:
        """See `proxy.failover.leases`."""
        return self._may_have("total")

    def _may_have(self, name: str) -> bool:
        reports = self._voice.reports(self.target.address)
        return not self._voice.attend() or any(getattr(one, name) for one in reports)


def _facts(report: PoolReport) -> PoolReport | None:
    return report if report.has_facts else None


class DistantPools:
    """Those of a proxy; see `proxy.pool.registry.Pools`."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._pools: dict[str, DistantPool] = {}
        self._leaving: set[str] = set()

    def __repr__(self) -> str:
        """Which ones there are."""
        return f"<DistantPools {[*self._pools.values()]!r}>"

    def __iter__(self) -> Iterator[DistantPool]:
        return iter([*self._pools.values()])

    def by_address(self) -> dict[str, DistantPool]:
        """All of them."""
        return dict(self._pools)

    def used(self) -> list[DistantPool]:
        """Those that were not forgotten."""
        return [pool for name, pool in self._pools.items() if name not in self._leaving]

    def get(self, target: Target) -> DistantPool:
        """The pool of a target."""
        pool = self._pools.get(target.address)
        if pool is None or target.address in self._leaving:
            self._leaving.discard(target.address)
            if pool is None:
                pool = self._pools[target.address] = DistantPool(self._voice, target)
            pool.target = target
            self._voice.order("get", target=encode_target(target))
        return pool

    def forget(self, target: Target) -> None:
        """A target is used no more."""
        if target.address in self._pools:
            self._leaving.add(target.address)
            self._voice.order("forget", target=encode_target(target))

    def sweep(self) -> None:
        """Let those go of which no worker has anything left."""
        for address in [*self._leaving]:
            if all(one.is_empty for one in self._voice.reports(address)):
                self._leaving.discard(address)
                del self._pools[address]


class DistantRoute:
    """The routes that all workers have for one role; see `proxy.pool.route.Route`.

    Attributes:
        role: Of whom it serves.
        pool: The pool that serves, or the first of several.
        shares: What each pool that serves gets of the clients.
        own_writes: Who is told what readers have; None for nobody.
    """

    def __init__(self, voice: Voice, role: Role, pool: DistantPool) -> None:
        self._voice = voice
        self.role = role
        self.pool = pool
        self.shares: dict[DistantPool, float] = {pool: 1.0}
        self.own_writes: DistantWrites | None = None

    def __repr__(self) -> str:
        """Who serves."""
        return f"<DistantRoute {self.role.name}: {[*map(repr, self.shares)]}>"

    @property
    def pools(self) -> tuple[DistantPool, ...]:
        """Which serve by now."""
        return tuple(self.shares)

    def encode(self) -> list[tuple[str, float]]:
        """Who serves, and with which shares, as JSON has it."""
        return [(pool.target.address, share) for pool, share in self.shares.items()]

    def serve_by(self, shares: Mapping[DistantPool, float]) -> None:
        """From now on these pools serve; the steward says so with each look."""
        if shares and [*shares.items()] != [*self.shares.items()]:
            self.shares = dict(shares)
            self.pool = next(iter(shares))
            self._voice.order("serve", role=self.role.name, shares=self.encode())

    def balance(self) -> None:
        """Have each worker move its clients to where it has fewer."""
        if len(self.shares) > 1:
            self._voice.order("balance", role=self.role.name)


class DistantWrites:
    """Tells workers what readers have; see `proxy.pool.own_writes.OwnWrites`.

    Attributes:
        positions: What was told last, by the address of the target.
    """

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.positions: dict[str, str | None] = {}

    def __repr__(self) -> str:
        """Of how many targets."""
        return f"<DistantWrites of {len(self.positions)} targets>"

    def saw(self, pool: DistantPool, position: Position | None) -> None:
        """A look has shown what a target has."""
        address, text = pool.target.address, None if position is None else str(position)
        self.positions[address] = text
        self._voice.order("saw", target=address, position=text)

    def forget(self, pool: DistantPool) -> None:
        """A reader serves no more, or is another server by now."""
        self.positions.pop(pool.target.address, None)
        self._voice.order("forget_reader", target=pool.target.address)

    def writer_changed(self, position: Position | None) -> None:
        """Another target takes the writes."""
        text = None if position is None else str(position)
        self._voice.order("writer_changed", position=text)

    def stop(self) -> None:
        """Forget what was seen: each worker stops by itself."""
        self.positions.clear()
