"""A worker's ear for what its supervisor says of the course of its proxies and of secrets.

What is said of a proxy that is not there yet is kept: the worker that has just begun makes it
in the same moment.  See `proxy.service.supervising.directing` for the messages.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from proxy.credentials.secrets_source import OnChange, SecretEntry
from proxy.credentials.shared import ToldSecrets
from proxy.failover.obeying import Obeying
from proxy.net.clock import Clock
from proxy.pool.board import Board
from proxy.pool.elsewhere import Elsewhere, News
from proxy.service.channel import Message
from proxy.service.link import Link, LinkError

SECRET_SECONDS: Final = 180.0
"""How long the supervisor may take to read a secret: a call to AWS takes 30 s at most, waits
for a thread for 120 s (`proxy.credentials.aws_threads`), and there are pauses between two."""


class Directed:
    """See the module.

    Attributes:
        link: To the supervisor.
        number: The seat of this worker.
        board: Where workers show each other who has written.
    """

    def __init__(self, link: Link, number: int, board: Board) -> None:
        self.link = link
        self.number = number
        self.board = board
        self._obeying: dict[str, Obeying] = {}
        self._kept: dict[str, tuple[Message, list[Message]]] = {}
        self._secrets: dict[str, Message] = {}
        self._listening: dict[str, list[ToldSecrets]] = {}
        for what, do in (
            ("course", self._course),
            ("order", self._order),
            ("attention", self._attention),
            ("course_over", self._course_over),
            ("wrote", self._wrote),
            ("secrets", self._told_secrets),
            ("secrets_over", self._secrets_over),
        ):
            self._on(what, do)

    def __repr__(self) -> str:
        """Of how many proxies it hears."""
        return f"<Directed worker {self.number}: {len(self._obeying)} proxies>"

    def _on(self, what: str, do: Callable[[Message], None]) -> None:
        def handle(message: Message, _: list[socket.socket]) -> None:
            do(message)

        self.link.on(what, handle)

    # Proxies

    def begin(self, obeying: Obeying) -> None:
        """Let it know what was said by now, and what will be."""
        self._obeying[obeying.name] = obeying
        course, orders = self._kept.pop(obeying.name, (None, []))
        if course is not None:
            obeying.take_up(course)
        for order in orders:
            obeying.obey(order)

    def end(self, obeying: Obeying) -> None:
        """It has to hear nothing more."""
        if self._obeying.get(obeying.name) is obeying:
            del self._obeying[obeying.name]

    def _course(self, message: Message) -> None:
        obeying = self._obeying.get(message["proxy"])
        if obeying is not None:
            obeying.take_up(message)
        else:
            self._kept[message["proxy"]] = message, []

    def _order(self, message: Message) -> None:
        obeying = self._obeying.get(message["proxy"])
        if obeying is None:
            if message["proxy"] in self._kept:  # else it has ended here
                self._kept[message["proxy"]][1].append(message)
        elif obeying.is_told:
            obeying.obey(message)
        # Else the orders are for one that had the name before; its own course is to come.

    def _attention(self, message: Message) -> None:
        obeying = self._obeying.get(message["proxy"])
        if obeying is not None:
            obeying.attend(on=message["on"])

    def _course_over(self, message: Message) -> None:
        self._kept.pop(message["proxy"], None)

    def _wrote(self, message: Message) -> None:
        obeying = self._obeying.get(message["proxy"])
        if obeying is not None:
            obeying.hear_of_writes(message["seat"], message["slots"])

    # Secrets

    def secrets(
        self, key: str, entries: Sequence[SecretEntry], on_change: OnChange
    ) -> ToldSecrets:
        """Users of secrets that the supervisor reads."""
        return ToldSecrets(key, entries, self._listen, self._ignore, self._ask, on_change)

    def _listen(self, source: ToldSecrets) -> None:
        self._listening.setdefault(source.key, []).append(source)
        if source.key in self._secrets:
            source.take_up(self._secrets[source.key])

    def _ignore(self, source: ToldSecrets) -> None:
        with contextlib.suppress(ValueError):  # it was stopped twice
            self._listening.get(source.key, []).remove(source)

    async def _ask(self, key: str, user: str) -> None:
        with contextlib.suppress(LinkError):  # then what is known is all there is
            await self.link.ask("secret", seconds=SECRET_SECONDS, key=key, user=user)

    def _told_secrets(self, message: Message) -> None:
        self._secrets[message["key"]] = message
        for source in [*self._listening.get(message["key"], ())]:
            source.take_up(message)

    def _secrets_over(self, message: Message) -> None:
        self._secrets.pop(message["key"], None)

    # Writes

    def elsewhere(self, proxy: str, clock: Clock) -> Elsewhere:
        """What users of a proxy write by way of other workers."""

        def tell(news: News) -> None:
            self.link.tell("wrote", proxy=proxy, slots=news)

        return Elsewhere(proxy, self.board, self.number, clock, tell)

    def tell(self, what: str, **more: Any) -> None:
        """Say something to the supervisor."""
        self.link.tell(what, **more)
