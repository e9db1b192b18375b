"""A supervisor with workers that tell of themselves, in memory on one clock."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.admin.near_sight import NearSight
from proxy.front.proxy import SEATS, ConnectionIds
from proxy.observe.counters import Counters
from proxy.observe.latency import Histogram
from proxy.observe.log import get_logger
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.service.seats.teller import Served, Teller
from proxy.service.supervising.distant_sights import DistantSights
from tests.support.linked import Result, linked, settle, wire_of
from tests.support.memory import Stage


@attrs.define(eq=False)
class Member:
    """A worker, as the supervisor has it, and what it really is.

    Attributes:
        stage: Its proxy and clients.
        up: Its own end of the link.
        teller: Tells of it.
        delay: How late came what was due.
    """

    number: int
    link: object
    up: object
    stage: Stage
    delay: Histogram = attrs.field(factory=Histogram)
    teller: Teller = None
    is_ready: bool = True
    clients: dict = attrs.field(factory=dict)

    @property
    def pid(self):
        return 4000 + self.number


@attrs.define
class Seat:
    number: int
    restarts: int = 0
    member: Member | None = None


class Staff:
    """Those who serve."""

    def __init__(self, seats):
        self.seats = [Seat(number) for number in range(1, seats + 1)]
        self.on_joining, self.on_left = [], []

    @property
    def members(self):
        return [one.member for one in self.seats if one.member and one.member.is_ready]

    def tell(self, what, **more):
        for one in self.seats:
            if one.member:
                one.member.link.tell(what, **more)


@attrs.define(eq=False)
class Here:
    """What the supervisor has of a proxy."""

    config: object
    counters: Counters = attrs.field(factory=Counters)


@attrs.define(eq=False)
class Assembly:
    proxy: Here
    targets: tuple = ()

    def now(self):
        return ProxyNow(targets=self.targets, max_clients=100)


class Office:
    """A supervisor with workers, all of which serve the proxy `shop`.

    Attributes:
        clock: That of the links.
        sights: What the supervisor shows.
        sight: Of the proxy.
    """

    def __init__(self, seats=2):
        self.clock = Clock()
        self.staff = Staff(seats)
        self.assembly = Assembly(Here(Stage().proxy.config))
        self.assemblies = [self.assembly]
        self.sights = DistantSights(
            self.staff, self.clock, lambda: self.assemblies, get_logger()
        )
        self.sight = self.sights.of(self.assembly)
        for seat in self.staff.seats:
            self.hire(seat.number)

    @property
    def tallies(self):
        return self.sights.tallies

    def hire(self, number):
        """Fill a seat."""
        stage, seat = Stage(), self.staff.seats[number - 1]
        stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
        stage.proxy.ids = ConnectionIds(number, SEATS)
        down, up = linked(self.clock)
        member = seat.member = Member(number, down, up, stage)
        served = [Served(NearSight(stage.proxy, number), lambda: now_of(stage))]
        member.teller = Teller(up, self.clock, lambda: served, lambda: 5.0, member.delay)
        for call in self.staff.on_joining:
            call(member)
        return member

    def member(self, number):
        return self.staff.seats[number - 1].member

    def client(self, number, **login):
        """A client of a worker that has logged in."""
        member = self.member(number)
        peer = member.stage.client(**login)
        member.clients["shop"] = member.stage.proxy.count
        return peer

    def die(self, number):
        """A worker is gone."""
        seat = self.staff.seats[number - 1]
        member, seat.member = seat.member, None
        seat.restarts += 1
        wire_of(member.up).break_off()
        for call in self.staff.on_left:
            call(member)
        return member

    def beat(self, seconds=1.0):
        """A second passes: all tell."""
        self.clock.advance(seconds)
        for member in self.staff.members:
            member.teller.tell()
        settle(self.clock)

    def ask(self, work):
        """What comes of something that has to be asked for."""
        result = Result(Deferred.fromCoroutine(work))
        settle(self.clock)
        for member in self.staff.members:
            member.stage.run()
        return result


def now_of(stage):
    """How the part of a worker stands."""
    return ProxyNow(
        targets=tuple(
            TargetNow(
                address=address,
                place=pool.place,
                target_role="READ_WRITE",
                counters=pool.counters,
                database_connections=pool.ledger.total,
            )
            for address, pool in stage.proxy.pools.by_address().items()
        ),
        session_pins_now={},
        statement_digests=len(stage.proxy.digests),
    )
