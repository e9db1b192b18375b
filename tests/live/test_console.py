"""The console by real clients, beside clients of a real server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mysql.connector
import pymysql
import pytest
from pymysql.constants import CR
from pymysql.cursors import DictCursor

from proxy.embedded import Server
from tests.support import drivers
from tests.support.loopback import wait_until
from tests.support.process import RunningProxy

pytestmark = pytest.mark.live

PASSWORDS = {"ops": "operate-secret-1", "eye": "look-secret-1", "far": "far-secret-1"}
ADMIN = {
    "users": [
        {"username": "ops", "password": PASSWORDS["ops"], "role": "OPERATOR"},
        {"username": "eye", "password_env": "EYE_PASSWORD"},
        {"username": "far", "password": PASSWORDS["far"], "allowed_networks": ["192.0.2.0/24"]},
    ]
}
LIMIT_SECONDS = 60


@pytest.fixture
def proxy(any_server: Server, serve: Callable[..., RunningProxy]) -> RunningProxy:
    """A proxy with admin users, before each server."""
    return serve(any_server, admin=ADMIN, environment={"EYE_PASSWORD": PASSWORDS["eye"]})


@contextlib.contextmanager
def console(proxy: RunningProxy, user: str = "ops", **options: Any) -> Iterator[DictCursor]:
    """A cursor of an admin user."""
    settings = {"password": PASSWORDS[user], "cursorclass": DictCursor, **options}
    with contextlib.closing(proxy.connect(user, **settings)) as connection:
        yield connection.cursor()


def rows(cursor: Any, text: str) -> list[dict[str, Any]]:
    """What a statement gives."""
    cursor.execute(text)
    return list(cursor.fetchall())


def code_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """The code of the error by which a call ends."""
    with pytest.raises(pymysql.err.MySQLError) as caught:
        call(*arguments, **options)
    return int(caught.value.args[0])


def test_pymysql_sees_what_is_there(proxy: RunningProxy) -> None:
    """Clients, pools and targets as they are, with numbers as numbers."""
    with contextlib.closing(proxy.connect(database="shop")) as client, console(proxy) as cursor:
        client.begin()
        client.cursor().execute("SELECT 1")
        (row,) = [one for one in rows(cursor, "SHOW CLIENTS") if one["user"] == "app"]
        assert row["number"] == client.thread_id()
        assert (row["state"], row["schema"]) == ("transaction", "shop")
        assert isinstance(row["silent"], float)
        # Workers tell how their pools stand once a second.
        wait_until(lambda: rows(cursor, "SHOW POOLS")[0]["in_transaction"])
        (pool,) = rows(cursor, "SHOW POOLS")
        assert (pool["lent"], pool["in_transaction"], pool["max_connections"]) == (1, 1, 4)
        (target,) = rows(cursor, "SHOW TARGETS FOR live")
        assert (target["role"], target["lent"]) == ("READ_WRITE", 1)
        assert rows(cursor, "SHOW STATS LIKE '%requests%'")
        processes = {one["Id"]: one["User"] for one in rows(cursor, "SHOW PROCESSLIST")}
        assert processes[client.thread_id()] == "app"
        secrets = rows(cursor, "SHOW CONFIG LIKE '%.password'")
        assert {one["value"] for one in secrets} == {"***", None}


def test_others_are_served_as_ever(proxy: RunningProxy) -> None:
    """A user of the database beside admin users, and one who changes to and fro."""
    with contextlib.closing(proxy.connect(database="shop")) as client, console(proxy) as cursor:
        ask = client.cursor()
        ask.execute("SELECT CURRENT_USER(), DATABASE()")
        user, schema = ask.fetchone()
        assert (user.split("@")[0], schema) == ("app", "shop")
        assert rows(cursor, "SELECT USER() AS who") == [{"who": "ops@127.0.0.1"}]


def test_connector_python_is_at_home(proxy: RunningProxy) -> None:
    """Its start-up, a change of user to and from the database, a reset, and the end."""
    # Greeted before that, it would take the server for another one than it changes to.
    proxy.connect().close()
    connection = mysql.connector.connect(
        host=proxy.host,
        port=proxy.port,
        user="ops",
        password=PASSWORDS["ops"],
        database="anything",
        use_pure=True,
    )
    with contextlib.closing(connection):
        cursor = connection.cursor()
        cursor.execute("SHOW PROXIES")
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
        assert dict(zip(names, row, strict=True))["name"] == "live"
        assert connection.is_connected()
        cursor.execute("SELECT DATABASE(), 1")
        assert cursor.fetchall() == [("anything", 1)]
        connection.commit()
        connection.cmd_reset_connection()
        connection.cmd_change_user("app", "app-secret-1", "shop")
        cursor = connection.cursor()
        cursor.execute("SELECT DATABASE()")
        assert cursor.fetchall() == [("shop",)]
        connection.cmd_change_user("eye", PASSWORDS["eye"])
        cursor = connection.cursor()
        cursor.execute("SHOW VERSION")
        assert len(cursor.fetchall()) == 1
        with pytest.raises(mysql.connector.Error) as caught:
            cursor.execute("PAUSE")
        assert (caught.value.errno, caught.value.sqlstate) == (1227, "42000")


@pytest.mark.parametrize(
    ("client", "more"), [(drivers.mysql, ["--commands"]), (drivers.mariadb, [])]
)
def test_the_clients_of_the_servers_show_tables(
    proxy: RunningProxy, client: Callable[[], list[str]], more: list[str]
) -> None:
    """With their start-up, USE, status, and an error that does not end the connection."""
    command = [
        *client(),
        "--host=127.0.0.1",
        f"--port={proxy.port}",
        "--user=ops",
        f"--password={PASSWORDS['ops']}",
        "--table",
        "--force",
        "--auto-rehash",
        *more,
    ]
    script = b"USE somewhere;\n\\s\nSHOW POOLS;\nSELECT nonsense;\nSHOW VERSION;\n"
    done = subprocess.run(
        command,
        input=script,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
        env={**os.environ, "MARIADB_PLUGIN_DIR": drivers.plugins()},
    )
    shown = done.stdout.decode()
    assert "| live " in shown, done.stderr
    assert "max_connections" in shown
    assert "| version" in shown
    assert "somewhere" in shown
    assert "SHOW HELP" in done.stderr.decode()


def test_a_viewer_looks_only(proxy: RunningProxy) -> None:
    """It sees what an operator sees, and does nothing."""
    with console(proxy, "eye") as cursor:
        assert rows(cursor, "SHOW ENDPOINTS")
        for text in ("PAUSE", "KILL 1", "RELOAD", "SET LOG LEVEL = debug"):
            assert code_of(cursor.execute, text) == 1227
        assert [row["paused"] for row in rows(cursor, "SHOW PROXIES")] == [0]


def test_who_is_wrong_hears_what_a_stranger_does(proxy: RunningProxy) -> None:
    """A wrong password, and a right one from the wrong network: 1045, and the log says why."""
    texts = set()
    for user, word in (("ops", "wrong"), ("far", PASSWORDS["far"]), ("xyz", "wrong")):
        with pytest.raises(pymysql.err.MySQLError) as caught:
            proxy.connect(user, password=word)
        assert caught.value.args[0] == 1045
        texts.add(caught.value.args[1].replace(user, "..."))
    assert len(texts) == 1
    whys = {line["user"]: line["why"] for line in proxy.log() if "was refused" in str(line)}
    assert whys == {
        "ops": "wrong password",
        "far": "the user may not come from there",
        "xyz": "unknown user",
    }


def test_a_client_in_a_transaction_is_killed(proxy: RunningProxy) -> None:
    """Its connection ends, its transaction is rolled back, and the log says by whom."""
    with contextlib.closing(proxy.connect(database="shop")) as other, console(proxy) as cursor:
        ask = other.cursor()
        ask.execute("DROP TABLE IF EXISTS killed")
        ask.execute("CREATE TABLE killed (id INT PRIMARY KEY)")
        victim = proxy.connect(database="shop")
        victim.begin()
        victim.cursor().execute("INSERT INTO killed VALUES (1)")
        cursor.execute(f"KILL {victim.thread_id()}")
        assert code_of(victim.cursor().execute, "SELECT 1") in {
            1927,
            1317,
            CR.CR_SERVER_LOST,
            CR.CR_SERVER_GONE_ERROR,
        }
        ask.execute("SELECT COUNT(*) FROM killed")
        assert ask.fetchone() == (0,)
        ask.execute("DROP TABLE killed")
        assert code_of(cursor.execute, "KILL 4000000000") == 1094
    assert any("ops@127.0.0.1" in str(line.get("by")) for line in proxy.log())


def test_a_statement_is_stopped(proxy: RunningProxy) -> None:
    """KILL QUERY ends what runs, and the client goes on."""
    client = proxy.connect()
    heard: list[Any] = []

    def sleep() -> None:
        ask = client.cursor()
        try:
            ask.execute("SELECT SLEEP(50)")
            heard.append(ask.fetchone())
        except pymysql.err.MySQLError as error:
            heard.append(error.args[0])

    sleeping = threading.Thread(target=sleep)
    with contextlib.closing(client), console(proxy) as cursor:
        sleeping.start()
        while not [
            one
            for one in rows(cursor, "SHOW CLIENTS LIKE 'running'")
            if one["number"] == client.thread_id() and one["connection"]
        ]:
            pass
        cursor.execute(f"KILL QUERY {client.thread_id()}")
        sleeping.join(LIMIT_SECONDS)
        assert heard in ([1317], [(1,)])
        ask = client.cursor()
        ask.execute("SELECT 1")
        assert ask.fetchone() == (1,)


def test_clients_wait_while_they_are_paused(proxy: RunningProxy) -> None:
    """A pause waits for open transactions, holds what comes, and loses nothing."""
    client, open_one = proxy.connect(), proxy.connect()
    open_one.begin()
    open_one.cursor().execute("SELECT 1")
    heard: list[Any] = []

    def work() -> None:
        ask = client.cursor()
        ask.execute("SELECT 2")
        heard.append(ask.fetchone())

    working = threading.Thread(target=work)
    with contextlib.closing(client), console(proxy) as cursor, console(proxy) as looking:

        def pause() -> None:
            cursor.execute("PAUSE live")
            heard.append("paused")

        pausing = threading.Thread(target=pause)
        pausing.start()
        while not rows(looking, "SHOW PROXIES")[0]["held"]:
            pass
        assert heard == []
        open_one.commit()
        open_one.close()
        pausing.join(LIMIT_SECONDS)
        assert heard == ["paused"]
        working.start()
        while not rows(looking, "SHOW PROXIES")[0]["waiting"]:
            pass
        assert heard == ["paused"]
        cursor.execute("RESUME")
        working.join(LIMIT_SECONDS)
        assert heard == ["paused", (2,)]


def test_an_operator_gets_in_when_all_places_are_taken(
    mysql_server: Server, serve: Callable[..., RunningProxy]
) -> None:
    """While other clients hear that there are too many."""
    proxy = serve(
        mysql_server,
        admin=ADMIN,
        settings={"max_clients": 1},
        environment={"EYE_PASSWORD": PASSWORDS["eye"]},
    )
    with contextlib.closing(proxy.connect()), console(proxy) as cursor:
        assert code_of(proxy.connect) == 1040
        users = {one["user"] for one in rows(cursor, "SHOW CLIENTS")}
        assert users - {""} == {"app", "ops"}  # who was turned away may be leaving still


def test_the_log_is_changed_and_has_no_password(proxy: RunningProxy) -> None:
    """Its level, and whether it shows statements; who did so stands in it."""
    with console(proxy) as cursor, contextlib.closing(proxy.connect()) as client:
        cursor.execute("SET LOG LEVEL = debug")
        cursor.execute("SET DEBUG LOGGING ON")
        client.cursor().execute("SELECT 4711")
        cursor.execute("SET DEBUG LOGGING OFF")
        events = rows(cursor, "SHOW EVENTS")
        assert any("ops" in json.loads(one["fields"]).get("by", "") for one in events)
    text = Path(proxy.log_path).read_text("utf-8")
    assert "SELECT 4711" in text
    assert not [word for word in PASSWORDS.values() if word in text]
