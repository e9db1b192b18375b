"""Each row of the table of pins (docs/pinning.csv), through a real proxy.

One client does what the row is about on the only connection; whether another one gets it then
is what the row says, and after the ending it does.
"""

from __future__ import annotations

import contextlib
import csv
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import pymysql
import pytest
from click.testing import CliRunner
from pymysql.constants import CLIENT, COMMAND

from proxy.cli.main import main
from proxy.embedded import Flavor
from tests.support.process import running_proxy

pytestmark = pytest.mark.live

TABLE = Path(__file__).resolve().parents[2] / "docs" / "pinning.csv"
SAID = {
    row["Row"]: row["mysqlproxy"]
    for row in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
}
BORROW_TIMEOUT = 9501
RESET_CONNECTION = 0x1F
CURSOR_READ_ONLY = 1
VARCHAR = 253


class Talker:
    """A client: statements as text, and commands that drivers hide."""

    def __init__(self, proxy, user: str, flavor: Flavor) -> None:
        self.flavor = flavor
        self.connection = proxy.connect(
            user,
            database="test_pins",
            autocommit=True,
            ssl_disabled=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
        self.statement = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def run(self, step: str | Callable[[Talker], object]) -> Any:
        """Do a step; the rows of a statement's first result."""
        if callable(step):
            return step(self)
        with self.connection.cursor() as cursor:
            cursor.execute(step)
            rows = cursor.fetchall()
            while cursor.nextset():
                pass
        return rows

    def gets_through(self) -> bool:
        """Whether there is a connection for it."""
        try:
            return self.run("SELECT 1") == ((1,),)
        except pymysql.OperationalError as error:
            if error.args[0] != BORROW_TIMEOUT:
                raise
            return False

    def send(self, command: int, payload: bytes) -> None:
        self.connection._execute_command(command, payload)

    def packet(self) -> bytes:
        return self.connection._read_packet().get_all_data()

    def until_end(self) -> None:
        data = b""
        while not (data[:1] == b"\xfe" and len(data) < 9):
            data = self.packet()


def reset(client: Talker) -> None:
    client.send(RESET_CONNECTION, b"")
    client.packet()


def prepare(text: str) -> Callable[[Talker], None]:
    def step(client: Talker) -> None:
        client.send(COMMAND.COM_STMT_PREPARE, text.encode())
        client.statement, columns, parameters = struct.unpack_from("<IHH", client.packet(), 1)
        for count in (parameters, columns):
            if count:
                client.until_end()

    return step


def execute(client: Talker) -> None:
    payload = struct.pack("<IBI", client.statement, 0, 1)
    client.send(COMMAND.COM_STMT_EXECUTE, payload)
    client.packet()
    client.until_end()
    client.until_end()


def open_cursor(client: Talker) -> None:
    payload = struct.pack("<IBI", client.statement, CURSOR_READ_ONLY, 1)
    client.send(COMMAND.COM_STMT_EXECUTE, payload)
    client.packet()
    client.until_end()


def fetch(rows: int) -> Callable[[Talker], None]:
    def step(client: Talker) -> None:
        client.send(COMMAND.COM_STMT_FETCH, struct.pack("<II", client.statement, rows))
        client.until_end()

    return step


def send_long_data(client: Talker) -> None:
    """It has no answer; that of the ping says that it has arrived."""
    client.send(COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", client.statement, 0) + b"x")
    client.connection.ping(reconnect=False)


def execute_long(client: Talker) -> None:
    payload = struct.pack("<IBIBBH", client.statement, 0, 1, 0, 1, VARCHAR)
    client.send(COMMAND.COM_STMT_EXECUTE, payload)
    client.packet()


def either(mysql: str, mariadb: str) -> Callable[[Talker], None]:
    """Take the statement of the server's own kind."""

    def step(client: Talker) -> None:
        client.run(mysql if client.flavor is Flavor.MYSQL else mariadb)

    return step


Step = str | Callable[[Talker], object]


@attrs.frozen
class Case:
    """How a row is run.

    Attributes:
        steps: What the first client does.
        ending: What ends the pin, where there is one.
        then: A statement by which what was set is seen, and its rows.
        user: The account of both clients.
        only: The flavor that has it.
    """

    steps: tuple[Step, ...] = ()
    ending: tuple[Step, ...] = (reset,)
    then: tuple[str, Callable[[Any], bool]] | None = None
    user: str = "app"
    only: Flavor | None = None


def one(value: object) -> Callable[[Any], bool]:
    """The only row has this value."""
    return lambda rows: rows == ((value,),)


LARGE = f"SELECT LENGTH('{'x' * 20_000}')"

CASES: Mapping[str, Case] = {
    "transaction": Case(("START TRANSACTION", "SELECT * FROM five"), ("COMMIT",)),
    "session-variable": Case(
        ("SET SESSION group_concat_max_len = 2000, foreign_key_checks = 0",),
        then=("SELECT @@group_concat_max_len + @@foreign_key_checks", one(2000)),
    ),
    "connection-variable": Case(("SET SESSION rand_seed1 = 7",), user="admin"),
    "set-names": Case(
        ("SET NAMES latin1",), then=("SELECT @@character_set_client", one("latin1"))
    ),
    "schema": Case(("USE test_pins_two",), then=("SELECT DATABASE()", one("test_pins_two"))),
    "autocommit": Case(
        ("SET autocommit = 0", "INSERT INTO t (name) VALUES ('a')", "COMMIT"),
        then=("SELECT @@autocommit", one(0)),
    ),
    "next-transaction": Case(
        (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
            "START TRANSACTION",
            "COMMIT",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        ),
    ),
    "user-variable": Case(("SET @a = 7", "SELECT @b := 8"), then=("SELECT @a + @b", one(15))),
    "prepared-statement": Case((prepare("SELECT name FROM five"), execute)),
    "text-prepare": Case(
        (
            "PREPARE one FROM 'SELECT 1'",
            "PREPARE two FROM 'SELECT 2'",
            "EXECUTE two",
            "DEALLOCATE PREPARE one",
        ),
        ("DEALLOCATE PREPARE two",),
    ),
    "last-insert-id": Case(
        ("INSERT INTO t (name) VALUES ('a')",),
        then=("SELECT LAST_INSERT_ID()", lambda rows: rows[0][0] > 0),
    ),
    "warnings": Case(
        ("SELECT CAST('x' AS SIGNED)",),
        then=("SHOW WARNINGS", lambda rows: [row[1] for row in rows] == [1292]),
    ),
    "diagnostics": Case(
        ("SELECT CAST('x' AS SIGNED)", "GET DIAGNOSTICS @count = NUMBER"),
        then=("SELECT @count", one(1)),
    ),
    "found-rows": Case(
        ("SELECT SQL_CALC_FOUND_ROWS name FROM five LIMIT 1",),
        then=("SELECT FOUND_ROWS()", one(5)),
    ),
    "row-count": Case(
        ("UPDATE five SET name = UUID() WHERE id <= 3",),
        then=("SELECT ROW_COUNT()", one(3)),
    ),
    "temporary-table": Case(
        (
            "CREATE TEMPORARY TABLE one (id INT)",
            "CREATE TEMPORARY TABLE two (id INT)",
            "DROP TEMPORARY TABLE one",
        ),
        ("DROP TABLE two",),
    ),
    "table-lock": Case(("LOCK TABLES five WRITE",), ("UNLOCK TABLES",)),
    "read-lock": Case(("FLUSH TABLES WITH READ LOCK",), ("UNLOCK TABLES",), user="admin"),
    "instance-lock": Case(
        (either("LOCK INSTANCE FOR BACKUP", "BACKUP STAGE START"),),
        (either("UNLOCK INSTANCE", "BACKUP STAGE END"),),
        user="admin",
    ),
    "named-lock": Case(
        (
            "SELECT GET_LOCK('pin one', 1)",
            "DO GET_LOCK('pin two', 1)",
            "DO RELEASE_LOCK('pin one')",
        ),
        ("SELECT RELEASE_LOCK('pin two')",),
    ),
    "handler": Case(
        (
            "HANDLER five OPEN",
            "HANDLER five OPEN AS other",
            "HANDLER five CLOSE",
            "HANDLER other READ FIRST",
        ),
        ("HANDLER other CLOSE",),
    ),
    "cursor": Case((prepare("SELECT name FROM five"), open_cursor, fetch(2)), (fetch(9),)),
    "long-data": Case(
        (prepare("INSERT INTO t (name) VALUES (?)"), send_long_data), (execute_long,)
    ),
    "role": Case(("SET ROLE NONE",)),
    "xa": Case(
        ("XA START 'pins'", "INSERT INTO t (name) VALUES ('a')", "XA END 'pins'"),
        ("XA ROLLBACK 'pins'",),
    ),
    "savepoint": Case(
        ("SET autocommit = 0", "SAVEPOINT one"), ("SELECT * FROM five", "COMMIT")
    ),
    "sequence": Case(("SELECT NEXTVAL(numbers)",), only=Flavor.MARIADB),
    "routine": Case(("CALL leaves_something()",)),
    "routine-granted": Case(("CALL leaves_something()",), user="admin", only=Flavor.MYSQL),
    "trigger": Case(("INSERT INTO watched VALUES (1)",)),
    "multi-statements": Case(("SELECT 1; SELECT 2",)),
    "large-statement": Case((LARGE,)),
    "executable-comment": Case(("SELECT /*!50000 1 + */ 1",)),
    "unknown-syntax": Case(
        (either("SELECT 1 /*!50000 /* inner */ + 1 */", "EXECUTE IMMEDIATE 'SELECT 1'"),)
    ),
}

SCHEMA = (
    "DROP DATABASE IF EXISTS test_pins",
    "DROP DATABASE IF EXISTS test_pins_two",
    "CREATE DATABASE test_pins",
    "CREATE DATABASE test_pins_two",
    "CREATE TABLE test_pins.t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))",
    "CREATE TABLE test_pins.five (id INT PRIMARY KEY, name VARCHAR(40))",
    "INSERT INTO test_pins.five VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')",
    "CREATE TABLE test_pins.watched (id INT)",
    "CREATE TRIGGER test_pins.seen BEFORE INSERT ON test_pins.watched FOR EACH ROW SET @x = 1",
    "CREATE PROCEDURE test_pins.leaves_something() SELECT 1 INTO @hidden",
)


ROWS = [(flavor, row) for flavor in Flavor for row in SAID if CASES[row].only in (None, flavor)]


@pytest.fixture(scope="module")
def served(request, tmp_path_factory):
    """Give a proxy for a flavor: one connection, for which others wait a second."""
    running = {}

    with contextlib.ExitStack() as stack:

        def start(flavor):
            if flavor not in running:
                server = request.getfixturevalue(f"{flavor.value}_server")
                for statement in SCHEMA:
                    server.execute(statement)
                if flavor is Flavor.MARIADB:
                    server.execute("CREATE SEQUENCE test_pins.numbers")
                pool = {"max_connections": 1, "connection_borrow_timeout": 1}
                folder = tmp_path_factory.mktemp("pins")
                running[flavor] = stack.enter_context(running_proxy(server, folder, pool=pool))
            return running[flavor]

        yield start


def test_rows_and_tests_are_the_same():
    """Every row of the table in the manual is run, and nothing else is."""
    assert set(CASES) == set(SAID)


@pytest.mark.parametrize(("flavor", "row"), ROWS)
def test_a_row_is_true(flavor, row, served):
    """The connection is kept if the row says so, and is free when the pin has ended."""
    proxy, case = served(flavor), CASES[row]
    who = proxy, case.user, flavor
    with Talker(*who) as first, Talker(*who) as second:
        assert second.gets_through()
        for step in case.steps:
            first.run(step)
        free = second.gets_through()
        assert SAID[row].split()[0] == ("no" if free else "until")
        if case.then is not None:
            text, is_right = case.then
            rows = first.run(text)
            assert is_right(rows), rows
        for step in () if free else case.ending:
            first.run(step)
        assert second.gets_through()


def test_the_log_of_a_proxy_can_be_asked(any_server, serve):
    """`mysqlproxy pins --log` names what real clients did, and the advice for it."""
    proxy = serve(any_server)
    for number in range(3):
        connection = proxy.connect(ssl_disabled=True)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT GET_LOCK('asked {number}', 1)")
            cursor.execute("SELECT 1")  # when this is answered, the other is in the log
        connection.close()
    words = ["pins", "--log", str(proxy.log_path), "--json"]
    result = CliRunner().invoke(main, words)
    found = json.loads(result.output)
    assert found["reasons"] == {"NAMED_LOCK": 3}
    assert found["statements"] == [
        {"times": 3, "reason": "NAMED_LOCK", "statement": "SELECT GET_LOCK(?, ?)"}
    ]
    assert [one["reason"] for one in found["advice"]] == ["NAMED_LOCK"]
