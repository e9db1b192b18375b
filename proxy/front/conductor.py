"""The slow lane: each command's story, told as one coroutine.

What waits, replays, pins, or is answered by the proxy itself goes through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError

from proxy.errors import BackendLostError, ErrorReply, StatementRefusedError
from proxy.front import commands, holding

if TYPE_CHECKING:
    from proxy.front.client import Client


async def serve(client: Client, payload: bytes) -> None:
    """Serve one command; `payload` begins with its byte."""
    if client.loss is not None:
        loss, client.loss = client.loss, None
        refuse(client, loss)
        return
    try:
        await commands.run(client, payload)
    except StatementRefusedError as error:
        refuse(client, error.reply)
    except BackendLostError as error:
        await lost(client, str(error), payload)
    except CancelledError:
        cause = client.take_cause()
        if client.gone or cause is None:
            raise
        refuse(client, cause)


def refuse(client: Client, reply: ErrorReply) -> None:
    """Answer the command with an error; the connection goes on."""
    if client.lease is not None and client.backend.owes_answer:
        client.protocol.abort()
        return
    client.dialogue.answer_err(reply)
    holding.let_go_if_free(client)


async def lost(client: Client, why: str, payload: bytes) -> None:
    """The backend went away while it ran a command.

    Once a byte of the answer has gone out, only the end of the connection tells the client that
    the rest is missing.
    """
    session = client.session
    lease, client.lease = client.lease, None
    assert session is not None
    exchange = lease.backend.exchange if lease is not None else None
    client.proxy.log.warning(
        "a database connection was lost while it ran a command", client=client.number, why=why
    )
    if exchange is not None and exchange.started:
        client.protocol.abort()
        return
    client.dialogue.answer_err(
        session.lose_backend(outcome_known=commands.outcome_is_known(client, payload))
    )
