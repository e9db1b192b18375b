"""What is measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from bench import clients_idle, clients_results, clients_tls, tools
from bench.clients_sysbench import Outcome, Sysbench, mean_microseconds, rate
from bench.encryption import Tls
from bench.peers import Running
from bench.report import Line, Sample

_CONNECT: Final = str(Path(__file__).with_name("connect.lua"))


@attrs.frozen
class Extent:
    """How much is done.

    Attributes:
        seconds: of each load that runs for a time.
        idle_clients: in the crowd; memory is measured from half of them.
    """

    seconds: float
    idle_clients: int


@attrs.frozen
class Programs:
    """What makes the loads."""

    sysbench: Sysbench
    client: tools.Program


@attrs.frozen
class Work:
    """Something to measure.

    Attributes:
        line: how the report shows it.
        measure: takes one sample; raises `LoadFailedError`.
        backends: the limit on connections to the server, for peers that have one.
        same_as: for peers without such a limit, the work whose samples stand for this one's.
        once: measured in one round only, in a fresh process: memory does not vary as time does.
        both_forms: whether this proxy is measured as Python too.
        tls: who speaks TLS; peers that cannot are left out.
    """

    line: Line
    measure: Callable[[Programs, Running, Extent], Sample]
    backends: int = 8
    same_as: str = ""
    once: bool = False
    both_forms: bool = False
    tls: Tls = Tls.NOWHERE


def _sysbench(
    script: str,
    threads: int,
    reckon: Callable[[Outcome, float | None], Sample],
    programs: Programs,
    running: Running,
    extent: Extent,
    *,
    prepared: bool = False,
) -> Sample:
    outcome, used = programs.sysbench.run(
        running, script, threads, extent.seconds, prepared=prepared
    )
    return reckon(outcome, used)


def _tls_connections(*, resume: bool) -> Callable[..., Sample]:
    def measure(_: Programs, running: Running, extent: Extent) -> Sample:
        return rate(*clients_tls.churn(running, 8, extent.seconds, resume=resume))

    return measure


def _result(statement: str, programs: Programs, running: Running, _: Extent) -> Sample:
    return clients_results.read(programs.client, running, statement)


def _memory(_: Programs, running: Running, extent: Extent) -> Sample:
    return clients_idle.memory_of_each(running, extent.idle_clients // 2)


def _crowd(programs: Programs, running: Running, extent: Extent) -> Sample:
    with clients_idle.crowd(running, extent.idle_clients):
        return _sysbench("oltp_point_select", 50, rate, programs, running, extent)


def _point_selects(threads: int, *, prepared: bool) -> Callable[..., Sample]:
    return partial(_sysbench, "oltp_point_select", threads, rate, prepared=prepared)


def _transactions(*, prepared: bool) -> Callable[..., Sample]:
    return partial(_sysbench, "oltp_read_write", 16, rate, prepared=prepared)


WORKS: Final[tuple[Work, ...]] = (
    Work(
        Line("select", "point selects, 16 clients on 8, per s", shows_p99=True),
        _point_selects(16, prepared=False),
        both_forms=True,
    ),
    Work(
        Line("execute", "prepared selects, 16 clients on 8, per s", shows_p99=True),
        _point_selects(16, prepared=True),
        both_forms=True,
    ),
    Work(
        Line("many", "point selects, 200 clients on 8, per s", shows_p99=True),
        _point_selects(200, prepared=False),
    ),
    Work(
        Line("many-execute", "prepared selects, 200 clients on 8, per s", shows_p99=True),
        _point_selects(200, prepared=True),
    ),
    Work(
        Line("write", "read-write, 16 clients on 16, per s"),
        _transactions(prepared=False),
        backends=16,
    ),
    Work(
        Line("write-execute", "prepared read-write, 16 clients on 16, per s"),
        _transactions(prepared=True),
        backends=16,
    ),
    Work(
        Line("share", "read-write, 16 clients on 8, per s"),
        _transactions(prepared=False),
        same_as="write",
    ),
    Work(
        Line("share-execute", "prepared read-write, 16 clients on 8, per s"),
        _transactions(prepared=True),
        same_as="write-execute",
    ),
    Work(
        Line("connect", "connect, select, quit, 8 clients, per s"),
        partial(_sysbench, _CONNECT, 8, rate),
        both_forms=True,
    ),
    Work(
        Line("one", "one client, mean µs", more_is_better=False, shows_p99=True),
        partial(_sysbench, "oltp_point_select", 1, mean_microseconds),
    ),
    Work(
        Line("wide", "180 MB of wide rows, s", more_is_better=False, digits=2),
        partial(_result, clients_results.WIDE),
    ),
    Work(
        Line("narrow", "2 M narrow rows, s", more_is_better=False, digits=2),
        partial(_result, clients_results.NARROW),
    ),
    Work(
        Line("memory", "memory of an idle client, KiB", more_is_better=False, digits=1),
        _memory,
        backends=10,
        once=True,
    ),
    Work(
        Line("crowd", "50 clients on 10 among idle ones, per s", shows_p99=True),
        _crowd,
        backends=10,
        once=True,
    ),
    Work(
        Line("tls-connect", "TLS: connect, select, quit, 8 clients, per s", shows_p99=True),
        _tls_connections(resume=False),
        tls=Tls.CLIENTS,
    ),
    Work(
        Line(
            "tls-resume",
            "TLS: the same, sessions resumed, per s",
            shows_p99=True,
            than="tls-connect",
        ),
        _tls_connections(resume=True),
        tls=Tls.CLIENTS,
    ),
    Work(
        Line("tls-select", "TLS of clients: point selects, 16 on 8, per s", shows_p99=True),
        _point_selects(16, prepared=False),
        tls=Tls.CLIENTS,
    ),
    Work(
        Line("tls-both", "TLS on both sides: point selects, 16 on 8, per s", shows_p99=True),
        _point_selects(16, prepared=False),
        tls=Tls.EVERYWHERE,
    ),
    Work(
        Line(
            "tls-memory",
            "TLS: memory of an idle client, KiB",
            more_is_better=False,
            digits=1,
        ),
        _memory,
        backends=10,
        once=True,
        tls=Tls.CLIENTS,
    ),
)
"""All works in the order of the table."""
