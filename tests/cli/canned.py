"""An admin API that gives what it was told, over a unix socket, and notes what is asked."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socketserver
import threading
from urllib.parse import parse_qsl, urlsplit

import attrs
from click.testing import CliRunner

from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    EndpointStatus,
    EventStatus,
    LatencyStatus,
    MomentStatus,
    Overview,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
    ProcessStatus,
    ProxyOverview,
)
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.cli.main import main
from proxy.policy.standing import ProxyStatus, TargetStatus

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")

LONG = "shop-instance-1.c9akciq32.eu-central-1.rds.amazonaws.com:3306"
"""An address as long as those of RDS are."""

TARGET = TargetStatus(
    address=LONG,
    role="READ_WRITE",
    state="AVAILABLE",
    connections=10,
    lent=3,
    seen_seconds_ago=0.4,
    writable=True,
)
LOST = TargetStatus(
    address="db2.example:3306",
    role="READ_ONLY",
    state="UNAVAILABLE",
    reason="CONNECTION_FAILED",
    description="it cannot be connected to, and nobody knows why that may be so today",
    lag_seconds=130.0,
)
STATUS = ProxyStatus(name="shop", writer=LONG, clients=812, last_switch=7200.0)
POOL = PoolStatus(
    proxy="shop",
    target=LONG,
    connections=10,
    idle=7,
    lent=3,
    pinned=1,
    in_transaction=2,
    max_connections=20,
    max_idle_connections=10,
)
LATENCY = LatencyStatus(count=60_000, mean=0.001, p50=0.0008, p95=0.0021, p99=0.012)
MOMENT = MomentStatus(
    time=1.0,
    statements=1234,
    statement_latency=LATENCY,
    database_latency=LATENCY,
    borrow_latency=LATENCY,
    clients=812,
    connections=10,
    lent=3,
    waiting=0,
    pinned=1,
)
REASON = PinReasonStatus(
    proxy="shop",
    reason="NAMED_LOCK",
    why="The session took a named lock.",
    now=1,
    total=17,
    advice="Release the lock as soon as it is not needed, or lock rows instead.",
)
PROCESS = ProcessStatus(
    version="0.1.0",
    form="compiled",
    pid=4711,
    uptime=270_000.0,
    time="2026-11-26T12:00:00.000Z",
    ready=True,
    not_ready="",
    log_level="info",
    debug_logging=(),
    configuration="/etc/mysqlproxy/mysqlproxy.yaml",
    configured="2026-11-26T11:00:00.000Z",
    clients=812,
    open_files=900,
    max_open_files=65536,
    resident_bytes=80 * 1024 * 1024,
    cpu_seconds=1234.0,
)
WORKER = WorkerStatus(
    number=1,
    pid=4712,
    uptime=270_000.0,
    clients=406,
    statements=617,
    cpu=0.42,
    cpu_seconds=617.0,
    resident_bytes=82 * 1024 * 1024,
    open_files=450,
    max_open_files=65536,
    delay=0.0123,
)
WORKERS = (
    WORKER,
    attrs.evolve(WORKER, number=2, pid=4713, clients=398, statements=588, cpu=0.391),
    attrs.evolve(
        WORKER, number=3, pid=4801, clients=8, statements=29, uptime=12.0, cpu=0.02, restarts=1
    ),
)
CLIENT = ClientStatus(
    proxy="shop",
    number=812,
    endpoint="main",
    user="app",
    address="10.0.0.3",
    schema="shop",
    tls="TLSv1.3",
    state="running",
    connected=300.0,
    silent=1.0,
    waiting=0.0,
    target=LONG,
    connection=99,
    pins=("NAMED_LOCK",),
)
WAITING = attrs.evolve(
    CLIENT,
    number=813,
    user="report",
    state="waiting",
    waiting=2.5,
    target=None,
    connection=None,
    pins=(),
)
CONNECTION = ConnectionStatus(
    proxy="shop",
    target=LONG,
    number=99,
    user="app",
    state="lent",
    client=812,
    in_transaction=True,
    tls="TLSv1.3",
    age=300.0,
    idle=0.0,
    uses=12_345,
)
FREE = attrs.evolve(CONNECTION, number=100, state="idle", client=None, idle=3.0)
PIN = PinStatus(
    proxy="shop",
    client=812,
    user="app",
    address="10.0.0.3",
    target=LONG,
    connection=99,
    reason="NAMED_LOCK",
    why="The session took a named lock.",
    statement="SELECT GET_LOCK(?, ?)",
    lasts=42.0,
    ends="With RELEASE_LOCK.",
    advice="Release it.",
)
DIGEST = DigestStatus(
    proxy="shop",
    digest="SELECT id, name, price FROM items WHERE id IN (?, ...) ORDER BY price LIMIT ?",
    count=120_000,
    errors=3,
    total_seconds=240.0,
    mean_seconds=0.002,
    max_seconds=1.5,
    last_seen=0.5,
)
RARE = attrs.evolve(DIGEST, digest="COMMIT", count=7, errors=9, total_seconds=1.0)
ENDPOINT = EndpointStatus(
    proxy="shop", name="main", target_role="READ_WRITE", address="0.0.0.0:3306", clients=812
)
SHOP = ProxyOverview(
    status=STATUS,
    endpoints=(ENDPOINT,),
    targets=(TARGET,),
    pools=(POOL,),
    pins=(REASON,),
    now=MOMENT,
    last_minute=attrs.evolve(MOMENT, statements=60_000),
)


def event(number, level="info", text="an endpoint listens", **fields):
    """Something that happened."""
    return EventStatus(
        number=number,
        time=f"2026-11-26T12:00:{number % 60:02}.123Z",
        level=level,
        event=text,
        fields=fields,
    )


EVENTS = (
    event(1, proxy="shop", endpoint="main"),
    event(2, "warning", "a target is lost", proxy="shop", why="it cannot be connected to"),
    event(3, "error", "no writer is found", proxy="bank"),
)


def overview(*proxies, workers=(WORKER,), **process):
    """What the dashboard shows."""
    return Overview(
        process=attrs.evolve(PROCESS, **process, workers=len(workers)),
        proxies=proxies or (SHOP,),
        may_act=True,
        workers=workers,
    )


class Canned:
    """What is given.

    Attributes:
        overview: All of it.
        lists: What is listed of each proxy, by its name in the path.
        events: What has happened.
        answers: To other calls, by method and path: a status and an object.
        asked: What was asked for: method, path, query and parameters.
    """

    def __init__(self):
        self.overview = overview()
        self.lists = {
            "pools": [POOL],
            "clients": [CLIENT, WAITING],
            "connections": [CONNECTION, FREE],
            "pins": [PIN],
            "pin-reasons": [REASON],
            "digests": [RARE, DIGEST],
        }
        self.left_off = 0
        self.missing_workers = []
        self.events = EVENTS
        self.answers = {}
        self.asked = []
        self.tokens = []

    def answer(self, method, target, body):
        """The status and the object."""
        parts = urlsplit(target)
        query = {name: int(value) for name, value in parse_qsl(parts.query)}
        self.asked.append((method, parts.path, query, json.loads(body or b"{}")))
        if (method, parts.path) in self.answers:
            return self.answers[method, parts.path]
        segments = parts.path.split("/")[2:]
        if method == "GET":
            found = self._seen(segments, query)
            if found is not None:
                return 200, found
        return 404, {"error": f"there is nothing at {parts.path!r}", "known": []}

    def _seen(self, segments, query):
        proxies = {one.status.name: one for one in self.overview.proxies}
        match segments:
            case ["overview"]:
                return attrs.asdict(self.overview)
            case ["process"]:
                return attrs.asdict(self.overview.process)
            case ["workers"]:
                return {"workers": [attrs.asdict(one) for one in self.overview.workers]}
            case ["proxies"]:
                return {"proxies": [attrs.asdict(one.status) for one in proxies.values()]}
            case ["events"]:
                after, limit = query.get("after", 0), query["limit"]
                found = [one for one in self.events if one.number > after]
                found = found[max(0, len(found) - query["newest"]) :][:limit]
                last = found[-1].number if found else after
                return {"events": [attrs.asdict(one) for one in found], "last": last}
            case ["proxies", name] if name in proxies:
                return attrs.asdict(proxies[name].status)
            case ["proxies", name, "targets"] if name in proxies:
                return {"targets": [attrs.asdict(one) for one in proxies[name].targets]}
            case ["proxies", name, what] if what in self.lists:
                rows = [attrs.evolve(row, proxy=name) for row in self.lists[what]]
                return {
                    what.replace("-", "_"): [attrs.asdict(row) for row in rows],
                    "left_off": self.left_off,
                    "missing_workers": self.missing_workers,
                }
        return None


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False


def _handler(canned):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer("GET")

        def do_POST(self):
            self._answer("POST")

        def _answer(self, method):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            canned.tokens.append(self.headers.get("Authorization"))
            status, content = canned.answer(method, self.path, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def serving(canned, path):
    """Give it at this path."""
    with _Server(str(path), _handler(canned)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def run(path, *words, columns=80, text=None, **environment):
    """Run a command against what is served at this path."""
    variables = {"MYSQLPROXY_ADMIN": str(path), "COLUMNS": str(columns)} | environment
    return CliRunner(catch_exceptions=False).invoke(main, [*words], env=variables, input=text)
