"""``make bench``: compare the proxy with a direct connection and with other proxies."""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import click

from bench import clients_idle, clients_results, machine, report, tools
from bench.clients_sysbench import LoadFailedError, Sysbench
from bench.peers import Fleet, direct
from bench.programs import PEERS
from bench.report import DIRECT, OURS, OURS_AS_PYTHON, Sample
from bench.site import Site, site
from bench.works import WORKS, Extent, Programs, Work
from proxy.embedded import EmbeddedError
from proxy.embedded.certificates import KeyKind

RESULTS: Final = Path(__file__).with_name("results")
LIMIT_SECONDS: Final = 1500.0
"""No round starts that would not end within this time, going by the one before."""


class Bench:
    """The rounds of one run.

    Attributes:
        samples: by work and peer.
        failures: by work and peer, what went wrong last.
        rounds: how many were finished.
    """

    def __init__(self, fleet: Fleet, programs: Programs, works: Sequence[Work]) -> None:
        self._fleet = fleet
        self._programs = programs
        self._works = works
        self.samples: dict[str, dict[str, list[Sample]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.failures: dict[tuple[str, str], str] = {}
        self.rounds = 0

    def run(self, rounds: int, extent: Extent) -> None:
        """Every work with every peer, then all of it again: A B C A B C."""
        ends = time.monotonic() + LIMIT_SECONDS
        for number in range(rounds):
            began = time.monotonic()
            for work in self._works:
                if not (work.once and number):
                    self._measure(work, number, extent)
            self.rounds = number + 1
            took = time.monotonic() - began
            click.echo(f"round {number + 1} of {rounds}: {took:.0f} s", err=True)
            if time.monotonic() + took > ends:
                break

    def _measure(self, work: Work, number: int, extent: Extent) -> None:
        for name in self._order(number):
            if work.same_as in self.samples and not self._fleet.pools(name):
                continue
            if name == OURS_AS_PYTHON and not work.both_forms:
                continue
            if not self._fleet.speaks(name, work.tls):
                continue
            begin = self._fleet.restart if work.once else self._fleet.get
            running = begin(name, work.backends, work.tls)
            if running is None:
                continue
            try:
                sample = work.measure(self._programs, running, extent)
            except LoadFailedError as error:
                self.failures[work.line.key, name] = str(error)
            else:
                taken = self.samples[work.line.key][name]
                taken.append(attrs.evolve(sample, number=number))

    def _order(self, number: int) -> Iterator[str]:
        """Another one begins in each round: nobody always follows the same one."""
        names = self._fleet.names
        shift = number % len(names)
        yield from names[shift:] + names[:shift]

    def finish(self) -> None:
        """Put in the samples that stand for two works."""
        for work in self._works:
            for name, taken in self.samples.get(work.same_as, {}).items():
                if not self._fleet.pools(name):
                    self.samples[work.line.key][name] = taken


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="One short round: a look, not a measurement.")
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=2, show_default=True)
@click.option(
    "--only",
    type=click.Choice([work.line.key for work in WORKS]),
    multiple=True,
    help="This work; may be given more than once.",
)
@click.option(
    "--peers", help="The peers to compare with, separated by commas; by default all there are."
)
@click.option(
    "--key",
    type=click.Choice([kind.value for kind in KeyKind]),
    default=KeyKind.RSA.value,
    show_default=True,
    help="The kind of key in the certificate that all show to clients that speak TLS.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write all figures; by default a new file in bench/results/.",
)
def main(
    *,
    quick: bool,
    rounds: int,
    seconds: int,
    only: Sequence[str],
    peers: str | None,
    key: str,
    path: Path | None,
) -> None:
    """Compare the proxy with a direct connection and with other proxies, in turns."""
    clients_idle.raise_file_limit()
    works = [work for work in WORKS if not only or work.line.key in only]
    names = _chosen(peers)
    extent = Extent(seconds, idle_clients=2000)
    if quick:
        rounds, extent = 1, Extent(1, idle_clients=1000)
    try:
        programs = Programs(Sysbench(tools.sysbench()), tools.mysql_client())
    except tools.ProgramMissingError as error:
        raise click.ClickException(str(error)) from error
    with (
        _site(KeyKind(key)) as here,
        Fleet(here, {name: PEERS[name] for name in names}) as fleet,
    ):
        facts = {**_facts(here, programs, fleet), "key of the certificate": key}
        _prepare(here, programs)
        bench = Bench(fleet, programs, works)
        try:
            bench.run(rounds, extent)
        except KeyboardInterrupt:
            click.echo("stopped; what was measured until now:", err=True)
        bench.finish()
        _show(bench, fleet, works, facts)
        _write(bench, fleet, works, {**facts, **attrs.asdict(extent)}, path)


@contextlib.contextmanager
def _site(key_kind: KeyKind) -> Iterator[Site]:
    """The server, or a sentence about why there is none."""
    with contextlib.ExitStack() as stack:
        try:
            here = stack.enter_context(site(key_kind))
        except EmbeddedError as error:
            raise click.ClickException(str(error)) from error
        yield here


def _chosen(peers: str | None) -> list[str]:
    """The names of the peers, ours always among them.

    Raises:
        ClickException: there is no such peer.
    """
    known = {name.lower(): name for name in PEERS}
    wanted = [word.strip().lower() for word in (peers or ",".join(known)).split(",")]
    unknown = [word for word in wanted if word not in known]
    if unknown:
        raise click.ClickException(
            f"no peer is called {unknown[0]}; there are {', '.join(PEERS)}"
        )
    return [name for key, name in known.items() if key in wanted or name == OURS]


def _prepare(here: Site, programs: Programs) -> None:
    click.echo("making the tables", err=True)
    clients_results.prepare(here.server)
    programs.sysbench.prepare(direct(here))


def _facts(here: Site, programs: Programs, fleet: Fleet) -> dict[str, str]:
    said = machine.describe(
        {
            **fleet.versions(),
            "sysbench": (*programs.sysbench.program.command, "--version"),
            "commit": ("git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty"),
        }
    )
    server = here.server
    return {**said, "server": f"{server.flavor.title} {server.version}"}


def _show(bench: Bench, fleet: Fleet, works: Sequence[Work], facts: dict[str, str]) -> None:
    lines = [work.line for work in works]
    click.echo(f"\n{report.table(lines, fleet.names, bench.samples)}\n")
    click.echo(
        f"Medians of {bench.rounds} interleaved rounds; in parentheses the ratio to {DIRECT}."
    )
    for (work, name), why in bench.failures.items():
        click.echo(f"{work}, {name}: {why}")
    for line in lines:
        for name, taken in bench.samples.get(line.key, {}).items():
            if errors := sum(sample.errors for sample in taken):
                click.echo(f"{line.key}, {name}: {errors} errors after which it went on")
    for name, why in fleet.missing.items():
        click.echo(f"{name}: {why}")
    for name, value in facts.items():
        click.echo(f"{name}: {value}")


def _write(
    bench: Bench, fleet: Fleet, works: Sequence[Work], facts: dict[str, Any], path: Path | None
) -> None:
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    content = {
        "facts": facts,
        "rounds": bench.rounds,
        "missing": fleet.missing,
        "failures": {f"{work}, {name}": why for (work, name), why in bench.failures.items()},
        "works": report.as_json([work.line for work in works], fleet.names, bench.samples),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    click.echo(f"All figures: {path}")


if __name__ == "__main__":
    main(prog_name="make bench")
