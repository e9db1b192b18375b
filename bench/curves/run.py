"""``make bench-curves``: how throughput, latency and cost grow, and with what."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from bench import clients_idle, clients_results, machine, tools
from bench.curves import draw, results
from bench.curves.axes import MEASURES, Curve, Measure, curves
from bench.curves.results import Results
from bench.curves.rounds import Effort, Rounds
from bench.site import Site, site
from proxy.embedded import EmbeddedError

_ROOT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = _ROOT / "docs/pictures"

_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_KEYS: Final = [curve.key for curve in curves(0)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A few small points: a look, not a measurement.")
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=2, show_default=True)
@click.option(
    "--only", type=click.Choice(_KEYS), multiple=True, help="This curve; may be given again."
)
@click.option("--tls", is_flag=True, help="The idle clients speak TLS; nothing is kept.")
@click.option(
    "--pictures", type=_FOLDER, default=PICTURES, help="Where data and pictures are kept."
)
def main(
    *,
    quick: bool,
    rounds: int,
    seconds: int,
    only: Sequence[str],
    tls: bool,
    pictures: Path,
) -> None:
    """Measure curves, and say whether anything grows faster than it may.

    Ends with 1 if something does.  Data and pictures are kept under the names of the curves; a
    quick look, and one with TLS, keeps nothing among those of the manual.
    """
    clients_idle.raise_file_limit()
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    effort = Effort(1, 1, tls) if quick else Effort(rounds, seconds, tls)
    chosen = [one for one in curves(files, quick=quick) if not only or one.key in only]
    try:
        sysbench = tools.sysbench()
        with site() as here:
            clients_results.prepare(here.server)
            found = []
            for curve in chosen:
                found.append(_measure(curve, here, sysbench, effort))
                click.echo("\n".join(told(found[-1])))
                if pictures != PICTURES or not (quick or tls):
                    path = results.write(found[-1], pictures)
                    click.echo(f"All figures: {path}, {draw.write(found[-1], path)}")
    except (tools.ProgramMissingError, EmbeddedError) as error:
        raise click.ClickException(str(error)) from error
    # Three small points in one round prove nothing.
    sys.exit(not quick and not all(one.is_sound for one in found))


def _measure(curve: Curve, here: Site, sysbench: tools.Program, effort: Effort) -> Results:
    facts = {
        **machine.describe(
            {
                "mysqlproxy": (*tools.ours().command, "--version"),
                "sysbench": (*sysbench.command, "--version"),
                "commit": ("git", "-C", str(_ROOT), "describe", "--always", "--dirty"),
            }
        ),
        "server": f"{here.server.flavor.title} {here.server.version}",
        "rounds": f"{effort.rounds}, interleaved, of {effort.seconds} s",
        "TLS of idle clients": "yes" if effort.tls else "no",
    }
    rounds = Rounds(here, sysbench, curve)
    points = rounds.run(effort)
    return results.judged(curve, facts, points, rounds.failures, rounds.beside)


def told(found: Results) -> Iterable[str]:
    """A curve for people: a table, and the verdicts."""
    shown = [measure for measure in MEASURES if found.curve(measure)]
    yield f"\n{found.title}\n"
    rows = [
        [found.axis, *(measure.title for measure in shown)],
        *(
            [f"{point.at:,}", *(_cell(point.median(one), one) for one in shown)]
            for point in found.points
        ),
    ]
    for column in zip(*rows, strict=True):
        yield "  ".join(
            [column[0].ljust(44), *(cell.rjust(10) for cell in column[1:])]
        ).rstrip()
    yield f"It ends there: {found.ends}."
    for verdict in found.verdicts:
        yield f"  {verdict}"
    for shares, how in ((found.shares, "in turns"), (found.beside, "side by side")):
        if shares is not None:
            many, rounds = found.points[-1].at, f"{shares.least:.3f} to {shares.most:.3f}"
            yield (
                f"  among {many:,} idle clients busy ones do {shares.median:.3f} "
                f"of what they do alone ({rounds}), {how}: "
                f"{'sound' if shares.sound else 'TOO LITTLE'}"
            )
    for at, why in found.failures.items():
        yield f"  {at}: {why}"


def _cell(value: float | None, measure: Measure) -> str:
    if value is None:
        return "-"
    shown = value / measure.unit
    return f"{shown:,.0f}" if shown >= 1000 else f"{shown:.3g}"


if __name__ == "__main__":
    main(prog_name="make bench-curves")
