"""Commands of the protocol byte by byte, with PyMySQL for the login and the packets."""

import struct

from canonical import attempt, option, run, say
from pymysql.constants import COMMAND
from pymysql_story import connect, prepared_schema

READ_ONLY_CURSOR = 1


def packet(connection):
    """The payload of the next packet; an ERR raises."""
    return connection._read_packet().get_all_data()


def send(connection, command, payload=b""):
    connection._execute_command(command, payload)


def until_end(connection):
    """Packets up to and with the EOF, as bytes."""
    found = []
    while True:
        data = packet(connection)
        found.append(data)
        if data[:1] == b"\xfe" and len(data) < 9:
            return found


def raw_commands():
    """Commands that drivers hide: their very bytes come back."""
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) DEFAULT 'x')"
    )
    cursor.execute("INSERT INTO t (name) VALUES ('a'), ('b'), (NULL), ('d'), ('e')")

    def fields(wild):
        send(connection, COMMAND.COM_FIELD_LIST, wild)
        return until_end(connection)

    attempt("fields", fields, b"t\0%")
    attempt("fields, some", fields, b"t\0na%")
    attempt("fields of nothing", fields, b"nothing\0")

    def statistics():
        send(connection, COMMAND.COM_STATISTICS)
        return [word.split(": ")[0] for word in packet(connection).decode().split("  ")]

    attempt("statistics", statistics)

    def simple(command, payload=b""):
        send(connection, command, payload)
        return packet(connection)

    attempt("ping", simple, COMMAND.COM_PING)
    attempt("init db", simple, COMMAND.COM_INIT_DB, b"test_raw")
    attempt("init db, none", simple, COMMAND.COM_INIT_DB, b"nowhere")
    run(cursor, "SELECT 'no warnings now'")
    attempt("multi statements off", simple, COMMAND.COM_SET_OPTION, b"\x01\x00")
    run(cursor, "SELECT 1; SELECT 2")
    run(cursor, "SELECT 'no warnings now'")
    attempt("multi statements on", simple, COMMAND.COM_SET_OPTION, b"\x00\x00")
    run(cursor, "SELECT 1; SELECT 2")
    attempt("option unknown", simple, COMMAND.COM_SET_OPTION, b"\x09\x00")
    attempt("debug", simple, COMMAND.COM_DEBUG)
    attempt("unknown command", simple, 0x55)
    attempt("sleep", simple, COMMAND.COM_SLEEP)
    attempt("time", simple, COMMAND.COM_TIME)
    attempt("delayed insert", simple, COMMAND.COM_DELAYED_INSERT)
    attempt("connect out", simple, COMMAND.COM_CONNECT_OUT)
    attempt("empty query", simple, COMMAND.COM_QUERY, b"")
    attempt("create db", simple, COMMAND.COM_CREATE_DB, b"test_raw_two")
    attempt("drop db", simple, COMMAND.COM_DROP_DB, b"test_raw_two")
    attempt("refresh", simple, COMMAND.COM_REFRESH, b"\x04")
    if option("flavor") == "mariadb":  # MySQL 9 has the command no more; the proxy has
        victim = connect()  # kept: without a name it would be closed before it is killed
        number = struct.pack("<I", victim.thread_id())
        attempt("kill", simple, COMMAND.COM_PROCESS_KILL, number)
    run(cursor, "SELECT 'after the commands'")
    connection.close()


def prepare(connection, text):
    """COM_STMT_PREPARE: the statement's id, and the packets without it."""
    send(connection, COMMAND.COM_STMT_PREPARE, text.encode())
    first = packet(connection)
    number, columns, parameters = struct.unpack_from("<IHH", first, 1)
    rest = [first[5:]]
    for count in (parameters, columns):
        if count:
            rest.append([packet(connection) for _ in range(count)])
            rest.append(packet(connection))
    return number, rest


