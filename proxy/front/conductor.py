"""The slow lane: each command's story, told as one coroutine.

What waits, replays, pins, or is answered by the proxy itself goes through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError

from proxy.errors import (
    UNKNOWN_STATEMENT,
    BackendLostError,
    BackendRefusedError,
    ErrorReply,
    StatementRefusedError,
)
from proxy.front import commands, concluding
from proxy.wire.constants import Command

if TYPE_CHECKING:
    from proxy.front.client import Client

UNANSWERED = frozenset((Command.STMT_CLOSE, Command.STMT_SEND_LONG_DATA))
"""Commands that have no answer, so that an error has no place behind them either."""


async def serve(client: Client, payload: bytes) -> None:
    """Serve one command; `payload` begins with its byte."""
    code = payload[0]
    if client.loss is not None and code not in (Command.STMT_CLOSE, Command.QUIT):
        if code == Command.STMT_SEND_LONG_DATA:
            client.dialogue.answered()
            return
        loss, client.loss = client.loss, None
        refuse(client, loss)
        if client.ends:
            client.hang_up()
        return
    try:
        await commands.run(client, payload)
    except StatementRefusedError as error:
        refuse(client, error.reply, code)
    except BackendRefusedError as error:
        refuse(client, error.reply, code)
    except BackendLostError as error:
        await lost(client, str(error), payload)
    except CancelledError:
        cause = client.take_cause()
        if client.gone or cause is None:
            raise
        refuse(client, cause, code)


def refuse(client: Client, reply: ErrorReply, code: int = Command.QUERY) -> None:
    """Answer the command of this byte with an error; the connection goes on."""
    if client.lease is not None and client.backend.owes_answer:
        client.protocol.abort()
        return
    _tell(client, reply, code)
    concluding.let_go_if_free(client)


def _tell(client: Client, reply: ErrorReply, code: int) -> None:
    """An error in the place of the answer; of a command that has none, of the next one's."""
    if client.session is not None:
        added = code == Command.STMT_FETCH or reply.code == UNKNOWN_STATEMENT
        client.session.answered_here(reply, added=added)
        client.is_undisturbed = False
    if code in UNANSWERED:
        client.loss = reply
        client.dialogue.answered()
    else:
        client.dialogue.answer_err(reply)


def part(client: Client, why: str) -> None:
    """The client broke the protocol: it has heard so, and nothing more is read from it."""
    proxy = client.proxy
    proxy.counters.client_connections_broken += 1
    proxy.log.warning(
        "a client broke the protocol", client=client.number, address=client.address, why=why
    )
    client.hang_up()


async def lost(client: Client, why: str, payload: bytes) -> None:
    """The backend went away while it ran a command.

    Once a byte of the answer has gone out, only the end of the connection tells the client that
    the rest is missing.
    """
    session = client.session
    lease, client.lease = client.lease, None
    assert session is not None
    exchange = lease.backend.exchange if lease is not None else None
    if lease is not None:
        lease.pool.discard(lease, why)
    client.proxy.log.warning(
        "a database connection was lost while it ran a command", client=client.number, why=why
    )
    if exchange is not None and exchange.started:
        client.protocol.abort()
        return
    known = commands.outcome_is_known(client, payload)
    _tell(client, session.lose_backend(outcome_known=known), payload[0])
