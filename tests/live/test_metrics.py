"""Every metric that RDS Proxy has in CloudWatch, moved by real clients on a real server."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.embedded.certificates import Authority
from proxy.embedded.relay import CuttingRelay
from proxy.observe.metrics_table import ALL, HISTOGRAM
from tests.support.loopback import wait_until
from tests.support.ports import free_port
from tests.support.process import ACCOUNTS

pytestmark = pytest.mark.live

CONNECTIONS = 2
LIMIT_SECONDS = 30.0
"""How long is waited for what has to come; it comes within a second or two."""

WAITING = "mysqlproxy_client_connections_waiting"


def shown(rds):
    """The name of the series that shows a metric of RDS Proxy's."""
    (series,) = [one for one in ALL if one.rds == rds]
    return series.shown + ("_count" if series.kind == HISTOGRAM else "")


class Page:
    """What `/metrics` shows.

    Attributes:
        seen: All values of each series, added up over its labels, at one time or another.
    """

    def __init__(self, port):
        self._url = f"http://127.0.0.1:{port}/metrics"
        self.seen = {}

    def read(self):
        """The sum of each series over all its labels."""
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            text = answer.read().decode()
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        for name, value in found.items():
            self.seen.setdefault(name, set()).add(value)
        return found

    def wait_until_there(self):
        """Wait until it can be read: clients may come in some moments before."""
        ends = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                self.read()
            except OSError:
                assert time.monotonic() < ends
                time.sleep(0.05)
            else:
                return

    def wait_for(self, name, wanted):
        """Wait until a series has a value, or at least that where it only grows."""
        ends = time.monotonic() + LIMIT_SECONDS
        grows = name.endswith("_total")
        while (value := self.read().get(name, 0.0)) != wanted and not (
            grows and value > wanted
        ):
            assert time.monotonic() < ends, f"{name} is {value}"
            time.sleep(0.05)

    def wait_for_change(self, name):
        """Wait until a series has a value that it has not now."""
        ends, before = time.monotonic() + LIMIT_SECONDS, self.read()[name]
        while self.read()[name] == before:
            assert time.monotonic() < ends, f"{name} is still {before}"
            time.sleep(0.05)


class Stage:
    """A proxy with TLS on both sides, and its page."""

    def __init__(self, proxy, page, relay, authority):
        self.proxy, self.page, self.relay, self._authority = proxy, page, relay, authority

    def wait_for(self, rds, wanted):
        """Wait until a metric of RDS Proxy's has this value."""
        self.page.wait_for(shown(rds), wanted)

    def client(self, *, tls=False):
        """A client that has logged in."""
        ssl = {"ca": str(self._authority), "check_hostname": False}
        options = {"ssl": ssl} if tls else {"ssl_disabled": True}
        return self.proxy.connect(autocommit=True, **options)

    @contextlib.contextmanager
    def stranger(self):
        """Somebody who says nothing."""
        with socket.create_connection((self.proxy.host, self.proxy.port)) as connection:
            yield connection

    def allow(self, connections):
        """Reload the configuration with another number of connections."""
        path = self.proxy.log_path.parent / "mysqlproxy.yaml"
        before, after = (f"max_connections: {n}" for n in (CONNECTIONS, connections))
        path.write_text(path.read_text().replace(before, after))
        self.proxy.process.send_signal(signal.SIGHUP)


def run(client, text):
    """All rows of a statement."""
    with client.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


@pytest.fixture
def stage(serve, mysql_server, tmp_path):
    """A proxy of two connections before MySQL, which knows a user whom MySQL does not.

    The way to the server can be cut.
    """
    files = Authority.make().issue().write(tmp_path)
    port = free_port()
    relay = CuttingRelay(mysql_server.host, mysql_server.port)
    certificate = {"certificate": str(files.certificate), "private_key": str(files.key)}
    proxy = serve(
        mysql_server,
        accounts={**ACCOUNTS, "unknown": "unknown-secret-1"},
        settings={
            "tls": {"certificates": [certificate]},
            "target_group": {
                "targets": [{"address": f"127.0.0.1:{relay.port}"}],
                "tls": {"mode": "required"},
                "connection_pool_config": {
                    "max_connections": CONNECTIONS,
                    "connection_borrow_timeout": 20,
                },
            },
        },
        admin={"listen": [f"tcp:{port}:interface=127.0.0.1"]},
    )
    page = Page(port)
    page.wait_until_there()
    with relay:
        yield Stage(proxy, page, relay, files.ca)