def execute(connection, number, flags=0, block=b""):
    """COM_STMT_EXECUTE: all packets of the answer."""
    send(connection, COMMAND.COM_STMT_EXECUTE, struct.pack("<IBI", number, flags, 1) + block)
    first = packet(connection)
    if first[:1] == b"\0":
        return [first]
    answer = [first, *until_end(connection)]
    status = struct.unpack("<H", answer[-1][3:5])[0]
    cursor_exists = status & 0x40
    return answer if flags and cursor_exists else [*answer, *until_end(connection)]


def fetch(connection, number, rows):
    """COM_STMT_FETCH."""
    send(connection, COMMAND.COM_STMT_FETCH, struct.pack("<II", number, rows))
    return until_end(connection)


def simple_statement(connection, command, number):
    send(connection, command, struct.pack("<I", number))
    return packet(connection)


INTEGER = b"\x03\x00"
TEXT = b"\xfd\x00"


def raw_cursors():
    """Prepared statements byte by byte: types sent once, cursors, ids that are gone."""
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    number, answer = prepare(connection, "SELECT id, name FROM t WHERE id > ? ORDER BY id")
    say("prepare", answer)
    bound = b"\x00\x01" + INTEGER
    attempt("execute", execute, connection, number, 0, bound + struct.pack("<i", 2))
    attempt(
        "execute, types known",
        execute,
        connection,
        number,
        0,
        b"\x00\x00" + struct.pack("<i", 4),
    )
    attempt("execute, NULL", execute, connection, number, 0, b"\x01\x00")
    attempt(
        "cursor",
        execute,
        connection,
        number,
        READ_ONLY_CURSOR,
        b"\x00\x00" + struct.pack("<i", 0),
    )
    attempt("fetch 2", fetch, connection, number, 2)
    run(cursor, "SELECT 'between'")
    attempt("fetch 1", fetch, connection, number, 1)
    attempt("fetch the rest", fetch, connection, number, 10)
    attempt("fetch behind the end", fetch, connection, number, 1)
    attempt("reset", simple_statement, connection, COMMAND.COM_STMT_RESET, number)
    attempt("cursor again", execute, connection, number, 1, b"\x00\x00" + struct.pack("<i", 3))
    attempt("reset, open", simple_statement, connection, COMMAND.COM_STMT_RESET, number)
    attempt("fetch after the reset", fetch, connection, number, 1)
    attempt("cursor for the close", execute, connection, number, 1, b"\x00\x00\x00\x00\x00\x00")
    send(connection, COMMAND.COM_STMT_CLOSE, struct.pack("<I", number))
    attempt("execute, closed", execute, connection, number, 0, bound + struct.pack("<i", 2))
    attempt("fetch, closed", fetch, connection, number, 1)
    attempt("reset, closed", simple_statement, connection, COMMAND.COM_STMT_RESET, number)
    send(connection, COMMAND.COM_STMT_CLOSE, struct.pack("<I", 4711))
    run(cursor, "SELECT 'after the close'")
    connection.close()


