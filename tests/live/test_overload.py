"""More clients than connections, before real servers: who is served when, who hears what."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymysql
import pytest

from proxy.config.model import MAX_WORKERS
from proxy.embedded import Server
from tests.support.loopback import wait_until
from tests.support.process import WORKERS, RunningProxy

pytestmark = pytest.mark.live

TIMED_OUT = 9501
NO_ROOM = 1040
CROWD = 30
QUEUE = 10
STORM = 300
THREADS = 50
"""They are told to connect by so many threads, which is as fast as these can."""

WAIT_SECONDS = 30


@pytest.fixture
def server(mysql_server: Server) -> Iterator[Server]:
    """A server with an empty table that numbers its rows; who waits in line waits before it."""
    mysql_server.execute(
        "CREATE DATABASE test_overload",
        "CREATE TABLE test_overload.t (place INT AUTO_INCREMENT PRIMARY KEY, who INT)",
    )
    yield mysql_server
    mysql_server.execute("DROP DATABASE test_overload")


def ask(client: Any, text: str) -> Any:
    """Run a statement; its rows."""
    with client.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def hear(client: Any, text: str) -> int:
    """Run a statement; the number of its error, 0 for none."""
    try:
        ask(client, text)
    except pymysql.MySQLError as error:
        return int(error.args[0])
    return 0


@contextlib.contextmanager
def crowd(proxy: RunningProxy, count: int) -> Iterator[list[Any]]:
    """So many clients that have logged in."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                contextlib.closing(proxy.connect(database="test_overload", autocommit=True))
            )
            for _ in range(count)
        ]


@contextlib.contextmanager
def occupied(proxy: RunningProxy) -> Iterator[Callable[[], None]]:
    """Somebody has the only connection until the function is called."""
    with crowd(proxy, 1) as [holder]:
        ask(holder, "BEGIN")
        assert ask(holder, "SELECT 1") == ((1,),)
        yield holder.rollback
        holder.rollback()


def apart(clients: list[Any]) -> tuple[list[Any], list[Any]]:
    """One client of each worker, and the others: where there are several, numbers name them."""
    ones: dict[int, Any] = {}
    for client in clients:
        number = client.thread_id() % (MAX_WORKERS + 1) if WORKERS > 1 else 0
        ones.setdefault(number, client)
    assert len(ones) == WORKERS
    onlookers = [*ones.values()]
    return onlookers, [client for client in clients if client not in onlookers]


def rising_parts(numbers: Iterable[int]) -> int:
    """How many rising sequences these are made of, at least."""
    ends: list[int] = []
    for number in numbers:
        lower = [end for end in ends if end < number]
        if lower:
            ends.remove(max(lower))
        ends.append(number)
    return len(ends)


def send(client: Any, text: str) -> None:
    """Send a statement, and do not wait for its answer."""
    client._execute_command(pymysql.constants.COMMAND.COM_QUERY, text)


def answer(client: Any) -> int:
    """Wait for the answer to what was sent; the number of its error, 0 for none."""
    try:
        client._read_query_result()
    except pymysql.MySQLError as error:
        return int(error.args[0])
    return 0


def answered(clients: list[Any]) -> list[Any]:
    """Those for whom an answer has come that nobody has read yet."""
    there, _, _ = select.select([client._sock for client in clients], [], [], 0)
    return [client for client in clients if client._sock in there]


def wait_until_read(onlookers: list[Any]) -> None:
    """Until the proxy has read what was sent to it before: it answers what comes afterwards.

    Args:
        onlookers: A client of each worker.
    """
    for onlooker in onlookers:
        onlooker.ping(reconnect=False)


