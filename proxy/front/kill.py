"""KILL by the ids that our own greetings gave: Ctrl-C in the `mysql` client ends up here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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


def by_statement(client: Client, number: int, *, query: bool) -> None:
    """Serve `KILL [QUERY] number`, or COM_PROCESS_KILL.

    A user may stop its own clients only.

    Raises:
        StatementRefusedError: there is no such client, or it is another user's.
    """
    session = client.session
    assert session is not None
    victim = client.proxy.clients.get(number)
    if victim is None or victim.session is None:
        raise StatementRefusedError(errors.unknown_thread(number))
    if victim.session.user != session.user or victim.proxy is not client.proxy:
        raise StatementRefusedError(errors.not_owner_of_thread(number))
    client.proxy.log.info(
        "a client was killed" if not query else "a statement was killed",
        by=client.number,
        **who(victim),
    )
    if victim is client:
        if query:
            raise StatementRefusedError(errors.query_interrupted())
        mariadb = client.proxy.kind is ServerKind.MARIADB
        client.dialogue.answer_err(
            errors.connection_killed() if mariadb else errors.query_interrupted()
        )
        client.hang_up()
        return
    concluding.answer_ok(client)
    if query:
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
