"""Reading one's own writes from two readers of a real writer: nothing is stale."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.embedded import Flavor, ReplicatedServers
from tests.support.failing_over import SWITCHED, Watching
from tests.support.reading import (
    LONG_SECONDS,
    OWN_WRITES,
    ask,
    hear,
    mend,
    proxy_with_readers,
    put_off,
    reading,
    with_readers,
    writing,
)

pytestmark = pytest.mark.live

READS = 2000


@pytest.fixture(scope="module", params=list(Flavor), ids=str)
def servers(request: pytest.FixtureRequest) -> Iterator[ReplicatedServers]:
    """A primary and two replicas."""
    with with_readers(request.param) as group:
        yield group


@pytest.fixture
def group(servers: ReplicatedServers) -> Iterator[ReplicatedServers]:
    """The same, well again afterwards."""
    yield servers
    mend(servers)


@pytest.fixture
def start(group: ReplicatedServers, tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Run a proxy before the servers, and wait until it knows all."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            proxy_with_readers(group, tmp_path, **settings)
        )


def write_and_read(proxy: Watching, count: int) -> tuple[int, Counter[int]]:
    """Write a number and read it elsewhere, again and again.

    Returns:
        How often an older number was read, and which ports served how many reads.
    """
    stale, ports = 0, Counter[int]()
    with writing(proxy) as writer, reading(proxy) as reader:
        [[last]] = ask(writer, "SELECT v FROM v")
        for number in range(last + 1, last + count + 1):
            ask(writer, "UPDATE v SET v = %s", number)
            [[found, port]] = ask(reader, "SELECT v, @@port FROM v")
            stale += found != number
            ports[port] += 1
    return stale, ports


def test_own_writes_are_read(start, group):
    """From the readers, which have them within a moment: none of 2,000 reads is stale."""
    stale, ports = write_and_read(start(failover=OWN_WRITES), READS)
    assert stale == 0
    readers = {replica.port for replica in group.replicas}
    assert sum(ports[port] for port in readers) > READS / 2, ports


def test_without_the_setting_reads_are_stale(start):
    """So that it is for something."""
    stale, ports = write_and_read(start(), READS)
    assert stale > 0, ports


def test_own_writes_are_read_where_readers_are_far_behind(start, group):
    """From the writer, after the timeout: none of 2,000 reads is stale."""
    for replica in group.replicas:
        put_off(replica, 1)
    proxy = start(failover=OWN_WRITES | {"read_your_writes_timeout": 0.05})
    stale, ports = write_and_read(proxy, READS)
    assert stale == 0
    assert ports[group.primary.port] > READS / 2, ports


def in_transaction(client: Any, number: int) -> None:
    """By a transaction."""
    ask(client, "BEGIN")
    ask(client, f"UPDATE v SET v = {number}")
    ask(client, "COMMIT")


def without_autocommit(client: Any, number: int) -> None:
    """By a transaction that nobody began."""
    ask(client, "SET autocommit = 0")
    ask(client, f"UPDATE v SET v = {number}")
    client.commit()
    ask(client, "SET autocommit = 1")


def by_ending_autocommit(client: Any, number: int) -> None:
    """By a SET that commits."""
    ask(client, "SET autocommit = 0")
    ask(client, f"UPDATE v SET v = {number}")
    ask(client, "SET autocommit = 1")


def implicitly(client: Any, number: int) -> None:
    """By a statement that commits what was before it."""
    ask(client, "BEGIN")
    ask(client, f"UPDATE v SET v = {number}")
    ask(client, "BEGIN")
    ask(client, "ROLLBACK")


def failing(client: Any, number: int) -> None:
    """By a procedure that fails behind it."""
    assert hear(client, f"CALL put_and_fail({number})") == 1644


def before_an_error(client: Any, number: int) -> None:
    """By the first of two statements, of which the second one fails."""
    assert hear(client, f"UPDATE v SET v = {number}; SELECT nothing FROM nowhere") == 1146


def prepared(client: Any, number: int) -> None:
    """By a statement that was prepared as text."""
    ask(client, f"PREPARE p FROM 'UPDATE v SET v = {number}'")
    ask(client, "EXECUTE p")
    ask(client, "DEALLOCATE PREPARE p")


WAYS: dict[str, Callable[[Any, int], Any]] = {
    "a statement": lambda client, number: ask(client, f"UPDATE v SET v = {number}"),
    "a transaction": in_transaction,
    "no autocommit": without_autocommit,
    "the end of no autocommit": by_ending_autocommit,
    "another transaction": implicitly,
    "several": lambda client, number: ask(
        client, f"SELECT 1; UPDATE v SET v = {number}; SELECT 2"
    ),
    "a procedure": lambda client, number: ask(client, f"CALL put({number})"),
    "a function": lambda client, number: ask(client, f"SELECT putting({number})"),
    "a procedure that fails": failing,
    "several that fail": before_an_error,
    "prepared text": prepared,
}


def test_whatever_wrote_it_is_found(start, group):
    """Readers that are a second behind are waited for; without that none of it is there."""
    for replica in group.replicas:
        put_off(replica, 1)
    proxy = start(failover=OWN_WRITES | {"read_your_writes_timeout": 30})
    missed, ports = [], Counter[int]()
    with writing(proxy) as writer, reading(proxy) as reader, reading(proxy) as other:
        [[number]] = ask(writer, "SELECT v FROM v")
        ask(other, "SET @a = 1")
        for way, write in WAYS.items():
            number += 1
            write(writer, number)
            [[direct]] = group.replicas[0].execute("SELECT v FROM shop.v")
            assert direct != number, way
            for client in (reader, other):
                [[found, port]] = ask(client, "SELECT v, @@port FROM v")
                ports[port] += 1
                if found != number:
                    missed.append(way)
    assert missed == []
    assert {*ports} <= {replica.port for replica in group.replicas}


def test_what_is_not_committed_is_not_there_and_what_is_then_is(start, group):
    """A read in the middle of a transaction does not end the waiting for its COMMIT."""
    put_off(group.replicas[0], 1)
    proxy = start(failover=OWN_WRITES | {"read_your_writes_timeout": 30})
    with writing(proxy) as writer, reading(proxy) as one, reading(proxy) as two:
        [[before]] = ask(writer, "SELECT v FROM v")
        ask(writer, "BEGIN")
        ask(writer, f"UPDATE v SET v = {before + 1}")
        assert [ask(one, "SELECT v FROM v")[0][0] for _ in range(2)] == [before] * 2
        ask(writer, "COMMIT")
        assert [ask(client, "SELECT v FROM v") for client in (one, two)] == [
            ((before + 1,),)
        ] * 2


def test_a_transaction_on_a_reader_keeps_what_it_saw(start):
    """It stays with its reader until it ends, as on any server."""
    proxy = start(failover=OWN_WRITES)
    with writing(proxy) as writer, reading(proxy) as reader:
        ask(reader, "BEGIN")
        [[before, port]] = ask(reader, "SELECT v, @@port FROM v")
        ask(writer, f"UPDATE v SET v = {before + 1}")
        assert ask(reader, "SELECT v, @@port FROM v") == ((before, port),)
        ask(reader, "COMMIT")
        assert ask(reader, "SELECT v FROM v") == ((before + 1,),)


def test_another_user_is_not_held_up(start, group):
    """It reads what the reader has."""
    for replica in group.replicas:
        put_off(replica, LONG_SECONDS)
    proxy = start(failover=OWN_WRITES | {"max_replica_lag": LONG_SECONDS})
    with writing(proxy) as writer, reading(proxy, user="other") as reader:
        [[before]] = ask(writer, "SELECT v FROM v")
        ask(writer, f"UPDATE v SET v = {before + 1}")
        [[found, port]] = ask(reader, "SELECT v, @@port FROM v")
        assert found == before
        assert port != group.primary.port


def test_own_writes_are_read_after_a_change_of_the_writer(start, group):
    """What was written before it, and what after."""
    proxy = start(failover=OWN_WRITES | {"min_switch_interval": 0})
    with writing(proxy) as writer, reading(proxy) as reader:
        [[number]] = ask(writer, "SELECT v FROM v")
        ask(writer, f"UPDATE v SET v = {number + 1}")
        group.switch_over()
        proxy.wait_for(SWITCHED)
        assert ask(reader, "SELECT v FROM v") == ((number + 1,),)
    stale, ports = write_and_read(proxy, 200)
    assert stale == 0
    assert ports.total() == 200
