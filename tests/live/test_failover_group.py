"""A replication group changes its primary, by itself or as it is told: what clients notice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.embedded.group import GroupServers, start_group
from tests.support.failing_over import (
    HEALTH,
    SWITCHED,
    Watching,
    address,
    prepare,
    proxy_before,
)
from tests.support.regulars import ROLLED_BACK, UNKNOWN, ask, balance, hear, regulars

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def servers() -> Iterator[GroupServers]:
    """Three members."""
    with start_group() as group:
        prepare(group.wait_for_primary())
        yield group


@pytest.fixture
def group(servers: GroupServers) -> Iterator[GroupServers]:
    """The same, with an empty ledger."""
    servers.wait_for_primary().execute("TRUNCATE shop.ledger")
    return servers


@pytest.fixture
def start(group: GroupServers, tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Run a proxy before the group, and wait until it knows all."""
    with contextlib.ExitStack() as stack:

        def started(**settings: Any) -> Watching:
            proxy = stack.enter_context(
                proxy_before(group.members, tmp_path, topology="GROUP_REPLICATION", **settings)
            )
            proxy.wait_until_well()
            return proxy

        yield started


def test_nobody_notices_a_promotion(
    group: GroupServers, start: Callable[..., Watching]
) -> None:
    """The proxy lets open transactions end, and has the group change its primary."""
    proxy = start()
    old = group.wait_for_primary()
    new = next(member for member in group.members if member is not old)
    with regulars(proxy.connect, reads=4, writes=6, trades=6, comes_and_goes=2) as crowd:
        reply = proxy.order("targets", address(new), "promote")
        assert (reply.error, reply.content["done"]) == ("", True)
    assert not crowd.errors()
    assert group.wait_for_primary() is new
    balance(crowd, new)
    assert not proxy.alarms()


def test_the_group_may_be_told_by_others(
    group: GroupServers, start: Callable[..., Watching]
) -> None:
    """Only transactions that were open may have an error, one each."""
    proxy = start()
    old = group.wait_for_primary()
    new = next(member for member in group.members if member is not old)
    with regulars(proxy.connect, reads=4, writes=6, trades=6, comes_and_goes=2) as crowd:
        group.set_primary(new)
        proxy.wait_for(SWITCHED, now=address(new))
    assert not crowd.errors("reads", "writes", "comes_and_goes")
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK}
    assert all(len(one.errors) <= 1 for one in crowd.all)
    balance(crowd, new)


def test_the_primary_dies(group: GroupServers, start: Callable[..., Watching]) -> None:
    """Another one is elected; nothing acknowledged is lost, and who lost something is told."""
    proxy = start()
    old = group.wait_for_primary()
    idle, buyer = proxy.connect(), proxy.connect()
    ask(idle, "SET @mark = 7")
    proxy.read_sessions()
    ask(buyer, "BEGIN")
    ask(buyer, "INSERT INTO ledger (who, number) VALUES (99, 1)")
    with regulars(proxy.connect, reads=4, writes=6, trades=6, comes_and_goes=2) as crowd:
        old.kill()
        new = group.wait_for_primary(other_than=old)
        proxy.wait_for(SWITCHED, now=address(new))
    assert not crowd.errors("reads", "comes_and_goes")
    assert {error.kind for error in crowd.errors("writes")} <= {UNKNOWN}
    assert {error.kind for error in crowd.errors()} <= {ROLLED_BACK, UNKNOWN}
    assert all(len(one.errors) <= 1 for one in crowd.all)
    assert ask(idle, "SELECT @mark, @@port") == ((7, new.port),)
    assert hear(buyer, "COMMIT").kind == ROLLED_BACK
    assert not hear(buyer, "INSERT INTO ledger (who, number) VALUES (99, 2)").code
    new.execute("DELETE FROM shop.ledger WHERE who = 99 AND number = 2")
    balance(crowd, new)
    group.rejoin(old)
    proxy.wait_for(HEALTH, target=address(old), condition="well", count=2)
    assert ask(idle, "SELECT @@port") == ((new.port,),)
    for client in (idle, buyer):
        client.close()
