"""Clients that change workers, by way of the supervisor: to another one, or another release.

Over the link to a worker; see `proxy.service.channel` for what releases tell each other.

==========  ===========  ================================================================
what        from         means
==========  ===========  ================================================================
move        supervisor   a part of those that make work shall go to another worker
leave       supervisor   all shall go to another release, within so many `seconds`
stay        supervisor   that has gone: nobody is to be sent any more
client      both         a client, with its connection; see `proxy.front.moving`
taken       worker       it has the client of this number, and reads nothing before `go_on`
refused     worker       it does not take it; `why` is for the log
heard       supervisor   a `message` that says what has become of a client that was sent
go_on       supervisor   where the client comes from that is known by now
==========  ===========  ================================================================
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, Final

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.service.channel import Channel, Message
from proxy.service.supervising.member import Member, proxy_of
from proxy.service.supervising.staff import Staff

_SAID: Final = ("what", "number", "why")

_LOST: Final = "there is no descriptor left for its connection"
_TWICE: Final = "a client of its number is on the way already"


@attrs.frozen(eq=False)
class _Passenger:
    """A client on its way.

    Attributes:
        connection: Its connection, open until somebody else has it.
        answer: Tells where it comes from what has become of it.
        target: Who shall serve it; None for another release.
    """

    connection: socket.socket
    answer: Callable[[Message], None]
    target: Member | None


class Relay:
    """See the module.

    Attributes:
        successor: To another release, which gets all clients; None where there is none.
    """

    def __init__(self, staff: Staff, log: FilteringBoundLogger) -> None:
        self._staff = staff
        self._log = log
        self._passengers: dict[int, _Passenger] = {}
        self._takers: dict[Member, Member] = {}
        self.successor: Channel | None = None
        self._leaves = self._halted = False
        staff.on_joining.append(self._join)
        staff.on_left.append(self._left)

    def __repr__(self) -> str:
        """How many are on their way."""
        return f"<Relay {len(self._passengers)} on their way>"

    def __len__(self) -> int:
        return len(self._passengers)

    def _join(self, member: Member) -> None:
        link = member.link
        link.on("client", partial(self._from_worker, member))
        link.on("taken", self._answered_by_worker)
        link.on("refused", self._answered_by_worker)

    def move(self, giver: Member, taker: Member, part: float) -> None:
        """Have a part of the clients of one worker that make work go to another one."""
        if self._leaves:
            return
        self._takers[giver] = taker
        giver.link.tell("move", part=part)

    def _from_worker(
        self, member: Member, message: Message, sockets: list[socket.socket]
    ) -> None:
        def answer(said: Message) -> None:
            member.link.tell("heard", message=said)

        taker = self._takers.get(member)
        if self.successor is None and (taker is None or not taker.takes_clients):
            _refuse(message, sockets, answer, "the other worker has ended")
            return
        self._send(message, sockets, answer, taker)

    def take(self, message: Message, sockets: list[socket.socket], channel: Channel) -> None:
        """Have a client of the release before served by a worker, or by the release to come."""

        def answer(said: Message) -> None:
            channel.say(said.pop("what"), **said)
            channel.flush()  # if this process dies, whoever has it now has it

        able = (one for one in self._staff.members if one.takes_clients)
        target = min(able, key=attrgetter("load"), default=None)
        if target is None and self.successor is None:
            _refuse(message, sockets, answer, "no worker serves")
            return
        self._send(message, sockets, answer, target)

    def _send(
        self,
        message: Message,
        sockets: list[socket.socket],
        answer: Callable[[Message], None],
        worker: Member | None,
    ) -> None:
        """Send a client to another release, where there is one, else to this worker."""
        document: dict[str, Any] = message["client"]
        number = document["number"]
        if not sockets or self._halted or number in self._passengers:
            why = "the proxy stops" if self._halted else _LOST if not sockets else _TWICE
            _refuse(message, sockets, answer, why)
            return
        target = worker if self.successor is None else None
        self._passengers[number] = _Passenger(sockets[0], answer, target)
        handles = [sockets[0].fileno()]
        if self.successor is not None:
            self.successor.say("client", handles, client=document)
        elif target is not None:
            target.expect(proxy_of(document))
            target.link.tell("client", handles, client=document)

    def _answered_by_worker(self, message: Message, _sockets: list[socket.socket]) -> None:
        self.answered(message)

    def answered(self, message: Message) -> None:
        """Somebody says whether it serves a client."""
        passenger = self._passengers.pop(message.get("number", 0), None)
        if passenger is None:
            return
        passenger.connection.close()
        passenger.answer({name: message[name] for name in _SAID if name in message})
        if passenger.target is not None and message["what"] == "taken":
            # No sooner: if this process dies, only one of the two may have read from it.
            passenger.target.link.tell("go_on", number=message["number"])

    def _left(self, member: Member) -> None:
        self._refuse_those_for(member, "the worker has ended")
        self._takers.pop(member, None)

    def leave(self, successor: Channel | None) -> None:
        """All go to another release from now on, and nobody to another worker.

        None is for one that has gone already: who is sent stays.
        """
        self._leaves = True
        self._takers.clear()
        self.successor = successor

    def successor_lost(self) -> None:
        """The other release has gone: who was on the way there goes on where it was."""
        self.successor = None
        self._refuse_those_for(None, "the new process has ended")

    def _refuse_those_for(self, target: Member | None, why: str) -> None:
        for number, passenger in [*self._passengers.items()]:
            if passenger.target is target:
                # Of whoever has been read from, we have heard so before.
                self.answered({"what": "refused", "number": number, "why": why})

    def halt(self) -> None:
        """Carry nobody more; of those on their way it is heard whether they arrive."""
        self._halted = True

    def stop(self) -> None:
        """Nobody is left to say anything."""
        self._halted = True
        while self._passengers:
            _, passenger = self._passengers.popitem()
            with contextlib.suppress(OSError):
                passenger.connection.close()


def _refuse(
    message: Message,
    sockets: list[socket.socket],
    answer: Callable[[Message], None],
    why: str,
) -> None:
    """Leave a client where it is."""
    for one in sockets:
        one.close()
    answer({"what": "refused", "number": message["client"].get("number"), "why": why})
