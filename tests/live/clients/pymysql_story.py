"""PyMySQL: every statement, and what else applications do with it."""

import os
import threading
import time

import pymysql
from canonical import attempt, option, results, run, run_all, say
from pymysql.constants import CLIENT


def connect(**options):
    settings = {
        "host": option("host"),
        "port": int(option("port")),
        "user": option("user"),
        "password": option("password"),
        "charset": "utf8mb4",
        "client_flag": CLIENT.MULTI_STATEMENTS,
        "local_infile": True,
        "connect_timeout": 10,
        "read_timeout": 60,
        "autocommit": True,
    }
    return pymysql.connect(**(settings | options))


def kill():
    """KILL from another connection, by the id of the greeting."""
    other = connect()

    def soon(statement):
        timer = threading.Timer(0.7, other.cursor().execute, [statement])
        timer.start()
        return timer

    for word in ("KILL QUERY", "KILL CONNECTION", "KILL"):
        connection = connect()
        timer = soon(f"{word} {connection.thread_id()}")
        say(word, gone(run_slowly, connection))
        timer.join()
        say(f"after {word}", gone(run_slowly, connection, "SELECT 'alive'"))
    idle = connect()
    run(other.cursor(), "SELECT 'an idle one dies'")
    other.cursor().execute(f"KILL {idle.thread_id()}")
    time.sleep(0.2)
    say("idle", gone(run_slowly, idle, "SELECT 'dead'"))
    attempt("itself, query", run_slowly, other, f"KILL QUERY {other.thread_id()}")
    say("itself", gone(run_slowly, other, f"KILL {other.thread_id()}"))


def run_slowly(connection, statement="SELECT SLEEP(20)"):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def gone(function, *arguments):
    """What a call gives; how a closed connection is noticed is a matter of chance."""
    try:
        return function(*arguments)
    except pymysql.err.Error as error:
        return "connection lost" if error.args[0] in {0, 1927, 2006, 2013} else error


