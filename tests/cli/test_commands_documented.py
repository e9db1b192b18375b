"""The page of the manual about the command line has all of it, and shows what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import attrs
import click
import pytest

from proxy.cli.main import SECTIONS
from proxy.policy.standing import ProxyStatus, TargetStatus
from tests.cli.canned import (
    CLIENT,
    CONNECTION,
    DIGEST,
    ENDPOINT,
    LATENCY,
    MOMENT,
    PIN,
    POOL,
    RARE,
    REASON,
    SHOP,
    WORKERS,
    Canned,
    event,
    overview,
    run,
    serving,
)

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "command-line.rst"
WRITER, READER = "db1.internal:3306", "db2.internal:3306"
TARGETS = (
    TargetStatus(
        address=WRITER,
        role="READ_WRITE",
        state="AVAILABLE",
        connections=20,
        lent=20,
        seen_seconds_ago=0.4,
    ),
    TargetStatus(
        address=READER,
        role="READ_ONLY",
        state="UNAVAILABLE",
        reason="CONNECTION_FAILED",
        description="it cannot be connected to: connection refused",
    ),
)
POOLS = (
    attrs.evolve(
        POOL,
        target=WRITER,
        connections=20,
        idle=0,
        lent=20,
        pinned=4,
        in_transaction=13,
        waiting=3,
        longest_wait=2.5,
    ),
    attrs.evolve(
        POOL, target=READER, connections=0, idle=0, lent=0, pinned=0, in_transaction=0
    ),
)


def commands():
    """Each command, with its full name: those in groups too."""
    for part in SECTIONS.values():
        for name, listed in part.items():
            command = listed.load()
            yield name, command
            if isinstance(command, click.Group):
                for inner, one in command.commands.items():
                    yield f"{name} {inner}", one


def example(*, several=False):
    """What the examples of the page are about."""
    canned = Canned()
    status = ProxyStatus(
        name="shop", writer=WRITER, clients=812, waiting=3, last_switch=10_800.0
    )
    minute = attrs.evolve(MOMENT, statements=60_000)
    canned.overview = overview(
        attrs.evolve(
            SHOP,
            status=status,
            targets=TARGETS,
            pools=POOLS,
            endpoints=(ENDPOINT,),
            last_minute=attrs.evolve(minute, borrow_latency=attrs.evolve(LATENCY, p99=2.5)),
            pins=(attrs.evolve(REASON, now=4),),
        )
    )
    if several:
        canned.overview = attrs.evolve(canned.overview, workers=WORKERS)
    waiting = attrs.evolve(CLIENT, state="waiting", target=None, connection=None, pins=())
    canned.lists = {
        "pools": POOLS,
        "clients": [
            attrs.evolve(CLIENT, number=640, target=WRITER, silent=42.0),
            attrs.evolve(waiting, number=813, user="report", waiting=2.5),
            attrs.evolve(waiting, number=815, waiting=0.8),
        ],
        "connections": [attrs.evolve(CONNECTION, target=WRITER, client=640)],
        "pins": [attrs.evolve(PIN, client=640, target=WRITER)],
        "pin-reasons": [REASON],
        "digests": [DIGEST, RARE],
    }
    canned.events = (
        event(4, "warning", "another target takes the writes", now=WRITER),
        event(5, "info", "clients go on", target=WRITER, seconds=1.4),
    )
    canned.answers = {
        ("POST", "/v1/reload"): (
            200,
            {
                "changed": ["proxies[shop].max_clients"],
                "needs_restart": ["proxies[shop].endpoints[main].listen"],
            },
        ),
        ("GET", "/v1/log"): (200, {"level": "info", "debug_logging": []}),
        ("POST", "/v1/proxies/shop/clients/640/kill"): (200, {"done": True}),
    }
    return canned


def shown():
    """Each call in the page, and what it prints there."""
    blocks = re.findall(
        r"^\.\. code-block:: console\n\n((?: {3}.*\n|\n)+)", PAGE.read_text(), re.MULTILINE
    )
    for block in blocks:
        for part in re.split(r"^ {3}\$ mysqlproxy ", block, flags=re.MULTILINE)[1:]:
            call, *lines = part.rstrip("\n").split("\n")
            yield call, "\n".join(line[3:] for line in lines).strip("\n")


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_every_command_has_a_section(name, command):
    """With each of its options, and what it takes."""
    section = re.search(
        rf"^``{name}(?: [^`\n]*)?``\n(?:~+|-+)\n(.*?)(?=^``[a-z-]+[^`\n]*``\n(?:~+|-+)\n|\Z)",
        PAGE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert section is not None
    head = section.group(0).partition("\n")[0]
    where = section.group(1) + PAGE.read_text().partition("\n``status``\n")[0]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"``{parameter.opts[-1]}" in where or f"``{parameter.opts[0]}" in where
        else:
            assert parameter.make_metavar(click.Context(command)).strip("[]") in head


@pytest.mark.loopback
@pytest.mark.parametrize(("call", "output"), [*shown()])
def test_what_is_shown_is_printed(tmp_path, call, output):
    """Each example is the output of the command, 80 columns wide."""
    canned = example(several=call.startswith("workers"))
    with serving(canned, tmp_path / "admin.sock"):
        result = run(tmp_path / "admin.sock", *shlex.split(call))
    assert result.exit_code == (1 if "--check" in call else 0)
    assert [line.rstrip() for line in result.output.strip("\n").split("\n")] == [
        line.rstrip() for line in output.split("\n")
    ]


def test_there_are_examples():
    """Of every view at least."""
    calls = {call.split()[0] for call, _ in shown()}
    assert {*SECTIONS["See how the running proxy does"]} <= calls
