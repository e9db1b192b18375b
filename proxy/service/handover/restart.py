"""Restart without loss: a new process of the same command line takes over while clients work.

The new process is given the sockets that listen, loads its configuration, serves, and says so.
Only then does this one accept nobody more, and sends its clients over one by one
(`handover_leaving`).  Whatever goes wrong before that leaves everything as it was.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.front.proxy import ConnectionIds
from proxy.net.clock import cancel
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import LAYOUT, Channel, Message, adopt
from proxy.service.handover.ports import release
from proxy.service.handover.spawn import command_line, spawn
from proxy.service.ports import Ports

READY_SECONDS: Final = 60.0
"""How long the new process may take until it listens: Python and its modules take a second, and
a first look at a target that does not answer five more."""


class PidFile(Protocol):
    """A file that says which process is the service."""

    def put_away(self) -> None:
        """Another process is about to come."""

    def put_back(self) -> None:
        """It has not come."""

    def leave(self) -> None:
        """The file is the other process's from here on."""


class Going(Protocol):
    """Sends the clients of this process to its successor; see `handover_leaving.Leaving`."""

    @property
    def is_awaited(self) -> bool:
        """Whether the successor has still to say of a client whether it serves it."""

    def begin(self) -> None:
        """Send the first ones."""

    def heard(self, message: Message) -> None:
        """The successor says that it serves, or what it has done with a client."""

    def lost(self) -> None:
        """The successor has gone."""

    def stop(self) -> None:
        """Send nobody more; the channel is closed when the successor has said everything."""


@attrs.frozen
class HandedOver:
    """What a process hands over.

    Attributes:
        ports: Where it listens.
        ids: Makes the numbers of new clients.
        close_admin: Closes the ports of the admin API; what is asked there by now is answered.
        leave: Sends the clients over a channel, from when it is told to begin.
        objections: Why it should not be done now, a sentence for each reason.
    """

    ports: Ports
    ids: ConnectionIds
    close_admin: Callable[[], Awaitable[None]]
    leave: Callable[[Channel], Going]
    objections: Sequence[str] = ()


