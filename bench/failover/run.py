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

from bench import machine, tools
from bench.clients_idle import raise_file_limit
from bench.failover import clusters, ledger, peers, reads, switchovers
from bench.failover.outages import Extent, Outage
from bench.failover.samples import Measure
from bench.run import RESULTS
from proxy.embedded import EmbeddedError, LocalServer


def _switchover(extent: Extent) -> Measure:
    with clusters.pair() as pair:
        return switchovers.measure(pair, extent)


def _kill(extent: Extent) -> Measure:
    measure = Measure("kill: the writer is killed, a script promotes 1 s later")
    others = (peers.direct, peers.haproxy, peers.router)
    with clusters.pair() as pair:
        Outage(measure, LocalServer.kill, others=others).run(pair, extent)
    return measure


def _freeze(extent: Extent) -> Measure:
    measure = Measure("freeze: the writer stands still, a script promotes once it is noticed")
    with clusters.pair() as pair:
        Outage(measure, LocalServer.freeze, waits_until_noticed=True).run(pair, extent)
    return measure


def _group(extent: Extent) -> Measure:
    measure = Measure("group: the primary of a replication group is killed")
    others = (peers.direct, peers.haproxy)
    with clusters.group() as group:
        Outage(measure, LocalServer.kill, others=others).run(group, extent)
    return measure


def _ledger(extent: Extent) -> Measure:
    with clusters.pair(semi_sync=True) as pair:
        return ledger.measure(pair, extent)


def _reads(extent: Extent) -> Measure:
    with clusters.pair(2) as pair:
        return reads.measure(pair, extent)


MEASURES: Final[dict[str, Callable[[Extent], Measure]]] = {
    "switchover": _switchover,
    "kill": _kill,
    "freeze": _freeze,
    "group": _group,
    "ledger": _ledger,
    "reads": _reads,
}
"""All measures in the order of the tables."""


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
@click.option("--python", is_flag=True, help="Run this proxy from its sources, not compiled.")
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder in which the logs of this proxy are kept.",
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
    python: bool,
    logs: Path | None,
    path: Path | None,
) -> None:
    """Measure what applications notice when their database moves."""
    raise_file_limit()
    chosen = random.randrange(1_000_000) if seed is None else seed
    try:
        program = tools.ours_as_python() if python else tools.ours()
        facts = machine.describe(
            {
                "mysqlproxy": (*program.command, "--version"),
                "commit": ("git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty"),
            }
        )
        measures = {}
        for name in only or MEASURES:
            began = time.monotonic()
            measure = MEASURES[name](Extent(runs, clients, program, chosen, logs))
            measures[name] = measure
            took = time.monotonic() - began
            click.echo(f"\n{measure.table()}\n")
            for line in measure.remarks():
                click.echo(f"  {line}")
            click.echo(f"{name} took {took:.0f} s", err=True)
    except (tools.ProgramMissingError, EmbeddedError) as error:
        raise click.ClickException(str(error)) from error
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"failover-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    content = {
        "facts": facts,
        "runs": runs,
        "measures": {name: measure.as_json() for name, measure in measures.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    click.echo(f"All figures: {path}")


if __name__ == "__main__":
    main(prog_name="make bench-failover")
