"""What multiplexing saves the database: ``python -m bench.savings``.

As many clients do the same work directly and through the proxy on few connections, in turns,
each time on a server that has just been started.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bench import clients_idle, machine
from bench.failover.samples import Measure
from bench.many import complaints, records
from bench.programs import PEERS
from bench.report import OURS
from bench.savings import draw
from bench.savings.work import MODES, STEADY, WAYS, Extent, fresh, measure
from proxy.embedded import Flavor

RESULTS: Final = Path(__file__).parents[1] / "results"
PICTURE: Final = Path(__file__).parents[2] / "docs/pictures/savings.svg"

_FILES_PER_CLIENT: Final = 2
"""The server has one for each, the proxy too, and so have the load's processes."""

_SPARE_FILES: Final = 2_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--clients", type=click.IntRange(20, 20_000), default=2000, show_default=True)
@click.option("--backends", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(1, 100_000),
    default=2000,
    show_default=True,
    help="Statements a second, of all clients, while they are mostly idle.",
)
@click.option("--seconds", type=click.FloatRange(1, 600), default=6, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option(
    "--flavor",
    type=click.Choice([flavor.value for flavor in Flavor]),
    default=Flavor.MYSQL.value,
    show_default=True,
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write all figures; rounds that a file of this name has are kept, and more "
    "are added. By default a new file in bench/results/.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Where to draw them; by default {PICTURE.name} beside the figures.",
)
def main(
    *,
    clients: int,
    backends: int,
    rate: float,
    seconds: float,
    rounds: int,
    flavor: str,
    path: Path | None,
    picture: Path | None,
) -> None:
    """Compare what the server spends on clients of its own and on those behind the proxy."""
    clients_idle.raise_file_limit(_FILES_PER_CLIENT * clients + _SPARE_FILES)
    extent = Extent(clients, backends, rate, seconds)
    path = path or RESULTS / f"savings-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    measures = {mode: Measure(title(mode, extent)) for mode in MODES}
    with complaints.told():
        facts = records.recall(path, measures)
        facts |= {"server": flavor, **_facts()}
        for number in range(rounds):
            # Another one begins in each round.
            for way in WAYS[:: 1 if number % 2 else -1]:
                with fresh(Flavor(flavor), clients) as here:
                    facts["server"] = f"{flavor} {here.server.version}"
                    found = measure(way, here, Flavor(flavor), extent)
                for mode, figures in found.items():
                    for name, value in figures.items():
                        measures[mode].add(name, way, value)
            click.echo(f"round {number + 1} of {rounds}", err=True)
            records.keep(path, measures, facts)
    for one in measures.values():
        click.echo(f"{one.table()}\n")
    target = picture or path.with_suffix(".svg")
    draw.write(json.loads(path.read_text("utf-8")), target)
    click.echo(f"{path}, {target}")


def title(mode: str, extent: Extent) -> str:
    """What the clients do."""
    if mode == STEADY:
        return f"{extent.clients:,} clients, {extent.rate:,.0f} statements per second"
    return f"{extent.clients:,} clients as fast as they can"


def _facts() -> dict[str, str]:
    program = PEERS[OURS].find()
    return machine.describe({OURS: (*program.command, PEERS[OURS].version_option)})


if __name__ == "__main__":
    main(prog_name="python -m bench.savings")
