"""Backends of a real server are killed under real clients: what each hears, what is left.

Rows are counted afterwards: nothing is there twice, and nothing is gone that was acknowledged.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pymysql
import pytest
from pymysql.constants import COMMAND

from proxy.embedded import Flavor, Server

pytestmark = pytest.mark.live

DEADLOCK = 1213
LOST = 2013
WAIT_SECONDS = 20
WORKERS = 6
ROWS = 120


@pytest.fixture
def server(any_server: Server) -> Iterator[Server]:
    """A server with an empty table."""
    any_server.execute(
        "CREATE DATABASE test_losses", "CREATE TABLE test_losses.t (who INT, number INT)"
    )
    yield any_server
    any_server.execute("SET GLOBAL read_only = 0", "DROP DATABASE test_losses")


@pytest.fixture
def connect(server: Server, serve: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    """Log in to a proxy in front of the server, which watches for the one that takes writes."""
    target_group = {
        "targets": [{"address": f"{server.host}:{server.port}"}],
        "topology": "REPLICATION",
        "failover": {"monitor_username": "admin"},
        "connection_pool_config": {"max_connections": WORKERS, "connection_borrow_timeout": 30},
    }
    with contextlib.ExitStack() as stack:
        proxy = serve(server, settings={"target_group": target_group})

        def connected() -> Any:
            client = proxy.connect(database="test_losses", autocommit=True)
            return stack.enter_context(contextlib.closing(client))

        yield connected


def ask(client: Any, text: str) -> Any:
    """Run a statement; its rows."""
    with client.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def read_all(client: Any) -> None:
    """Read packets until the connection ends."""
    while client._read_packet():
        pass


def backends(server: Server, doing: str = "%") -> list[int]:
    """The connections of the proxy's that run such a statement."""
    rows = server.execute(
        "SELECT id FROM information_schema.processlist WHERE user = 'app' "
        f"AND COALESCE(info, '') LIKE '{doing}'"
    )
    return [row[0] for row in rows]


def kill(server: Server, doing: str = "%") -> int:
    """End them; how many there were."""
    found = backends(server, doing)
    for number in found:
        with contextlib.suppress(pymysql.err.OperationalError, pymysql.err.InternalError):
            server.execute(f"KILL CONNECTION {number}")
    return len(found)


def kill_when_busy(server: Server, doing: str) -> None:
    """End the one that runs such a statement, once it does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not kill(server, doing):
        assert time.monotonic() < deadline, "the statement does not run"
        time.sleep(0.02)


def rows(server: Server) -> list[tuple[int, int]]:
    """What the table has."""
    return [(who, number) for who, number in server.execute("SELECT * FROM test_losses.t")]


@contextlib.contextmanager
def meanwhile(client: Any, text: str) -> Iterator[Future[Any]]:
    """Run a statement in a thread for the length of a block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask, client, text)


def test_idle_clients_hear_nothing(server: Server, connect: Callable[[], Any]) -> None:
    """Their next statement runs on another connection, a write as well, and once."""
    clients = [connect() for _ in range(WORKERS)]
    for client in clients:
        ask(client, "SELECT 1")
    assert kill(server)
    for number, client in enumerate(clients):
        ask(client, f"INSERT INTO t VALUES (1, {number})")
    assert sorted(rows(server)) == [(1, number) for number in range(WORKERS)]


def test_a_transaction_hears_one_error(server: Server, connect: Callable[[], Any]) -> None:
    """It was rolled back and can be run again, on the same connection and session."""
    client = connect()
    ask(client, "SET time_zone = '+03:00'")
    for statement in ("SELECT * FROM t", "INSERT INTO t VALUES (2, 2)", "COMMIT"):
        ask(client, "BEGIN")
        ask(client, "INSERT INTO t VALUES (1, 1)")
        kill(server)
        with pytest.raises(pymysql.err.OperationalError) as caught:
            ask(client, statement)
        assert caught.value.args[0] == DEADLOCK
        assert rows(server) == []
    ask(client, "BEGIN")
    ask(client, "INSERT INTO t VALUES (1, 1)")
    ask(client, "COMMIT")
    assert rows(server) == [(1, 1)]
    assert ask(client, "SELECT @@time_zone") == (("+03:00",),)


def test_a_slow_read_runs_again(server: Server, connect: Callable[[], Any]) -> None:
    """The client gets its rows, as if nothing had been."""
    client = connect()
    with meanwhile(client, "SELECT SLEEP(2), 77") as answer:
        kill_when_busy(server, "SELECT SLEEP(2)%")
    assert answer.result() == ((0, 77),)


