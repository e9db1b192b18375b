"""One worker's part in the course of a proxy: it does what the supervisor has decided.

See `proxy.failover.course` for what is told.  Until the first word of it nothing is lent: who
writes is not for a worker to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.config.model import Target
from proxy.failover.distant import decode_target
from proxy.failover.reports import encode_report, report_of
from proxy.failover.sharing import NOBODY, close_off
from proxy.failover.steward import DOUBTS
from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.gtids import Position, parse
from proxy.policy.observation import Failure
from proxy.pool.elsewhere import News
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.vocabulary import Role

ATTENTIVE_SECONDS = 0.02
"""How often is reported while an operator waits for transactions to end: clients wait with
him, and a report is some hundred bytes."""


class Obeying:
    """See the module.

    Attributes:
        name: That of the proxy.
        pools: Those of its targets.
        routes: By role.
        targets: Those that are in use, by address, as they are by now.
        serial: That of the last order; -1 before the first word.
        room: Where clients wait while there is no reader; None where there is no such place.
    """

    def __init__(
        self,
        name: str,
        pools: Pools,
        routes: Mapping[Role, Route],
        clock: Clock,
        tell: Callable[..., None],
    ) -> None:
        self.name = name
        self.pools = pools
        self.routes = routes
        self._clock = clock
        self._tell = tell
        self._timer: Timer | None = None
        self._stopped = False
        self.targets: dict[str, Target] = {}
        self.serial = -1
        self.room: TargetPool | None = None
        for pool in self.pools:
            pool.hold()
        self._orders: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "get": lambda order: self._use(decode_target(order["target"])),
            "forget": self._forget,
            "watch": self._watch,
            "hold": lambda order: self._on_pool(order, TargetPool.hold),
            "release": lambda order: self._on_pool(order, TargetPool.release),
            "retire": lambda order: self._on_pool(order, TargetPool.retire_all),
            "cut_off": lambda order: self._on_pool(
                order, lambda pool: pool.cut_off(order["why"])
            ),
            "serve": lambda order: self._serve(order["role"], order["shares"]),
            "balance": lambda order: self.routes[Role[order["role"]]].balance(),
            "saw": lambda order: self._saw(order["target"], order["position"]),
            "forget_reader": self._forget_reader,
            "writer_changed": self._writer_changed,
        }

    def __repr__(self) -> str:
        """How far it has got."""
        return f"<Obeying for {self.name!r}: order {self.serial}>"

    @property
    def is_told(self) -> bool:
        """Whether it has heard anything."""
        return self.serial >= 0

    # Being told

    def take_up(self, course: Mapping[str, Any]) -> None:
        """All of it: what was heard before counts no more."""
        told = [decode_target(one) for one in course["targets"]]
        addresses = {one.address for one in told}
        for target in told:
            self._use(target)
        for address in [one for one in self.targets if one not in addresses]:
            self._forget({"target": {"address": address}})
        for address, pool in self.pools.by_address().items():
            pool.watcher = self if address in course["watched"] else None
            if address in course["held"]:
                pool.hold()
        for role, shares in course["routes"].items():
            self._serve(role, shares)
        for address, position in course["positions"].items():
            self._saw(address, position)
        for address, pool in self.pools.by_address().items():
            if pool.ledger.held and address not in course["held"]:
                pool.release()
        self.serial = course["serial"]
        self.attend(on=course["attention"])

    def obey(self, order: Mapping[str, Any]) -> None:
        """A change."""
        self._orders[order["do"]](order)
        self.serial = order["serial"]

    def attend(self, *, on: bool) -> None:
        """Report often from now on, or not any more."""
        cancel(self._timer)
        self._timer = None
        if not self._stopped:
            self.report()
            if on:
                self._timer = self._clock.callLater(ATTENTIVE_SECONDS, self._attend_on)

    def _attend_on(self) -> None:
        self.attend(on=True)

    # Doing it

    def _use(self, target: Target) -> None:
        pool = self.pools.get(target)
        self.targets[target.address] = target
        if target.address == NOBODY.address:
            self.room = pool
            close_off(pool)
        elif not self.is_told and not pool.ledger.held:
            pool.hold()

    def _pool(self, address: str) -> TargetPool | None:
        return self.pools.by_address().get(address)

    def _on_pool(self, order: Mapping[str, Any], do: Callable[[TargetPool], object]) -> None:
        pool = self._pool(order["target"])
        if pool is not None:  # else nobody has anything of it any more
            do(pool)

    def _forget(self, order: Mapping[str, Any]) -> None:
        target = self.targets.pop(order["target"]["address"], None)
        if target is not None:
            self.pools.forget(target)

    def _watch(self, order: Mapping[str, Any]) -> None:
        pool = self._pool(order["target"])
        if pool is not None:
            pool.watcher = self if order["on"] else None

    def _serve(self, role: str, shares: list[tuple[str, float]]) -> None:
        found = {self._pool(address): share for address, share in shares}
        self.routes[Role[role]].serve_by(
            {pool: share for pool, share in found.items() if pool is not None}
        )

    def _saw(self, address: str, position: str | None) -> None:
        pool, own_writes = self._pool(address), self.routes[Role.READ_ONLY].own_writes
        if pool is not None and own_writes is not None:
            own_writes.saw(pool, _position(position))

    def _forget_reader(self, order: Mapping[str, Any]) -> None:
        pool, own_writes = self._pool(order["target"]), self.routes[Role.READ_ONLY].own_writes
        if pool is not None and own_writes is not None:
            own_writes.forget(pool)

    def _writer_changed(self, order: Mapping[str, Any]) -> None:
        own_writes = self.routes[Role.READ_ONLY].own_writes
        if own_writes is not None:
            own_writes.writer_changed(_position(order["position"]))

    def hear_of_writes(self, seat: int, news: News) -> None:
        """What users have written by way of another worker."""
        own_writes = self.routes[Role.READ_ONLY].own_writes
        if own_writes is not None:
            own_writes.hear(seat, news)

    def renew(self, target: Target) -> None:
        """The configuration has other settings for a target, if it is in use."""
        if target.address in self.targets:
            self.targets[target.address] = target

    # Telling

    def trouble(self, pool: TargetPool, failure: Failure, why: str) -> bool:
        """See `Watcher`: what becomes of it is decided elsewhere, and told."""
        address = next((name for name, one in self._known() if one is pool), None)
        is_writer = pool is self.routes[Role.READ_WRITE].pool
        if address is None:
            return failure is Failure.READ_ONLY and not is_writer
        if failure is Failure.READ_ONLY and is_writer:
            pool.hold()  # whoever was turned away would go there again at once
        if failure in DOUBTS or failure is Failure.READ_ONLY:
            self._tell(
                "trouble", proxy=self.name, target=address, failure=failure.value, why=why
            )
        return failure is Failure.READ_ONLY

    def _known(self) -> list[tuple[str, TargetPool]]:
        pools = self.pools.by_address()
        return [(name, pools[name]) for name in self.targets if name in pools]

    def report(self) -> None:
        """Say how the pools stand; called once a second too."""
        pools = self.pools.by_address().items()
        told = {name: encode_report(report_of(pool)) for name, pool in pools}
        self._tell("pools", proxy=self.name, serial=self.serial, pools=told)

    def stop(self) -> None:
        """Do nothing more."""
        self._stopped = True
        cancel(self._timer)
        for pool in self.pools:
            pool.watcher = None
        own_writes = self.routes[Role.READ_ONLY].own_writes
        if own_writes is not None:
            own_writes.stop()


def _position(text: str | None) -> Position | None:
    return None if text is None else parse(text)
