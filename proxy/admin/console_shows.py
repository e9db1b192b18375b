"""What SHOW shows of the proxies of the process."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

import attrs
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin import looking
from proxy.admin.console_tables import (
    MOST_ROWS,
    Row,
    chosen,
    columns_of,
    flattened,
    row_of,
    text_columns,
)
from proxy.admin.console_words import Like, Words, like, not_understood, shown
from proxy.admin.desk import Desk
from proxy.admin.json_form import json_form
from proxy.admin.process import Served
from proxy.admin.sight import Seen, Sight
from proxy.admin.snapshot import (
    ClientStatus,
    ConnectionStatus,
    DigestStatus,
    EndpointStatus,
    EventStatus,
    PinReasonStatus,
    PinStatus,
    PoolStatus,
    ProcessStatus,
)
from proxy.admin.snapshot_worker import WorkerStatus
from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.front.console import Table
from proxy.policy.standing import ProxyStatus, TargetStatus
from proxy.wire.tables import Kind, TableColumn

OPTIONS: Final = frozenset(("FOR", "FROM", "IN", "LIKE", "LIMIT"))
"""What may follow the name of what is shown."""

_DIGESTS: Final = 20
"""Statements that SHOW DIGESTS shows unless a LIMIT says otherwise: what fits on a screen."""


@attrs.frozen
class Asked:
    """What a SHOW asks for.

    Attributes:
        served: The proxies that it is about.
        limit: The most rows; None where it does not say.
        most: Of what there may be very much of: how many of each proxy need to be looked at;
            None for all, of which some will be chosen.
    """

    served: tuple[Served, ...]
    limit: int | None
    most: int | None = None


Rows = Callable[[Desk, Asked], Awaitable[Iterable[Row]]]


@attrs.frozen
class View:
    """Something that SHOW shows.

    Attributes:
        says: What that is, for SHOW HELP.
        columns: Of the table.
        rows: Makes them.
    """

    says: str
    columns: tuple[TableColumn, ...]
    rows: Rows


def unknown_name(what: str, name: str, known: Iterable[str]) -> StatementRefusedError:
    """Something is not there; says what is (ER_UNKNOWN_ERROR)."""
    there = ", ".join(known)
    text = f"There is no {what} {name[:100]!r}; there is {there or 'none'}"
    return StatementRefusedError(ErrorReply(1105, "HY000", text, Fault.CLIENT))


def served_of(desk: Desk, name: str) -> Served:
    """The proxy of this name, in any case where that is clear.

    Raises:
        StatementRefusedError: there is none.
    """
    proxies = {one.operations.name: one for one in desk.process.served()}
    if name in proxies:
        return proxies[name]
    alike = [one for other, one in proxies.items() if other.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    raise unknown_name("proxy", name, proxies)


async def show(desk: Desk, view: View, words: Words) -> Table:
    """The table of a view, by the options that follow.

    Raises:
        StatementRefusedError: they cannot be understood, or name a proxy that is not there.
    """
    served = tuple(desk.process.served())
    pattern: Like | None = None
    limit: int | None = None
    while option := words.accept_one(OPTIONS):
        if option == "LIKE":
            pattern = like(words.text("what follows LIKE"))
        elif option == "LIMIT":
            limit = min(words.number("what follows LIMIT"), sys.maxsize)
        else:
            served = (served_of(desk, words.name("the proxy", OPTIONS)),)
    words.expect_end()
    most = None if pattern is not None else MOST_ROWS if limit is None else limit
    rows = await view.rows(desk, Asked(served, limit, most))
    return Table(view.columns, chosen(rows, pattern, limit))


# Rows


def _at_once(rows: Callable[[Desk, Asked], Iterable[Row]]) -> Rows:
    """Rows that nobody has to be asked for."""

    async def made(desk: Desk, asked: Asked) -> Iterable[Row]:
        return rows(desk, asked)

    return made


def _of_each(rows: Callable[[Served], Iterable[object]]) -> Rows:
    """Rows of snapshots, proxy by proxy."""
    return _at_once(
        lambda _, asked: (row_of(one) for served in asked.served for one in rows(served))
    )


def _seen(look: Callable[[Sight, int | None], Awaitable[Seen[object]]]) -> Rows:
    """Rows of what there may be very much of, proxy by proxy."""

    async def made(_: Desk, asked: Asked) -> Iterable[Row]:
        found = [await look(served.sight, asked.most) for served in asked.served]
        return (row_of(one) for seen in found for one in seen.rows)

    return made


def _targets(_: Desk, asked: Asked) -> Iterator[Row]:
    for served in asked.served:
        for target in served.operations.targets():
            yield row_of(target, served.operations.name)


async def _digests(_: Desk, asked: Asked) -> Iterable[Row]:
    limit = _DIGESTS if asked.limit is None else asked.limit
    found = [await served.sight.digests(limit) for served in asked.served]
    return (row_of(one) for seen in found for one in seen.rows)


def _stats(desk: Desk, asked: Asked) -> Iterator[Row]:
    """All series but those of the process, and the sums and counts of histograms."""
    names = {one.operations.name for one in asked.served}
    for family in text_string_to_metric_families(desk.process.metrics().decode()):
        for name, labels, number, *_ in family.samples:
            if labels.get("proxy") not in names or name.endswith("_bucket"):
                continue
            where = {key: labels.get(key, "") for key in ("proxy", "endpoint", "target")}
            others = ", ".join(
                f"{key}={text}" for key, text in labels.items() if key not in where
            )
            whole = int(number) if number.is_integer() else number
            yield (*where.values(), name, others, whole)


def _events(desk: Desk, _: Asked) -> Iterator[Row]:
    """The newest first: it is these that a LIMIT leaves."""
    for event in reversed([*desk.process.events.after(0)]):
        yield row_of(
            EventStatus(
                number=event.number,
                time=event.time,
                level=event.level,
                event=event.event,
                fields=event.fields,
            )
        )


def _configuration(desk: Desk, _: Asked) -> Iterator[Row]:
    return flattened("", json_form(desk.process.config))


def _status(desk: Desk, _: Asked) -> Iterator[Row]:
    """As MySQL's SHOW STATUS: names and values."""
    status = looking.process_status(desk.process)
    columns = columns_of(ProcessStatus)
    for column, field in zip(columns, row_of(status), strict=True):
        yield column.name, str(field)


