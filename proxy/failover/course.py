"""The course of one proxy: what its supervisor has decided, told to all workers.

================  ==========  =================================================================
what              from        means
================  ==========  =================================================================
course            supervisor  all of it, for who has not heard any, or not all
order             supervisor  a change: `do` says which, `serial` counts them
attention         supervisor  report often, or not any more (`on`)
course_over       supervisor  there is no such proxy any more
pools             worker      how its pools stand, having done all up to `serial`
trouble           worker      what traffic has met at a target
================  ==========  =================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from proxy.config.model import Target
from proxy.failover.distant import (
    DistantPool,
    DistantPools,
    DistantRoute,
    DistantWrites,
    encode_target,
)
from proxy.failover.reports import PoolReport, decode_report
from proxy.net.clock import Clock
from proxy.policy.observation import Failure
from proxy.vocabulary import Role

ATTENTION_SECONDS: Final = 1.0
"""How long workers report often after somebody has asked: who waits asks every some ms."""

Tell = Callable[..., None]
"""Says something (`what`, and more by name) to workers."""


class Course:
    """See the module.  Nothing is told before `begin`, and everything then.

    Attributes:
        name: That of the proxy.
        pools: Those of its targets.
        routes: By role.
        serial: How many orders there were.
        is_told: Whether workers are told.
        on_trouble: Called with pool, failure and why when traffic has met trouble.
    """

    def __init__(self, name: str, first: Target, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._tell: Tell = _tell_nobody
        self._reports: dict[int, tuple[int, Mapping[str, PoolReport]]] = {}
        self._asked = float("-inf")
        self._attended = False
        self.serial = 0
        self.is_told = False
        self.on_trouble: Callable[[DistantPool, Failure, str], object] = _tell_nobody
        self.pools = DistantPools(self)
        pool = self.pools.get(first)
        self.routes = {role: DistantRoute(self, role, pool) for role in Role}

    def __repr__(self) -> str:
        """How many orders, to how many workers."""
        return f"<Course of {self.name!r}: {self.serial} orders to {len(self._reports)}>"

    @property
    def writers(self) -> DistantRoute:
        """Of those who may write."""
        return self.routes[Role.READ_WRITE]

    @property
    def readers(self) -> DistantRoute:
        """Of those who only read."""
        return self.routes[Role.READ_ONLY]

    def own_writes(self) -> DistantWrites:
        """Who tells what readers have."""
        return DistantWrites(self)

    # Telling

    def begin(self, tell: Tell) -> None:
        """Tell all workers from now on."""
        self._tell, self.is_told = tell, True
        tell("course", **self.snapshot())

    def end(self) -> None:
        """Tell them nothing more."""
        if self.is_told:
            self._tell("course_over", proxy=self.name)
            self.mute()

    def mute(self) -> None:
        """The same without a word: another one of this name goes on."""
        self._tell, self.is_told = _tell_nobody, False

    def order(self, do: str, **more: Any) -> None:
        """See `Voice`."""
        self.serial += 1
        if self.is_told:
            self._tell("order", proxy=self.name, serial=self.serial, do=do, **more)

    def snapshot(self) -> dict[str, Any]:
        """All that a worker has to know that has heard nothing."""
        writes = self.readers.own_writes
        return {
            "proxy": self.name,
            "serial": self.serial,
            "targets": [encode_target(pool.target) for pool in self.pools.used()],
            "watched": [one.target.address for one in self.pools if one.watcher is not None],
            "held": [one.target.address for one in self.pools if one.ledger.held],
            "routes": {role.name: route.encode() for role, route in self.routes.items()},
            "positions": {} if writes is None else dict(writes.positions),
            "attention": self._attended,
        }

    # Hearing

    def joined(self, seat: int) -> None:
        """A worker will be told, which has reported nothing yet."""
        self._reports[seat] = -1, {}

    def left(self, seat: int) -> None:
        """It has gone, and what it had."""
        self._reports.pop(seat, None)

    def reported(self, seat: int, message: Mapping[str, Any]) -> None:
        """How its pools stand."""
        if seat in self._reports:
            pools = {name: decode_report(one) for name, one in message["pools"].items()}
            self._reports[seat] = message["serial"], pools

    def reports(self, address: str) -> Iterator[PoolReport]:
        """See `Voice`."""
        for _, pools in self._reports.values():
            if address in pools:
                yield pools[address]

    def attend(self) -> bool:
        """See `Voice`."""
        self._asked = self._clock.seconds()
        if not self._attended:
            self._set_attended(on=True)
        return all(serial >= self.serial for serial, _ in self._reports.values())

    def _set_attended(self, *, on: bool) -> None:
        self._attended = on
        if self.is_told:
            self._tell("attention", proxy=self.name, on=on)

    def trouble(self, message: Mapping[str, Any], reply: Tell) -> None:
        """Traffic of a worker has met trouble.

        Args:
            message: What it says.
            reply: Tells that worker: who was turned away by the writer lends nothing there
                until it hears what is to be.
        """
        address, failure = message["target"], Failure(message["failure"])
        pool = self.pools.by_address().get(address)
        if pool is not None and pool.watcher is not None:
            self.on_trouble(pool, failure, message["why"])
        if failure is Failure.READ_ONLY and not (pool is not None and pool.ledger.held):
            more = {"serial": self.serial, "target": address}
            reply("order", proxy=self.name, do="release", **more)

    def sweep(self) -> None:
        """Called once a second or so."""
        self.pools.sweep()
        if self._attended and self._clock.seconds() - self._asked >= ATTENTION_SECONDS:
            self._set_attended(on=False)


def _tell_nobody(*_: Any, **__: Any) -> None:
    """Nobody is told."""
