"""What an idle client costs among many: ``python -m bench.idle_curve 1000 10000 50000``.

Clients and proxy need a file descriptor each for every client: as root the limit is raised,
others need ``ulimit -Hn``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import click

from bench import clients_idle, machine, tools
from bench.clients_sysbench import LoadFailedError
from bench.encryption import Tls
from bench.peers import PeerFailedError, start
from bench.programs import PEERS
from bench.report import OURS
from bench.site import Site, site
from proxy.embedded import EmbeddedError

BACKENDS: Final = 10
_SPARE_FILES: Final = 1000
_SETTLE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 10.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("counts", nargs=-1, required=True, type=click.IntRange(1, 1_000_000))
@click.option("--tls", is_flag=True, help="The clients speak TLS.")
def main(counts: Sequence[int], *, tls: bool) -> None:
    """Memory, and processor time while nothing happens, with so many idle clients."""
    try:
        clients_idle.raise_file_limit(max(counts) + _SPARE_FILES)
        with site() as here:
            _measure(here, sorted(counts), Tls.CLIENTS if tls else Tls.NOWHERE)
    except (tools.ProgramMissingError, PeerFailedError, EmbeddedError) as error:
        raise click.ClickException(str(error)) from error
    except (LoadFailedError, ValueError) as error:
        raise click.ClickException(f"so many clients are not possible here: {error}") from error


def _measure(here: Site, counts: Sequence[int], tls: Tls) -> None:
    program = PEERS[OURS].find()
    limit = max(counts) + BACKENDS
    running = start(PEERS[OURS], program, here, BACKENDS, limit, tls)
    try:
        assert running.pid is not None
        with clients_idle.crowd(running, 1):
            time.sleep(_SETTLE_SECONDS)
            empty = machine.memory_bytes(running.pid)
        click.echo(f"without clients: {empty / machine.KIB / 1024:.1f} MiB")
        for count in counts:
            before = machine.cpu_seconds(running.pid)
            with clients_idle.crowd(running, count):
                login = (machine.cpu_seconds(running.pid) - before) / count
                time.sleep(_SETTLE_SECONDS)
                grown = machine.memory_bytes(running.pid) - empty
                used = machine.cpu_seconds(running.pid)
                time.sleep(_LOOK_SECONDS)
                used = machine.cpu_seconds(running.pid) - used
            click.echo(
                f"{count:,} clients: {grown / count / machine.KIB:.2f} KiB each, "
                f"{used / _LOOK_SECONDS * 100:.1f} % of a processor; "
                f"{login * 1e6:.0f} µs for each login and SET NAMES"
            )
            time.sleep(_SETTLE_SECONDS)
    finally:
        running.close()


if __name__ == "__main__":
    main(prog_name="bench.idle_curve")
