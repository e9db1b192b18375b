"""The columns of each table, the ones that matter least with the highest rank."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.cli.spelling import NOTHING, number, size, span
from proxy.cli.tables import Column, Row, key

_LEAST_ADDRESS = 16
_LEAST_STATEMENT = 24
"""What of a long text has to be seen before a whole column is left out."""

_LEAST_TARGET = 40
"""Likewise where the whole address is shown, in lines: commands take it."""


_WORKER = Column("WORKER", key("worker"), rank=9, right=True)


def for_several(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """The same, with the proxy in front where the rows are of more than one, and the worker."""
    proxies = (Column("PROXY", key("proxy")),) if _several("proxy", rows) else ()
    workers = (_WORKER,) if _several("worker", rows) else ()
    return [*proxies, *columns, *workers]


def _several(field: str, rows: Sequence[Row]) -> bool:
    return len({row.get(field) for row in rows}) > 1


def _target_state(row: Row) -> str:
    return "DRAINING" if row["draining"] else str(row["state"])


def why_target(row: Row) -> str:
    """The sentence below a target: why it is as it is."""
    return ": ".join(filter(None, (row["reason"], row["description"])))


TARGETS = (
    Column("TARGET", key("address"), least=_LEAST_TARGET, fold=True),
    Column("ROLE", key("role")),
    Column("STATE", _target_state),
    Column("LAG", lambda row: span(row["lag_seconds"]), right=True),
    Column("LENT", lambda row: f"{row['lent']}/{row['connections']}", right=True),
    Column("SEEN", lambda row: span(row["seen_seconds_ago"]), rank=2, right=True),
    Column("SERVER", key("server"), rank=3),
)


def _kept(row: Row) -> str:
    return "HELD" if row["held"] else NOTHING


POOLS = (
    Column("TARGET", key("target"), least=_LEAST_ADDRESS),
    Column("CONN", lambda row: f"{row['connections']}/{row['max_connections']}", right=True),
    Column("LENT", lambda row: str(row["lent"]), right=True),
    Column("PINNED", lambda row: str(row["pinned"]), right=True),
    Column("IN TX", lambda row: str(row["in_transaction"]), right=True),
    Column("IDLE", lambda row: str(row["idle"]), rank=1, right=True),
    Column("WAIT", lambda row: str(row["waiting"]), right=True),
    Column("LONGEST", lambda row: span(row["longest_wait"] or None), right=True),
    Column("HELD", _kept, rank=1),
    Column("LINGER", lambda row: str(row["lingering"]), rank=3, right=True),
    Column("DIAL", lambda row: str(row["dialing"]), rank=4, right=True),
    Column("RESET", lambda row: str(row["resetting"]), rank=5, right=True),
    Column("RETIRE", lambda row: str(row["retiring"]), rank=6, right=True),
    Column("MAX IDLE", lambda row: str(row["max_idle_connections"]), rank=7, right=True),
)


def _has(row: Row) -> str:
    if row["target"] is None:
        return NOTHING
    return f"{row['target']} #{row['connection'] or '?'}"


CLIENTS = (
    Column("CLIENT", lambda row: str(row["number"]), right=True),
    Column("USER", key("user"), least=8),
    Column("ADDRESS", key("address"), rank=3),
    Column("STATE", key("state")),
    Column("WAITS", lambda row: span(row["waiting"] or None), right=True),
    Column("SILENT", lambda row: span(row["silent"]), rank=1, right=True),
    Column("PINS", lambda row: " ".join(row["pins"]) or NOTHING, rank=2, least=10),
    Column("CONNECTION", _has, rank=4, least=_LEAST_ADDRESS),
    Column("SCHEMA", key("schema"), rank=5, least=8),
    Column("CONNECTED", lambda row: span(row["connected"]), rank=6, right=True),
    Column("ENDPOINT", key("endpoint"), rank=7),
    Column("TLS", key("tls"), rank=8),
)

CONNECTIONS = (
    Column("TARGET", key("target"), least=_LEAST_ADDRESS),
    Column("CONN", key("number"), right=True),
    Column("USER", key("user"), least=8),
    Column("STATE", key("state")),
    Column("CLIENT", key("client"), right=True),
    Column("IN TX", lambda row: "yes" if row["in_transaction"] else NOTHING, rank=1),
    Column("AGE", lambda row: span(row["age"]), rank=2, right=True),
    Column("IDLE", lambda row: span(row["idle"] or None), rank=3, right=True),
    Column("USES", lambda row: number(row["uses"]), rank=4, right=True),
    Column("TLS", key("tls"), rank=5),
)

PINS = (
    Column("CLIENT", lambda row: str(row["client"]), right=True),
    Column("USER", key("user"), least=8),
    Column("REASON", key("reason")),
    Column("LASTS", lambda row: span(row["lasts"]), right=True),
    Column("STATEMENT", key("statement"), least=_LEAST_STATEMENT),
    Column("ADDRESS", key("address"), rank=2),
    Column("CONNECTION", _has, rank=1, least=_LEAST_ADDRESS),
)

DIGESTS = (
    Column("TOTAL", lambda row: span(row["total_seconds"]), right=True),
    Column("COUNT", lambda row: number(row["count"]), right=True),
    Column("MEAN", lambda row: span(row["mean_seconds"]), right=True),
    Column("MAX", lambda row: span(row["max_seconds"]), rank=1, right=True),
    Column("ERRORS", lambda row: number(row["errors"]), rank=2, right=True),
    Column("LAST", lambda row: span(row["last_seen"]), rank=3, right=True),
    Column("STATEMENT", key("digest"), least=_LEAST_STATEMENT),
)

WORKERS = (
    Column("WORKER", lambda row: str(row["number"]), right=True),
    Column("STATE", key("state")),
    Column("CLIENTS", lambda row: number(row["clients"]), right=True),
    Column("STATEMENTS/S", lambda row: number(row["statements"]), right=True),
    Column("CPU", lambda row: f"{row['cpu']:.0%}", right=True),
    Column("MEMORY", lambda row: size(row["resident_bytes"]), rank=1, right=True),
    Column("UP", lambda row: span(row["uptime"]), rank=2, right=True),
    Column("RESTARTS", lambda row: number(row["restarts"]), rank=3, right=True),
    Column("DELAY", lambda row: span(row["delay"] or None), rank=4, right=True),
    Column("PID", lambda row: str(row["pid"] or NOTHING), rank=5, right=True),
    Column("FILES", lambda row: number(row["open_files"]), rank=6, right=True),
    Column("CPU TIME", lambda row: span(row["cpu_seconds"]), rank=7, right=True),
)