class HandOver:
    """Replaces this process by a new one, when it is asked to.

    Attributes:
        on_successor: Told the process id of the new process when that is the service.
        pid_file: Says which process is the service; None where nothing does.
        why_not: Why this process cannot be replaced at all; empty where it can.
        waits: This process is itself to take over from another one, and has not yet.
        is_under_way: Whether a new process is being started.
        is_done: Whether another process is the service by now.
    """

    def __init__(
        self,
        reactor: Any,
        environ: Mapping[str, str],
        what: Callable[[], HandedOver],
        log: FilteringBoundLogger,
    ) -> None:
        self._reactor = reactor
        self._environ = {**environ}  # what is for this process alone is taken out of it later
        self._what = what
        self._log = log
        self._command = command_line()
        self._leaving: Going | None = None
        self._stops = False
        self._channel: Channel | None = None
        self._verdict: Deferred[str] | None = None
        self._pid = 0
        self.on_successor: Callable[[int], None] = _tell_nobody
        self.pid_file: PidFile | None = None
        self.why_not = "only a proxy that serves from a configuration file can be replaced"
        self.waits = self.is_under_way = self.is_done = False

    def __repr__(self) -> str:
        """How far it is."""
        return f"<HandOver {self._leaving or ('under way' if self.is_under_way else 'not')}>"

    # Being asked

    def obey(self) -> None:
        """Do it on SIGUSR2 from here on."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGUSR2, self._signalled)

    def _signalled(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._restart_for_signal)

    def _restart_for_signal(self) -> None:
        Deferred.fromCoroutine(self.restart()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(OperationRefusedError):  # else the log has it
            trace = failure.getTraceback()
            self._log.error("a mistake while handing over", exception=trace)

    async def restart(self) -> None:
        """Put a new process in this one's place; returns when that is the service.

        Raises:
            OperationRefusedError: it does not come up; says why, and this process goes on.
        """
        why = self._why_not_now()
        if why:
            self._log.warning("the proxy is not replaced by a new process", why=why)
            raise OperationRefusedError(why)
        self.is_under_way = True
        try:
            await self._restart(self._what())
        except OperationRefusedError as error:
            self._log.warning("the new process did not take over", why=error.why)
            raise
        finally:
            self.is_under_way = False

    def _why_not_now(self) -> str:
        if self.why_not:
            return self.why_not
        if self.is_done:
            return f"process {self._pid} is the service already"
        if self.is_under_way:
            return "a new process is being started already"
        if self.waits:
            return "this process has not taken over yet itself"
        if self._stops:
            return "the proxy stops"
        return "\n".join(self._what().objections)

    # Doing it

    async def _restart(self, what: HandedOver) -> None:
        self._log.info("a new process is started, which is to take over")
        try:
            channel, theirs = self._open()
        except OSError as error:
            why = f"there is no channel to a new process: {error.strerror}"
            raise OperationRefusedError(why) from error
        self._channel = channel
        with theirs:
            ports = [*what.ports]
            channel.say(
                "begin",
                [one.port.socket.fileno() for one in ports],
                layout=LAYOUT,
                ports=[[*one.name, one.listen] for one in ports],
                next_number=what.ids.upcoming,
            )
            process = self._spawn(channel, theirs)
        verdict = await self._verdict_on(channel)
        # Orders may have been given meanwhile of which the new process knows nothing.
        verdict = verdict or "\n".join(self._what().objections)
        if verdict:
            self._give_up(channel, process)
            raise OperationRefusedError(verdict)
        self.is_done = True
        if self.pid_file is not None:
            self.pid_file.leave()
        await self._go(what, channel)

    def _open(self) -> tuple[Channel, socket.socket]:
        """A channel, and its other end."""
        channel = Channel(
            lambda message, sockets: self._received(channel, message, sockets),
            lambda: self._lost(channel),
        )
        ours, theirs = socket.socketpair()
        try:
            adopt(self._reactor, ours, channel)
        except OSError:
            theirs.close()
            raise
        return channel, theirs

    def _spawn(self, channel: Channel, end: socket.socket) -> subprocess.Popen[bytes]:
        if self.pid_file is not None:
            self.pid_file.put_away()
        try:
            return spawn(self._command, self._environ, end)
        except OSError as error:
            if self.pid_file is not None:
                self.pid_file.put_back()
            channel.close()
            why = f"{self._command[0]} cannot be started: {error.strerror}"
            raise OperationRefusedError(why) from error

    async def _verdict_on(self, channel: Channel) -> str:
        """Why the new process is not ready; empty when it is."""
        waiting = self._verdict = Deferred()
        why = f"the new process was not ready within {READY_SECONDS:.0f} seconds"
        timer = self._reactor.callLater(READY_SECONDS, self._judge, why)
        if not channel.is_open:
            self._judge(_ENDED)
        verdict: str = await waiting
        cancel(timer)
        return verdict

    def _judge(self, verdict: str) -> None:
        waiting, self._verdict = self._verdict, None
        if waiting is not None:
            waiting.callback(verdict)

    def _give_up(self, channel: Channel, process: subprocess.Popen[bytes]) -> None:
        channel.close()  # one that has gone into the background ends by that
        process.kill()
        process.wait()
        if self.pid_file is not None:
            self.pid_file.put_back()

    async def _go(self, what: HandedOver, channel: Channel) -> None:
        """The new process serves: this one accepts nobody more."""
        for one in what.ports:
            release(one.port)
        await what.ports.close()
        await what.close_admin()
        if self._stops:  # then the new process ends too, when the channel has been closed
            return
        self.on_successor(self._pid)
        self._log.info("another process is the service", pid=self._pid)
        self._leaving = what.leave(channel)
        channel.say("go")
        if not channel.is_open:
            self._leaving.lost()
        self._leaving.begin()

    def stop(self) -> None:
        """This process stops: it hands over nothing more."""
        self._stops = True
        if self._leaving is not None:
            self._leaving.stop()
        elif self._channel is not None:
            self._judge("the proxy stops")
            self._channel.close()

    @property
    def is_awaited(self) -> bool:
        """Whether the new process has still to say of a client whether it serves it."""
        return self._leaving is not None and self._leaving.is_awaited

    def _received(
        self, channel: Channel, message: Message, sockets: list[socket.socket]
    ) -> None:
        for one in sockets:
            one.close()
        if channel is not self._channel:  # of one that was given up
            return
        match message.get("what"):
            case "ready":
                self._pid = int(message.get("pid", 0))
                self._judge("")
            case "failed":
                self._judge(f"the new process cannot serve: {message.get('why')}")
            case "serving" | "taken" | "refused" if self._leaving is not None:
                self._leaving.heard(message)

    def _lost(self, channel: Channel) -> None:
        if channel is not self._channel:
            return
        self._judge(_ENDED)
        if self._leaving is not None:
            self._leaving.lost()


_ENDED: Final = "the new process ended before it could serve; the log has its own words"


def _tell_nobody(pid: int) -> None:
    """Nobody wants to know."""
