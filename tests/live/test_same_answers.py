"""Real clients get the same answers as directly, among others on few backends."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import subprocess
import sys
import threading

import pymysql
import pytest

from proxy.embedded import Flavor
from tests.support import drivers
from tests.support.serving import serving

pytestmark = pytest.mark.live

PASSWORD = "app-secret-1"
RUN_SECONDS = 120
SCRIPT = drivers.CLIENTS / "script.json"
DBAPI = str(drivers.CLIENTS / "dbapi.py")
DISTURBERS = (
    ("SET NAMES latin1", "SELECT 'other', DATABASE()"),
    ("USE test_other", "SELECT @@character_set_client"),
    ("SET autocommit = 0", "SELECT 1", "COMMIT"),
    ("SELECT LAST_INSERT_ID(99)", "SELECT CAST('x' AS SIGNED)"),
)


def python(driver):
    words = [sys.executable, DBAPI, driver]
    return lambda _: (lambda port: [*words, port, PASSWORD], {})


def mysqlclient(_):
    words, environment = drivers.mysqlclient()
    environment |= {"MARIADB_PLUGIN_DIR": drivers.plugins()}
    return lambda port: [*words, DBAPI, "MySQLdb", port, PASSWORD], environment


def mysql2(_):
    node, environment = drivers.node()
    script = str(drivers.CLIENTS / "mysql2.js")
    return lambda port: [*node, script, port, PASSWORD], environment


def go(_):
    program = drivers.go()
    return lambda port: [*program, port, PASSWORD, str(SCRIPT)], {}


def mysql(flavor):
    """Each server's own client: MySQL's knows no native passwords any more."""
    fixed = ["--no-defaults", "-h127.0.0.1", "-uapp", "--force", "--show-warnings", "-vv"]
    if flavor is Flavor.MARIADB:
        program = drivers.mariadb()
    else:
        program = drivers.mysql()
        fixed += ["--ssl-mode=DISABLED", "--get-server-public-key"]
    environment = {"MYSQL_PWD": PASSWORD, "MARIADB_PLUGIN_DIR": drivers.plugins()}
    return lambda port: [*program, *fixed, f"-P{port}"], environment


CLIENTS = {
    "PyMySQL": python("pymysql"),
    "mysqlclient": mysqlclient,
    "mysql-connector-python": python("mysql.connector"),
    "mysql2": mysql2,
    "go-sql-driver": go,
    "mysql": mysql,
}


DIFFERENCES = {
    # MariaDB's extended metadata is not offered, by which mysql2 tells JSON from text.
    ("mysql2", Flavor.MARIADB): (
        '{"sql":"SELECT * FROM t',
        '{"sql":"HANDLER t READ',
    ),
}
"""Beginnings of lines that may differ, each with its reason."""


def text_of_the_script():
    """The statements without parameters, for a client that reads text."""
    steps = json.loads(SCRIPT.read_text())
    plain = [step[0] for step in steps if len(step) == 1 and "PROCEDURE" not in step[0]]
    return ";\n".join([*(text for text in plain if not text.startswith("CALL")), "SELECT 1;"])


def run(client, port):
    """What the client says, line by line, without what clocks say."""
    words, environment = client
    ran = subprocess.run(
        words(str(port)),
        env={**os.environ, **environment},
        input=text_of_the_script(),
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=RUN_SECONDS,
        check=False,
    )
    lines = [line for line in ran.stdout.splitlines() if "sec)" not in line]
    assert len(lines) > 50, (ran.stdout, ran.stderr)
    return [*lines, *(line for line in ran.stderr.splitlines() if "Warning" not in line)]


@contextlib.contextmanager
def disturbed(port):
    """Others keep changing the backends that the client gets."""
    stop = threading.Event()
    failures = []

    def disturb(statements):
        try:
            with pymysql.connect(
                host="127.0.0.1", port=port, user="app", password=PASSWORD, ssl_disabled=True
            ) as connection:
                while not stop.is_set():
                    for statement in statements:
                        connection.query(statement)
        except pymysql.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=disturb, args=(those,)) for those in DISTURBERS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_cannot_tell(name, any_server, tmp_path):
    """Every row, name, count, id, warning and error is the same as directly."""
    any_server.execute("CREATE DATABASE IF NOT EXISTS test_other")
    client = CLIENTS[name](any_server.flavor)
    # With a cold cache the first login takes more than every driver knows.
    pymysql.connect(
        host="127.0.0.1", port=any_server.port, user="app", password=PASSWORD
    ).close()
    known = DIFFERENCES.get((name, any_server.flavor), ())
    directly = [line for line in run(client, any_server.port) if not line.startswith(known)]
    with serving(tmp_path, any_server, max_connections=6) as served, disturbed(served.port):
        proxied = [line for line in run(client, served.port) if not line.startswith(known)]
    differences = "\n".join(difflib.unified_diff(directly, proxied, "directly", "proxied", n=0))
    assert not differences, differences