def test_every_metric_of_rds_proxy_moves(stage):
    """Each is there, under its own name, and follows what clients do."""
    stage.wait_for("MaxDatabaseConnectionsAllowed", CONNECTIONS)
    with stage.stranger():
        stage.wait_for("ClientConnectionsInSetup", 1)
    stage.wait_for("ClientConnections", 0)
    with (
        ThreadPoolExecutor(1) as others,
        stage.client() as plain,
        stage.client(tls=True) as safe,
        stage.client() as waiting,
    ):
        leaving = stage.client()
        stage.wait_for("ClientConnections", 4)
        stage.wait_for("ClientConnectionsNoTLS", 3)
        stage.wait_for("ClientConnectionsTLS", 1)
        run(plain, "BEGIN")
        stage.wait_for("DatabaseConnectionsCurrentlyInTransaction", 1)
        run(safe, "CREATE TEMPORARY TABLE shop.moved (id INT)")
        stage.wait_for("DatabaseConnectionsCurrentlySessionPinned", 1)
        stage.wait_for("DatabaseConnectionsCurrentlyBorrowed", CONNECTIONS)
        stage.wait_for("DatabaseConnectionsWithTLS", CONNECTIONS)
        # Both are in use: one client leaves before there is one for it, another one gets one.
        leaving._execute_command(3, "SELECT 1")
        stage.page.wait_for(WAITING, 1)
        leaving._force_close()
        stage.wait_for("DatabaseConnectionsBorrowRequestsAborted", 1)
        answer = others.submit(run, waiting, "SELECT 1")
        stage.page.wait_for(WAITING, 1)
        run(plain, "COMMIT")
        assert answer.result(LIMIT_SECONDS) == ((1,),)
    stage.wait_for("ClientConnections", 0)
    with pytest.raises(pymysql.OperationalError):
        stage.proxy.connect("app", password="wrong")
    stage.wait_for("ClientConnectionsSetupFailedAuth", 1)
    with pytest.raises(pymysql.OperationalError):
        stage.proxy.connect("unknown", password="unknown-secret-1")
    stage.wait_for("DatabaseConnectionsSetupFailed", 1)
    stage.allow(CONNECTIONS + 1)
    stage.wait_for("MaxDatabaseConnectionsAllowed", CONNECTIONS + 1)
    if stage.page.read()[shown("AvailabilityPercentage")] == 0:
        # All of this may have been over before the second look.
        stage.page.wait_for_change(shown("AvailabilityPercentage"))
    with ThreadPoolExecutor(1) as others, stage.client() as waiting:
        stage.relay.refuse()
        answer = others.submit(run, waiting, "SELECT 1")
        stage.page.wait_for(WAITING, 1)
        stage.page.wait_for_change(shown("AvailabilityPercentage"))
        stage.relay.heal()
        assert answer.result(LIMIT_SECONDS) == ((1,),)
    names = {one.rds for one in ALL if one.rds}
    assert len(names) == 27
    assert [name for name in names if len(stage.page.seen[shown(name)]) < 2] == []


def test_latencies_are_those_of_the_statements(stage):
    """A sleep of the server's is in all latencies of it, and in none of the waiting."""
    with stage.client() as client:
        run(client, "SELECT SLEEP(0.5)")
    # Workers tell what they have counted once a second.
    response = "mysqlproxy_query_response_latency_seconds_sum"
    wait_until(lambda: stage.page.read()[response] >= 0.5)
    found = stage.page.read()
    assert found["mysqlproxy_query_database_response_latency_seconds_sum"] >= 0.5
    assert found["mysqlproxy_query_response_latency_seconds_count"] >= 1
    assert found["mysqlproxy_build_info"] == 1
    assert found["process_open_fds"] > 0
