"""What a worker tells the supervisor of itself, and does to its clients for operators.

==================  ==========  ================================================================
what                from        means
==================  ==========  ================================================================
tally               worker      each second: what it has counted, and how it stands
look                supervisor  asks for rows of one proxy, a step at a time
has                 supervisor  asks whether there is a client, or a connection
kill_client         supervisor  end a client, or with `query` stop what it waits for
kill_connection     supervisor  end a connection to a target
debug_logging       supervisor  show each statement in the log, or no more
log_level           supervisor  change which lines the log has
==================  ==========  ================================================================
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import attrs

from proxy.admin.json_form import json_form
from proxy.admin.listing import STEP_ROWS
from proxy.admin.near_sight import NearSight
from proxy.admin.sight import Seen
from proxy.net.clock import Clock
from proxy.observe import log
from proxy.observe.latency import Histogram
from proxy.observe.metrics_now import ProxyNow
from proxy.observe.tally import ProxyTally
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import Message
from proxy.service.link import Link
from proxy.service.pulse import Pulse

LOOKS: Final = 32
"""Lists that are read at the same time: as many as operators look at, and then some.  Whoever
began to read one first and has not come to its end has gone away."""

LISTS: Final = frozenset(("clients", "connections", "pins", "digests"))
"""What there are rows of; each is a method of `Sight`."""


@attrs.frozen
class Served:
    """A proxy that a worker serves.

    Attributes:
        sight: What is seen of it.
        now: How it stands, for the metrics.
    """

    sight: NearSight
    now: Callable[[], ProxyNow]


class Teller:
    """See the module.

    Args:
        link: To the supervisor.
        clock: By which `tell` is called each second.
        served: Gives the proxies; a reload may change them.
        uptime: Gives the seconds since the worker began to serve.
        delay: How late came what was due each second.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        served: Callable[[], Sequence[Served]],
        uptime: Callable[[], float],
        delay: Histogram,
    ) -> None:
        self._link = link
        self._served = served
        self._uptime = uptime
        self._delay = delay
        self._pulse = Pulse(clock, self._requests)
        self._looks: dict[int, Iterator[Any]] = {}
        self._count = 0
        link.on("look", self._look)
        link.on("has", self._has)
        link.on("kill_client", self._kill_client)
        link.on("kill_connection", self._kill_connection)
        link.on("debug_logging", self._set_debug)
        link.on("log_level", _set_level)

    def __repr__(self) -> str:
        """How busy the process is, and how much is read of it."""
        return f"<Teller {self._pulse!r}, {len(self._looks)} lists are read>"

    def _requests(self) -> int:
        return sum(one.sight.counters.query_requests for one in self._served())

    # What it tells

    def tell(self) -> None:
        """A second has passed: say what was counted."""
        self._pulse.beat()
        self._link.tell("tally", process=self._process(), proxies=self._proxies())

    def _process(self) -> Message:
        pulse = self._pulse
        return {
            "figures": attrs.asdict(pulse.figures),
            "uptime": self._uptime(),
            "requests": self._requests(),
            "statements": pulse.statements,
            "cpu": pulse.cpu,
            "delay": pulse.delay,
            "delays": self._delay.packed(),
        }

    def _proxies(self) -> Message:
        return {one.sight.name: _told(one) for one in self._served()}

    # What it is asked

    def _sight(self, message: Message) -> NearSight:
        for one in self._served():
            if one.sight.name == message["proxy"]:
                return one.sight
        raise OperationRefusedError(f"there is no proxy {message['proxy']!r} any more")

    async def _look(self, message: Message, _: list[socket.socket]) -> Message:
        """Rows of a list, or what comes after those that were given."""
        if "go_on" in message:
            rows, total = self._looks.pop(message["go_on"], iter(())), 0
        else:
            if message["of"] not in LISTS:
                raise OperationRefusedError(f"there is no list of {message['of']!r}")
            look = getattr(self._sight(message), message["of"])
            seen: Seen[Any] = await look(message["most"])
            rows, total = iter(seen.rows), seen.total
        step = [json_form(row) for row in islice(rows, STEP_ROWS)]
        go_on = self._keep(rows) if len(step) == STEP_ROWS else 0
        return {"rows": step, "total": total, "go_on": go_on}

    def _keep(self, rows: Iterator[Any]) -> int:
        """Keep what is left of a list; by this number it is asked for."""
        self._count += 1
        self._looks[self._count] = rows
        if len(self._looks) > LOOKS:
            del self._looks[next(iter(self._looks))]
        return self._count

    async def _has(self, message: Message, _: list[socket.socket]) -> Message:
        sight, number = self._sight(message), message["number"]
        if "target" in message:
            return {"found": await sight.has_connection(message["target"], number)}
        return {"found": await sight.has_client(number)}

    async def _kill_client(self, message: Message, _: list[socket.socket]) -> Message:
        sight = self._sight(message)
        kill = sight.stop_statement if message["query"] else sight.kill_client
        return {"found": await kill(message["number"])}

    async def _kill_connection(self, message: Message, _: list[socket.socket]) -> Message:
        sight = self._sight(message)
        return {"found": await sight.kill_connection(message["target"], message["number"])}

    def _set_debug(self, message: Message, _: list[socket.socket]) -> None:
        self._sight(message).debug = message["on"]


def _set_level(message: Message, _: list[socket.socket]) -> None:
    log.set_level(message["level"])


def _told(served: Served) -> Message:
    sight = served.sight
    return {
        "tally": ProxyTally(sight.counters, served.now()).packed(),
        "standing": attrs.asdict(sight.standing()),
        "pools": [attrs.asdict(one) for one in sight.pools()],
    }
