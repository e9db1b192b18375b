"""``make suites``: tests of SQLAlchemy and Django, directly and through the proxy."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import click

from proxy.embedded import Flavor, Server, start_server
from tests.suites.programs import Programs, fetch
from tests.suites.suites import LONG, PASSWORD, SHORT, USER, Suite, clean
from tests.support.process import RunningProxy, running_proxy

BACKENDS: Final = 4
PINNED: Final = "The client session was pinned"


@attrs.frozen
class Comparison:
    """The outcomes of one suite on one server, by test.

    Attributes:
        where: The server, and the suite.
        direct: Without the proxy.
        proxied: Through it.
        pins: How often the proxy pinned, by reason.
    """

    where: str
    direct: Mapping[str, str]
    proxied: Mapping[str, str]
    pins: Mapping[str, int]

    @property
    def lost(self) -> list[str]:
        """Tests that pass only without the proxy."""
        return [
            name
            for name, outcome in self.direct.items()
            if outcome == "passed" and self.proxied.get(name) != "passed"
        ]

    @property
    def passes(self) -> bool:
        """Whether tests passed, and as many through the proxy."""
        return "passed" in self.direct.values() and not self.lost

    def lines(self) -> list[str]:
        """Its part of the report."""
        lines = [_counts(self.where, self.direct, self.proxied)]
        for name in sorted(self.direct.keys() | self.proxied.keys()):
            before, after = self.direct.get(name), self.proxied.get(name)
            if before != after:
                lines.append(f"    {name}: {before} directly, {after} through the proxy")
        lines += [f"    {count:5} pins: {reason}" for reason, count in self.pins.items()]
        return lines


def _counts(where: str, *ways: Mapping[str, str]) -> str:
    cells = [where.ljust(34)]
    for way in ways:
        counts = Counter(way.values())
        cells += [f"{counts[word]:7}" for word in ("passed", "failed", "skipped")]
    return " ".join(cells)


def _pins(proxy: RunningProxy) -> dict[str, int]:
    counts = Counter(
        str(line.get("reason"))
        for line in proxy.log()
        if str(line.get("message")).startswith(PINNED)
    )
    return dict(counts.most_common())


def compare(
    server: Server, suites: Sequence[Suite], programs: Programs, folder: Path
) -> list[Comparison]:
    """Run each suite both ways on one server; each run begins with empty schemas."""
    found = []
    for number, suite in enumerate(suites):
        where = f"{server.flavor.value}, {suite.title}"
        place = folder / f"{server.flavor.value}-{number}"
        clean(server)
        click.echo(f"{where}: directly", err=True)
        direct = suite.run(programs, server.port, place / "direct")
        clean(server)
        click.echo(f"{where}: through the proxy", err=True)
        limit = {"max_connections": BACKENDS}
        accounts = {USER: PASSWORD}
        with running_proxy(server, place, accounts=accounts, pool=limit) as proxy:
            proxied = suite.run(programs, proxy.port, place / "proxied")
        found.append(Comparison(where, direct, proxied, _pins(proxy)))
    return found


@click.command()
@click.option("--all", "everything", is_flag=True, help="The long suites too.")
@click.option(
    "--server",
    "flavors",
    type=click.Choice([flavor.value for flavor in Flavor]),
    multiple=True,
    default=[flavor.value for flavor in Flavor],
    help="On this server only; can be given again.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    help="Keep the logs of the proxy and what the suites print in this new folder.",
)
def main(*, everything: bool, flavors: Sequence[str], folder: Path | None) -> None:
    """Run the suites directly and through a proxy with four connections, and compare.

    The exit status is 1 when a test passes directly and not through the proxy.
    """
    suites = (*SHORT, *LONG) if everything else SHORT
    programs = fetch()
    found: list[Comparison] = []
    with tempfile.TemporaryDirectory(prefix="mysqlproxy-suites-") as temporary:
        for flavor in flavors:
            with start_server(Flavor(flavor)) as server:
                server.create_user(
                    USER, PASSWORD, grants=("ALL PRIVILEGES ON *.* WITH GRANT OPTION",)
                )
                found += compare(server, suites, programs, folder or Path(temporary))
    heads = ("passed", "failed", "skipped")
    click.echo(" " * 34 + "  directly" + " " * 15 + "through the proxy")
    click.echo(" " * 34 + "".join(f"{head:>8}" for head in heads * 2))
    for comparison in found:
        click.echo("\n".join(comparison.lines()))
    sys.exit(not all(comparison.passes for comparison in found))


if __name__ == "__main__":
    main()
