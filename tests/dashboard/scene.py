"""A made-up process in the shapes of the admin API, whose values move as real ones do."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from proxy.admin import snapshot
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.policy.standing import ProxyStatus, TargetStatus

WRITER, READER, LATE = "db1.shop.example:3306", "db2.shop.example:3306", "db3.shop.example:3306"

LONG = (
    "SELECT o.id, o.placed, c.name, SUM(l.amount) FROM orders o JOIN customers c ON c.id = "
    "o.customer JOIN order_lines l ON l.order_id = o.id WHERE o.placed > ? GROUP BY o.id, "
    "o.placed, c.name HAVING SUM(l.amount) > ? ORDER BY o.placed DESC LIMIT ?"
)

STATEMENTS = (
    ("SELECT id, name FROM products WHERE category = ? ORDER BY name LIMIT ?", 41230, 81),
    ("UPDATE accounts SET balance = balance - ? WHERE id = ?", 20118, 62.5),
    ("INSERT INTO orders (customer, product, placed) VALUES (?, ?, NOW())", 9931, 44),
    (LONG, 312, 39.2),
    ("SELECT balance FROM accounts WHERE id = ? FOR UPDATE", 20110, 18.3),
    ("COMMIT", 30044, 16),
    ("SELECT <img src=x onerror=alert(?)> FROM mischief", 3, 0.002),
)

EVENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("info", "mysqlproxy serves", {"version": "0.1", "form": "compiled"}),
    ("info", "the admin API listens", {"address": "tcp:9080:interface=127.0.0.1"}),
    ("warning", "a target's health has changed",
     {"target": LATE, "condition": "not there", "why": "connection refused"}),
    ("error", "the targets do not fit together", {"proxy": "shop", "why": "two take writes"}),
    ("warning", "clients wait for a target that takes writes", {"proxy": "shop"}),
    ("info", "another target takes the writes", {"now": WRITER, "was": READER}),
    ("info", "clients go on", {"proxy": "shop", "seconds": 1.482}),
    ("info", "the configuration was reloaded", {"changed": ["proxies[shop].max_clients"]}),
)  # fmt: skip


@attrs.define(kw_only=True)
class Scene:
    """What the stand-in shows; tests set what they need.

    Attributes:
        may_act: See `snapshot.Overview`.
        names: Of the proxies.
        status: Fields of the first proxy's status that are other than well.
        targets: Fields of targets that are other than well, by their addresses.
        process: Fields of the process likewise.
        killed: Numbers of clients that are gone.
        clients: How many there are.
        workers: The states of those that serve them.
    """

    may_act: bool = True
    names: tuple[str, ...] = ("shop",)
    status: dict[str, Any] = attrs.field(factory=dict)
    targets: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    process: dict[str, Any] = attrs.field(factory=dict)
    killed: set[int] = attrs.field(factory=set)
    clients: int = 412
    workers: tuple[str, ...] = ("serving",)
    began: float = attrs.field(factory=time.time)

    def overview(self) -> Mapping[str, Any]:
        """As `GET /v1/overview` has it."""
        proxies = tuple(self._proxy(name) for name in self.names)
        seen = snapshot.Overview(
            process=self._process(),
            proxies=proxies,
            may_act=self.may_act,
            workers=tuple(self._worker(*one) for one in enumerate(self.workers, 1)),
        )
        return attrs.asdict(seen)

    def history(self) -> Mapping[str, Any]:
        """As `GET /v1/history` has it."""
        end = math.floor(time.time())
        kept = [attrs.asdict(self._moment(end - ago)) for ago in range(299, -1, -1)]
        return {"seconds": 300, "proxies": dict.fromkeys(self.names, kept)}

    def events(self, after: int) -> Mapping[str, Any]:
        """As `GET /v1/events` has it."""
        found = [
            snapshot.EventStatus(
                number=number,
                time=_iso(self.began - 300 + 40 * number),
                level=level,
                event=event,
                fields=fields,
            )
            for number, (level, event, fields) in enumerate(EVENTS, 1)
            if number > after
        ]
        return {"events": [attrs.asdict(one) for one in found], "last": len(EVENTS)}

    def digests(self) -> Mapping[str, Any]:
        """As `GET /v1/proxies/{proxy}/digests` has it."""
        passed = time.time() - self.began
        found = [
            snapshot.DigestStatus(
                proxy="shop",
                digest=text,
                count=int(count * (1 + passed / 300)),
                errors=7 if text.startswith("UPDATE") else 0,
                total_seconds=total * (1 + passed / 300),
                mean_seconds=total / count,
                max_seconds=9 * total / count,
                last_seen=passed % 3,
            )
            for text, count, total in STATEMENTS
        ]
        return {"digests": [attrs.asdict(one) for one in found], "left_off": 0}

    def pins(self) -> Mapping[str, Any]:
        """As `GET /v1/proxies/{proxy}/pins` has it."""
        found = snapshot.PinStatus(
            proxy="shop",
            client=1017,
            user="reports",
            address="10.3.1.17",
            target=WRITER,
            connection=88,
            reason="TEMPORARY_TABLE",
            why="a temporary table is there",
            statement="CREATE TEMPORARY TABLE top_sellers AS SELECT product FROM orders",
            lasts=83.2,
            ends="each temporary table is dropped",
            advice="",
        )
        return {"pins": [attrs.asdict(found)], "left_off": 0}

    def client_list(self, limit: int) -> Mapping[str, Any]:
        """As `GET /v1/proxies/{proxy}/clients` has it."""
        numbers = [1001 + at for at in range(self.clients) if 1001 + at not in self.killed]
        found = [attrs.asdict(self._client(number)) for number in numbers[:limit]]
        return {"clients": found, "left_off": max(0, len(numbers) - limit)}

    def _client(self, number: int) -> snapshot.ClientStatus:
        held = bool(self.status.get("held"))
        state = ("waiting" if held else "running", "transaction", "idle", "idle", "idle")[
            number % 5
        ]
        has = state in ("running", "transaction")
        return snapshot.ClientStatus(
            proxy="shop",
            number=number,
            endpoint="readers" if number % 7 == 0 else "main",
            user=("web", "web", "worker", "reports")[number % 4],
            address=f"10.3.{number % 3}.{number % 250}",
            schema="shop",
            tls="TLSv1.3" if number % 2 else "",
            state=state,
            connected=number * 1.7 % 7200,
            silent=number * 3.1 % 240,
            waiting=1.5 if state == "waiting" else 0.0,
            target=WRITER if has else None,
            connection=number % 60 if has else None,
            pins=("TEMPORARY_TABLE",) if number == 1017 else (),
        )

    def _process(self) -> snapshot.ProcessStatus:
        fields: dict[str, Any] = {
            "version": "0.1",
            "form": "compiled",
            "pid": os.getpid(),
            "uptime": time.time() - self.began + 93_784,
            "time": _iso(time.time()),
            "ready": True,
            "not_ready": "",
            "log_level": "info",
            "debug_logging": (),
            "configuration": "/etc/mysqlproxy/mysqlproxy.yaml",
            "configured": _iso(self.began - 3600),
            "clients": self.clients * len(self.names),
            "open_files": 489,
            "max_open_files": 65536,
            "resident_bytes": 148 * 2**20,
            "workers": len(self.workers),
            "cpu_seconds": 0.31 * (time.time() - self.began) + 20_000,
        }
        return snapshot.ProcessStatus(**(fields | self.process))

    def _worker(self, number: int, state: str) -> WorkerStatus:
        return WorkerStatus(
            number=number,
            pid=os.getpid() + number,
            state=state,
            uptime=93_784 if state == "serving" else 2,
            clients=self.clients // len(self.workers),
            statements=self._moment(math.floor(time.time())).statements // len(self.workers),
            cpu=0.31 / len(self.workers),
            cpu_seconds=20_000,
            resident_bytes=61 * 2**20,
            open_files=489 // len(self.workers),
            max_open_files=65536,
            delay=0.0123,
            restarts=int(state != "serving"),
        )

    def _proxy(self, name: str) -> snapshot.ProxyOverview:
        first = name == self.names[0]
        now = self._moment(math.floor(time.time()))
        status = {"writer": WRITER, "clients": self.clients, "last_switch": 4210.0}
        return snapshot.ProxyOverview(
            status=ProxyStatus(name=name, **(status | (self.status if first else {}))),
            endpoints=(
                _endpoint(name, "main", "READ_WRITE", 6033, self.clients - 58),
                _endpoint(name, "readers", "READ_ONLY", 6034, 58),
            ),
            targets=tuple(self._target(one, first=first) for one in (WRITER, READER, LATE)),
            pools=(
                _pool(name, WRITER, now, held=first and bool(self.status.get("held"))),
                snapshot.PoolStatus(
                    proxy=name,
                    target=READER,
                    connections=6,
                    idle=3,
                    lent=2,
                    lingering=1,
                    in_transaction=1,
                    max_connections=40,
                    max_idle_connections=20,
                ),
                snapshot.PoolStatus(proxy=name, target=LATE, max_connections=40),
            ),
            pins=PINS,
            now=now,
            last_minute=attrs.evolve(now, statements=now.statements * 60),
        )

    def _target(self, address: str, *, first: bool) -> TargetStatus:
        fields: dict[str, Any] = {
            "role": "READ_WRITE" if address == WRITER else "READ_ONLY",
            "state": "AVAILABLE",
            "lag_seconds": None if address == WRITER else 0.4,
            "seen_seconds_ago": time.time() % 1,
            "writable": address == WRITER,
            "server": f"0c1d{address[2]}f5e-8a57-11ef-9d1b-0242ac12000{address[2]}",
        }
        other = self.targets.get(address, {}) if first else {}
        return TargetStatus(address=address, **(fields | other))

    def _moment(self, at: float) -> snapshot.MomentStatus:
        wave = math.sin(at / 37) + 0.4 * math.sin(at / 5.1) + 0.25 * math.sin(at * 1.9)
        statements = int(1900 + 420 * wave)
        busy = int(9 + 3 * wave)
        return snapshot.MomentStatus(
            time=at,
            statements=statements,
            statement_latency=_latency(statements, 0.00072 + 0.0001 * wave),
            database_latency=_latency(statements, 0.00055 + 0.0001 * wave),
            borrow_latency=_latency(statements // 9, 0.00004),
            clients=self.clients - 20 + int(8 * wave),
            connections=14 + int(2 * math.sin(at / 90)),
            lent=busy,
            waiting=max(0, int(4 * wave - 3)),
            pinned=1 + (at % 120 > 70),
        )


PINS = (
    snapshot.PinReasonStatus(
        proxy="shop",
        reason="TEMPORARY_TABLE",
        why="a temporary table is there",
        now=1,
        total=318,
        advice="Drop temporary tables early, or use a derived table or a CTE.",
    ),
    snapshot.PinReasonStatus(
        proxy="shop",
        reason="NAMED_LOCK",
        why="GET_LOCK holds a lock",
        now=0,
        total=12,
        advice="Release it with RELEASE_LOCK as soon as the work is done.",
    ),
)


def _latency(count: int, typical: float) -> snapshot.LatencyStatus:
    return snapshot.LatencyStatus(
        count=count,
        mean=typical * 1.2,
        p50=typical,
        p95=typical * 3.1,
        p99=typical * 6.4,
    )


def _endpoint(
    proxy: str, name: str, role: str, port: int, clients: int
) -> snapshot.EndpointStatus:
    return snapshot.EndpointStatus(
        proxy=proxy, name=name, target_role=role, address=f"0.0.0.0:{port}", clients=clients
    )


def _pool(
    proxy: str, target: str, now: snapshot.MomentStatus, *, held: bool
) -> snapshot.PoolStatus:
    idle = max(0, now.connections - now.lent - 2)
    return snapshot.PoolStatus(
        proxy=proxy,
        target=target,
        connections=idle + now.lent + 2,
        idle=idle,
        lent=now.lent,
        lingering=2,
        pinned=now.pinned,
        in_transaction=max(0, now.lent - 4),
        waiting=now.waiting,
        longest_wait=0.003 * now.waiting,
        max_connections=40,
        max_idle_connections=20,
        held=held,
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
