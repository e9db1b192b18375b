"""Tests of `proxy.cli.promoter`."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from proxy.cli import promoter as promoter_module
from proxy.cli.promoter import Promoter
from proxy.cli.trial_servers import address_of
from proxy.embedded import Flavor, ServerFailedError, start_replicated

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary and its replica; each test leaves both at work."""
    with start_replicated(request.param, semi_sync=True) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        yield servers


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Nobody has to be able to watch."""
    monkeypatch.setattr(promoter_module, "PROMOTION_SECONDS", 0.0)
    monkeypatch.setattr(promoter_module, "RETRY_SECONDS", 0.0)


def kill(server):
    """As whoever tries the proxy does it."""
    os.kill(server.pid, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)


def assert_whole(group):
    """The primary takes writes, and they reach its one replica."""
    assert group.apart == []
    assert len(group.replicas) == 1
    group.primary.execute("INSERT INTO shop.a VALUES (1)")
    group.wait_until_caught_up()


def promoter(group, writer=None):
    """A promoter whose proxy takes somebody for the writer, and what it says."""
    said = []
    address = address_of(group.primary if writer is None else writer)
    return Promoter(group, lambda: address, said.append), said


def test_it_lets_be_what_is_well(group):
    """Nothing is said and nothing changes while both servers are at work."""
    first = group.primary
    looking, said = promoter(group)
    looking.look()
    assert (group.primary, said) == (first, [])


def test_a_dead_primary_is_replaced_and_comes_back(group):
    """The replica leads, has all that was acknowledged, and the dead one follows it."""
    first, second = group.primary, group.replicas[0]
    first.execute("INSERT INTO shop.a VALUES (7)")
    kill(first)
    looking, said = promoter(group)
    looking.look()
    assert (group.primary, group.replicas) == (second, [first])
    assert second.execute("SELECT COUNT(*) FROM shop.a WHERE i = 7") == ((1,),)
    assert said == [
        f"{address_of(first)} is dead.",
        f"A script has promoted {address_of(second)} (process {second.pid}).",
        f"{address_of(first)} (process {first.pid}) is back, as a replica.",
    ]
    assert_whole(group)


def test_a_dead_replica_comes_back(group):
    """The primary stays what it is."""
    first, second = group.primary, group.replicas[0]
    kill(second)
    looking, said = promoter(group)
    looking.look()
    assert group.primary is first
    assert said == [f"{address_of(second)} (process {second.pid}) is back, as a replica."]
    assert_whole(group)


def test_when_both_are_dead_the_primary_starts_anew(group):
    """There is nobody to take its place."""
    first, second = group.primary, group.replicas[0]
    kill(second)
    kill(first)
    looking, said = promoter(group)
    looking.look()
    assert group.primary is first
    assert said[1].startswith("So is its replica; ")
    assert_whole(group)


def test_what_the_proxy_has_promoted_gets_the_old_primary_as_its_replica(group):
    """And not before the proxy is done: until then the new one is set up as a replica."""
    first, second = group.primary, group.replicas[0]
    looking, said = promoter(group, second)
    looking.look()
    assert (group.primary, said) == (first, [])
    mysql = first.flavor is Flavor.MYSQL
    word = "REPLICA" if mysql else "SLAVE"
    first.execute(f"SET GLOBAL {'super_' if mysql else ''}read_only = 1")
    second.execute(f"STOP {word}", f"RESET {word} ALL", "SET GLOBAL read_only = 0")
    looking.look()
    assert (group.primary, group.replicas) == (second, [first])
    (line,) = said
    assert line.startswith(f"{address_of(second)} (process {second.pid}) takes the writes; ")
    assert line.endswith(f"{address_of(first)} (process {first.pid}) follows it.")
    assert_whole(group)


def test_it_works_by_itself_while_the_block_lasts_and_tries_again(group, monkeypatch):
    """What fails is said, and the next look may succeed."""
    back = threading.Event()
    said = []

    def say(text):
        said.append(text)
        if text.endswith("is back, as a replica."):
            back.set()

    rejoin, failures = type(group).rejoin, [ServerFailedError("It has no space left.")]

    def failing(group, server):
        if failures:
            raise failures.pop()
        rejoin(group, server)

    monkeypatch.setattr(type(group), "rejoin", failing)
    kill(group.replicas[0])
    first = group.primary
    with Promoter(group, lambda: address_of(first), say):
        assert back.wait(60.0)
    assert said[0] == (
        "The servers are not as they should be; once more: It has no space left."
    )
    assert_whole(group)


def test_nobody_is_promoted_when_it_is_over(group, monkeypatch):
    """Ctrl-C in the second after a kill changes nothing any more."""
    first = group.primary
    looking, _ = promoter(group)
    looking._over.set()
    monkeypatch.setattr(type(first), "is_running", lambda server: server is not first)
    looking.look()
    assert group.primary is first
