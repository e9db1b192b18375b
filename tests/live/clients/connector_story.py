"""mysql-connector-python, in Python (``pure``) or on the C library of MySQL (``c``)."""

import sys

# First, with the OpenSSL it brings: Python's own may be older, and whoever is first wins.
import _mysql_connector  # noqa: F401 - to be there is its use

# isort: split

import datetime as dt
import decimal
import threading

import mysql.connector
from canonical import attempt, option, run, run_all, say

PURE = sys.argv[1] == "pure"
BIG = 17_000_000


PROCEDURE = """CREATE PROCEDURE shows(IN a INT, OUT b INT)
BEGIN SELECT a; SET b = a + 1; SELECT b, 'two'; END"""


def connect(**options):
    settings = {
        "host": option("host"),
        "port": int(option("port")),
        "user": option("user"),
        "password": option("password"),
        "charset": "utf8mb4",
        "autocommit": True,
        "allow_local_infile": True,
        "ssl_disabled": True,
        "use_pure": PURE,
        "connection_timeout": 60,
    }
    return mysql.connector.connect(**(settings | options))


VALUES = (
    None,
    0,
    -1,
    2**31,
    2**63,
    -(2**63),
    1.5,
    "ünï 😀",
    "",
    b"\x00\xff\xfe",
    decimal.Decimal("12345.678900"),
    dt.date(2024, 2, 29),
    dt.datetime.fromisoformat("2024-02-29 23:59:59"),
    dt.datetime.fromisoformat("2024-02-29 23:59:59.999999"),
    dt.timedelta(hours=-30, minutes=5),
    dt.timedelta(days=3, microseconds=7),
    True,
    "x" * 70_000,
)


def prepared():
    """Prepared statements with every type of parameter, used again and beside others."""
    connection = connect(database="test_connector")
    cursor = connection.cursor(prepared=True)
    for value in VALUES:
        # A text for each type: a server keeps what it made of the first in the statement.
        text = f"SELECT ?, ? IS NULL AS a_{type(value).__name__}"
        run(cursor, text, (value, value))
        run(cursor, text, (value, value))
    say("insert", None)
    for number in range(5):
        run(cursor, "INSERT INTO t (a, b) VALUES (?, ?)", (number, f"row {number}"))
    run(cursor, "SELECT LAST_INSERT_ID()")
    run(cursor, "SELECT * FROM t WHERE a > ? ORDER BY a", (1,))
    run(cursor, "SELECT * FROM t WHERE a > ? ORDER BY a", (3,))
    run(cursor, "UPDATE t SET b = ? WHERE a = ?", (None, 2))
    run(cursor, "INSERT INTO t (a) VALUES (?)", ("no number",))
    run(cursor, "SELECT * FROM nowhere WHERE a = ?", (1,))
    run(cursor, "SELECT ?", (1, 2))
    attempt(
        "many", cursor.executemany, "INSERT INTO t (a, b) VALUES (?, ?)", [(9, "n"), (8, None)]
    )
    say("count", cursor.rowcount)
    cursor.close()
    several = [connection.cursor(prepared=True) for _ in range(4)]
    for number, one in enumerate(several):
        run(one, f"SELECT {number}, COUNT(*) FROM t WHERE a >= ?", (number,))
    for number, one in reversed(list(enumerate(several))):
        run(one, f"SELECT {number}, COUNT(*) FROM t WHERE a >= ?", (number,))
        one.close()
    named = connection.cursor(prepared=True, dictionary=True)
    run(named, "SELECT a AS first, b FROM t WHERE a < ? ORDER BY a", (2,))
    named.close()
    run(connection.cursor(prepared=True), "CALL shows(?, @out)", (5,))
    connection.close()


def transactions():
    connection = connect(database="test_connector", autocommit=False)
    cursor = connection.cursor()
    run(cursor, "INSERT INTO t (a, b) VALUES (%s, %s)", (100, "o'ne"))
    say("in transaction", connection.in_transaction)
    connection.rollback()
    say("in transaction", connection.in_transaction)
    run(cursor, "SELECT COUNT(*) FROM t WHERE a = 100")
    connection.commit()
    connection.start_transaction(isolation_level="READ COMMITTED", readonly=True)
    run(cursor, "INSERT INTO t (a) VALUES (101)")
    connection.commit()
    connection.start_transaction(consistent_snapshot=True)
    attempt("twice", connection.start_transaction)
    run(cursor, "SAVEPOINT here")
    connection.rollback()
    connection.autocommit = True
    run(cursor, "SELECT @@autocommit")
    connection.close()


