"""The processes that serve clients: started, watched, replaced when they die, and ended.

One more than is needed is kept in reserve, with all its modules loaded: it takes the place of
one that died within some milliseconds, where a new one would need a second or two.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy import __version__
from proxy.net.clock import Timer, cancel
from proxy.policy.standing import OperationRefusedError
from proxy.pool.board import Board
from proxy.service.channel import Message
from proxy.service.supervising.member import Member, Told
from proxy.service.supervising.start_worker import start_worker
from proxy.service.supervising.vigil import Vigil

START_SECONDS: Final = 60.0
"""How long a process may take until it has loaded its modules: a second, where nothing else
wants the processor."""

RESERVE_SECONDS: Final = 5.0
"""When another one comes into reserve in place of one that has died there."""

SETTLED_SECONDS: Final = 10.0
"""Whoever has served for so long has not died of how it was started: it is replaced at once."""

PAUSES_SECONDS: Final = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Before the next one is started in place of some that have died one after the other."""

_SOME_FAILURES: Final = 2
"""From here on there is a pause before the next try."""

REAP_SECONDS: Final = 0.05
"""How often is looked whether a process has ended that has closed its channel."""

END_SECONDS: Final = 5.0
"""What a worker may need beyond `drain_timeout` until it has ended."""


@attrs.define
class Seat:
    """A place that is always filled.

    Attributes:
        number: From 1.
        restarts: How often another process has taken it.
        member: Who has it; None while it is empty.
        failures: Processes that died one after the other before they had served for a while.
    """

    number: int
    restarts: int = 0
    member: Member | None = None
    failures: int = 0


