"""``python -m bench.workers.run``: see the package.

Four questions.  What does a statement cost when two processes serve instead of one, and how
much of that is due to workers?  What does a connection cost that is handed over?  What becomes
of clients that all came to one worker?  And of a worker that is killed while it is busy?
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from bench import machine, tools
from bench.clients_idle import raise_file_limit
from bench.clients_sysbench import LoadFailedError, Sysbench
from bench.site import site
from bench.workers import costs, kills, lopsided
from bench.workers.serving import BACKENDS, serving
from proxy.embedded import EmbeddedError

RESULTS: Final = Path(__file__).resolve().parent.parent / "results"


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """For people: medians of what has several figures in each round, else all of it."""
    for name, rows in found.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
            said = ", ".join(f"{key} {value:,.1f}" for key, value in medians.items())
        elif isinstance(rows, list):
            said = ", ".join(f"{value:.2f}" for value in rows)
        else:
            said = str(rows)
        yield f"{name:32} {said}"


def _say(title: str, lines: Iterable[str]) -> None:
    click.echo("\n".join([title, *(f"  {line}" for line in lines)]))


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Of each measurement.")
@click.option("--save/--no-save", default=True, help="Keep the figures in bench/results.")
def main(rounds: int, seconds: float, save: bool) -> None:  # noqa: FBT001 - click's way
    """Measure workers."""
    raise_file_limit()
    try:
        load = Sysbench(tools.sysbench())
        with site() as at:
            with serving(at, 1, BACKENDS) as one:
                load.prepare(one.running)
            results: dict[str, Any] = {
                "machine": machine.describe({"sysbench": (*load.program.command, "--version")})
            }
            _say("costs", costs.told(cost := costs.costs(at, load, rounds, seconds)))
            _say("lopsided", told(uneven := lopsided.lopsided(at, load, rounds, seconds)))
            _say("kills", told(killed := kills.kills(at, rounds)))
            results |= {"costs": costs.as_json(cost), "lopsided": uneven, "kills": killed}
    except (EmbeddedError, LoadFailedError, tools.ProgramMissingError) as error:
        sys.exit(f"bench-workers: {error}")
    if save:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"workers-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.json"
        path.write_text(json.dumps(results, indent=1) + "\n")
        click.echo(f"kept in {path.name}")


if __name__ == "__main__":
    main()
