"""The connections of all workers to each target: one pool in the eyes of the database."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterable
from typing import Final, Protocol

import attrs

from proxy.config.model import ProxyConfig
from proxy.config.pool import ConnectionPoolConfig
from proxy.net.clock import Clock, Timer, cancel
from proxy.policy.needs import Holder, Need, Order
from proxy.policy.shares import Shares
from proxy.service.channel import Message
from proxy.service.link import Link
from proxy.service.seats.pool_shares import NEED, NO_NEED, SHARE

LOOK_SECONDS: Final = 0.05
"""While some pool waits, or a worker has just died: no more than that is added to its wait."""

_NEED: Final = tuple(field.name for field in attrs.fields(Need))


class Joined(Protocol):
    """A worker, as far as it matters here."""

    @property
    def link(self) -> Link:
        """By which it hears and is heard."""


@attrs.define(eq=False)
class _Account:
    """A pool of one worker; `told` is what it was told last."""

    worker: Joined
    number: int
    target: _Target
    holder: Holder
    told: Order | None = None


@attrs.define(eq=False)
class _Target:
    """What all pools of one target may have; `max_connections` is the target's own limit."""

    name: tuple[str, str]
    shares: Shares = attrs.Factory(Shares)
    accounts: list[_Account] = attrs.Factory(list)
    max_connections: int | None = None

    def limit(self, config: ConnectionPoolConfig | None) -> None:
        """Go by the configuration; by no more than one connection where there is none."""
        known = self.max_connections
        if known is None or config is None:
            self.shares.limit = None
        else:
            self.shares.limit = config.connection_limit(known)


class Budget:
    """Shares out connections to workers; `Staff` says which ones there are."""

    def __init__(self, clock: Clock, proxies: Iterable[ProxyConfig]) -> None:
        self._clock = clock
        self._targets: dict[tuple[str, str], _Target] = {}
        self._accounts: dict[Joined, dict[int, _Account]] = {}
        self._configs: dict[str, ConnectionPoolConfig] = {}
        self._timer: Timer | None = None
        self._is_stopped = False
        self.reconfigure(proxies)

    def __repr__(self) -> str:
        """How each target's connections are shared."""
        shares = ", ".join(
            f"{proxy} {target}: {one.shares!r}"
            for (proxy, target), one in self._targets.items()
        )
        return f"<Budget {shares or 'of no target'}>"

    def reconfigure(self, proxies: Iterable[ProxyConfig]) -> None:
        """Go by these limits from now on; what is too much goes as it comes free."""
        self._configs = {one.name: one.target_group.connection_pool_config for one in proxies}
        for target in [*self._targets.values()]:
            target.limit(self._configs.get(target.name[0]))
            self._decide(target)

    def join(self, worker: Joined) -> None:
        """A new worker: its pools will say what they need."""
        self._accounts[worker] = {}
        worker.link.on(NEED, functools.partial(self._needed, worker))
        worker.link.on(NO_NEED, functools.partial(self._gone, worker))

    def leave(self, worker: Joined) -> None:
        """A worker is gone, whatever it had open."""
        now = self._clock.seconds()
        for account in self._accounts.pop(worker, {}).values():
            account.target.accounts.remove(account)
            account.target.shares.die(account.holder, now)
            self._decide(account.target)

    def stop(self) -> None:
        """Let nothing happen by itself any more; whoever still asks is answered."""
        self._is_stopped = True
        cancel(self._timer)
        self._timer = None

    def _needed(self, worker: Joined, message: Message, _: list[socket.socket]) -> None:
        accounts = self._accounts.get(worker)
        if accounts is None:
            return  # what it said before it was lost
        number, need = message["number"], Need(**{name: message[name] for name in _NEED})
        account = accounts.get(number)
        is_new = account is None
        if account is None:
            account = accounts[number] = self._open(worker, message)
        target = account.target
        is_urgent = target.shares.hear(account.holder, need, self._clock.seconds())
        is_learned = need.max_connections not in {None, target.max_connections}
        if is_learned:
            target.max_connections = need.max_connections
            target.limit(self._configs.get(target.name[0]))
        if is_new or is_urgent or is_learned:
            self._decide(target)

    def _open(self, worker: Joined, message: Message) -> _Account:
        name = message["proxy"], message["target"]
        target = self._targets.get(name)
        if target is None:
            target = self._targets[name] = _Target(name)
        account = _Account(worker, message["number"], target, target.shares.join())
        target.accounts.append(account)
        return account

    def _gone(self, worker: Joined, message: Message, _: list[socket.socket]) -> None:
        account = self._accounts.get(worker, {}).pop(message["number"], None)
        if account is None:
            return
        target = account.target
        target.accounts.remove(account)
        target.shares.leave(account.holder)
        self._decide(target)

    def _decide(self, target: _Target) -> None:
        target.shares.decide(self._clock.seconds())
        for account in target.accounts:
            holder = account.holder
            order = Order(
                granted=holder.granted,
                back=holder.given + holder.owed if holder.owed else 0,
                is_watched=target.shares.is_watched,
                max_connections=target.max_connections,
            )
            if order != account.told:
                account.told = order
                account.worker.link.tell(SHARE, number=account.number, **attrs.asdict(order))
        if not target.shares.needs_time:
            if not target.accounts:
                self._targets.pop(target.name, None)
        elif self._timer is None and not self._is_stopped:
            self._timer = self._clock.callLater(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        for target in [*self._targets.values()]:
            if target.shares.needs_time:
                self._decide(target)
