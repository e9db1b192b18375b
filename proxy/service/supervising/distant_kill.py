"""KILL of clients that another worker serves.

The worker that has been asked does not know the number, and asks the supervisor.  That asks the
worker that gave the number, and if the client is not there, all others: it keeps its number
when it moves.  Who has the client looks whose it is, and kills it.

A client may move just then.  Links keep the order of what is said: whoever says that a client
is not there has sent it off before, and the supervisor has sent it on by then.  So whoever is
asked once more has it, and so has the worker that has asked, behind the answer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from proxy.front.client import Client
from proxy.front.kill import Kill, Outcome, for_another
from proxy.front.proxy import seat_of
from proxy.service.channel import Message
from proxy.service.link import Link, Linked, LinkError, all_of

WORKER_SECONDS: Final = 2.0
"""How long a worker may take to answer: a thousand times what it takes when it is well.  So
long somebody waits who has pressed Ctrl-C, where the one that has the client hangs."""

SUPERVISOR_SECONDS: Final = 4 * WORKER_SECONDS
"""How long the supervisor may take, which waits for one worker, for the others together, and
once more for those that have answered."""


class KillsElsewhere:
    """In a worker: see `proxy.front.kill.Elsewhere`; kills too what others want."""

    def __init__(self, link: Link, clients: Mapping[int, Client]) -> None:
        """Begin.

        Args:
            link: To the supervisor.
            clients: Those of this worker, as they come and go.
        """
        self._link = link
        self._clients = clients
        link.on("kill", self._obey)

    def __repr__(self) -> str:
        """Whom it asks."""
        return f"<KillsElsewhere by {self._link!r}>"

    async def kill(self, wanted: Kill) -> Outcome:
        """See `Elsewhere`."""
        outcome = await _ask(self._link, wanted, SUPERVISOR_SECONDS)
        if outcome is None or outcome is Outcome.UNKNOWN:  # it may be here by now
            return for_another(self._clients, wanted)
        return outcome

    def _obey(self, message: Message, _: list[socket.socket]) -> Message:
        return {"outcome": for_another(self._clients, _decode(message)).value}


class KillsBetween:
    """In the supervisor: finds the worker that has a client."""

    def __init__(self, members: Callable[[], Iterable[Linked]]) -> None:
        """Begin.

        Args:
            members: The workers that are there.
        """
        self._members = members

    def __repr__(self) -> str:
        """Between how many."""
        return f"<KillsBetween {len([*self._members()])} workers>"

    def join(self, member: Linked) -> None:
        """A worker may ask from now on."""

        async def search(message: Message, _: list[socket.socket]) -> Message:
            return {"outcome": (await self._search(member, _decode(message))).value}

        member.link.on("kill", search)

    async def _search(self, asker: Linked, wanted: Kill) -> Outcome:
        seat = seat_of(wanted.number)
        others = [one for one in self._members() if one is not asker]
        first = [one for one in others if one.number == seat]
        rest = [one for one in others if one.number != seat]
        silent: list[Linked] = []
        for some in (first, rest, others):
            asked = [one for one in some if one not in silent]
            for one, outcome in zip(
                asked,
                await all_of(_ask(one.link, wanted, WORKER_SECONDS) for one in asked),
                strict=True,
            ):
                if outcome is None:
                    silent.append(one)
                elif outcome is not Outcome.UNKNOWN:
                    return outcome
        return Outcome.UNKNOWN


async def _ask(link: Link, wanted: Kill, seconds: float) -> Outcome | None:
    """What has become of it; None when there is no answer."""
    fields: dict[str, Any] = attrs.asdict(wanted)
    try:
        answer = await link.ask("kill", seconds=seconds, **fields)
    except LinkError:  # who is gone has no clients either
        return None
    return Outcome(answer["outcome"])


def _decode(message: Message) -> Kill:
    return Kill(**{field.name: message[field.name] for field in attrs.fields(Kill)})
