"""KILL by the ids that our own greetings gave: Ctrl-C in the `mysql` client ends up here.

Who is to be killed may be a client of another process that serves beside this one.  Then that
process looks whose client it is, and kills it; who asks waits meanwhile, as for any answer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from proxy import errors
from proxy.dialogue.client_states import State
from proxy.errors import ErrorReply, StatementRefusedError
from proxy.front import concluding
from proxy.front.naming import who
from proxy.vocabulary import ServerKind

if TYPE_CHECKING:
    from proxy.front.client import Client

READ_SECONDS: Final = 1.0
"""How long a client that an operator ends may go on with a statement that is being stopped."""

LARGEST_NUMBER: Final = 0xFFFFFFFF
"""Ids have 32 bits in a greeting: nobody has a larger one, wherever it is."""


@attrs.frozen
class Kill:
    """What a client wants.

    Attributes:
        number: Who is to be killed.
        user: As whom the client has logged in: a user may stop its own clients only.
        proxy: The name of the proxy that serves it.
        query: Whether it is only about the statement that runs.
        by: Its own number.
    """

    number: int
    user: str
    proxy: str
    query: bool
    by: int


class Outcome(enum.Enum):
    """What becomes of that."""

    DONE = "done"
    UNKNOWN = "unknown"
    NOT_OWNER = "not owner"


class Elsewhere(Protocol):
    """The processes that serve beside this one."""

    async def kill(self, wanted: Kill) -> Outcome:
        """Have one of their clients killed; unknown are also those of who does not answer."""


async def by_statement(client: Client, number: int, *, query: bool) -> None:
    """Serve `KILL [QUERY] number`, or COM_PROCESS_KILL.

    A user may stop its own clients only.

    Raises:
        StatementRefusedError: there is no such client, or it is another user's.
    """
    session, proxy = client.session, client.proxy
    assert session is not None
    wanted = Kill(number, session.user, proxy.config.name, query, client.number)
    outcome = _judge(proxy.clients, wanted)
    if outcome is Outcome.DONE:
        _kill_here(client, proxy.clients[number], wanted)
        return
    if outcome is Outcome.UNKNOWN and proxy.elsewhere is not None and number <= LARGEST_NUMBER:
        outcome = await proxy.elsewhere.kill(wanted)
        if client.dialogue.state is not State.ANSWERING:  # it was told to go meanwhile
            return
    match outcome:
        case Outcome.DONE:
            concluding.answer_ok(client)
        case Outcome.UNKNOWN:
            raise StatementRefusedError(errors.unknown_thread(number))
        case Outcome.NOT_OWNER:
            raise StatementRefusedError(errors.not_owner_of_thread(number))


def for_another(clients: Mapping[int, Client], wanted: Kill) -> Outcome:
    """Kill one of these clients, as a client of another process wants it."""
    outcome = _judge(clients, wanted)
    if outcome is Outcome.DONE:
        victim = clients[wanted.number]
        _note(victim, wanted)
        _carry_out(victim, wanted)
    return outcome


def _judge(clients: Mapping[int, Client], wanted: Kill) -> Outcome:
    """Whether the one who is wanted is here, and may be killed."""
    victim = clients.get(wanted.number)
    if victim is None or victim.session is None:
        return Outcome.UNKNOWN
    if victim.session.user != wanted.user or victim.proxy.config.name != wanted.proxy:
        return Outcome.NOT_OWNER
    return Outcome.DONE


def _note(victim: Client, wanted: Kill) -> None:
    victim.proxy.log.info(
        "a statement was killed" if wanted.query else "a client was killed",
        by=wanted.by,
        **who(victim),
    )


def _kill_here(client: Client, victim: Client, wanted: Kill) -> None:
    """Kill a client of this process, which may be the one that wants it."""
    _note(victim, wanted)
    if victim is not client:
        concluding.answer_ok(client)
        _carry_out(victim, wanted)
    elif wanted.query:
        raise StatementRefusedError(errors.query_interrupted())
    else:
        mariadb = client.proxy.kind is ServerKind.MARIADB
        client.dialogue.answer_err(
            errors.connection_killed() if mariadb else errors.query_interrupted()
        )
        client.hang_up()


def _carry_out(victim: Client, wanted: Kill) -> None:
    if wanted.query:
        interrupt(victim, errors.query_interrupted())
    else:
        _end(victim)


def by_operator(victim: Client) -> None:
    """End a client, which can read why: at once, or in the place of the answer it waits for."""
    if victim.gone:
        return
    reply = errors.connection_killed()
    if victim.dialogue.state is State.ANSWERING:
        victim.end(reply)
        interrupt(victim, reply)
        victim.pool.clock.callLater(READ_SECONDS, _end_if_there, victim)
    else:
        victim.hang_up(reply)


def _end_if_there(victim: Client) -> None:
    if not victim.gone:
        _end(victim)


def _end(victim: Client) -> None:
    """Close its connection, and stop what it does."""
    if victim.lease is not None and victim.backend.owes_answer:
        victim.lease.pool.kill(victim.lease, query=True)
    victim.hang_up(errors.connection_killed())
    victim.protocol.abort()


def interrupt(victim: Client, cause: ErrorReply) -> None:
    """Stop what a client waits for: it hears the cause."""
    if victim.dialogue.state is not State.ANSWERING:
        return
    if victim.lease is not None:
        if victim.backend.owes_answer:
            victim.lease.pool.kill(victim.lease, query=True)
    elif victim.stop_waiting():
        victim.refused(cause)
    else:
        victim.cancel(cause)
