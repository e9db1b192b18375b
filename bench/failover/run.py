"""``make bench-failover``: what applications notice when their database moves."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bench import machine, options, tools
from bench.clients_idle import raise_file_limit
from bench.failover import (
    clusters,
    ledger,
    own_writes,
    peers,
    reads,
    recording,
    switchovers,
)
from bench.failover.outages import Extent, Outage
from bench.failover.proxying import Form, ProxyFailedError
from bench.failover.samples import Measure
from bench.report import OURS
from bench.run import RESULTS
from proxy.embedded import EmbeddedError, LocalServer


def _switchover(taken: Measure, extent: Extent) -> None:
    with clusters.pair() as pair:
        switchovers.measure(taken, pair, extent)


def _kill(taken: Measure, extent: Extent) -> None:
    others = (peers.direct, peers.haproxy, peers.router)
    with clusters.pair() as pair:
        Outage(taken, LocalServer.kill, others=others).run(pair, extent)


def _freeze(taken: Measure, extent: Extent) -> None:
    with clusters.pair() as pair:
        Outage(taken, LocalServer.freeze, waits_until_noticed=True).run(pair, extent)


def _group(taken: Measure, extent: Extent) -> None:
    others = (peers.direct, peers.haproxy)
    with clusters.group() as group:
        Outage(taken, LocalServer.kill, others=others).run(group, extent)


def _ledger(taken: Measure, extent: Extent) -> None:
    with clusters.pair(semi_sync=True) as pair:
        ledger.measure(taken, pair, extent)


def _reads(taken: Measure, extent: Extent) -> None:
    with clusters.pair(2) as pair:
        reads.measure(taken, pair, extent)


def _own_writes(taken: Measure, extent: Extent) -> None:
    with clusters.pair() as pair:
        own_writes.measure(taken, pair, extent)


def _timeline(taken: Measure, extent: Extent) -> None:
    folder: Path = click.get_current_context().params["pictures"]
    with clusters.pair() as pair:
        recording.measure(taken, pair, extent, folder)


MEASURES: Final[dict[str, tuple[str, Callable[[Measure, Extent], None]]]] = {
    "switchover": ("switchover: planned, under 100 clients", _switchover),
    "kill": ("kill: the writer is killed, a script promotes 1 s later", _kill),
    "freeze": ("freeze: the writer stands still, a script promotes when noticed", _freeze),
    "group": ("group: the primary of a replication group is killed", _group),
    "ledger": ("ledger: 50 clients through 20 faults", _ledger),
    "reads": ("reads: the endpoint for reads, two readers", _reads),
    "own-writes": ("own-writes: 10,000 reads of what was just written", _own_writes),
    "timeline": ("timeline: one run each, moment by moment", _timeline),
}
"""All measures in the order of the tables: title, and what takes the samples."""


def _run(name: str, extent: Extent, measures: dict[str, Measure]) -> None:
    """Measure, and show what was measured, even when it could not be finished."""
    title, take = MEASURES[name]
    measure = measures[name] = Measure(title)
    began = time.monotonic()
    try:
        take(measure, extent)
    except (EmbeddedError, ProxyFailedError, TimeoutError) as error:
        measure.note("it could not be finished", str(error))
    click.echo(f"\n{measure.table()}\n")
    for line in measure.remarks():
        click.echo(f"  {line}")
    click.echo(f"{name} took {time.monotonic() - began:.0f} s", err=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only",
    type=click.Choice([*MEASURES]),
    multiple=True,
    help="This measure; may be given more than once.",
)
@click.option("--runs", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option(
    "--clients",
    type=click.IntRange(1, 200),
    default=10,
    show_default=True,
    help="Of each kind, in outages.",
)
@click.option("--seed", type=int, help="Of the faults of the ledger; by default a new one.")
@options.WORKERS
@options.PYTHON
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder in which the logs of this proxy are kept.",
)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Where `timeline` writes its JSON and its pictures; by default bench/results/.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write all figures; by default a new file in bench/results/.",
)
def main(
    *,
    only: Sequence[str],
    runs: int,
    clients: int,
    seed: int | None,
    workers: int,
    python: bool,
    logs: Path | None,
    pictures: Path,  # noqa: ARG001 - for _timeline
    path: Path | None,
) -> None:
    """Measure what applications notice when their database moves."""
    raise_file_limit()
    chosen = random.randrange(1_000_000) if seed is None else seed
    try:
        program = tools.ours_as_python() if python else tools.ours()
    except tools.ProgramMissingError as error:
        raise click.ClickException(str(error)) from error
    said = ("git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty")
    facts = machine.describe({OURS: (*program.command, "--version"), "commit": said})
    extent = Extent(runs, clients, Form(program, workers, logs), chosen)
    measures: dict[str, Measure] = {}
    try:
        for name in only or MEASURES:
            _run(name, extent, measures)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    for fact, value in facts.items():
        click.echo(f"{fact}: {value}")
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"failover-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    content = {
        "facts": facts,
        "runs": runs,
        "clients": clients,
        "seed": chosen,
        "workers": workers,
        "measures": {name: measure.as_json() for name, measure in measures.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    click.echo(f"All figures: {path}")


if __name__ == "__main__":
    main(prog_name="make bench-failover")
