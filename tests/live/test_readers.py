"""The endpoint for reads, before a real writer and two readers: who serves it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pymysql
import pytest

from proxy.embedded import Flavor, LocalServer, ReplicatedServers
from tests.support.failing_over import WELL_SECONDS, Watching
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

PROMPT = {"slow_start": 0, "max_replica_lag": 1, "probe_interval": 0.2}
"""Readers are left, and come back, within seconds."""

READ_ONLY = 1290
NO_READER = 9501


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


class Crowd:
    """Clients that read all the time; what they hear is kept.

    Attributes:
        errors: What went wrong.
    """

    def __init__(self, proxy: Watching, count: int = 6) -> None:
        self.errors: list[str] = []
        self._proxy = proxy
        self._reads: list[tuple[float, int]] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(count)]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        try:
            with reading(self._proxy) as client:
                while not self._ended.wait(0.02):
                    began = time.monotonic()
                    [[port]] = ask(client, "SELECT @@port")
                    self._reads.append((began, port))
        except pymysql.MySQLError as error:
            self.errors.append(str(error))

    def ports(self, seconds: float = 1.0) -> set[int]:
        """From where reads come that begin within the next seconds."""
        began = time.monotonic()
        time.sleep(seconds)
        return {port for since, port in [*self._reads] if since >= began}

    def wait_for(self, wanted: set[int]) -> None:
        """Wait until they read from these, and from no other."""
        deadline = time.monotonic() + WELL_SECONDS
        while (found := self.ports()) != wanted:
            assert time.monotonic() < deadline, (found, wanted, self.errors)


@contextlib.contextmanager
def beating(primary: LocalServer) -> Iterator[None]:
    """Write all the time, so that replicas have something to be behind with."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(0.1):
            primary.execute("UPDATE shop.v SET v = v + 1")

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def stop_replicating(replica: LocalServer) -> None:
    """Apply nothing any more."""
    replica.execute("STOP REPLICA" if replica.flavor is Flavor.MYSQL else "STOP SLAVE")


TROUBLES: dict[str, tuple[Callable[[LocalServer], Any], Callable[[LocalServer], Any]]] = {
    "lags": (lambda one: put_off(one, LONG_SECONDS), lambda one: put_off(one, 0)),
    "is killed": (lambda one: one.kill(), lambda one: one.start()),
    "stops replicating": (stop_replicating, lambda one: put_off(one, 0)),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_read_comes_from_a_reader_that(trouble, start, group):
    """Lags, or is gone: clients notice nothing, and it comes back by itself."""
    good, bad = group.replicas
    spoil, repair = TROUBLES[trouble]
    proxy = start(failover=PROMPT)
    with beating(group.primary), Crowd(proxy) as crowd:
        crowd.wait_for({good.port, bad.port})
        spoil(bad)
        crowd.wait_for({good.port})
        assert crowd.ports(3) == {good.port}
        repair(bad)
        crowd.wait_for({good.port, bad.port})
    assert crowd.errors == []


def test_without_readers_the_writer_serves(start, group):
    """Its clients notice nothing, and go back when there is one again."""
    with Crowd(start(failover=PROMPT)) as crowd:
        crowd.wait_for({replica.port for replica in group.replicas})
        for replica in group.replicas:
            replica.kill()
        crowd.wait_for({group.primary.port})
        group.replicas[0].start()
        crowd.wait_for({group.replicas[0].port})
    assert crowd.errors == []


def test_where_the_writer_may_not_serve_reads_wait_and_hear_so(start, group):
    """Like those for whom no connection comes free; who waits is served by who comes back."""
    settings = PROMPT | OWN_WRITES | {"fall_back_to_writer": False}
    proxy = start(failover=settings, pool={"connection_borrow_timeout": 3})
    with writing(proxy) as writer, reading(proxy) as reader, reading(proxy) as other:
        ask(writer, "UPDATE v SET v = v + 1")
        readers = {replica.port for replica in group.replicas}
        assert ask(reader, "SELECT @@port")[0][0] in readers
        for replica in group.replicas:
            replica.kill()
        deadline = time.monotonic() + WELL_SECONDS
        while (code := hear(reader, "SELECT @@port")) != NO_READER:
            assert code == 0
            assert time.monotonic() < deadline
        assert hear(other, "SELECT v FROM v") == NO_READER
        assert hear(writer, "UPDATE v SET v = v + 1") == 0
        group.replicas[0].start()
        while hear(reader, "SELECT 1") == NO_READER:
            assert time.monotonic() < deadline
        assert ask(other, "SELECT @@port") == ((group.replicas[0].port,),)


def test_a_write_to_a_reader_gets_the_servers_own_error(start, group):
    """Word for word, and the connection goes on."""
    with reading(start()) as reader:
        text = "INSERT INTO things VALUES (9, 'nine')"
        with pytest.raises(pymysql.MySQLError) as told:
            ask(reader, text)
        assert told.value.args[0] == READ_ONLY
        replica = group.replicas[0]
        with (
            contextlib.closing(
                replica.connect(user="app", password="app-secret-1", database="shop")
            ) as direct,
            pytest.raises(pymysql.MySQLError) as expected,
        ):
            ask(direct, text)
        assert told.value.args == expected.value.args
        assert ask(reader, "SELECT COUNT(*) FROM things WHERE id = 9") == ((0,),)
