"""Several processes serve: clients, the database and operators see one proxy."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pymysql
import pytest

from proxy.admin.caller import AdminCaller
from proxy.config.admin import AdminSocket
from tests.support.handover import Succession, is_running, wait_until
from tests.support.process import running_proxy

pytestmark = pytest.mark.live

ENDED = "a worker has ended"

LIMIT = 6
"""Connections that the proxy may have, all workers together."""


@pytest.fixture
def admin(tmp_path):
    """Where the proxy is asked how it does."""
    return AdminSocket(str(tmp_path / "admin.sock"))


@pytest.fixture
def served(serve, any_server, admin):
    """A proxy of two workers in front of a real server."""
    listen = {"listen": f"unix:{admin.path}"}
    return serve(any_server, pool={"max_connections": LIMIT}, workers=2, admin=listen)


def seat(client):
    """The worker that has a client."""
    return client.thread_id() % 64


def connect_to(served, number, count=1):
    """Clients of a certain worker; those of others leave again."""
    found, others = [], []
    for _ in range(4 * count):
        client = served.connect(database="shop", autocommit=True)
        (found if seat(client) == number else others).append(client)
        if len(found) == count:
            break
    for client in others:
        client.close()
    assert len(found) == count
    return found


class Watch(threading.Thread):
    """Counts the proxy's connections at the server, again and again.

    Attributes:
        most: The most that there were.
    """

    def __init__(self, server):
        super().__init__()
        self.server, self.most, self.stop = server, 0, threading.Event()

    def run(self):
        with (
            contextlib.closing(
                pymysql.connect(
                    host=self.server.host,
                    port=self.server.port,
                    user="admin",
                    password="admin-secret-1",
                )
            ) as client,
            client.cursor() as cursor,
        ):
            while not self.stop.is_set():
                # A server that has closed a connection lists its thread for a moment more.
                self.most = max(self.most, min(_connections(cursor) for _ in range(3)))


def _connections(cursor):
    text = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'"
    cursor.execute(text)
    return cursor.fetchone()[0]


@contextlib.contextmanager
def watched(server):
    """Count while a block runs."""
    watch = Watch(server)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        watch.join()


def work(clients, seconds):
    """Have all clients send statements for a while; what went wrong."""
    troubles = []
    ends = time.monotonic() + seconds

    def send(client):
        try:
            with client.cursor() as cursor:
                while time.monotonic() < ends:
                    cursor.execute("SELECT SLEEP(0.002), CONNECTION_ID()")
                    cursor.fetchall()
        except pymysql.Error as error:
            troubles.append(error)

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return troubles


def test_the_workers_together_keep_to_the_limit(served, any_server):
    """Whoever has clients that wait gets what the others do not need; nobody gets more."""
    clients = [served.connect(database="shop") for _ in range(24)]
    assert {seat(client) for client in clients} == {1, 2}
    with watched(any_server) as watch:
        assert work(clients, 1.5) == []
        assert work([client for client in clients if seat(client) == 1], 1.5) == []
        assert work([client for client in clients if seat(client) == 2], 1.5) == []
        assert work(clients, 1.5) == []
    assert watch.most == LIMIT
    for client in clients:
        client.close()


def test_where_there_are_fewer_connections_than_workers_all_are_served(serve, mysql_server):
    """They take turns."""
    served = serve(mysql_server, pool={"max_connections": 1}, workers=2)
    clients = [*connect_to(served, 1, 2), *connect_to(served, 2, 2)]
    with watched(mysql_server) as watch:
        assert work(clients, 2) == []
        for client in clients:
            with client.cursor() as cursor:
                cursor.execute("SELECT 1")
    assert watch.most == 1
    for client in clients:
        client.close()


def test_a_client_kills_one_of_another_worker(served):
    """By its number, as at a server; not that of another user."""
    (first,), (second,) = connect_to(served, 1), connect_to(served, 2)
    admin = served.connect(user="admin")
    with first.cursor() as cursor:
        with pytest.raises(pymysql.OperationalError) as caught:
            cursor.execute(f"KILL {admin.thread_id()}")
        assert caught.value.args[0] == 1095
        with pytest.raises(pymysql.OperationalError) as caught:
            cursor.execute("KILL 4294967040")
        assert caught.value.args[0] == 1094
        running = threading.Thread(target=_sleep, args=(second, []))
        running.start()
        wait_until(lambda: _is_running(admin, "SLEEP(61)"))
        cursor.execute(f"KILL QUERY {second.thread_id()}")
        running.join(30)
        assert not running.is_alive()
        cursor.execute(f"KILL {second.thread_id()}")
    with pytest.raises(pymysql.Error):
        second.query("SELECT 1")
    first.close()
    admin.close()


def _sleep(client, results):
    with client.cursor() as cursor:
        try:
            cursor.execute("SELECT SLEEP(61)")
            results.append(cursor.fetchall())
        except pymysql.Error as error:
            results.append(error)


def _is_running(admin, text):
    with admin.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE %s "
            "AND id <> CONNECTION_ID() AND info NOT LIKE '%%processlist%%'",
            (f"%{text}%",),
        )
        return cursor.fetchone()[0] == 1


def workers_of(served):
    """The newest process of each seat."""
    lines = [line for line in served.log() if line.get("message") == "a worker serves"]
    return {line["worker"]: line["pid"] for line in lines}


def test_a_killed_worker_takes_only_its_own_clients_along(killable, mysql_server):
    """Its connections to the server are gone, and a new worker serves with as many."""
    clients = [killable.connect(database="shop") for _ in range(12)]
    assert work(clients, 0.5) == []
    os.kill(workers_of(killable)[1], signal.SIGKILL)
    with watched(mysql_server) as watch:
        again = connect_to(killable, 1, 6)
        stayed = [client for client in clients if seat(client) == 2]
        assert work([*stayed, *again], 1.5) == []
    assert watch.most == LIMIT
    for client in clients:
        if seat(client) == 1:
            with pytest.raises(pymysql.Error):
                client.query("SELECT 1")
    for client in (*stayed, *again):
        client.close()


@pytest.fixture
def killable(mysql_server, tmp_path):
    """A proxy that may say that a worker has died."""
    with running_proxy(
        mysql_server, tmp_path, pool={"max_connections": LIMIT}, workers=2, expects=(ENDED,)
    ) as proxy:
        yield proxy


def test_sessions_go_along_to_a_new_release(served):
    """All workers are replaced while clients work; nobody hears of it."""
    succession = Succession(served)
    clients = [served.connect(database="shop", autocommit=True) for _ in range(8)]
    before = [*workers_of(served).values()]
    try:
        for number, client in enumerate(clients):
            with client.cursor() as cursor:
                cursor.execute(
                    "SET @mine = %s, group_concat_max_len = %s", (number, 2000 + number)
                )
        succession.replace()
        wait_until(lambda: succession.has_ended(0))
        assert not any(map(is_running, before))
        for number, client in enumerate(clients):
            with client.cursor() as cursor:
                cursor.execute("SELECT @mine, @@group_concat_max_len, DATABASE()")
                mine, length, schema = cursor.fetchone()
                assert (int(mine), length, schema) == (number, 2000 + number, "shop")
        with served.connect(database="shop") as client:
            client.query("SELECT 1")
    finally:
        for client in clients:
            client.close()
        succession.end()


def test_busy_clients_of_one_worker_are_spread_over_both(serve, mysql_server, admin):
    """What they have set goes along."""
    listen = {"listen": f"unix:{admin.path}"}
    served = serve(mysql_server, pool={"max_connections": LIMIT}, workers=2, admin=listen)
    caller = AdminCaller(admin)

    def counts():
        return {
            row["number"]: row["clients"] for row in caller.get("workers").content["workers"]
        }

    clients = connect_to(served, 1, 8)
    for number, client in enumerate(clients):
        with client.cursor() as cursor:
            cursor.execute("SET @mine = %s", (number,))
    ends, troubles = time.monotonic() + 30, []

    def send(number, client):
        with client.cursor() as cursor:
            while time.monotonic() < ends and not moved.is_set():
                cursor.execute("SELECT @mine")
                if int(cursor.fetchone()[0]) != number:
                    troubles.append(number)

    moved = threading.Event()
    threads = [
        threading.Thread(target=send, args=(number, client))
        for number, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: counts()[2] >= 2)
    finally:
        moved.set()
        for thread in threads:
            thread.join()
    assert troubles == []
    for client in clients:
        client.close()