def big_values():
    """Values and commands beyond one packet of 16 MiB."""
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE big (id INT PRIMARY KEY, data LONGBLOB)")
    for size in (2**24 - 60, 2**24 - 2, 2**24 - 1, 2**24, 2**24 + 1, 40_000_000):
        run(cursor, f"SELECT REPEAT('x', {size}), 'behind'")
        text = "y" * size
        cursor.execute(f"SELECT LENGTH('{text}'), CRC32('{text[:100]}')")
        say(f"sent {size}", list(results(cursor)))
    data = os.urandom(64) * 300_000
    cursor.execute("INSERT INTO big VALUES (1, REPEAT(%s, 300000))", (data[:64],))
    cursor.execute("SELECT data FROM big")
    say("blob", cursor.fetchone()[0] == data)
    run(cursor, "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(4000)))
    connection.close()


def many_rows():
    """Long results, read at once and one by one, and left in the middle."""
    connection = connect(database="test_raw")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
    text = numbers + "SELECT a.i, b.i, REPEAT('r', 20) FROM n a, n b WHERE b.i < 100"
    run(connection.cursor(), text)
    with connection.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute(text)
        count = sum(row[0] for row in cursor.fetchall_unbuffered())
        say("unbuffered", count)
    leaving = connect()
    cursor = leaving.cursor(pymysql.cursors.SSCursor)
    cursor.execute(text)
    say("first", cursor.fetchone())
    leaving._force_close()
    run(connection.cursor(), "SELECT 'the others go on'")
    connection.close()


def local_infile():
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE loaded (a INT, b VARCHAR(30))")
    for name in ("rows", "empty", "odd"):
        run(cursor, f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE loaded")
        run(cursor, "SHOW WARNINGS")
        run(cursor, "SELECT COUNT(*), SUM(a), MAX(b) FROM loaded")
    run(cursor, "LOAD DATA LOCAL INFILE 'missing' INTO TABLE loaded")
    run(cursor, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE nowhere")
    run(cursor, "SELECT 1; LOAD DATA LOCAL INFILE 'odd' INTO TABLE loaded; SELECT 3")
    run(cursor, "SELECT COUNT(*) FROM loaded")
    refusing = connect(database="test_raw", local_infile=False)
    run(refusing.cursor(), "LOAD DATA LOCAL INFILE 'rows' INTO TABLE loaded")
    connection.close()


def conveniences():
    """The driver's own calls."""
    connection = connect(database="test_raw", autocommit=False)
    cursor = connection.cursor()
    attempt("autocommit", connection.get_autocommit)
    cursor.execute("CREATE TABLE calls (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20))")
    cursor.executemany("INSERT INTO calls (a) VALUES (%s)", ["a", "b", "c"])
    say("many", [cursor.rowcount, cursor.lastrowid])
    connection.rollback()
    run(cursor, "SELECT COUNT(*) FROM calls")
    connection.begin()
    run(cursor, "INSERT INTO calls (a) VALUES (%s)", ["it's \\ %"])
    connection.commit()
    connection.autocommit(True)
    run(cursor, "SELECT a, @@autocommit FROM calls")
    connection.set_charset("latin1") if hasattr(connection, "set_charset") else None
    run(cursor, "SELECT @@character_set_client, 'ü'")
    connection.set_character_set("utf8mb4", "utf8mb4_general_ci")
    run(cursor, "SELECT @@character_set_client, @@collation_connection, 'ü'")
    run(
        cursor,
        "CREATE PROCEDURE shows(IN a INT, OUT b INT) "
        "BEGIN SELECT a; SET b = a + 1; SELECT b; END",
    )
    cursor.callproc("shows", (5, 0))
    say("callproc", list(results(cursor)))
    run(cursor, "SELECT @_shows_0, @_shows_1")
    attempt("ping", connection.ping, reconnect=False)
    attempt("select_db", connection.select_db, "shop")
    run(cursor, "SELECT DATABASE()")
    attempt("select_db, none", connection.select_db, "nowhere")
    attempt("warnings", connection.show_warnings)
    say(
        "server",
        [connection.get_server_info(), connection.get_proto_info(), connection.server_status],
    )
    connection.close()


def logins():
    """Logins that fail, and ones that ask for something."""
    for options in (
        {"password": "wrong"},
        {"password": ""},
        {"user": "nobody"},
        {"database": "nowhere"},
        {"database": "shop"},
        {"init_command": "SET @greeted = 1"},
        {"init_command": "SELEC"},
        {"sql_mode": "ANSI"},
        {"client_flag": CLIENT.FOUND_ROWS},
        {"client_flag": CLIENT.IGNORE_SPACE},
        {"client_flag": CLIENT.INTERACTIVE},
        {"charset": "latin1", "collation": "latin1_german1_ci"},
        {"program_name": "story", "charset": "cp1251"},
        {"charset": "ascii", "use_unicode": True},
    ):

        def look(options=options):
            with connect(**options) as connection:
                cursor = connection.cursor()
                cursor.execute(
                    "SELECT DATABASE(), CURRENT_USER(), @@sql_mode, @@collation_connection, "
                    "@@character_set_results, @@autocommit, @greeted, @@wait_timeout, COUNT (*)"
                )
                return cursor.fetchall()

        attempt(f"login {options}", look)
    with connect(database="test_raw", client_flag=CLIENT.FOUND_ROWS) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE same (a INT)")
        cursor.execute("INSERT INTO same VALUES (1), (2)")
        say("found, not changed", cursor.execute("UPDATE same SET a = a"))
    with connect(database="test_raw") as connection:
        say("changed", connection.cursor().execute("UPDATE same SET a = a"))


def prepared_schema():
    with connect() as connection:
        cursor = connection.cursor()
        cursor.execute("DROP DATABASE IF EXISTS test_raw")
        cursor.execute("CREATE DATABASE test_raw CHARACTER SET utf8mb4")
        cursor.execute("USE test_raw")
        cursor.execute(
            "CREATE PROCEDURE raw_results(IN a INT) BEGIN SELECT a; SELECT a + 1, 'two'; END"
        )


def main():
    prepared_schema()
    for part in (conveniences, local_infile, kill, many_rows, big_values, logins):
        attempt(part.__name__, part)
    run_all(connect)


if __name__ == "__main__":
    main()
