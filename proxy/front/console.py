"""The console: what admin users get instead of a database, and who has a place there.

A client that is served so speaks with the proxy itself, by the protocol of a server.  It has no
session, no pool and no lease, and its statements are counted as nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from proxy import errors
from proxy.credentials.admins import Admins
from proxy.errors import ErrorReply
from proxy.front.admission import comes_from
from proxy.front.naming import who
from proxy.wire.tables import TableColumn, Value

if TYPE_CHECKING:
    from proxy.front.client import Client
    from proxy.front.proxy import Proxy

SPARE_PLACES: Final = 3
"""Clients beyond max_clients that may come in from where admin users do: one who looks, one who
acts and one who is late.  Who turns out to be no admin user is turned away at its login."""


@attrs.frozen
class Asker:
    """Who asks the console.

    Attributes:
        number: The id of its connection.
        user: As whom it has logged in.
        address: Where it is.
        proxy: The name of the proxy at whose endpoint it came in.
        schema: What it has chosen as its default database, where there is none.
        version: What it was greeted with.
    """

    number: int
    user: str
    address: str
    proxy: str
    schema: str
    version: str


@attrs.frozen
class Table:
    """An answer with rows.

    Attributes:
        columns: At least one.
        rows: Each as long as these; taken once, some at a time, so they may be made meanwhile.
    """

    columns: tuple[TableColumn, ...]
    rows: Iterable[Sequence[Value]] = ()


@attrs.frozen
class Done:
    """An answer without rows.

    Attributes:
        info: A sentence for people; may be empty.
        schema: The new default database; None when it stays.
    """

    info: str = ""
    schema: str | None = None


Answer = Table | Done


class Console(Protocol):
    """Answers admin users."""

    @property
    def admins(self) -> Admins:
        """Who they are."""

    @property
    def uptime(self) -> float:
        """Seconds since the process began to serve."""

    async def answer(self, asker: Asker, text: bytes) -> Answer:
        """Do what a statement says.

        Raises:
            StatementRefusedError: it cannot be done, or is no statement of the console's.
        """


def is_admin(proxy: Proxy, user: str) -> bool:
    """Whether who logs in by this name gets the console."""
    return proxy.console is not None and user in proxy.console.admins


def has_place(proxy: Proxy, address: str) -> bool:
    """Whether a client may come in although there are max_clients already."""
    clients = proxy.count + proxy.clients_elsewhere
    if proxy.console is None or clients >= proxy.config.max_clients + SPARE_PLACES:
        return False
    # The supervisor does not know at once of those who have such a place at a worker.
    if len(proxy.clients.keys() & proxy.spare) >= SPARE_PLACES:
        return False
    return comes_from(address, proxy.console.admins.networks())


def give_place(client: Client) -> None:
    """It has one beyond max_clients, and has to be an admin user."""
    proxy = client.proxy
    proxy.spare.intersection_update(proxy.clients)  # the others have gone
    proxy.spare.add(client.number)


def lacking_place(client: Client, user: str) -> ErrorReply | None:
    """Why a client that logs in so has no place after all; None where it has one."""
    proxy, limit = client.proxy, client.proxy.config.max_clients
    if client.number not in proxy.spare or is_admin(proxy, user):
        return None
    # Room at a worker is the supervisor's to give, and may be somebody else's by now.
    if proxy.elsewhere is None and proxy.count <= limit:
        proxy.spare.discard(client.number)
        return None
    client.timing.counters.client_connections_setup_failed_limit += 1
    proxy.log.warning("a client was turned away: too many clients", limit=limit, **who(client))
    return errors.too_many_clients(limit)