def _version(desk: Desk, _: Asked) -> Iterator[Row]:
    status = looking.process_status(desk.process)
    yield status.version, status.form, status.pid, round(status.uptime)


_COMMANDS: Final = {
    "login": "Connect",
    "idle": "Sleep",
    "waiting": "Query",
    "running": "Query",
    "transaction": "Sleep",
}
"""Words of MySQL's process list for the states of clients."""


async def _processes(_: Desk, asked: Asked) -> Iterable[Row]:
    found = [await served.sight.clients(asked.most) for served in asked.served]
    return (_process(client) for seen in found for client in seen.rows)


def _process(client: ClientStatus) -> Row:
    return (
        client.number,
        client.user or "unauthenticated user",
        client.address,
        client.schema or None,
        _COMMANDS[client.state],
        int(client.silent),
        client.state,
        None,
    )


def _workers(desk: Desk, _: Asked) -> Iterator[Row]:
    return map(row_of, desk.process.workers())


VIEWS: Final[dict[tuple[str, ...], View]] = {
    ("PROXIES",): View(
        "how each proxy stands",
        columns_of(ProxyStatus),
        _of_each(lambda served: [served.operations.status()]),
    ),
    ("ENDPOINTS",): View(
        "the addresses where clients are served",
        columns_of(EndpointStatus),
        _of_each(looking.endpoints),
    ),
    ("TARGETS",): View(
        "the servers behind them: role, state, lag",
        (TableColumn("proxy"), *columns_of(TargetStatus)),
        _at_once(_targets),
    ),
    ("POOLS",): View(
        "the connections to each target by what they do",
        columns_of(PoolStatus),
        _of_each(lambda served: served.sight.pools()),
    ),
    ("CONNECTIONS",): View(
        "the connections to targets one by one",
        columns_of(ConnectionStatus),
        _seen(lambda sight, most: sight.connections(most)),
    ),
    ("CLIENTS",): View(
        "the clients one by one",
        columns_of(ClientStatus),
        _seen(lambda sight, most: sight.clients(most)),
    ),
    ("PROCESSLIST",): View(
        "the clients as MySQL shows them",
        (
            TableColumn("Id", Kind.WHOLE),
            *text_columns("User", "Host", "db", "Command"),
            TableColumn("Time", Kind.WHOLE),
            *text_columns("State", "Info"),
        ),
        _processes,
    ),
    ("PINS",): View(
        "what keeps clients on their connections",
        columns_of(PinStatus),
        _seen(lambda sight, most: sight.pins(most)),
    ),
    ("PIN", "REASONS"): View(
        "how often each reason does, and what to do about it",
        columns_of(PinReasonStatus),
        _of_each(lambda served: served.sight.pin_reasons()),
    ),
    ("DIGESTS",): View(
        "the statements that take most of the time", columns_of(DigestStatus), _digests
    ),
    ("STATS",): View(
        "all counters and gauges",
        (
            *text_columns("proxy", "endpoint", "target", "name", "labels"),
            TableColumn("value", Kind.FRACTION),
        ),
        _at_once(_stats),
    ),
    ("EVENTS",): View("what happened lately", columns_of(EventStatus), _at_once(_events)),
    ("CONFIG",): View(
        "the configuration in force", text_columns("setting", "value"), _at_once(_configuration)
    ),
    ("WORKERS",): View(
        "the processes that serve clients",
        columns_of(WorkerStatus),
        _at_once(_workers),
    ),
    ("STATUS",): View(
        "the process itself", text_columns("Variable_name", "Value"), _at_once(_status)
    ),
    ("VERSION",): View(
        "which mysqlproxy this is",
        (
            *text_columns("version", "form"),
            TableColumn("pid", Kind.WHOLE),
            TableColumn("uptime", Kind.WHOLE),
        ),
        _at_once(_version),
    ),
}
"""All that is shown of the proxies."""

SAME: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("CONFIGURATION",): ("CONFIG",),
    ("SERVERS",): ("TARGETS",),
}
"""Other names of the same; the last is what pgbouncer's users and ProxySQL's call it."""


def view_of(words: Words) -> View | None:
    """The view that is named next; None when none is, and nothing is taken then."""
    for name in (*VIEWS, *SAME):
        if words.accept(*name):
            return VIEWS[SAME.get(name, name)]
    return None


def no_view(words: Words) -> StatementRefusedError:
    """There is nothing of the name that comes next."""
    names = ", ".join(" ".join(name) for name in VIEWS)
    what = f"there is no SHOW {shown(words.next)}" if words.next else "SHOW needs a name"
    return not_understood(f"{what}, but SHOW {names}")