def test_a_slow_write_is_not_run_again(server: Server, connect: Callable[[], Any]) -> None:
    """Its outcome is unknown, and the connection goes on."""
    client = connect()
    text = "INSERT INTO t SELECT 1, 77 + SLEEP(2)"
    with meanwhile(client, text) as answer:
        kill_when_busy(server, "INSERT INTO t SELECT%")
    error = answer.exception()
    assert isinstance(error, pymysql.err.OperationalError)
    assert error.args[0] == LOST
    assert "outcome is unknown" in error.args[1]
    ask(client, "INSERT INTO t VALUES (2, 2)")
    found = Counter(rows(server))
    assert found[2, 2] == 1
    assert found[1, 77] <= 1


def test_the_outcome_of_a_commit_is_unknown(server: Server, connect: Callable[[], Any]) -> None:
    """It was sent, and nobody answered; the connection goes on."""
    client = connect()
    ask(client, "BEGIN")
    ask(client, "INSERT INTO t VALUES (1, 1)")
    with contextlib.closing(server.connect()) as root:
        ask(root, "FLUSH TABLES WITH READ LOCK")
        with meanwhile(client, "COMMIT") as answer:
            kill_when_busy(server, "COMMIT")
            error = answer.exception()
        ask(root, "UNLOCK TABLES")
    assert isinstance(error, pymysql.err.OperationalError)
    assert error.args[0] == LOST
    assert "outcome is unknown" in error.args[1]
    assert ask(client, "SELECT 1") == ((1,),)
    assert Counter(rows(server))[1, 1] <= 1


def test_a_cut_result_ends_the_connection(server: Server, connect: Callable[[], Any]) -> None:
    """Its client never takes a part of the rows for all."""
    client = connect()
    text = (
        "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 900) "
        "SELECT a, REPEAT('x', 30000), IF(a = 900, SLEEP(5), 0) FROM n"
    )
    client._execute_command(COMMAND.COM_QUERY, text)
    assert client._read_packet().get_all_data() == b"\x03"
    kill_when_busy(server, "WITH RECURSIVE n%")
    with pytest.raises(pymysql.err.OperationalError):
        read_all(client)
    assert client._sock is None
    assert ask(connect(), "SELECT 1") == ((1,),)


def test_a_server_that_takes_no_writes_is_waited_for(
    server: Server, connect: Callable[[], Any]
) -> None:
    """A transaction hears that it was rolled back; a single write waits and runs once."""
    option = "super_read_only" if server.flavor is Flavor.MYSQL else "read_only"
    writer, other = connect(), connect()
    ask(other, "BEGIN")
    ask(other, "INSERT INTO t VALUES (2, 2)")
    server.execute(f"SET GLOBAL {option} = 1")
    with meanwhile(writer, "INSERT INTO t VALUES (1, 1)") as answer:
        with pytest.raises(pymysql.err.OperationalError) as caught:
            ask(other, "COMMIT")
        assert caught.value.args[0] == DEADLOCK
        server.execute("SET GLOBAL read_only = 0")
        assert not answer.result()
    assert rows(server) == [(1, 1)]


class Worker:
    """A client that writes numbered rows and keeps a book of what it was told."""

    def __init__(self, client: Any, who: int) -> None:
        self.client = client
        self.who = who
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()
        self.rolled_back = 0

    def run(self) -> None:
        """Write all rows: one by one, and every other one in a transaction."""
        for number in range(ROWS):
            try:
                self._write(number)
            except pymysql.err.OperationalError as error:
                code, text = error.args
                if code == DEADLOCK:
                    self.rolled_back += 1
                elif "outcome is unknown" in text:
                    self.unknown.add(number)
                else:
                    raise
            else:
                self.acknowledged.add(number)
            assert ask(self.client, "SELECT 1") == ((1,),)

    def _write(self, number: int) -> None:
        insert = f"INSERT INTO t VALUES ({self.who}, {number})"
        if number % 2:
            ask(self.client, insert)
        else:
            for text in ("BEGIN", insert, "COMMIT"):
                ask(self.client, text)


def test_no_row_is_lost_or_there_twice(server: Server, connect: Callable[[], Any]) -> None:
    """Whatever is killed and when: acknowledged rows are there once, others at most once."""
    workers = [Worker(connect(), who) for who in range(WORKERS)]
    done = threading.Event()
    with ThreadPoolExecutor(WORKERS + 1) as pool:
        writing = [pool.submit(worker.run) for worker in workers]

        def disturb() -> None:
            while not done.wait(0.05):
                kill(server)

        disturbing = pool.submit(disturb)
        try:
            for future in writing:
                future.result()
        finally:
            done.set()
        disturbing.result()
    found = Counter(rows(server))
    assert set(found.values()) <= {1}
    for worker in workers:
        kept = {number for who, number in found if who == worker.who}
        assert worker.acknowledged <= kept
        assert kept <= worker.acknowledged | worker.unknown
