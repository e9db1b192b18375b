"""Many clients on one epoll, and what they can be told to do."""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from bench.clients_sysbench import LoadFailedError
from bench.many.client import Client, Door, Phase

PORTS_EACH: Final = 20_000
"""Clients from one address: Linux has some 28,000 ports for outgoing connections of each."""

UNPLACED: Final = "not asked"

_ENTRANCE: Final = 100
"""Logins that are under way at once where nobody is in a hurry."""

_ENTRANCE_LIMIT_SECONDS: Final = 60.0
_LAST_ANSWERS_SECONDS: Final = 30.0
"""How long answers that are due are waited for when a load ends."""


@attrs.frozen
class Served:
    """One statement and its end.

    Attributes:
        client: who asked.
        due: when it was to be asked, by `time.monotonic`.
        asked: when it was.
        answered: when its answer had come whole; 0 where none came.
        trouble: the number of its error, or a word; empty for none.
        row: the first row.
    """

    client: int
    due: float
    asked: float
    answered: float
    trouble: str
    row: bytes = b""


class Crowd:
    """See the module.

    Attributes:
        clients: all that live.
    """

    def __init__(self, door: Door, statements: Sequence[str], first: int = 0) -> None:
        self._door = door
        self._statements = [text.encode() for text in statements]
        self._said = first
        self._number = first
        self._epoll = select.epoll()
        self._watched: dict[int, Client] = {}
        self.clients: list[Client] = []

    def come(self) -> Client:
        """One more that connects."""
        number = self._number
        self._number += 1
        client = Client(number, self._door, f"127.0.0.{1 + number // PORTS_EACH}")
        descriptor = client.socket.fileno()
        self._watched[descriptor] = client
        self._epoll.register(descriptor, select.EPOLLIN)
        self.clients.append(client)
        return client

    def turn(self, until: float) -> Iterator[Client]:
        """Whoever was let in, answered, or is gone; looks once, and waits so long for it."""
        wait = max(until - time.monotonic(), 0.0)
        for descriptor, _ in self._epoll.poll(wait):
            client = self._watched[descriptor]
            if client.step():
                if client.phase is Phase.ENDED:
                    # Closed, so that epoll has forgotten it.
                    del self._watched[descriptor]
                yield client

    def enter(self, count: int) -> None:
        """Let so many come, some at a time, until all are in.

        Raises:
            LoadFailedError: one was refused, or they take too long.
        """
        limit = time.monotonic() + _ENTRANCE_LIMIT_SECONDS
        coming = 0
        left = count
        while left or coming:
            while left and coming < _ENTRANCE:
                self.come()
                left, coming = left - 1, coming + 1
            for client in self.turn(limit):
                if client.phase is Phase.ENDED:
                    raise LoadFailedError(f"client {client.number}: {client.trouble}")
                coming -= 1
            if time.monotonic() > limit:
                raise LoadFailedError(f"{left + coming} of {count} clients do not get in")

    def leave(self) -> None:
        """All of them go, without a good-bye."""
        for client in self.clients:
            if client.phase is not Phase.ENDED:
                client.end("left")
        self.clients.clear()
        self._watched.clear()

    def ask(self, client: Client) -> None:
        """Have one ask the next statement."""
        self._said += 1
        client.ask(self._statements[self._said % len(self._statements)])

    def pace(self, rate: float, begins: float, ends: float) -> list[Served]:
        """Each in turn asks, so that all together ask so often a second, until it ends.

        Who is due while it still waits for an answer asks when that has come.
        """
        served: list[Served] = []
        due: dict[int, float] = {}
        count, step = 0, 1 / rate
        clients = self.clients
        late: dict[int, deque[float]] = {}
        next_at = begins
        while next_at < ends:
            for client in self.turn(next_at):
                self._note(served, client, due.get(client.number, 0.0))
                if client.number in late:
                    due[client.number] = late[client.number].popleft()
                    if not late[client.number]:
                        del late[client.number]
                    self._again(client)
            now = time.monotonic()
            while next_at <= now and next_at < ends:
                client = clients[count % len(clients)]
                if client.phase is Phase.FREE:
                    due[client.number] = next_at
                    self.ask(client)
                elif client.phase is Phase.ASKED:
                    late.setdefault(client.number, deque()).append(next_at)
                count += 1
                next_at = begins + count * step
        self._await_answers(served, due)
        return served

    def rush(self, count: int, begins: float, ends: float) -> list[Served]:
        """So many ask again as soon as they are answered, until it ends."""
        served: list[Served] = []
        while time.monotonic() < begins:
            time.sleep(max(begins - time.monotonic(), 0))
        for client in self.clients[:count]:
            self.ask(client)
        while (now := time.monotonic()) < ends:
            for client in self.turn(min(now + 0.1, ends)):
                self._note(served, client, client.asked)
                self._again(client)
        self._await_answers(served, {})
        return served

    def offer(self, rate: float, begins: float, ends: float) -> list[Served]:
        """Whoever is free asks, so often a second, whether answers come or not.

        Where nobody is free the statement is never asked: its story is `UNPLACED`.
        """
        served: list[Served] = []
        free = deque(client for client in self.clients if client.phase is Phase.FREE)
        due: dict[int, float] = {}
        count = 0
        next_at = begins
        while next_at < ends:
            for client in self.turn(next_at):
                self._note(served, client, due.get(client.number, 0.0))
                if client.phase is Phase.FREE:
                    free.append(client)
            now = time.monotonic()
            while next_at <= now and next_at < ends:
                if free:
                    client = free.popleft()
                    due[client.number] = next_at
                    self.ask(client)
                else:
                    served.append(Served(0, next_at, next_at, 0.0, UNPLACED))
                count += 1
                next_at = begins + count / rate
        self._await_answers(served, due)
        return served

    def storm(self, count: int, seconds: float, begins: float, limit: float) -> list[Client]:
        """So many come within so many seconds; each asks once, and stays.

        Returns:
            All of them; who hangs has no `answered` and no `trouble` at the limit, in seconds
            from the begin on.
        """
        came: list[Client] = []
        left = count
        while left and time.monotonic() < begins + limit:
            next_at = begins + len(came) * seconds / count
            if len(came) < count and next_at <= time.monotonic():
                came.append(self.come())
                continue
            until = next_at if len(came) < count else begins + limit
            for client in self.turn(until):
                if client.phase is Phase.ENDED or client.answered:
                    left -= 1
                else:
                    self.ask(client)
        return came

    def _again(self, client: Client) -> None:
        if client.phase is Phase.FREE:
            self.ask(client)

    def _note(self, served: list[Served], client: Client, due: float) -> None:
        if client.phase is Phase.ENDED:
            served.append(Served(client.number, due, client.asked, 0.0, client.trouble))
            return
        answer = client.answer
        trouble = str(answer.code) if answer.code else ""
        served.append(
            Served(client.number, due, client.asked, client.answered, trouble, answer.row)
        )

    def _await_answers(self, served: list[Served], due: dict[int, float]) -> None:
        waiting = sum(client.phase is Phase.ASKED for client in self.clients)
        limit = time.monotonic() + _LAST_ANSWERS_SECONDS
        while waiting and time.monotonic() < limit:
            for client in self.turn(limit):
                self._note(served, client, due.get(client.number, client.asked))
                waiting -= 1
        served += [
            Served(client.number, 0.0, client.asked, 0.0, "no answer")
            for client in self.clients
            if client.phase is Phase.ASKED
        ]