def raw_long_data():
    """Parameters sent ahead, in pieces."""
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    number, answer = prepare(connection, "SELECT LENGTH(?), CRC32(?), ? + 1")
    say("prepare long", answer)
    for place, data in ((0, b"abc"), (0, b"def" * 1000), (1, b"x" * 100_000), (1, b"")):
        payload = struct.pack("<IH", number, place) + data
        send(connection, COMMAND.COM_STMT_SEND_LONG_DATA, payload)
    block = b"\x00\x01" + TEXT + TEXT + INTEGER + struct.pack("<i", 41)
    attempt("execute long", execute, connection, number, 0, block)
    block = b"\x00\x00" + b"\x02hi" + b"\x01x" + struct.pack("<i", 41)
    attempt("execute short", execute, connection, number, 0, block)
    payload = struct.pack("<IH", number, 9) + b"no such place"
    send(connection, COMMAND.COM_STMT_SEND_LONG_DATA, payload)
    attempt("execute after wrong place", execute, connection, number, 0, block)
    send(connection, COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", number, 0) + b"gone")
    attempt("reset long", simple_statement, connection, COMMAND.COM_STMT_RESET, number)
    attempt("execute after the reset", execute, connection, number, 0, block)
    send(connection, COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", 4711, 0) + b"nobody")
    run(cursor, "SELECT 'after long data'")
    connection.close()


def raw_statements():
    """Statements that cannot be prepared, and whose tables change behind them."""
    connection = connect(database="test_raw")
    cursor = connection.cursor()
    attempt("prepare broken", prepare, connection, "SELEC")
    attempt("prepare several", prepare, connection, "SELECT 1; SELECT 2")
    attempt("prepare nothing", prepare, connection, "")
    number, answer = prepare(connection, "INSERT INTO t (name) VALUES (?)")
    say("prepare insert", answer)
    attempt("insert", execute, connection, number, 0, b"\x00\x01" + TEXT + b"\x01q")
    run(cursor, "SELECT LAST_INSERT_ID()")
    number, answer = prepare(connection, "CALL raw_results(?)")
    say("prepare call", answer)
    number, answer = prepare(connection, "SELECT * FROM t ORDER BY id")
    run(cursor, "ALTER TABLE t ADD extra INT DEFAULT 7")
    attempt("execute after ALTER", execute, connection, number)
    run(cursor, "DROP TABLE t")
    attempt("execute after DROP", execute, connection, number)
    run(cursor, "SELECT 'after the statements'")
    connection.close()


def state_of(connection):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DATABASE(), CURRENT_USER(), @@character_set_client, @@autocommit, "
            "@@collation_connection, @@sql_mode, @v, LAST_INSERT_ID()"
        )
        return cursor.fetchall()


def reset_and_change():
    """COM_RESET_CONNECTION and COM_CHANGE_USER: what is left of the session."""
    connection = connect(database="test_raw", charset="latin1")
    cursor = connection.cursor()

    def dirty():
        for statement in (
            "SET @v = 5",
            "SET sql_mode = ''",
            "SET autocommit = 0",
            "SET NAMES utf8mb4",
            "CREATE TEMPORARY TABLE scratch (id INT AUTO_INCREMENT PRIMARY KEY)",
            "INSERT INTO scratch VALUES (), ()",
            "SELECT GET_LOCK('reset', 0)",
        ):
            run(cursor, statement)

    dirty()
    say("dirty", state_of(connection))
    number, _ = prepare(connection, "SELECT 1")

    def reset():
        send(connection, 0x1F)
        return packet(connection)

    attempt("reset", reset)
    connection.encoding = "utf8"
    attempt("after the reset", state_of, connection)
    run(cursor, "SELECT * FROM scratch")
    run(cursor, "SELECT IS_FREE_LOCK('reset')")
    attempt("statement after the reset", execute, connection, number)

    dirty()
    cursor.execute("BEGIN")

    def change(user, password, database):
        """Name a plugin that nobody has, so that the server asks for its own."""
        connection.password = password.encode()
        payload = user.encode() + b"\0" + b"\0" + database.encode() + b"\0"
        payload += struct.pack("<H", 45) + b"mysql_clear_password\0\0"
        send(connection, COMMAND.COM_CHANGE_USER, payload)
        answer = connection._read_packet()
        if answer.is_auth_switch_request():
            answer.read_uint8()
            answer = connection._process_auth(answer.read_string(), answer)
        return answer.get_all_data()

    attempt("change of user", change, "admin", "admin-secret-1", "")
    attempt("after the change", state_of, connection)
    attempt("change with schema", change, option("user"), option("password"), "test_raw")
    attempt("after the second", state_of, connection)
    run(cursor, "SELECT * FROM scratch")
    attempt("change to nobody", change, "nobody", "wrong", "")
    attempt("after the refusal", state_of, connection)
    connection.close()


prepared_schema()
for part in (raw_commands, raw_cursors, raw_long_data, raw_statements, reset_and_change):
    attempt(part.__name__, part)
