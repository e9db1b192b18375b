"""Where the proxy's processor time goes, by step: ``python -m bench.profile select``.

It needs ``perf`` (Debian: linux-perf) and the compiled form, whose functions have names that
perf can see.  A sample counts for the innermost function of ours that stands in its stack, so
that what Python or the C library does for a step is part of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from bench import clients_idle, machine, tools
from bench.clients_sysbench import Sysbench
from bench.encryption import Tls
from bench.peers import Fleet, Running, direct
from bench.programs import PEERS
from bench.report import OURS
from bench.site import MAX_CLIENTS, site

SAMPLES_PER_SECOND: Final = 1999
STACK_BYTES: Final = 16384
"""Of each sample's stack, for finding the callers: frames of Python's own are large."""

THE_REST: Final = "the rest: Twisted, logs"

STEPS: Final = {
    "make EOF packets for older clients": (
        *("classic___", "edits___", "scan___number_packets"),
    ),
    "wait for events": ("rounds___",),
    # With TLS, what OpenSSL does stands here: decryption and handshakes in the one, encryption
    # in the other.
    "read": (
        *("shell___Shell___read", "shell___Shell____size_reads"),
        *("shell___Shell____read_tls", "shell___Shell___start_tls"),
    ),
    "write": ("shell___Shell___write", "shell___Shell____write_plain"),
    "prove who a client is": (
        *("login___", "greeting___", "caching_sha2___", "native___", "steps___"),
        *("front___proxy___", "deadlines___", "dialogue___client___ClientDialogue____verify"),
    ),
    "understand a command": (
        *("express___start", "express____is_plain", "shape___", "framing___", "primitives___"),
        *("net___client___", "dialogue___client___"),
        "front___client___Client___packet_arrived",
    ),
    "find a backend, give it back": (
        *("pool___", "ledger___", "shelf___", "lease___", "expiry___", "express___lent"),
        "front___client___Client___lent",
    ),
    "send a command": (
        *("express____send", "express____for_backend", "backend___BackendProtocol___send"),
        "exchange___Exchange___begin",
    ),
    "follow an answer": ("exchange___", "rows___", "scan___", "backend___", "responses___"),
    "take over what it says": (
        *("express___", "concluding___", "session___", "state___", "leftovers___", "pins___"),
        "front___client___",
    ),
}
"""The beginnings of the names of compiled functions, by step; the first that fits counts."""

LANES: Final = {
    "select": ("oltp_point_select", False),
    "execute": ("oltp_point_select", True),
    "write": ("oltp_read_write", False),
    "write-execute": ("oltp_read_write", True),
    "connect": (str(Path(__file__).with_name("connect.lua")), False),
}
"""sysbench's script, and whether it prepares statements."""


def stacks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The names in each sample of ``perf script -F ip,sym``, innermost first."""
    names: list[str] = []
    for line in lines:
        words = line.split()
        if words:
            names.append(words[1] if len(words) > 1 else "")
        elif names:
            yield names
            names = []
    if names:
        yield names


def step_of(names: Iterable[str]) -> str:
    """The step to which a sample belongs."""
    for name in names:
        function = name.removeprefix("CPyDef_").removeprefix("CPyPy_")
        if function == name:
            continue
        for step, beginnings in STEPS.items():
            if function.startswith(beginnings):
                return step
    return THE_REST


def record(running: Running, load: Sysbench, lane: str, clients: int, seconds: float) -> None:
    """Run a load, look at the proxy meanwhile, and print the table."""
    script, prepared = LANES[lane]
    assert running.pid is not None
    load.run(running, script, clients, 1, prepared=prepared)
    before = machine.cpu_split(running.pid)
    outcome, _ = load.run(running, script, clients, seconds, prepared=prepared)
    user, system = (
        (now - then) / outcome.events * 1e6
        for now, then in zip(machine.cpu_split(running.pid), before, strict=True)
    )
    with tempfile.TemporaryDirectory(prefix="mysqlproxy-profile-") as folder:
        data = str(Path(folder, "perf.data"))
        perf = subprocess.Popen(
            (
                *("perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(SAMPLES_PER_SECOND)),
                *("--call-graph", f"dwarf,{STACK_BYTES}", "-p", str(running.pid), "-o", data),
                *("--", "sleep", f"{seconds:.0f}"),
            ),
            stderr=subprocess.DEVNULL,
        )
        load.run(running, script, clients, seconds + 1, prepared=prepared)
        perf.wait()
        script_command = ("perf", "script", "-i", data, "-F", "ip,sym", "--max-stack", "64")
        said = subprocess.run(script_command, check=True, capture_output=True, text=True)
        samples = Counter(map(step_of, stacks(said.stdout.splitlines())))
    total = sum(samples.values())
    if not total:
        raise click.ClickException(
            "perf saw nothing: it may need more rights (perf_event_open)"
        )
    for step in (*STEPS, THE_REST):
        click.echo(f"{step:36} {samples[step] / total * user:8.1f} µs")
    click.echo(f"{'all of the above':36} {user:8.1f} µs of {total} samples")
    click.echo(f"{'the kernel':36} {system:8.1f} µs")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("lane", type=click.Choice([*LANES]))
@click.option("--clients", type=click.IntRange(1, MAX_CLIENTS), default=16, show_default=True)
@click.option("--backends", type=click.IntRange(1, 1000), default=8, show_default=True)
@click.option(
    "--tls",
    type=click.Choice([tls.value for tls in Tls]),
    default=Tls.NOWHERE.value,
    show_default=True,
    help="Where TLS is spoken: nowhere, by the clients, or to the server too.",
)
@click.option("--seconds", type=click.IntRange(1, 60), default=4, show_default=True)
def main(*, lane: str, clients: int, backends: int, tls: str, seconds: int) -> None:
    """Print the processor time that one operation takes in the proxy, step by step."""
    if shutil.which("perf") is None:
        raise click.ClickException("perf is not on PATH: install Debian's package linux-perf")
    os.environ["LC_ALL"] = "C"
    clients_idle.raise_file_limit()
    load = Sysbench(tools.sysbench())
    with site() as here, Fleet(here, {OURS: PEERS[OURS]}) as fleet:
        load.prepare(direct(here))
        running = fleet.get(OURS, backends, Tls(tls))
        if running is None:
            raise click.ClickException(f"{OURS} {fleet.missing[OURS]}")
        record(running, load, lane, clients, seconds)


if __name__ == "__main__":
    main(prog_name="bench.profile")