class Staff:
    """See the module.

    Attributes:
        on_joining: Called with each new worker before it begins: what it is told then it knows
            when it serves its first client.
        on_ready: Called with each worker that serves.
        on_left: Called with each that serves no more.
        seats: Their places.
    """

    def __init__(
        self,
        size: int,
        reactor: Any,
        begin: Callable[[Seat], dict[str, Any]],
        board: Board,
        log: FilteringBoundLogger,
    ) -> None:
        """Prepare.

        Args:
            size: How many serve.
            reactor: Ours.
            begin: What a worker is told that takes this place.
            board: What all workers have in common.
            log: For what an operator may care about.
        """
        self._reactor = reactor
        self._begin = begin
        self._board = board
        self._log = log
        self.on_joining: list[Callable[[Member], None]] = []
        self.on_ready: list[Callable[[Member], None]] = []
        self.on_left: list[Callable[[Member], None]] = []
        self._waiting: list[Deferred[None]] = []
        self._verdict: OperationRefusedError | None = None
        self._is_complete = False
        self.seats = [Seat(number) for number in range(1, size + 1)]
        self._reserve: Member | None = None
        self._joined: dict[Member, Seat] = {}
        self._going: dict[Member, None] = {}
        self._stops = False
        self._timers: dict[object, Timer] = {}
        self._vigil = Vigil(self.dismiss, reactor, log)

    def __repr__(self) -> str:
        """How many there are."""
        return f"<Staff {len(self.members)} of {len(self.seats)} serve>"

    @property
    def members(self) -> list[Member]:
        """Those that serve, in the order of their seats."""
        return [
            one.member for one in self.seats if one.member is not None and one.member.is_ready
        ]

    @property
    def joined(self) -> list[Member]:
        """Those and the ones that are about to serve."""
        return [*self._joined]

    def tell(self, what: str, **more: Any) -> None:
        """Tell everybody who has a place."""
        for member in self.joined:
            member.link.tell(what, **more)

    async def complete(self) -> None:
        """Wait until all serve for the first time.

        Raises:
            OperationRefusedError: one cannot; says why.
        """
        if self._verdict is None and not self._is_complete:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
        if self._verdict is not None:
            raise self._verdict

    def _judge(self, verdict: OperationRefusedError | None = None) -> None:
        if not self._is_complete and self._verdict is None:
            self._verdict, self._is_complete = verdict, verdict is None
            while self._waiting:
                self._waiting.pop().callback(None)

    # Coming

    def start(self) -> None:
        """Have all places filled."""
        for seat in self.seats:
            self._fill(seat)

    def _fill(self, seat: Seat) -> None:
        self._timers.pop(seat.number, None)
        if self._stops:
            return
        member, self._reserve = self._reserve or self._hire(), None
        if member is None:
            seat.failures = max(seat.failures + 1, _SOME_FAILURES)
            self._fill_later(seat)
            return
        seat.member = member
        if member.is_there:
            self._seat(seat, member)

    def _hire(self) -> Member | None:
        try:
            member = start_worker(self._reactor, self._board, self._log)
        except OSError as error:
            self._log.error("a worker cannot be started", why=error.strerror)
            return None
        link = member.link
        link.on_lost = lambda: self._lost(member)
        told: dict[str, Told] = {
            "here": self._here,
            "ready": self._ready,
            "failed": self._failed,
            "clients": _counted,
        }
        for what, call in told.items():
            link.on(what, _handler(call, member))
        why = "it has not come up in time"
        self._timers[member] = self._reactor.callLater(START_SECONDS, self.dismiss, member, why)
        return member

    def _here(self, member: Member, message: Message) -> None:
        """Its modules are loaded."""
        release = message.get("release")
        if release != __version__:  # it was installed while this one was running
            self._log.warning(
                "a worker is of another release than its supervisor",
                hint="mysqlproxy restart has all be of one",
                release=release,
                supervisor=__version__,
                pid=member.pid,
            )
        cancel(self._timers.pop(member, None))
        member.is_there = True
        self._vigil.begin(member)
        for seat in self.seats:
            if seat.member is member:
                self._seat(seat, member)

    def _seat(self, seat: Seat, member: Member) -> None:
        member.number = seat.number
        self._joined[member] = seat
        member.link.tell("begin", **self._begin(seat))
        for call in self.on_joining:
            call(member)

    def _ready(self, member: Member, _message: Message) -> None:
        seat = self._joined[member]
        member.is_ready, member.began = True, self._reactor.seconds()
        self._log.info("a worker serves", worker=seat.number, pid=member.pid)
        for call in self.on_ready:
            call(member)
        if len(self.members) == len(self.seats):
            self._judge()
            self._keep_reserve()

    def _keep_reserve(self) -> None:
        """Have one in reserve where all places are taken; they come first."""
        cancel(self._timers.pop("reserve", None))
        if self._stops or self._reserve is not None or len(self.members) < len(self.seats):
            return
        self._reserve = self._hire()
        if self._reserve is None:
            self._keep_reserve_later()

    def _keep_reserve_later(self) -> None:
        if self._stops:
            return
        again = self._reactor.callLater(RESERVE_SECONDS, self._keep_reserve)
        self._timers["reserve"] = again

    def _failed(self, member: Member, message: Message) -> None:
        """It cannot serve, and says why."""
        why = str(message.get("why"))
        self._judge(OperationRefusedError(why))
        self.dismiss(member, why)

    # Going

    def dismiss(self, member: Member, why: str) -> None:
        """End a process that is of no use; the rest follows when its channel is closed."""
        self._log.error(
            "a worker is ended", worker=member.number or None, pid=member.pid, why=why
        )
        member.process.kill()

    def _lost(self, member: Member) -> None:
        cancel(self._timers.pop(member, None))
        self._vigil.end(member)
        member.is_ready = member.is_there = False
        self._reap(member)
        seat = self._joined.pop(member, None)
        if seat is not None:
            for call in self.on_left:
                call(member)
        member.close()
        if self._reserve is member:
            self._reserve = None
            self._keep_reserve_later()
        for one in self.seats:
            if one.member is member:
                self._empty(one, member)

    def _empty(self, seat: Seat, member: Member) -> None:
        seat.member = None
        if self._stops:
            return
        served = self._reactor.seconds() - member.began if member.began is not None else 0.0
        seat.failures = 0 if served >= SETTLED_SECONDS else seat.failures + 1
        seat.restarts += 1
        self._fill_later(seat)

    def _fill_later(self, seat: Seat) -> None:
        pause = PAUSES_SECONDS[min(max(seat.failures - 1, 0), len(PAUSES_SECONDS) - 1)]
        if not pause:
            self._fill(seat)
            return
        self._timers[seat.number] = self._reactor.callLater(pause, self._fill, seat)

    def _reap(self, member: Member, seconds: float = 0.0) -> None:
        """Learn how a process has ended; one that has closed its channel is about to."""
        status = member.process.poll()
        self._going[member] = None
        if status is None:
            if seconds >= END_SECONDS:
                member.process.kill()
            again = seconds + REAP_SECONDS
            self._reactor.callLater(REAP_SECONDS, self._reap, member, again)
            return
        del self._going[member]
        is_wanted = self._stops and (not status or not member.number)
        say = self._log.info if is_wanted else self._log.error
        say(
            "a worker has ended",
            worker=member.number or None,
            pid=member.pid,
            how=_how(status),
        )

    # The end

    def close(self) -> None:
        """Have nobody come any more; those that there are go on."""
        self._stops = True
        self._judge(OperationRefusedError("the proxy is being stopped"))
        for waits in ("reserve", *(seat.number for seat in self.seats)):
            cancel(self._timers.pop(waits, None))
        coming = (self._reserve, *(seat.member for seat in self.seats))
        for member in coming:
            if member is not None and member not in self._joined:
                member.process.kill()

    async def end(self, seconds: float) -> None:
        """Let all finish what they do, for as long as they may; then they are ended."""
        everybody = [one.member for one in self.seats if one.member is not None]
        everybody += self._going
        if self._reserve is not None:
            everybody.append(self._reserve)
        self.close()
        for member in everybody:
            if member.is_there:
                member.link.tell("end")
            elif member not in self._going:
                member.process.kill()
        ends = self._reactor.seconds() + seconds + END_SECONDS
        while any(member.is_running for member in everybody):
            if self._reactor.seconds() >= ends:
                for member in everybody:
                    member.process.kill()
            waiting: Deferred[None] = Deferred()
            self._reactor.callLater(REAP_SECONDS, waiting.callback, None)
            await waiting


def _handler(call: Told, member: Member) -> Any:
    def heard(message: Message, sockets: list[Any]) -> None:
        for one in sockets:
            one.close()
        call(member, message)

    return heard


def _counted(member: Member, message: Message) -> None:
    member.told(message["clients"], message["received"])


def _how(status: int) -> str:
    """How a process has ended, for people."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
