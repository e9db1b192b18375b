"""One run each of three changes of the writer, moment by moment, for pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import click

from bench.failover import draw, proxying, timeline, verdict
from bench.failover.clients import Client, Kind
from bench.failover.clusters import Pair
from bench.failover.crowd import Crowd
from bench.failover.outages import (
    AFTER_SECONDS,
    CALM_SECONDS,
    NOTICED_LIMIT_SECONDS,
    PROMOTED_AFTER_SECONDS,
    SPREAD_SECONDS,
    WELL_LIMIT_SECONDS,
    WRITABLE_LIMIT_SECONDS,
    Extent,
)
from bench.failover.prober import Prober
from bench.failover.proxying import Proxy
from bench.failover.samples import Measure
from bench.failover.switchovers import by_command, settle
from bench.failover.timeline import Moment, Timeline

CLIENTS: Final = 30
"""Of each kind: with fewer, chance would be all that is seen in a bucket."""

BEFORE_SECONDS: Final = 1.0
"""What is kept of the time before the fault."""

MOVED: Final = "another target takes the writes"

WAIT: Final = "clients wait"
NOTICED: Final = "counts as not there"
SCRIPT: Final = "a script promotes"
WRITABLE: Final = "the new writer takes writes"
FIRST: Final = "first write"
LAST: Final = "all went on"


@attrs.define
class Run:
    """One run under way.

    Attributes:
        pair: the servers.
        proxy: the proxy.
        fault_at: when the fault began, by the monotonic clock.
        wall: the same by the wall clock.
        moments: what has happened so far.
    """

    pair: Pair
    proxy: Proxy
    fault_at: float = attrs.field(factory=time.monotonic)
    wall: float = attrs.field(factory=time.time)
    moments: list[Moment] = attrs.field(factory=list)

    def note(self, name: str, at: float | None = None) -> None:
        """Something happened, now or at another moment of the monotonic clock."""
        when = time.monotonic() if at is None else at
        self.moments.append(Moment(name, when - self.fault_at))

    def promote(self) -> None:
        """As a script does, which makes sure for a second that the writer is not there."""
        time.sleep(max(self.fault_at + PROMOTED_AFTER_SECONDS - time.monotonic(), 0))
        self.note(SCRIPT)
        self.pair.promote()

    def said(self, event: str, **of: str) -> float | None:
        """When the proxy's log first said so, in seconds from the fault on."""
        for line in self.proxy.lines():
            fits = all(line.fields.get(name) == value for name, value in of.items())
            if line.event == event and line.at >= self.wall and fits:
                return line.at - self.wall
        return None


def _kill(run: Run) -> None:
    run.pair.primary.kill()
    run.promote()


def _freeze(run: Run) -> None:
    lost = run.pair.primary
    lost.freeze()
    run.proxy.wait_for_line(
        proxying.HEALTH,
        run.wall,
        NOTICED_LIMIT_SECONDS,
        target=f"{lost.host}:{lost.port}",
        condition=proxying.NOT_THERE,
    )
    run.promote()


def _order(run: Run) -> None:
    replica = run.pair.group.replicas[0]
    by_command(run.proxy, (replica.host, replica.port))


@attrs.frozen
class Course:
    """One way in which the writer changes.

    Attributes:
        name: of its files.
        title: what is done.
        begun: what happens at the moment 0.
        begin: does it, and what a script does afterwards.
        last: what the clients with transactions are like.
        is_planned: whether the proxy does it, and no server is lost.
    """

    name: str
    title: str
    begun: str
    begin: Callable[[Run], None]
    last: Kind = Kind.LONG
    is_planned: bool = False


COURSES: Final = (
    Course(
        "failover-kill",
        "The writer is killed, and a script promotes its replica a second later",
        "SIGKILL",
        _kill,
    ),
    Course(
        "failover-promote",
        "Two servers change places by mysqlproxy promote",
        "the order",
        _order,
        Kind.SHORT,
        is_planned=True,
    ),
    Course(
        "failover-freeze",
        "The writer stands still, and a script promotes its replica when that is noticed",
        "SIGSTOP",
        _freeze,
    ),
)


