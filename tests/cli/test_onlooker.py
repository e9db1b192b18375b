"""Tests of `proxy.cli.onlooker`."""

from __future__ import annotations

import time

import pytest

from proxy.cli.onlooker import Onlooker

pytestmark = pytest.mark.live


class Dead:
    """A server that was killed."""

    port = 1

    def is_running(self):
        return False


class Dying(Dead):
    """A server that does not answer any more."""

    def __init__(self, server):
        self._server = server

    def is_running(self):
        return True

    def connect(self):
        connection = self._server.connect()
        connection.kill(connection.thread_id())
        return connection


def test_connections_are_counted_as_the_server_sees_them(mysql_server):
    """Those of the user, with the most of all looks; a server that is away has none."""
    onlooker = Onlooker([mysql_server, Dead(), Dying(mysql_server)], "app")
    with (
        mysql_server.connect(user="app", password="app-secret-1") as one,
        mysql_server.connect(user="app", password="app-secret-1") as other,
    ):
        onlooker.look()
        assert onlooker.seen == {
            (mysql_server.port, one.thread_id()),
            (mysql_server.port, other.thread_id()),
        }
    while onlooker.seen:
        onlooker.look()
    assert onlooker.most == 2
    for connection in onlooker._open.values():
        connection.close()


def test_it_looks_by_itself_while_the_block_lasts(mysql_server):
    """What comes is seen, and nothing is left open at the end."""
    with (
        mysql_server.connect(user="app", password="app-secret-1") as one,
        Onlooker([mysql_server], "app") as onlooker,
    ):
        while not onlooker.seen:
            time.sleep(0.01)
        assert onlooker.seen == {(mysql_server.port, one.thread_id())}
    assert not any(connection.open for connection in onlooker._open.values())
