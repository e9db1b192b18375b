"""Tests of `proxy.admin.console_shows`."""

import pytest

from proxy.admin import looking
from proxy.admin.console_tables import MOST_ROWS
from proxy.admin.near_sight import NearSight
from proxy.admin.sight import Seen
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.credentials.admins import AdminsFirst
from proxy.wire.tables import Kind
from tests.admin.consoling import Terminal
from tests.front.consoling import client_of

METRICS = b"""\
# TYPE mysqlproxy_query_requests counter
mysqlproxy_query_requests_total{proxy="shop",endpoint="main",tls="no"} 5.0
# TYPE mysqlproxy_wait_seconds histogram
mysqlproxy_wait_seconds_bucket{proxy="shop",le="+Inf"} 2.0
mysqlproxy_wait_seconds_count{proxy="shop"} 2.0
mysqlproxy_wait_seconds_sum{proxy="shop"} 0.5
# TYPE mysqlproxy_up gauge
mysqlproxy_up 1.0
# TYPE mysqlproxy_clients gauge
mysqlproxy_clients{proxy="blog"} 3.0
"""


@pytest.fixture
def terminal():
    """Somebody at the console of two proxies."""
    return Terminal("shop", "blog")


def test_targets_have_their_proxy(terminal):
    """And all that is known of them, numbers as numbers."""
    answer = terminal.say("SHOW TARGETS FOR shop")
    kinds = {column.name: column.kind for column in answer.columns}
    assert kinds["lag_seconds"] is Kind.FRACTION
    assert kinds["lent"] is Kind.WHOLE
    first, second = terminal.rows("SHOW TARGETS FOR shop")
    assert (first["proxy"], first["role"], first["lent"]) == ("shop", "READ_WRITE", 3)
    assert (second["address"], second["lag_seconds"]) == ("db2.example", 130.0)
    assert terminal.rows("SHOW SERVERS FOR shop") == [first, second]


def test_all_proxies_are_shown_unless_one_is_named(terminal):
    """In any case, and with any of three words."""
    assert [row["name"] for row in terminal.rows("SHOW PROXIES")] == ["shop", "blog"]
    for option in ("FOR shop", "from SHOP", "IN 'shop'"):
        assert [row["name"] for row in terminal.rows(f"SHOW PROXIES {option}")] == ["shop"]


def test_a_proxy_that_is_not_there_is_an_error(terminal):
    """It says which there are."""
    reply = terminal.refusal("SHOW POOLS FOR news")
    assert reply.code == 1105
    assert "'news'" in reply.message
    assert "shop, blog" in reply.message


def test_rows_are_chosen_and_limited(terminal):
    """By LIKE, which any text of a row may be, and LIMIT, in any order."""
    assert len(terminal.rows("SHOW TARGETS LIKE '%unavailable%'")) == 2
    assert len(terminal.rows("SHOW TARGETS LIMIT 1 LIKE '%UNAVAILABLE%'")) == 1
    assert terminal.rows("SHOW TARGETS LIKE 'nothing'") == []
    assert terminal.refusal("SHOW TARGETS LIMIT x").code == 1064
    assert terminal.refusal("SHOW TARGETS WHERE lent > 1").code == 1064


def test_clients_and_their_connections_are_shown(terminal):
    """Those of each proxy."""
    stage = terminal.process.stages[0]
    peer = stage.client("10.0.0.9", schema=b"shop")
    stage.begin(peer)
    (client,) = terminal.rows("SHOW CLIENTS")
    number = client_of(peer).number
    assert (client["number"], client["user"], client["state"]) == (number, "app", "transaction")
    (connection,) = terminal.rows("SHOW CONNECTIONS")
    assert (connection["client"], connection["in_transaction"]) == (number, True)
    (pool, _) = terminal.rows("SHOW POOLS")
    assert (pool["proxy"], pool["connections"], pool["lent"]) == ("shop", 1, 1)
    endpoints = terminal.rows("SHOW ENDPOINTS FOR shop")
    assert [row["clients"] for row in endpoints] == [1]


def test_who_is_at_the_console_is_a_client_too():
    """With its name, and not as one that logs in."""
    terminal = Terminal()
    (stage,) = terminal.process.stages
    stage.proxy.console = terminal.console
    stage.proxy.credentials = AdminsFirst(terminal.admins, stage.proxy.credentials)
    stage.client(user="ops", password="a-long-password", schema=b"any")
    (row,) = terminal.rows("SHOW CLIENTS")
    assert (row["user"], row["schema"], row["state"]) == ("ops", "any", "idle")


