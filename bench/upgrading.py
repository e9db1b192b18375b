"""``make bench-upgrade``: what clients hear of reloads and of restarts without loss: nothing.

Clients work all the time, in transactions and outside, while the configuration is changed and
put in force again and again, and while one process takes the place of the other.  Each row that
was acknowledged has to be there, once.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import click
import mysql.connector
import pymysql

from bench import options, tools
from bench.clients_idle import raise_file_limit
from bench.failover import clusters, ledger
from bench.failover.clients import LOST, Attempt, Client, Kind, Way, What
from bench.failover.crowd import Crowd
from bench.report import OURS
from bench.site import PASSWORD, SCHEMA, USER
from bench.succession import RefusedOrderError, Succession
from proxy.embedded import EmbeddedError, Flavor, start_local_server

SHARES: Final = (
    (Kind.MIXED, 0.3),
    (Kind.LEDGER, 0.25),
    (Kind.LEDGER_TRANSACTIONS, 0.2),
    (Kind.SHORT, 0.05),
)
"""What part of the clients does what; the rest enters rows by prepared statements."""

COMERS: Final = 2
"""Clients beside these that connect, ask, and leave, again and again."""

IN_TRANSACTIONS: Final = frozenset((Kind.LEDGER_TRANSACTIONS, Kind.SHORT))

_SETTLE_SECONDS: Final = 3.0
"""Before the first order and after the last one: everybody has done something then."""

_PREPARED_ACCOUNTS: Final = 100_000
"""The accounts of those who prepare are above those of all others."""

_THINK_SECONDS: Final = 0.1


@attrs.define(eq=False)
class Loner:
    """A client on a thread of its own; see `bench.failover.clients.Client`."""

    account: int
    kind: Kind = Kind.LEDGER
    attempts: list[Attempt] = attrs.field(factory=list)
    _connection: Any = None

    def enter(self, port: int, stop: threading.Event) -> None:
        """Enter rows by one prepared statement, read them by another, until it is to stop."""
        cursor = self._prepare(port)
        for number in itertools.count(1):
            if stop.wait(_THINK_SECONDS):
                return
            values = (self.account, number)
            text = "INSERT INTO ledger (client, number) VALUES (?, ?)"
            went_well = self._do(What.WRITE, cursor, text, values, number)
            text = "SELECT COUNT(*) FROM ledger WHERE client = ? AND number = ?"
            if not (went_well and self._do(What.READ, cursor, text, values)):
                cursor = self._prepare(port)

    def _prepare(self, port: int) -> Any:
        while True:
            began = time.monotonic()
            try:
                self._connection = mysql.connector.connect(
                    host="127.0.0.1",
                    port=port,
                    user=USER,
                    password=PASSWORD,
                    database=SCHEMA,
                    autocommit=True,
                    ssl_disabled=True,
                    use_pure=True,
                )
                return self._connection.cursor(prepared=True)
            except mysql.connector.Error as error:
                self._note(What.CONNECT, began, error)

    def _do(
        self,
        what: What,
        cursor: Any,
        text: str,
        values: tuple[int, int],
        number: int = 0,
    ) -> bool:
        began = time.monotonic()
        try:
            cursor.execute(text, values)
            if what is What.READ:
                assert cursor.fetchall() == [(1,)], "a row is there as often as it was entered"
        except (mysql.connector.Error, AssertionError) as error:
            self._note(what, began, error, number)
            return False
        self.attempts.append(Attempt(what, began, time.monotonic(), number=number))
        return True

    def come(self, port: int, stop: threading.Event) -> None:
        """Connect, ask, and leave, until it is to stop."""
        while not stop.wait(_THINK_SECONDS):
            began = time.monotonic()
            try:
                with (
                    pymysql.connect(
                        host="127.0.0.1", port=port, user=USER, password=PASSWORD
                    ) as connection,
                    connection.cursor() as cursor,
                ):
                    cursor.execute("SELECT 1")
                    assert cursor.fetchall() == ((1,),)
            except (pymysql.MySQLError, AssertionError) as error:
                self._note(What.CONNECT, began, error)
            else:
                self.attempts.append(Attempt(What.CONNECT, began, time.monotonic()))

    def _note(self, what: What, began: float, error: Exception, number: int = 0) -> None:
        state = getattr(error, "sqlstate", None)
        code = getattr(error, "errno", None) or (error.args or ("",))[0]
        trouble = f"{code}/{state}" if state else f"{LOST} {code}"
        self.attempts.append(
            Attempt(what, began, time.monotonic(), trouble, str(error), number)
        )


@contextlib.contextmanager
def _threads(loners: Sequence[Loner], comers: Sequence[Loner], port: int) -> Iterator[None]:
    stop = threading.Event()
    works = [*(one.enter for one in loners), *(one.come for one in comers)]
    threads = [threading.Thread(target=work, args=(port, stop)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def is_outside(client: Client | Loner, attempt: Attempt) -> bool:
    """Whether it was outside a transaction; a BEGIN is, and so is a login."""
    in_transaction = client.kind in IN_TRANSACTIONS
    return not in_transaction or attempt.what in {What.BEGIN, What.CONNECT}


def _give_orders(running: Succession, reloads: int, restarts: int, pause: float) -> None:
    """Reloads, with the restarts spread evenly among them.

    Raises:
        RefusedOrderError: one was refused.
    """
    due = {(number + 1) * reloads // (restarts + 1) for number in range(restarts)}
    for number in range(max(reloads, 1)):
        if number < reloads:
            time.sleep(pause)
            began = time.monotonic()
            changed = running.reload(number)
            took = time.monotonic() - began
            click.echo(f"  reload {number + 1}, {took:.2f} s: {', '.join(changed)}", err=True)
        if number in due:
            time.sleep(pause)
            began = time.monotonic()
            pid = running.replace()
            took = time.monotonic() - began
            click.echo(f"  restart, {took:.2f} s: process {pid} serves", err=True)


def report(
    clients: Sequence[Client | Loner], comers: Sequence[Loner], there: Counter[tuple[int, int]]
) -> bool:
    """Print what was heard and what is there; whether all is as it should be."""
    outside: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    said: dict[str, str] = {}
    slowest, count = 0.0, 0
    for client in (*clients, *comers):
        for attempt in client.attempts:
            count += 1
            slowest = max(slowest, attempt.ended - attempt.began)
            if attempt.trouble:
                name = f"{attempt.trouble} for a {attempt.what.value}, {client.kind.value}"
                (outside if is_outside(client, attempt) else inside)[name] += 1
                said.setdefault(name, attempt.said)
    entries = [entry for client in clients for entry in ledger.entries(client)]  # type: ignore[arg-type]
    found = ledger.audit(entries, there)
    for text, value in (
        ("statements and logins", count),
        ("errors outside transactions", outside.total()),
        ("errors inside transactions", inside.total()),
        ("rows acknowledged", found.acknowledged),
        ("acknowledged and not there", len(found.lost)),
        ("there twice", len(found.doubled)),
        ("refused and yet there", len(found.denied)),
        ("ms of the slowest statement", round(slowest * 1e3)),
    ):
        click.echo(f"{text:32} {value:>9}")
    for where, troubles in (("outside", outside), ("inside", inside)):
        for name, number in troubles.most_common():
            click.echo(f"{where} transactions: {number} times {name}: {said[name]}")
    return not (outside or found.lost or found.doubled or found.denied)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--clients", type=click.IntRange(10, 1000), default=200, show_default=True)
@click.option("--reloads", type=click.IntRange(0, 1000), default=20, show_default=True)
@click.option("--restarts", type=click.IntRange(0, 1000), default=5, show_default=True)
@click.option(
    "--pause", type=float, default=1.5, show_default=True, help="Seconds before each order."
)
@options.WORKERS
@options.PYTHON
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to keep the log of the proxy.",
)
def main(
    *,
    clients: int,
    reloads: int,
    restarts: int,
    pause: float,
    workers: int,
    python: bool,
    log: Path | None,
) -> None:
    """Reload and restart a proxy under load; the exit status is 1 if somebody noticed."""
    raise_file_limit()
    orders = [(kind, round(clients * share)) for kind, share in SHARES]
    loners = [
        Loner(_PREPARED_ACCOUNTS + number)
        for number in range(clients - sum(count for _, count in orders))
    ]
    comers = [Loner(0) for _ in range(COMERS)]
    try:
        program = tools.ours_as_python() if python else tools.ours()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(start_local_server(Flavor.MYSQL, max_connections=500))
            clusters.prepare(server)
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mysqlproxy-up-"))
            running = stack.enter_context(
                Succession.start(program, Path(name), (server.host, server.port), workers, log)
            )
            way = Way(OURS, (("127.0.0.1", running.port),), leaves=False)
            with (
                Crowd([(way, kind, count) for kind, count in orders]) as crowd,
                _threads(loners, comers, running.port),
            ):
                time.sleep(_SETTLE_SECONDS)
                _give_orders(running, reloads, restarts, pause)
                time.sleep(_SETTLE_SECONDS)
            everybody = (*crowd.clients, *loners)
            is_well = report(everybody, comers, ledger.rows(server))
            for line in running.mistakes():
                click.echo(f"the log says: {line}")
    except (EmbeddedError, tools.ProgramMissingError, RefusedOrderError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(not is_well or bool(running.mistakes()))


if __name__ == "__main__":
    main(prog_name="make bench-upgrade")
