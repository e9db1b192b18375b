"""Tests of `proxy.service.alone`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading

import pymysql
import pytest

pytestmark = pytest.mark.live


def start(folder, server, **pool):
    """A process in front of a server, and the port where it listens."""
    settings = ", ".join(f"{name}: {value}" for name, value in pool.items())
    path = folder / "mysqlproxy.yaml"
    path.write_text(
        "proxies:\n"
        "  - name: shop\n"
        "    auth: [{username: app, password: app-secret-1}]\n"
        "    target_group:\n"
        f'      targets: [{{address: "{server.host}:{server.port}"}}]\n'
        f"      connection_pool_config: {{{settings}}}\n"
        '    endpoints: [{name: shop, listen: "tcp:0:interface=127.0.0.1"}]\n'
        "workers: 1\n"
        "drain_timeout: 20\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "run", "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "an endpoint listens" in line and (found := re.search(r"127\.0\.0\.1:(\d+)", line)):
            return process, int(found[1])
    raise AssertionError("the process ended before it listened")


def connect(port):
    return pymysql.connect(
        host="127.0.0.1",
        port=port,
        user="app",
        password="app-secret-1",
        database="shop",
        ssl_disabled=True,
        autocommit=True,
    )


def test_sigterm_lets_transactions_finish(tmp_path, any_server):
    """Idle clients are closed, the open transaction commits, then the process ends with 0."""
    process, port = start(tmp_path, any_server, max_connections=3)
    try:
        with connect(port) as idle, connect(port) as busy, busy.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS drained (a INT)")
            cursor.execute("DELETE FROM drained")
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO drained VALUES (1)")
            process.send_signal(signal.SIGTERM)
            for line in process.stderr:
                if "draining" in line:
                    break
            with pytest.raises(pymysql.OperationalError):
                connect(port)
            cursor.execute("INSERT INTO drained VALUES (2)")
            cursor.execute("COMMIT")
            with pytest.raises(pymysql.Error):
                idle.query("SELECT 1")
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        assert process.wait(30) == 0
        reader.join()
        rows = any_server.execute("SELECT a FROM shop.drained ORDER BY a")
        assert [row[0] for row in rows] == [1, 2]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_many_clients_share_few_connections(tmp_path, any_server):
    """Thirty clients with work to do never need more than three backends."""
    process, port = start(tmp_path, any_server, max_connections=3)
    try:
        clients = [connect(port) for _ in range(30)]
        for round_ in range(3):
            for number, client in enumerate(clients):
                with client.cursor() as cursor:
                    cursor.execute(f"SELECT {number} + {round_}")
                    assert cursor.fetchall() == ((number + round_,),)
        ((seen,),) = any_server.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'"
        )
        assert 1 <= seen <= 3
        for client in clients:
            client.close()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