def conveniences():
    connection = connect()
    cursor = connection.cursor(buffered=True)
    connection.database = "test_connector"
    run(cursor, "SELECT DATABASE()")
    attempt("no such", setattr, connection, "database", "nowhere")
    connection.sql_mode = "ANSI"
    say("mode", connection.sql_mode)
    connection.time_zone = "+02:00"
    say("zone", connection.time_zone)
    connection.set_charset_collation("latin1", "latin1_swedish_ci")
    run(cursor, "SELECT 'ä', @@collation_connection")
    connection.set_charset_collation("utf8mb4", "utf8mb4_bin")
    run(cursor, "SELECT 'ä', @@collation_connection")
    attempt("ping", connection.ping)
    attempt("connected", connection.is_connected)
    connection.get_warnings = True
    cursor = connection.cursor()
    cursor.execute("SELECT CAST('12x' AS SIGNED)")
    say("rows", cursor.fetchall())
    say("warnings", [cursor.warnings, cursor.warning_count])
    connection.get_warnings = False
    attempt("callproc", cursor.callproc, "shows", (5, 0))
    for result in cursor.stored_results():
        say("stored", result.fetchall())
    attempt("statistics", lambda: sorted(connection.cmd_statistics()))
    run(cursor, "SET @v = 1")
    attempt("reset", connection.cmd_reset_connection)
    run(cursor, "SELECT @v, DATABASE(), @@sql_mode, @@autocommit, @@collation_connection")
    attempt("session reset", connection.reset_session, {"v": 7}, {"group_concat_max_len": 99})
    run(cursor, "SELECT @v, @@group_concat_max_len")
    attempt("change", connection.cmd_change_user, "admin", "admin-secret-1", "shop")
    run(cursor, "SELECT CURRENT_USER(), DATABASE(), @v, @@group_concat_max_len")
    attempt("back", connection.cmd_change_user, option("user"), option("password"))
    run(cursor, "SELECT CURRENT_USER(), DATABASE()")
    raw = connection.cursor(raw=True)
    run(raw, "SELECT 1, 'raw', NULL")
    attempt("attributes", cursor.add_attribute, "story", "told")
    run(cursor, "SELECT 'with an attribute'")
    if option("flavor") == "mysql":
        run(cursor, "SELECT 'still', @@version_comment IS NOT NULL")
    cursor.clear_attributes()
    connection.close()


def big():
    connection = connect(database="test_connector")
    cursor = connection.cursor()
    run(cursor, f"SELECT REPEAT('b', {BIG}), 1")
    run(cursor, "SELECT LENGTH(%s)", ("y" * BIG,))
    cursor = connection.cursor(prepared=True)
    run(cursor, "SELECT LENGTH(?)", ("z" * BIG,))
    run(cursor, "SELECT REPEAT(?, 17000000)", ("q",))
    connection.close()


def local_infile():
    connection = connect(database="test_connector")
    cursor = connection.cursor()
    run(cursor, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t (a, b)")
    run(cursor, "SELECT COUNT(*), MAX(a), MIN(b) FROM t WHERE a >= 1000")
    # The driver says nothing to the server then, so nothing more can be said.
    run(cursor, "LOAD DATA LOCAL INFILE 'missing' INTO TABLE t")
    connection = connect(database="test_connector")
    cursor = connection.cursor()
    run(cursor, "DELETE FROM t WHERE a >= 1000")
    connection.close()
    refusing = connect(database="test_connector", allow_local_infile=False)
    run(refusing.cursor(), "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t")


def kill():
    connection, other = connect(), connect()
    number = connection.connection_id
    timer = threading.Timer(0.7, other.cursor().execute, [f"KILL QUERY {number}"])
    timer.start()
    run(connection.cursor(), "SELECT SLEEP(20)")
    timer.join()
    run(connection.cursor(), "SELECT 'after'")
    timer = threading.Timer(0.7, other.cursor().execute, [f"KILL QUERY {number}"])
    timer.start()
    run(connection.cursor(prepared=True), "SELECT SLEEP(?)", (20,))
    timer.join()
    run(connection.cursor(), "SELECT 'after'")
    other.close()


def main():
    with connect() as connection:
        cursor = connection.cursor()
        for statement in (
            "DROP DATABASE IF EXISTS test_connector",
            "CREATE DATABASE test_connector",
            "USE test_connector",
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(50))",
            PROCEDURE,
        ):
            cursor.execute(statement)
    for part in (prepared, transactions, conveniences, big, local_infile, kill):
        attempt(part.__name__, part)
    run_all(connect)


main()
