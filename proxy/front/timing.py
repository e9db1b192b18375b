"""How long each command takes: three looks at the clock, and some additions of integers.

The counts of a client are those of its endpoint, and there those of all clients with TLS or
those of all without, so that a command is counted in one place and no question is asked.
"""

from __future__ import annotations

import random
from time import monotonic
from typing import TYPE_CHECKING, Final

from proxy.front import telling
from proxy.observe.counters import EXACT, SAMPLED, SLOW_SECONDS, EndpointCounters
from proxy.observe.latency import Histogram
from proxy.pool.pool import TargetPool
from proxy.wire.commands import query_text_start, statement_id
from proxy.wire.constants import Command
from proxy.wire.primitives import Malformed

if TYPE_CHECKING:
    from proxy.dialogue.exchange import Exchange
    from proxy.front.client import Client

_now: Final = monotonic

_QUERY: Final = bytes((Command.QUERY,))
_EXECUTE: Final = bytes((Command.STMT_EXECUTE,))
_UNTIMED: Final = (
    bytes((Command.QUIT,)),
    bytes((Command.STMT_CLOSE,)),
    bytes((Command.STMT_SEND_LONG_DATA,)),
)
"""Commands that have no answer, and so no time until it."""


class Timing:
    """The command that is under way for one client, and where its figures are added up.

    Attributes:
        counters: Those of its endpoint.
        tally: Of these, those of clients with TLS, or without.
        failed: Whether the command was answered by an error.
        arrived: When the command did, in seconds of `time.monotonic`.
        sent_at: When it last went to a target.
        database_seconds: What targets have taken for it.
        database: Where the latency of the target is added up that was asked last.
    """

    __slots__ = (
        "_pool",
        "_there",
        "arrived",
        "counters",
        "database",
        "database_seconds",
        "failed",
        "sent_at",
        "tally",
    )

    def __init__(self, counters: EndpointCounters) -> None:
        self.counters = counters
        self.tally = counters.plain
        self.database: Histogram | None = None
        self._pool: TargetPool | None = None
        self.failed = self._there = False
        self.arrived = self.sent_at = self.database_seconds = 0.0

    def __repr__(self) -> str:
        """What it has of the last command."""
        return f"<Timing of {self.database_seconds:.6f} s at the target, failed={self.failed}>"

    # The client itself

    def came(self) -> None:
        """The client has been greeted."""
        self.counters.client_connections += 1

    def has_tls(self) -> None:
        """It speaks TLS from here on."""
        assert not self._there
        self.tally = self.counters.tls

    def logged_in(self) -> None:
        """It has been let in, for the first time."""
        self.counters.client_connections_setup_succeeded += 1
        self._there = True
        self.tally.clients += 1

    def taken_in(self) -> None:
        """It has come from another process, where it had logged in; or it stays after all."""
        self.counters.client_connections += 1
        self._there = True
        self.tally.clients += 1

    def struck_out(self) -> None:
        """It goes on elsewhere."""
        self.counters.client_connections -= 1
        if self._there:
            self._there = False
            self.tally.clients -= 1

    def left(self) -> None:
        """It is gone."""
        self.counters.client_connections_closed += 1
        self.struck_out()

    # Its commands

    def begin(self) -> None:
        """A command has arrived."""
        self.tally.requests += 1
        self.failed = False
        self.database_seconds = 0.0
        self.arrived = _now()

    def borrowed_at_once(self) -> None:
        """It got a connection that was free."""
        self.counters.database_connections_borrow_latency.add_none()

    def borrowed(self, since: float = 0.0) -> None:
        """It got a connection for which it had to wait, since it arrived if not said else."""
        seconds = _now() - (since or self.arrived)
        self.counters.database_connections_borrow_latency.add(seconds)

    def sent(self) -> None:
        """It goes to the target now."""
        self.sent_at = _now()

    def answered(self, client: Client, exchange: Exchange) -> None:
        """The answer of the target has gone out, for which the conductor waits."""
        assert client.lease is not None
        pool: TargetPool = client.lease.pool
        seconds = _now() - self.sent_at
        self.database_seconds += seconds
        self.failed = exchange.err is not None
        self.of_target(pool).add(seconds)

    def of_target(self, pool: TargetPool) -> Histogram:
        """Where the latency of a target is added up; mostly it is the same as before."""
        found = self.database
        if found is None or self._pool is not pool:
            self._pool = pool
            found = self.database = self.counters.of_target(pool.place)
        return found


def finished(client: Client, packet: bytes, exchange: Exchange, pool: TargetPool) -> None:
    """The whole answer of a command of the express lane has gone out."""
    timing, now = client.timing, _now()
    counters = timing.counters
    seconds, database = now - timing.arrived, now - timing.sent_at
    counters.query_response_latency.add(seconds)
    timing.of_target(pool).add(database)
    counters.until_sample -= 1
    if (
        counters.until_sample <= 0
        or seconds >= client.proxy.look_after
        or exchange.err is not None
    ):
        timing.failed = exchange.err is not None
        _look_closer(client, packet[4:], seconds, database)


def served(client: Client, payload: bytes) -> None:
    """The conductor is done with a command: it was answered, by whomever.

    Args:
        client: Whose.
        payload: The command, from its byte on; empty where it is not known any more.
    """
    if client.gone or payload[:1] in _UNTIMED:
        return
    timing = client.timing
    counters = timing.counters
    seconds = _now() - timing.arrived
    counters.query_response_latency.add(seconds)
    counters.until_sample -= 1
    if counters.until_sample <= 0 or seconds >= client.proxy.look_after or timing.failed:
        _look_closer(client, payload, seconds, timing.database_seconds)


def _look_closer(client: Client, payload: bytes, seconds: float, database: float) -> None:
    """A sample, or what was slow or failed.

    The slow ones and those that failed are looked at each, and count for one; of the others
    some are, and count for those between.  So the sums of the digests are right in the mean.
    """
    proxy, timing = client.proxy, client.timing
    counters, failed = timing.counters, timing.failed
    weight, is_due = 1, counters.until_sample <= 0
    if is_due:
        weight = counters.weight
        _take_next_sample(counters, proxy.deadlines.now)
    if failed:
        counters.query_errors += 1
    if failed or seconds >= SLOW_SECONDS:
        weight = 1
    elif not is_due:
        weight = 0
    text = _text(client, payload)
    session = client.session
    if weight and text and session is not None:
        proxy.digests.note(text, session.dialect, seconds, failed, weight)
    if seconds >= proxy.tell_after:
        telling.ended(client, text, seconds, database, failed=failed)


def _take_next_sample(counters: EndpointCounters, second: float) -> None:
    """Say which statement is looked at next: each of the first ones of a second, then some.

    At a distance by chance, else it would always be the same one of a transaction.
    """
    if counters.exact_second != second:
        counters.exact_second = second
        counters.exact_left = EXACT
    counters.exact_left -= 1
    if counters.exact_left > 0:
        counters.until_sample = counters.weight = 1
    else:
        counters.until_sample = random.randrange(1, 2 * SAMPLED)  # noqa: S311 - no secret
        counters.weight = SAMPLED


def _text(client: Client, payload: bytes) -> bytes:
    """The statement that a command runs; empty where there is none."""
    code = payload[:1]
    if code == _QUERY:
        start = query_text_start(payload, client.dialogue.capabilities)
        return b"" if isinstance(start, Malformed) else payload[start:]
    session = client.session
    if code != _EXECUTE or session is None:
        return b""
    number = statement_id(payload)
    prepared = None if isinstance(number, Malformed) else session.statements.get(number)
    return b"" if prepared is None else prepared.key.text
