"""mysqlclient (MySQLdb), on the C library of MariaDB."""

import datetime as dt
import decimal
import threading

import MySQLdb
import MySQLdb.cursors
from canonical import attempt, option, run, run_all, say
from MySQLdb.constants import CLIENT

PROCEDURE = """CREATE PROCEDURE shows(IN a INT, OUT b INT)
BEGIN SELECT a; SET b = a + 1; SELECT b, 'two'; END"""


def connect(**options):
    settings = {
        "host": option("host"),
        "port": int(option("port")),
        "user": option("user"),
        "passwd": option("password"),
        "charset": "utf8mb4",
        "local_infile": 1,
        "connect_timeout": 10,
        "client_flag": CLIENT.MULTI_STATEMENTS,
        "autocommit": True,
    }
    return MySQLdb.connect(**{**settings, **options})


def parameters():
    connection = connect(db="test_mysqldb")
    cursor = connection.cursor()
    for value in (
        None,
        -1,
        2**63,
        1.5,
        "ünï ' \\ 😀",
        b"\x00\xff'",
        decimal.Decimal("1.10"),
        dt.date(2024, 2, 29),
        dt.datetime.fromisoformat("2024-02-29 01:02:03.000004"),
        dt.timedelta(hours=-3),
    ):
        run(cursor, "SELECT %s, %s IS NULL", (value, value))
    attempt(
        "many",
        cursor.executemany,
        "INSERT INTO t (a, b) VALUES (%s, %s)",
        [(1, "x"), (2, None)],
    )
    run(cursor, "SELECT LAST_INSERT_ID()")
    connection.close()


def streams():
    """mysql_use_result: rows one by one, another statement only behind the last."""
    connection = connect(db="test_mysqldb")
    text = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
        "SELECT a.i, b.i, REPEAT('s', 30) FROM n a, n b WHERE b.i < 60"
    )
    cursor = connection.cursor(MySQLdb.cursors.SSCursor)
    cursor.execute(text)
    say("sum", sum(row[0] + row[1] for row in cursor))
    cursor.close()
    cursor = connection.cursor(MySQLdb.cursors.SSDictCursor)
    cursor.execute(text)
    say("one", cursor.fetchone())
    attempt("in between", connection.query, "SELECT 1")
    cursor.close()
    run(connection.cursor(), "SELECT 'behind the last'")
    connection.close()


def conveniences():
    connection = connect(db="test_mysqldb", autocommit=False)
    cursor = connection.cursor()
    run(cursor, "INSERT INTO t (a) VALUES (50)")
    connection.rollback()
    run(cursor, "SELECT COUNT(*) FROM t WHERE a = 50")
    connection.commit()
    attempt("autocommit", connection.get_autocommit)
    connection.autocommit(True)
    attempt("autocommit", connection.get_autocommit)
    attempt("ping", connection.ping)
    attempt("select", connection.select_db, "shop")
    run(cursor, "SELECT DATABASE()")
    attempt("no such", connection.select_db, "nowhere")
    connection.set_character_set("latin1")
    run(cursor, "SELECT 'ä', @@character_set_client, @@collation_connection")
    connection.set_character_set("utf8mb4")
    run(cursor, "SELECT 'ä', @@character_set_client, @@collation_connection")
    connection.set_sql_mode("ANSI")
    run(cursor, 'SELECT @@sql_mode, "t"')
    run(cursor, "SELECT CAST('12x' AS SIGNED)")
    attempt("warnings", connection.show_warnings)
    attempt("count", connection.warning_count)
    attempt("callproc", cursor.callproc, "test_mysqldb.shows", (5, 0))
    say("first", cursor.fetchall())
    while cursor.nextset():
        say("next", cursor.fetchall())
    run(cursor, "SELECT @_test_mysqldb.shows_1")
    attempt(
        "statistics", lambda: [word.split(":")[0] for word in connection.stat().split("  ")]
    )
    attempt("several off", connection.set_server_option, 1)
    run(cursor, "SELECT 1; SELECT 2")
    attempt("several on", connection.set_server_option, 0)
    run(cursor, "SELECT 1; SELECT 2")
    run(cursor, "SET @v = 1")
    attempt("change", connection.change_user, "admin", "admin-secret-1", "shop")
    run(cursor, "SELECT CURRENT_USER(), DATABASE(), @v")
    attempt("info", lambda: [connection.get_proto_info(), connection.get_server_info()])
    attempt("fields", connection.query, "SELECT 1 AS a, 'x' AS b, NULL AS c, NOW() AS d")
    result = connection.store_result()
    say("described", [result.describe(), result.field_flags(), result.num_rows()])
    attempt("discard", connection.discard_result)
    connection.close()


def local_infile():
    connection = connect(db="test_mysqldb")
    cursor = connection.cursor()
    run(cursor, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t (a, b)")
    run(cursor, "SELECT COUNT(*), MAX(a), MIN(b) FROM t WHERE a >= 1000")
    run(cursor, "LOAD DATA LOCAL INFILE 'missing' INTO TABLE t")
    run(cursor, "SELECT 'after'")
    connection.close()


def big():
    connection = connect(db="test_mysqldb")
    cursor = connection.cursor()
    run(cursor, "SELECT REPEAT('b', 17000000), 1")
    run(cursor, "SELECT LENGTH(%s)", ("y" * 17_000_000,))
    connection.close()


def kill():
    connection, other = connect(), connect()
    number = connection.thread_id()
    timer = threading.Timer(0.7, other.cursor().execute, [f"KILL QUERY {number}"])
    timer.start()
    run(connection.cursor(), "SELECT SLEEP(20)")
    timer.join()
    run(connection.cursor(), "SELECT 'after'")
    timer = threading.Timer(0.7, other.query, [f"KILL {number}"])
    timer.start()
    run(connection.cursor(), "SELECT SLEEP(20)")
    timer.join()
    other.close()


def main():
    connection = connect()
    cursor = connection.cursor()
    for statement in (
        "DROP DATABASE IF EXISTS test_mysqldb",
        "CREATE DATABASE test_mysqldb",
        "USE test_mysqldb",
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(50))",
        PROCEDURE,
    ):
        cursor.execute(statement)
    connection.close()
    for part in (parameters, streams, conveniences, local_infile, big, kill):
        attempt(part.__name__, part)
    run_all(connect)


main()