def measure(taken: Measure, pair: Pair, extent: Extent, folder: Path) -> None:
    """Record all courses, once each; a JSON file and a picture of each go to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with proxying.proxy(extent.form, pair.topology, pair.places) as proxy:
        for course in COURSES:
            lost = pair.primary
            recorded = _record(taken, course, pair, proxy)
            recorded.write(folder / f"{course.name}.json")
            draw.write(recorded, folder / f"{course.name}.svg")
            click.echo(f"{taken.title}: {course.name}", err=True)
            switched_at = time.monotonic()
            if course.is_planned:
                settle(pair)
            else:
                pair.repair(lost)
            proxy.wait_until_well(WELL_LIMIT_SECONDS)
            time.sleep(max(switched_at + SPREAD_SECONDS - time.monotonic(), 0))


def _record(taken: Measure, course: Course, pair: Pair, proxy: Proxy) -> Timeline:
    lost = pair.primary
    kinds = (Kind.READS, Kind.WRITES, course.last)
    with Crowd([(proxy.way, kind, CLIENTS) for kind in kinds]) as crowd:
        time.sleep(CALM_SECONDS)
        run = Run(pair, proxy)
        run.note(course.begun, run.fault_at)
        with Prober(pair.group.replicas) as prober:
            course.begin(run)
            writable_at = prober.wait(WRITABLE_LIMIT_SECONDS)
        time.sleep(AFTER_SECONDS)
        ends = time.monotonic() - run.fault_at
    held = _hear(run, course, f"{lost.host}:{lost.port}")
    run.note(WRITABLE, writable_at)
    _reckon(run, crowd.clients, writable_at)
    moments = tuple(sorted(run.moments, key=lambda moment: moment.at))
    for moment in moments[1:]:
        taken.add(f"ms until: {moment.name}", course.name, moment.at * 1e3)
    _judge(taken, course, crowd.clients, run.fault_at)
    return Timeline(
        course.title,
        timeline.BUCKET_SECONDS,
        -BEFORE_SECONDS,
        held,
        moments,
        timeline.lanes(crowd.clients, run.fault_at, -BEFORE_SECONDS, ends),
    )


def _hear(run: Run, course: Course, lost: str) -> tuple[float, float] | None:
    """Take in what the log says; from when until when clients were held."""
    since: float | None = 0.0
    if not course.is_planned:
        since = run.said(proxying.WAITING)
        noticed = run.said(proxying.HEALTH, target=lost, condition=proxying.NOT_THERE)
        for name, at in ((WAIT, since), (NOTICED, noticed)):
            if at is not None:
                run.moments.append(Moment(name, at))
    until = run.said(MOVED)
    return None if since is None or until is None else (since, until)


def _reckon(run: Run, clients: Sequence[Client], writable_at: float) -> None:
    """Take in when clients went on."""
    for name, seconds in (
        (FIRST, verdict.first_write(clients, run.fault_at, writable_at)),
        (LAST, verdict.last_client(clients, writable_at)),
    ):
        if seconds is not None:
            run.note(name, writable_at + seconds)


def _judge(taken: Measure, course: Course, clients: Sequence[Client], fault_at: float) -> None:
    for kind, heard in verdict.errors_by_kind(clients).items():
        taken.hear(course.name, kind.value, heard)
        taken.add(f"errors, {kind.value}", course.name, heard.total())
    taken.add("connections made anew", course.name, verdict.lost_connections(clients))
    if not course.is_planned:
        for surprise in verdict.surprises(clients, fault_at):
            taken.note(f"{course.name}: {surprise.what}", surprise.example)
        return
    for client in clients:
        for attempt in verdict.errors(client):
            what = f"{course.name}: {client.kind.value}, {attempt.what.value}: {attempt.said}"
            taken.note(what, verdict.story(client, fault_at))
