"""A running proxy is replaced by a new process while clients work: nobody hears an error."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import mysql.connector
import pymysql
import pytest

from tests.support.handover import Succession, wait_until
from tests.support.process import ACCOUNTS

pytestmark = pytest.mark.live

CLIENTS = 30
TIMES = 3


@pytest.fixture
def succession(serve, any_server) -> Iterator[Succession]:
    """A proxy in front of a real server, and a table; processes end with the test."""
    any_server.execute("CREATE TABLE IF NOT EXISTS shop.passed (id INT PRIMARY KEY, n INT)")
    any_server.execute("DELETE FROM shop.passed")
    one = Succession(serve(any_server, pool={"max_connections": 10}))
    try:
        yield one
    finally:
        one.end()


class Worker(threading.Thread):
    """A client with a session of its own, which it checks again and again.

    Attributes:
        rounds: How often it has found everything as it should be.
        trouble: What it has heard instead.
    """

    def __init__(self, succession: Succession, number: int) -> None:
        super().__init__()
        self.number = number
        self.rounds = 0
        self.trouble: list[BaseException] = []
        self.stop = threading.Event()
        self._client = succession.first.connect(database="shop", autocommit=True)
        with self._client.cursor() as cursor:
            cursor.execute("SET NAMES latin1")
            cursor.execute("SET SESSION group_concat_max_len = %s", (2000 + number,))
            cursor.execute("SET @mine = %s, @word = %s", (number, f"it's {number}"))
            cursor.execute("INSERT INTO passed VALUES (%s, 0)", (number,))

    def run(self) -> None:
        try:
            with self._client.cursor() as cursor:
                while not self.stop.is_set():
                    self._once(cursor)
                    self.rounds += 1
        except (pymysql.Error, AssertionError) as error:
            self.trouble.append(error)
        finally:
            self._client.close()

    def _once(self, cursor) -> None:
        cursor.execute("UPDATE passed SET n = n + 1 WHERE id = %s", (self.number,))
        cursor.execute(
            "SELECT @mine, @word, @@group_concat_max_len, @@character_set_client, DATABASE()"
        )
        mine, word, length, charset, schema = cursor.fetchone()
        assert (int(mine), word, length) == (
            self.number,
            f"it's {self.number}",
            2000 + self.number,
        )
        assert (charset, schema) == ("latin1", "shop")
        cursor.execute("SELECT n FROM passed WHERE id = %s", (self.number,))
        assert cursor.fetchone() == (self.rounds + 1,)


def test_clients_that_work_hear_nothing_of_it(succession):
    """Thirty busy sessions keep what they have set through three hand-overs."""
    workers = [Worker(succession, number) for number in range(CLIENTS)]
    for worker in workers:
        worker.start()
    try:
        for place in range(TIMES):
            succession.replace()
            wait_until(lambda place=place: succession.has_ended(place))
            rounds = [worker.rounds for worker in workers]
            wait_until(
                lambda rounds=rounds: all(
                    worker.rounds > before + 2 or worker.trouble
                    for worker, before in zip(workers, rounds, strict=True)
                )
            )
    finally:
        for worker in workers:
            worker.stop.set()
        for worker in workers:
            worker.join()
    assert [worker.trouble for worker in workers if worker.trouble] == []
    assert len(succession.pids) == 1 + TIMES


def test_new_clients_are_never_refused(succession):
    """Whoever connects while processes change is let in, by one of them."""
    stop, trouble, count = threading.Event(), [], [0]

    def keep_coming():
        while not stop.is_set():
            try:
                with succession.first.connect(database="shop") as client:
                    client.query("SELECT 1")
                count[0] += 1
            except pymysql.Error as error:
                trouble.append(error)

    coming = threading.Thread(target=keep_coming)
    coming.start()
    try:
        for _ in range(TIMES):
            before = count[0]
            succession.replace()
            wait_until(lambda before=before: count[0] > before + 2 or trouble)
    finally:
        stop.set()
        coming.join()
    assert trouble == []


def test_a_transaction_ends_where_it_began(succession):
    """A client in a transaction stays with the old process until it has committed."""
    with (
        succession.first.connect(database="shop") as client,
        client.cursor() as cursor,
    ):
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO passed VALUES (500, 1)")
        succession.replace()
        cursor.execute("INSERT INTO passed VALUES (501, 1)")
        assert not succession.has_ended(0)
        client.commit()
        wait_until(lambda: succession.has_ended(0))
        cursor.execute("SELECT COUNT(*) FROM passed WHERE id IN (500, 501)")
        assert cursor.fetchone() == (2,)


def test_what_pins_stays_where_it_is(succession):
    """A temporary table is there as long as it is needed; without it the client goes."""
    with (
        succession.first.connect(database="shop", autocommit=True) as client,
        client.cursor() as cursor,
    ):
        cursor.execute("CREATE TEMPORARY TABLE mine (a INT)")
        cursor.execute("INSERT INTO mine VALUES (7)")
        succession.replace()
        cursor.execute("SELECT a FROM mine")
        assert cursor.fetchone() == (7,)
        assert not succession.has_ended(0)
        cursor.execute("DROP TEMPORARY TABLE mine")
        wait_until(lambda: succession.has_ended(0))
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_what_a_statement_left_goes_along(succession):
    """LAST_INSERT_ID(), warnings, and counts are what they were before."""
    with (
        succession.first.connect(database="shop", autocommit=True) as client,
        client.cursor() as cursor,
    ):
        cursor.execute(
            "CREATE TEMPORARY TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, a INT) "
            "AUTO_INCREMENT = 41"
        )
        cursor.execute("INSERT INTO numbered (a) VALUES (1)")
        cursor.execute("DROP TEMPORARY TABLE numbered")
        cursor.execute("SELECT CAST('9x' AS SIGNED)")
        cursor.fetchall()
        succession.replace()
        wait_until(lambda: succession.has_ended(0))
        cursor.execute("SHOW WARNINGS")
        assert [row[1] for row in cursor.fetchall()] == [1292]
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchone() == (41,)


def test_prepared_statements_go_along(succession):
    """Those of the binary protocol keep their ids and types, and are prepared again there."""
    client = mysql.connector.connect(
        host="127.0.0.1",
        port=succession.first.port,
        user="app",
        password=ACCOUNTS["app"],
        database="shop",
        autocommit=True,
        ssl_disabled=True,
        use_pure=True,
    )
    with contextlib.closing(client), client.cursor(prepared=True) as cursor:
        text = "SELECT ? + 1, CONCAT(?, 'x')"
        cursor.execute(text, (1, "a"))
        assert [tuple(map(plain, row)) for row in cursor.fetchall()] == [(2, "ax")]
        for place in range(TIMES):
            succession.replace()
            wait_until(lambda place=place: succession.has_ended(place))
            cursor.execute(text, (place, "b"))
            assert [tuple(map(plain, row)) for row in cursor.fetchall()] == [(place + 1, "bx")]


def test_a_reset_and_a_change_of_user_are_as_before(succession):
    """The new process knows what the login was, and the challenge that the client was sent."""
    client = mysql.connector.connect(
        host="127.0.0.1",
        port=succession.first.port,
        user="app",
        password=ACCOUNTS["app"],
        database="shop",
        charset="latin1",
        collation="latin1_swedish_ci",
        autocommit=True,
        ssl_disabled=True,
        use_pure=True,
    )
    with contextlib.closing(client), client.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
        succession.replace()
        wait_until(lambda: succession.has_ended(0))
        # A quote that ends where nothing escapes it; a name in double quotes.
        cursor.execute("""SELECT 'a\\', "n" FROM (SELECT 1 AS n) AS t""")
        assert [tuple(map(plain, row)) for row in cursor.fetchall()] == [("a\\", 1)]
        client.cmd_reset_connection()
        cursor.execute("SELECT @@sql_mode LIKE '%ANSI_QUOTES%', DATABASE()")
        assert [tuple(map(plain, row)) for row in cursor.fetchall()] == [(0, "shop")]
        client.cmd_change_user("admin", ACCOUNTS["admin"], "shop")
        cursor.execute("SELECT USER()")
        ((user,),) = cursor.fetchall()
        assert plain(user).startswith("admin@")
        succession.replace()
        wait_until(lambda: succession.has_ended(1))
        client.cmd_change_user("app", ACCOUNTS["app"], "shop")
        cursor.execute("SELECT USER()")
        ((user,),) = cursor.fetchall()
        assert plain(user).startswith("app@")


def plain(value):
    """A value as Python has it, however this release of the driver gives texts."""
    return value.decode() if isinstance(value, bytes | bytearray) else value


def test_a_successor_that_does_not_come_up_changes_nothing(succession):
    """The old process says why, and its clients work on."""
    path = succession.first.log_path.with_name("mysqlproxy.yaml")
    good = path.read_text()
    with (
        succession.first.connect(database="shop") as client,
        client.cursor() as cursor,
    ):
        path.write_text(good.replace("endpoints", "end_points"))
        succession.first.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: succession.lines("the new process did not take over"))
        (line,) = succession.lines("the new process did not take over")
        assert "end_points" in str(line["why"])
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
        path.write_text(good)
        succession.replace()
        wait_until(lambda: succession.has_ended(0))
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
