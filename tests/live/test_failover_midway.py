"""The writer dies in the midst of what takes several steps: what is heard, and what goes on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import COMMAND

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from tests.support.failing_over import (
    HEALTH,
    SWITCHED,
    WAITS,
    Watching,
    address,
    heal,
    prepare,
    proxy_before,
)
from tests.support.regulars import (
    END_SECONDS,
    ROLLED_BACK,
    UNKNOWN,
    ask,
    execute_statement,
    fetch,
    hear,
    meanwhile,
    prepare_statement,
    regulars,
    rows,
)

pytestmark = pytest.mark.live

LOST = 2013


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicatedServers]:
    """A primary and a replica that has what was acknowledged."""
    with start_replicated(Flavor.MYSQL, semi_sync=True) as group:
        prepare(group.primary)
        group.primary.execute("SET GLOBAL local_infile = 1")
        group.replicas[0].execute("SET GLOBAL local_infile = 1")
        group.wait_until_caught_up()
        yield group


@pytest.fixture
def pair(servers: ReplicatedServers) -> Iterator[ReplicatedServers]:
    """The same, well again and with an empty ledger."""
    servers.primary.execute("TRUNCATE shop.ledger")
    servers.wait_until_caught_up()
    yield servers
    heal(servers)


@pytest.fixture
def proxy(pair: ReplicatedServers, tmp_path: Path) -> Iterator[Watching]:
    """A proxy that knows both."""
    with proxy_before(pair.servers, tmp_path) as proxy:
        proxy.wait_until_well()
        yield proxy


def fail_over(pair: ReplicatedServers, proxy: Watching) -> None:
    """Kill the writer and promote the other one."""
    pair.primary.kill()
    pair.promote()
    proxy.wait_for(SWITCHED, now=address(pair.primary))


def read_all(client: Any) -> None:
    """Read packets until the connection ends."""
    while client._read_packet():
        pass


def load(client: Any, text: str) -> Exception | None:
    """Run LOAD DATA; the error in which it ends, if any."""
    try:
        ask(client, text)
    except (pymysql.MySQLError, AttributeError) as error:  # it writes to what is closed
        return error
    return None


def change_user(client: Any, user: str, password: str) -> None:
    """Go on as another user, by COM_CHANGE_USER."""
    plugin = b"caching_sha2_password"
    charset = (255).to_bytes(2, "little")
    payload = user.encode() + b"\0" + b"\0" + b"shop\0" + charset + plugin + b"\0"
    client.password = password.encode()
    client._execute_command(COMMAND.COM_CHANGE_USER, payload)
    packet = client._read_packet()
    if packet.is_auth_switch_request():
        packet.read_uint8()
        client._process_auth(packet.read_string(), packet)


class Stepper:
    """Does something again and again in a thread, and notes each error."""

    def __init__(self, client: Any, step: Callable[[Any], object]) -> None:
        self.client = client
        self.steps = 0
        self.errors: list[tuple[int, str | None]] = []
        self.over = threading.Event()
        self._step = step

    def run(self) -> None:
        """Go on until it is over."""
        while not self.over.wait(0.01):
            try:
                self._step(self.client)
            except pymysql.MySQLError as error:
                self.errors.append((error.args[0], error.sqlstate))
            self.steps += 1

    def wait_for_steps(self, count: int = 5) -> None:
        """Wait until it has done so many more."""
        wanted, deadline = self.steps + count, time.monotonic() + END_SECONDS
        while self.steps < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextlib.contextmanager
def stepping(steppers: list[Stepper]) -> Iterator[None]:
    """Let them run for the length of a block."""
    with contextlib.ExitStack() as stack:
        futures = [stack.enter_context(meanwhile(one.run)) for one in steppers]
        try:
            for one in steppers:
                one.wait_for_steps()
            yield
            for one in steppers:
                one.wait_for_steps()
        finally:
            for one in steppers:
                one.over.set()
    for future in futures:
        future.result()


def test_logins_wait(pair: ReplicatedServers, proxy: Watching) -> None:
    """Whoever logs in all the time, or as another user, has no error."""

    def changes_user(client: Any) -> None:
        change_user(client, "other", "other-secret-1")
        assert ask(client, "SELECT name FROM things WHERE id = 1") == (("one",),)

    steppers = [Stepper(proxy.connect(), changes_user) for _ in range(3)]
    with regulars(proxy.connect, comes_and_goes=4), stepping(steppers):
        fail_over(pair, proxy)
    assert not [one.errors for one in steppers if one.errors]


def test_statements_are_prepared_on_the_new_writer(
    pair: ReplicatedServers, proxy: Watching
) -> None:
    """Who prepares and executes all the time hears nothing; old statements go on."""

    def prepares(client: Any) -> None:
        number = prepare_statement(client, "SELECT id, name FROM things")
        assert len(execute_statement(client, number)) == 3
        client._execute_command(COMMAND.COM_STMT_CLOSE, number.to_bytes(4, "little"))

    kept: dict[Any, int] = {}

    def executes(client: Any) -> None:
        assert len(execute_statement(client, kept[client])) == 3

    steppers = [Stepper(proxy.connect(), step) for step in (prepares, executes) * 3]
    for one in steppers:
        kept[one.client] = prepare_statement(one.client, "SELECT name FROM things")
    with stepping(steppers):
        fail_over(pair, proxy)
    assert not [one.errors for one in steppers if one.errors]


def test_a_cursor_is_named(pair: ReplicatedServers, proxy: Watching) -> None:
    """The next fetch says that it is gone; the statement and the connection go on."""
    client = proxy.connect()
    number = prepare_statement(client, "SELECT id, name FROM things")
    execute_statement(client, number, cursor=True)
    assert len(fetch(client, number, 1)) == 1
    fail_over(pair, proxy)
    with pytest.raises(pymysql.MySQLError, match=r"(?i)cursor"):
        fetch(client, number, 1)
    assert len(execute_statement(client, number)) == 3
    client.close()


def test_a_temporary_table_is_named(pair: ReplicatedServers, proxy: Watching) -> None:
    """Whatever cannot move is named once, and the connection goes on without it."""
    client, locker = proxy.connect(), proxy.connect()
    ask(client, "CREATE TEMPORARY TABLE mine (a INT)")
    ask(locker, "SELECT GET_LOCK('mine', 1)")
    fail_over(pair, proxy)
    error = hear(client, "SELECT 1")
    assert error.code == LOST
    assert "temporary table" in error.said.lower().replace("_", " ")
    error = hear(locker, "SELECT 1")
    assert error.code == LOST
    assert "lock" in error.said.lower()
    for one in (client, locker):
        assert hear(one, "SELECT 1").rows == ((1,),)
        one.close()


def test_load_data_is_told_as_unknown(
    pair: ReplicatedServers, proxy: Watching, tmp_path: Path
) -> None:
    """It is not sent a second time, whichever part of it was under way."""
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"1,{number},{'x' * 100}\n" for number in range(300_000)))
    client = proxy.connect(local_infile=True)
    text = (
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE ledger FIELDS TERMINATED BY ',' "
        "(who, number, t)"
    )
    with meanwhile(load, client, text) as loaded:
        running = "SELECT COUNT(*) FROM performance_schema.processlist WHERE info LIKE 'LOAD%'"
        deadline = time.monotonic() + END_SECONDS
        while pair.primary.execute(running) == ((0,),):
            assert time.monotonic() < deadline
        fail_over(pair, proxy)
    error = loaded.result()
    assert error is None or getattr(error, "sqlstate", None) in (None, UNKNOWN[1]), error
    assert set(rows(pair.primary).values()) <= {1}
    assert len(rows(pair.primary)) in (0, 300_000)
    again = proxy.connect()
    assert ask(again, "SELECT 1") == ((1,),)
    again.close()


def test_half_a_result_ends_the_connection(pair: ReplicatedServers, proxy: Watching) -> None:
    """Nobody takes a part of the rows for all; others do not hear of it."""
    client, other = proxy.connect(), proxy.connect()
    text = (
        "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 900) "
        "SELECT a, REPEAT('x', 100000) FROM n"
    )
    client._execute_command(COMMAND.COM_QUERY, text)
    assert client._read_packet().get_all_data() == b"\x02"
    fail_over(pair, proxy)
    with pytest.raises(pymysql.err.OperationalError):
        read_all(client)
    assert not client.open
    assert ask(other, "SELECT @@port") == ((pair.primary.port,),)
    other.close()


def test_long_statements(pair: ReplicatedServers, proxy: Watching) -> None:
    """A read runs again where it had not answered; of a write nobody knows."""
    reader, writer, buyer = (proxy.connect() for _ in range(3))
    ask(buyer, "BEGIN")
    with (
        meanwhile(hear, reader, "SELECT SLEEP(1.5), @@port") as read,
        meanwhile(
            hear, writer, "INSERT INTO ledger (who, number) SELECT 1, 1 + SLEEP(1.5)"
        ) as written,
        meanwhile(hear, buyer, "SELECT SLEEP(1.5)") as bought,
    ):
        time.sleep(0.5)
        fail_over(pair, proxy)
    assert read.result().rows == ((0, pair.primary.port),)
    assert written.result().kind == UNKNOWN
    assert bought.result().kind == ROLLED_BACK
    for client in (reader, writer, buyer):
        assert hear(client, "SELECT 1").rows == ((1,),)
        client.close()


def test_nobody_waits_for_longer_than_is_allowed(
    pair: ReplicatedServers, tmp_path: Path
) -> None:
    """Without a writer a statement ends when the wait for a connection does."""
    pool = {"connection_borrow_timeout": 3}
    with proxy_before(pair.servers, tmp_path, pool=pool) as proxy:
        client = proxy.connect()
        ask(client, "SET @mark = 7, time_zone = '+03:00'")
        proxy.read_sessions()
        pair.primary.kill()
        proxy.wait_for(WAITS)
        proxy.wait_for(HEALTH, condition="not there")
        heard = hear(client, "SELECT 1")
        assert heard.code == 9501
        pair.promote()
        proxy.wait_for(SWITCHED)
        seen = ask(client, "SELECT @mark, @@time_zone, @@port")
        assert seen == ((7, "+03:00", pair.primary.port),)
        client.close()