def test_who_comes_first_is_served_first(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """Thirty clients wait for one connection, and their rows have the order of their coming.

    Where there are several workers, those of each of them have.
    """
    proxy = serve(server, pool={"max_connections": 1})
    with crowd(proxy, CROWD + 2 * WORKERS) as everybody:
        onlookers, clients = apart(everybody)
        clients = clients[:CROWD]
        with occupied(proxy) as let_go:
            for number, client in enumerate(clients):
                send(client, f"INSERT INTO t (who) VALUES ({number})")
                wait_until_read(onlookers)
            let_go()
        assert [answer(client) for client in clients] == [0] * CROWD
    rows = server.execute("SELECT who FROM test_overload.t ORDER BY place")
    assert len(rows) == CROWD
    assert rising_parts(who for (who,) in rows) <= WORKERS


def test_nobody_starves_who_asks_seldom(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """One that asks once gets its answer while others ask on and on."""
    proxy = serve(server, pool={"max_connections": 1})
    ended = threading.Event()

    def insist(client: Any) -> int:
        count = 0
        while not ended.is_set():
            ask(client, "SELECT SLEEP(0.001)")
            count += 1
        return count

    with crowd(proxy, 11) as [calm, *others], ThreadPoolExecutor(len(others)) as pool:
        insisting = [pool.submit(insist, client) for client in others]
        try:
            asked = [ask(calm, f"SELECT {number}") for number in range(20)]
        finally:
            ended.set()
        assert asked == [((number,),) for number in range(20)]
        assert all(one.result(WAIT_SECONDS) for one in insisting)


def test_who_waits_too_long_hears_so_and_stays(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """Error 9501 to each, nothing is run of what it asked, and the next statement is served."""
    proxy = serve(server, pool={"max_connections": 1, "connection_borrow_timeout": 0.5})
    with crowd(proxy, CROWD) as clients:
        with occupied(proxy):
            for client in clients:
                send(client, "INSERT INTO t (who) VALUES (1)")
            assert {answer(client) for client in clients} == {TIMED_OUT}
        assert [hear(client, "INSERT INTO t (who) VALUES (2)") for client in clients] == (
            [0] * CROWD
        )
    rows = server.execute("SELECT who FROM test_overload.t")
    assert Counter(who for (who,) in rows) == {2: CROWD}


def test_whom_the_queue_does_not_hold_hears_so_at_once(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """Beyond max_waiting there is error 9501 without a wait; those in the queue are served.

    Each worker has a queue of its own.
    """
    proxy = serve(server, pool={"max_connections": 1, "max_waiting": QUEUE})
    with crowd(proxy, CROWD * WORKERS) as everybody:
        onlookers, clients = apart(everybody)
        with occupied(proxy) as let_go:
            for client in clients:
                send(client, "INSERT INTO t (who) VALUES (1)")
                wait_until_read(onlookers)
            wait_until(lambda: len(answered(clients)) == len(clients) - QUEUE * WORKERS)
            refused = answered(clients)
            waiting = [client for client in clients if client not in refused]
            assert waiting[:QUEUE] == clients[:QUEUE]
            assert {answer(client) for client in refused} == {TIMED_OUT}
            let_go()
        assert {answer(client) for client in waiting} == {0}
        assert {hear(client, "SELECT 1") for client in clients} == {0}


def storm(proxy: RunningProxy, count: int) -> tuple[list[Any], Counter[int]]:
    """So many clients that come at once and ask; those that got in, and what all heard."""
    inside: list[Any] = []
    heard: Counter[int] = Counter()

    def come(number: int) -> int:
        try:
            client = proxy.connect(database="test_overload", autocommit=True)
        except pymysql.MySQLError as error:
            return int(error.args[0])
        inside.append(client)
        assert ask(client, f"SELECT {number}") == ((number,),)
        return 0

    with ThreadPoolExecutor(THREADS) as pool:
        heard.update(pool.map(come, range(count)))
    return inside, heard


def test_a_storm_of_logins_is_served(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """Three hundred clients come at once to four connections, and each gets its own answer."""
    inside, heard = storm(serve(server), STORM)
    for client in inside:
        client.close()
    assert heard == {0: STORM}


def test_a_storm_beyond_the_limit_is_served_or_told_so(
    server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """As many as there is room for get in, each other hears 1040, and room comes back."""
    proxy = serve(server, settings={"max_clients": 100})
    inside, heard = storm(proxy, STORM)
    assert heard == {0: 100, NO_ROOM: STORM - 100}
    for client in inside:
        client.close()
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        inside, heard = storm(proxy, 50)
        for client in inside:
            client.close()
        if heard == {0: 50}:
            break
        assert time.monotonic() < deadline, heard
