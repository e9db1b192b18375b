"""What the supervisor remembers of logins for all of its workers.

Of each proxy: which IAM tokens have been used, and who guesses passwords.  The workers look
themselves whether a token or a password is good.  See `proxy.service.seats.remembered` for the
messages.

A login that succeeds ends the count of its user, whichever workers the failures came to.  To be
told of each would cost 15 to 36 µs, much of it in this process, for which all wait in a storm
of logins; so workers know of whom anything is remembered, and tell of those only.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

import attrs

from proxy.net.clock import Clock
from proxy.policy.guesses import Guesses, source_of
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import Message
from proxy.service.link import Linked
from proxy.service.seats.remembered import FAILED_LOGIN, GOOD_LOGIN, GUESSED, USE, slot_of
from proxy.service.workshop import Workshop

LOOK_SECONDS: Final = 10.0
"""How often is looked who has been forgotten: it takes some milliseconds where ten thousand are
remembered, and until then workers tell of logins that need not be told."""


@attrs.define(eq=False)
class LoginMemory:
    """That of one proxy.

    Attributes:
        name: Of the proxy.
        workshop: Has what checks tokens, which knows those that were used.
        guesses: Slows down who guesses.
        slots: What workers have been told, see `slot_of`.
    """

    name: str
    workshop: Workshop
    guesses: Guesses
    slots: set[int] = attrs.field(factory=set)


class Remembering:
    """See the module."""

    def __init__(self, tell: Callable[..., None], clock: Clock) -> None:
        """Remember nothing yet.

        Args:
            tell: Says something to all workers that have joined: what, and more by name.
            clock: By which guesses are forgotten.
        """
        self._tell = tell
        self._clock = clock
        self._memories: dict[str, LoginMemory] = {}
        self._due = clock.seconds() + LOOK_SECONDS

    def __repr__(self) -> str:
        """Of how many proxies."""
        return f"<Remembering for {len(self._memories)} proxies>"

    def join(self, member: Linked) -> None:
        """A worker may ask from now on, and knows whom to tell of."""
        link = member.link
        link.on(USE, self._use_token)
        link.on(FAILED_LOGIN, self._failed)
        link.on(GOOD_LOGIN, self._succeeded)
        for memory in self._memories.values():
            if memory.slots:
                link.tell(GUESSED, **_told(memory))

    def begin(self, memory: LoginMemory) -> None:
        """Remember for a proxy; what was remembered for another one of its name is over."""
        before = self._memories.get(memory.name)
        self._memories[memory.name] = memory
        if before is not None and before.slots:
            self._tell(GUESSED, **_told(memory))

    def end(self, memory: LoginMemory) -> None:
        """There is no such proxy any more."""
        if self._memories.get(memory.name) is memory:
            del self._memories[memory.name]
            self._show(memory, set())

    def look(self) -> None:
        """Forget who has been quiet for long; called every second or so."""
        now = self._clock.seconds()
        if now < self._due:
            return
        self._due = now + LOOK_SECONDS
        for memory in self._memories.values():
            memory.guesses.forget(now)
            self._show(memory, {slot_of(*pair) for pair in memory.guesses.pairs})

    def _show(self, memory: LoginMemory, slots: set[int]) -> None:
        if slots != memory.slots:
            memory.slots = slots
            self._tell(GUESSED, **_told(memory))

    def _of(self, message: Message) -> LoginMemory:
        """The memory that a message is about.

        Raises:
            OperationRefusedError: there is no such proxy.
        """
        memory = self._memories.get(message["proxy"])
        if memory is None:  # clients that it still has may log in as another user
            raise OperationRefusedError("the proxy has ended")
        return memory

    async def _use_token(self, message: Message, _: list[socket.socket]) -> Message:
        verifier = self._of(message).workshop.materials.verifier
        if verifier is None:  # by the configuration that has just come into force
            raise OperationRefusedError("IAM tokens are not taken any more")
        digest = bytes.fromhex(message["digest"])
        refused = await verifier.use(digest, message["address"], message["expires"])
        if refused is None:
            return {"refused": "", "is_our_fault": False}
        return {"refused": refused.reason, "is_our_fault": refused.is_our_fault}

    def _failed(self, message: Message, _: list[socket.socket]) -> Message:
        memory = self._of(message)
        user, address = message["user"], message["address"]
        delay = memory.guesses.failed(user, address, self._clock.seconds())
        slot = slot_of(user, source_of(address))
        if slot not in memory.slots:
            memory.slots.add(slot)
            # In front of the answer: who hears of the failure may log in anywhere.
            self._tell(GUESSED, proxy=memory.name, slots=[slot], more=True)
        return {"delay": delay}

    def _succeeded(self, message: Message, _: list[socket.socket]) -> None:
        memory = self._memories.get(message["proxy"])
        if memory is not None:  # else it has ended since that was said
            memory.guesses.succeeded(message["user"], message["address"])


def _told(memory: LoginMemory) -> dict[str, Any]:
    return {"proxy": memory.name, "slots": sorted(memory.slots), "more": False}
