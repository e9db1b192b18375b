"""Overload: ``python -m bench.overload``.

Ten times the work that the backends can do, and storms of logins; what clients notice of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bench import clients_idle, machine, options
from bench.failover.samples import Measure
from bench.many import complaints, records
from bench.overload.pressure import BACKENDS, COMPUTING, SLEEPING, WORKS, closed, opened
from bench.overload.storms import STORMS, blow
from bench.programs import PEERS
from bench.report import OURS, OURS_AS_PYTHON
from bench.site import site

RESULTS: Final = Path(__file__).parents[1] / "results"
STORM: Final = "storm"
PARTS: Final = (SLEEPING, COMPUTING, STORM)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(2, 600),
    default=30,
    show_default=True,
    help="Of ten times the rate; other loads take a tenth of that.",
)
@click.option("--logins", type=click.IntRange(10, 50_000), default=5000, show_default=True)
@click.option(
    "--within", type=float, default=2.0, show_default=True, help="Seconds in which they come."
)
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="May be repeated.")
@options.PYTHON
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write all figures; rounds that a file of this name has are kept, and more "
    "are added. By default a new file in bench/results/.",
)
def main(
    *,
    rounds: int,
    seconds: float,
    logins: int,
    within: float,
    only: Sequence[str],
    python: bool,
    path: Path | None,
) -> None:
    """Ask for more than there is; prints a table for each part."""
    clients_idle.raise_file_limit()
    path = path or RESULTS / f"overload-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    parts = [part for part in PARTS if not only or part in only]
    measures = {part: Measure(_title(part, logins, within)) for part in parts}
    with complaints.told():
        program = PEERS[OURS_AS_PYTHON if python else OURS].find()
        facts = records.recall(path, measures) | machine.describe(
            {OURS: (*program.command, PEERS[OURS].version_option)}
        )
        with site() as here:
            facts["server"] = here.server.version
            for number in range(rounds):
                for part, measure in measures.items():
                    if part == STORM:
                        for storm in STORMS:
                            blow(here, program, storm, logins, within, measure)
                    else:
                        best = closed(here, program, part, seconds / 10, measure)
                        opened(here, program, part, best, seconds, measure)
                    records.keep(path, measures, facts)
                click.echo(f"round {number + 1} of {rounds}", err=True)
    for measure in measures.values():
        _show(measure)
    click.echo(str(path))


def _show(measure: Measure) -> None:
    click.echo(f"{measure.table()}\n")
    for column, kinds in measure.errors.items():
        for kind, errors in kinds.items():
            for name, often in errors.most_common():
                click.echo(f"{column}, {kind}: {often} times {name}")


def _title(part: str, logins: int, within: float) -> str:
    if part == STORM:
        return f"{logins:,} logins within {within:g} s"
    return f"{BACKENDS} backends, {WORKS[part]}"


if __name__ == "__main__":
    main(prog_name="python -m bench.overload")