def test_the_process_list_is_as_mysql_has_it(terminal):
    """Its columns, and its words for what clients do."""
    stage = terminal.process.stages[0]
    stage.client(schema=b"shop")
    stage.connect("10.0.0.9")
    first, second = terminal.rows("SHOW FULL PROCESSLIST")
    assert [*first] == ["Id", "User", "Host", "db", "Command", "Time", "State", "Info"]
    assert (first["User"], first["Host"], first["db"]) == ("app", "localhost", "shop")
    assert (first["Command"], first["State"], first["Time"]) == ("Sleep", "idle", 0)
    assert (second["User"], second["Command"]) == ("unauthenticated user", "Connect")


def test_pins_are_shown_with_their_reasons(terminal):
    """What keeps a client, and how often that happens."""
    stage = terminal.process.stages[0]
    peer = stage.client()
    peer.query(b"LOCK TABLES t READ")
    stage.serve()
    pins = terminal.rows("SHOW PINS")
    assert [pin["client"] for pin in pins] == [client_of(peer).number]
    (reason,) = terminal.rows("SHOW PIN REASONS FOR shop")
    assert (reason["reason"], reason["now"]) == (pins[0]["reason"], 1)
    assert reason["advice"]


def test_digests_are_shown(terminal):
    """Some of them, or as many as LIMIT says."""
    stage = terminal.process.stages[0]
    peer = stage.client()
    peer.query(b"SELECT 1")
    stage.serve()
    found = looking.digests(stage.proxy, 20)
    rows = terminal.rows("SHOW DIGESTS")
    assert [row["digest"] for row in rows] == [one.digest for one in found]
    assert terminal.rows("SHOW DIGESTS LIMIT 0") == []


def test_stats_are_the_series_of_the_proxies(terminal):
    """But for the buckets of histograms, and for those of the process."""
    terminal.process.metrics = lambda: METRICS
    rows = terminal.rows("SHOW STATS FOR shop")
    assert [(row["name"], row["endpoint"], row["labels"], row["value"]) for row in rows] == [
        ("mysqlproxy_query_requests_total", "main", "tls=no", 5),
        ("mysqlproxy_wait_seconds_count", "", "", 2),
        ("mysqlproxy_wait_seconds_sum", "", "", 0.5),
    ]
    assert len(terminal.rows("SHOW STATS")) == 4
    assert len(terminal.rows("SHOW STATS LIKE '%requests%'")) == 1


def test_events_come_the_newest_first(terminal):
    """So that a LIMIT leaves what happened last."""
    for number in range(3):
        terminal.process.events.add("now", "info", f"event {number}", {"proxy": "shop"})
    rows = terminal.rows("SHOW EVENTS LIMIT 2")
    assert [row["event"] for row in rows] == ["event 2", "event 1"]
    assert rows[0]["fields"] == '{"proxy": "shop"}'


def test_the_configuration_has_no_secrets(terminal):
    """Each setting by its key path; secrets are stars."""
    rows = terminal.rows("SHOW CONFIG")
    settings = {row["setting"]: row["value"] for row in rows}
    assert settings["proxies[0].name"] == "shop"
    assert settings["proxies[0].auth[0].password"] == "***"
    assert "secret" not in settings.values()
    assert terminal.rows("SHOW CONFIGURATION LIKE 'proxies[0].name'") == [
        {"setting": "proxies[0].name", "value": "shop"}
    ]


def test_the_process_is_shown_by_name_and_value(terminal):
    """As the status of a server is."""
    status = {row["Variable_name"]: row["Value"] for row in terminal.rows("SHOW GLOBAL STATUS")}
    assert status["uptime"] == "60.0"
    assert status["form"] == "pure Python"
    (version,) = terminal.rows("SHOW VERSION")
    assert (version["form"], version["uptime"]) == ("pure Python", 60)


def test_workers_are_shown(terminal):
    """One where one process does everything."""
    (row,) = terminal.rows("SHOW WORKERS")
    assert (row["number"], row["state"]) == (1, "serving")
    terminal.process.others = [WorkerStatus(number=n, statements=n * 7) for n in (1, 2)]
    assert [row["statements"] for row in terminal.rows("SHOW WORKERS")] == [7, 14]
    assert len(terminal.rows("SHOW WORKERS LIMIT 1")) == 1


@pytest.mark.parametrize(
    ("statement", "most"),
    [
        ("SHOW CLIENTS", MOST_ROWS),
        ("SHOW CLIENTS LIMIT 7", 7),
        ("SHOW PROCESSLIST LIMIT 7", 7),
        ("SHOW PINS LIMIT 7", 7),
        ("SHOW CLIENTS LIKE '%x%' LIMIT 7", None),
        ("SHOW CONNECTIONS LIKE '%x%'", None),
    ],
)
def test_no_more_is_looked_at_than_is_shown(terminal, monkeypatch, statement, most):
    """But where some are chosen of all."""
    asked = []

    async def look(_, most=None):
        asked.append(most)
        return Seen([], 0)

    for name in ("clients", "connections", "pins"):
        monkeypatch.setattr(NearSight, name, look)
    terminal.rows(statement)
    assert asked == [most, most]
