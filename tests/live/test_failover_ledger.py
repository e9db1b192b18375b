"""Faults by chance, one after the other: what was acknowledged is there, and nothing twice."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator

import attrs
import pytest

from proxy.embedded import Flavor, LocalServer, ReplicatedServers, start_replicated
from proxy.embedded.relay import CuttingRelay
from tests.support.failing_over import (
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
    settle,
)
from tests.support.regulars import ROLLED_BACK, UNKNOWN, Crowd, balance, regulars

pytestmark = pytest.mark.live

SEED = 7
AWAY_SECONDS = (0.1, 1.5)
"""From what nobody notices to what counts as not there."""


@attrs.frozen
class Field:
    """What faults are done to.

    Attributes:
        pair: The servers.
        relays: What stands before each, by its port; the proxy knows no other address.
        proxy: The proxy.
        chance: Of all faults.
    """

    pair: ReplicatedServers
    relays: dict[int, CuttingRelay]
    proxy: Watching
    chance: random.Random

    @property
    def primary(self) -> LocalServer:
        """Who takes writes now."""
        return self.pair.primary

    def wait(self) -> None:
        """Wait for a time by chance."""
        time.sleep(self.chance.uniform(*AWAY_SECONDS))


def kill_and_promote(field: Field) -> None:
    """The writer dies, and comes back as a replica."""
    field.primary.kill()
    field.wait()
    field.pair.promote()


def freeze_and_promote(field: Field) -> None:
    """The writer stands still until another one has its place."""
    field.primary.freeze()
    field.wait()
    field.pair.promote()


def freeze_and_thaw(field: Field) -> None:
    """The writer stands still, and keeps its place."""
    field.primary.freeze()
    field.wait()
    field.primary.thaw()


def crash(field: Field) -> None:
    """The writer dies, and comes back in its place."""
    field.primary.kill()
    field.primary.start()


def cut(field: Field) -> None:
    """The network between proxy and writer is cut."""
    relay = field.relays[field.primary.port]
    relay.cut()
    field.wait()
    relay.heal()


def refuse(field: Field) -> None:
    """All connections to the writer are reset, and new ones refused."""
    relay = field.relays[field.primary.port]
    relay.refuse()
    field.wait()
    relay.heal()


def switch_by_script(field: Field) -> None:
    """The servers change places, and nobody tells the proxy."""
    field.pair.switch_over()


def switch_by_order(field: Field) -> None:
    """The proxy lets them change places."""
    relay = field.relays[field.pair.replicas[0].port]
    reply = field.proxy.order("targets", address(relay), "promote")
    assert not reply.error
    settle(field.pair)


FAULTS: tuple[Callable[[Field], None], ...] = (
    kill_and_promote,
    freeze_and_promote,
    freeze_and_thaw,
    crash,
    cut,
    refuse,
    switch_by_script,
    switch_by_order,
)


@pytest.fixture(scope="module")
def pair() -> Iterator[ReplicatedServers]:
    """A primary and a replica that has what was acknowledged."""
    with start_replicated(Flavor.MYSQL, semi_sync=True) as group:
        prepare(group.primary)
        group.wait_until_caught_up()
        yield group


def test_no_row_is_lost_or_there_twice(pair: ReplicatedServers, tmp_path_factory) -> None:
    """Every error says what became of a row, and nobody who only reads has one."""
    chance = random.Random(SEED)
    faults = [*FAULTS]
    chance.shuffle(faults)
    with contextlib.ExitStack() as stack:
        relays = {
            server.port: stack.enter_context(CuttingRelay(server.host, server.port))
            for server in pair.servers
        }
        folder = tmp_path_factory.mktemp("ledger")
        # A relay that refuses may be met before a look has told of another writer.
        failover = {"min_switch_interval": 0.5}
        proxy = stack.enter_context(
            proxy_before([*relays.values()], folder, failover=failover, alarms=["takes writes"])
        )
        proxy.wait_until_well()
        field = Field(pair, relays, proxy, chance)
        crowd: Crowd = stack.enter_context(
            regulars(proxy.connect, reads=4, writes=8, trades=8, comes_and_goes=2)
        )
        for fault in faults:
            fault(field)
            crowd.wait_for_answers()
            heal(pair)
            proxy.wait_until_well()
            relay = relays[pair.replicas[0].port]
            proxy.wait_until_follows(relay)
    assert not crowd.errors("reads", "comes_and_goes")
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK, UNKNOWN}
    assert {error.kind for error in crowd.errors("writes")} <= {UNKNOWN}
    assert all(len(one.errors) <= len(faults) for one in crowd.all)
    balance(crowd, pair.primary)
