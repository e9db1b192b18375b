"""Numbered rows through faults by chance: which were acknowledged, and which are there?"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import click
import pymysql

from bench.failover import faults, proxying, verdict
from bench.failover.clients import HANG, LOST, Client, Kind, What
from bench.failover.clusters import Pair
from bench.failover.crowd import Crowd
from bench.failover.outages import WELL_LIMIT_SECONDS, Extent
from bench.failover.samples import Measure
from bench.report import OURS
from bench.site import SCHEMA
from proxy.embedded import LocalServer
from proxy.embedded.relay import CuttingRelay

CLIENTS: Final = 25
"""Of each of the two kinds."""

FAULTS: Final = 20
SECONDS: Final = 300.0

_CAUGHT_UP_SECONDS: Final = 120.0
"""A server that starts anew applies all that was ever entered."""

_LAST_SECONDS: Final = 5.0

_UNKNOWN: Final = frozenset({HANG, LOST})
"""Troubles beside SQLSTATE 08007 after which nobody says whether a row is there."""


@attrs.frozen
class Entry:
    """What a client heard of a row.

    Attributes:
        account: of the client.
        number: of the row.
        at: when it heard.
        trouble: empty where the row was acknowledged.
        said: the error in words.
    """

    account: int
    number: int
    at: float
    trouble: str
    said: str

    @property
    def is_unknown(self) -> bool:
        """Whether the error says that the outcome is unknown, or the connection is gone."""
        return self.trouble in _UNKNOWN or self.trouble.endswith(verdict.OUTCOME_UNKNOWN)


@attrs.frozen
class Audit:
    """The ledger of the clients beside that of the database.

    Attributes:
        entries: how many rows clients tried to enter and heard of.
        acknowledged: how many of them succeeded.
        lost: acknowledged, and not there.
        doubled: there more than once.
        denied: there, though the error said that it had failed.
        unknown: the error said that the outcome is unknown.
        unknown_there: how many of those are there.
    """

    entries: int
    acknowledged: int
    lost: Sequence[Entry]
    doubled: Sequence[tuple[int, int]]
    denied: Sequence[Entry]
    unknown: int
    unknown_there: int


def entries(client: Client) -> list[Entry]:
    """What a client heard of each of its rows; the last word counts, but for the good-bye."""
    heard: dict[int, Entry] = {}
    ends = {What.COMMIT} if client.kind is Kind.LEDGER_TRANSACTIONS else {What.WRITE}
    for attempt in client.attempts:
        if not attempt.number or attempt.what is What.ROLLBACK:
            continue
        if attempt.trouble or attempt.what in ends:
            heard[attempt.number] = Entry(
                client.account, attempt.number, attempt.ended, attempt.trouble, attempt.said
            )
    return [*heard.values()]


def audit(heard: Iterable[Entry], there: Counter[tuple[int, int]]) -> Audit:
    """Compare what clients heard with the rows that are there."""
    told = [*heard]
    good = [one for one in told if not one.trouble]
    unknown = [one for one in told if one.trouble and one.is_unknown]
    denied = [one for one in told if one.trouble and not one.is_unknown]
    return Audit(
        len(told),
        len(good),
        [one for one in good if not there[one.account, one.number]],
        [key for key, count in there.items() if count > 1],
        [one for one in denied if there[one.account, one.number]],
        len(unknown),
        sum(bool(there[one.account, one.number]) for one in unknown),
    )


def rows(server: LocalServer) -> Counter[tuple[int, int]]:
    """How often each row is there."""
    found = server.execute(f"SELECT client, number FROM {SCHEMA}.ledger")
    return Counter((client, number) for client, number in found)


def measure(taken: Measure, pair: Pair, extent: Extent) -> None:
    """One run; it lasts for some minutes."""
    click.echo(f"the faults have the seed {extent.seed}", err=True)
    with contextlib.ExitStack() as stack:
        relays = {
            server.port: stack.enter_context(CuttingRelay(server.host, server.port))
            for server in pair.group.servers
        }
        places = [(relay.host, relay.port) for relay in relays.values()]
        proxy = stack.enter_context(proxying.proxy(extent.form, pair.topology, places))
        field = faults.Field(pair, relays, proxy, random.Random(extent.seed))
        kinds = (Kind.LEDGER, Kind.LEDGER_TRANSACTIONS)
        with Crowd([(proxy.way, kind, CLIENTS) for kind in kinds]) as crowd:
            _suffer(taken, field)
            time.sleep(_LAST_SECONDS)
        pair.group.wait_until_caught_up(_CAUGHT_UP_SECONDS)
        _judge(taken, crowd.clients, pair)


def _suffer(taken: Measure, field: faults.Field) -> None:
    began = time.monotonic()
    for number, fault in enumerate(faults.chosen(FAULTS, field.chance)):
        due = began + (number + 0.5) * SECONDS / FAULTS
        time.sleep(max(due - time.monotonic(), 0))
        at = time.monotonic()
        try:
            said = fault(field)
        except (proxying.ProxyFailedError, pymysql.err.MySQLError) as error:
            said = f"{fault.__name__}: {error}"
            taken.note(f"a fault went wrong: {said}")
        took = time.monotonic() - at
        click.echo(f"  {at - began:5.1f} s, {took:4.1f} s: {number + 1}. {said}", err=True)
        field.pair.group.wait_until_caught_up(_CAUGHT_UP_SECONDS)
        field.proxy.wait_until_well(WELL_LIMIT_SECONDS)


def _judge(taken: Measure, clients: Sequence[Client], pair: Pair) -> None:
    heard = [entry for client in clients for entry in entries(client)]
    found = audit(heard, rows(pair.group.primary))
    for figure, value in (
        ("rows that clients tried to enter", found.entries),
        ("acknowledged", found.acknowledged),
        ("acknowledged and not there", len(found.lost)),
        ("there twice", len(found.doubled)),
        ("refused and yet there", len(found.denied)),
        ("outcome unknown", found.unknown),
        ("outcome unknown, and there", found.unknown_there),
        ("no answer within a minute", sum(one.trouble == HANG for one in heard)),
        ("connections made anew", verdict.lost_connections(clients)),
        ("ms of the longest stall of a client", verdict.longest_stall(clients, 0.0) * 1e3),
    ):
        taken.add(figure, OURS, value)
    for kind, troubles in verdict.errors_by_kind(clients).items():
        taken.hear(OURS, kind.value, troubles)
        for trouble, count in sorted(troubles.items()):
            taken.add(f"errors {trouble}, {kind.value}", OURS, count)
    for replica in pair.group.replicas:
        if rows(replica) != rows(pair.group.primary):
            taken.note("a replica has other rows than the primary")
    _remark(taken, found, clients)


def _remark(taken: Measure, found: Audit, clients: Sequence[Client]) -> None:
    """What is wrong in any case, and errors that say neither of the two things to say."""
    for entry in found.lost:
        taken.note("acknowledged and not there", str(entry))
    for account, number in found.doubled:
        taken.note("there twice", f"row {number} of client {account}")
    for entry in found.denied:
        taken.note("refused and yet there", str(entry))
    for client in clients:
        for attempt in verdict.errors(client):
            if verdict.state(attempt) not in {verdict.ROLLED_BACK, verdict.OUTCOME_UNKNOWN}:
                taken.note(f"{client.kind.value}, {attempt.what.value}: {attempt.said}")
