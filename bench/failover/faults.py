"""Faults by chance, one after the other, each mended before the next."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import pymysql

from bench.failover.clusters import Pair
from bench.failover.proxying import Proxy
from bench.failover.switchovers import by_command, settle
from bench.site import USER
from proxy.embedded import LocalServer
from proxy.embedded.relay import CuttingRelay

_AWAY_SECONDS: Final = (0.3, 4.0)
"""From what nobody should notice to what counts as not there."""

_DEAD_SECONDS: Final = (0.2, 1.5)
"""How long a script takes to be sure that a primary is dead."""


@attrs.frozen
class Field:
    """What faults are done to.

    Attributes:
        pair: the servers.
        relays: before each server, by its port; the proxy knows it by no other address.
        proxy: the proxy.
        chance: of all faults.
    """

    pair: Pair
    relays: dict[int, CuttingRelay]
    proxy: Proxy
    chance: random.Random

    @property
    def primary(self) -> LocalServer:
        """Who takes writes now."""
        return self.pair.group.primary

    @property
    def relay(self) -> CuttingRelay:
        """The one before the primary."""
        return self.relays[self.primary.port]

    def wait(self, between: tuple[float, float]) -> str:
        """Wait for a time by chance; how long it was."""
        seconds = self.chance.uniform(*between)
        time.sleep(seconds)
        return f"{seconds:.1f} s"


def kill_and_promote(field: Field) -> str:
    """The primary dies, a script promotes the replica, and the old one follows it."""
    lost = field.primary
    lost.kill()
    waited = field.wait(_DEAD_SECONDS)
    field.pair.promote()
    field.pair.group.rejoin(lost)
    return f"the primary was killed, and another one promoted after {waited}"


def freeze_and_promote(field: Field) -> str:
    """The primary stands still until another one has its place."""
    lost = field.primary
    lost.freeze()
    waited = field.wait(_AWAY_SECONDS)
    field.pair.promote()
    field.pair.group.rejoin(lost)
    return f"the primary was frozen, and another one promoted after {waited}"


def freeze_and_thaw(field: Field) -> str:
    """The primary stands still for a while, and keeps its place."""
    field.primary.freeze()
    waited = field.wait(_AWAY_SECONDS)
    field.primary.thaw()
    return f"the primary was frozen for {waited}"


def switch_by_script(field: Field) -> str:
    """The servers change places, and nobody tells the proxy."""
    field.pair.group.switch_over()
    return "the servers changed places by a script"


def switch_by_command(field: Field) -> str:
    """The proxy lets the servers change places."""
    replica = field.pair.group.replicas[0]
    relay = field.relays[replica.port]
    by_command(field.proxy, (relay.host, relay.port))
    settle(field.pair)
    return "the servers changed places by `mysqlproxy promote`"


def cut(field: Field) -> str:
    """The network between proxy and primary is cut for a while; nobody is told."""
    field.relay.cut()
    waited = field.wait(_AWAY_SECONDS)
    field.relay.heal()
    return f"the network between proxy and primary was cut for {waited}"


def refuse(field: Field) -> str:
    """All connections to the primary are reset, and new ones refused for a while."""
    field.relay.refuse()
    waited = field.wait(_AWAY_SECONDS)
    field.relay.heal()
    return f"connections to the primary were refused for {waited}"


def restart(field: Field) -> str:
    """The primary is stopped and started in place."""
    field.primary.stop()
    field.primary.start()
    return "the primary was restarted"


def crash(field: Field) -> str:
    """The primary dies and comes back in place."""
    field.primary.kill()
    field.primary.start()
    return "the primary was killed and started again"


def kill_connections(field: Field) -> str:
    """Somebody kills half of the proxy's connections on the primary."""
    rows = field.primary.execute(
        f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{USER}'"
    )
    chosen = [identity for (identity,) in rows if field.chance.random() < 0.5]
    for identity in chosen:
        with contextlib.suppress(pymysql.err.MySQLError):  # it has gone by itself
            field.primary.execute(f"KILL {identity}")
    return f"{len(chosen)} of {len(rows)} connections were killed on the primary"


FAULTS: Final[tuple[Callable[[Field], str], ...]] = (
    kill_and_promote,
    freeze_and_promote,
    freeze_and_thaw,
    switch_by_script,
    switch_by_command,
    cut,
    refuse,
    restart,
    crash,
    kill_connections,
)


def chosen(count: int, chance: random.Random) -> Iterator[Callable[[Field], str]]:
    """So many faults in an order by chance, each kind about as often as any other."""
    while count > 0:
        kinds = [*FAULTS]
        chance.shuffle(kinds)
        yield from kinds[:count]
        count -= len(kinds)
