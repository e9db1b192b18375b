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
    session_lost,
)
from proxy.front import commands, concluding, fresh, holding, recovering, timing
from proxy.front.naming import who
from proxy.wire.constants import Command

if TYPE_CHECKING:
    from proxy.front.client import Client

UNANSWERED = frozenset((Command.STMT_CLOSE, Command.STMT_SEND_LONG_DATA))
"""Commands that have no answer, so that an error has no place behind them either."""


async def serve(
    client: Client, payload: bytes, trouble: BackendLostError | None = None
) -> None:
    """Serve one command.

    Args:
        client: Whose.
        payload: The command, from its byte on.
        trouble: What has become of it in the express lane.
    """
    code = payload[0]
    if code == Command.RESET_CONNECTION and not client.ends:
        client.loss = None  # what was lost is not wanted any more
    told = trouble is None and code not in (Command.STMT_CLOSE, Command.QUIT)
    if client.loss is not None and told:
        if code == Command.STMT_SEND_LONG_DATA:
            client.dialogue.answered()
            return
        loss, client.loss = client.loss, None
        refuse(client, loss)
        timing.served(client, payload)
        if client.ends:
            client.hang_up()
        return
    client.command = payload
    try:
        while not await _run(client, payload, trouble):
            trouble = None
    except StatementRefusedError as error:
        refuse(client, error.reply, code)
    except BackendRefusedError as error:
        refuse(client, error.reply, code)
    except CancelledError:
        cause = client.take_cause()
        if client.gone or cause is None:
            raise
        refuse(client, cause, code)
    finally:
        timing.served(client, payload)
        client.command, client.tries = b"", 0


async def _run(client: Client, payload: bytes, trouble: BackendLostError | None) -> bool:
    """Run a command once; whether that was the last time."""
    own_writes = client.route.own_writes
    if trouble is None:
        try:
            if own_writes is not None:
                await fresh.ensure(client, own_writes)
            await commands.run(client, payload)
        except BackendLostError as error:
            if not holding.is_loss(error):
                raise
            trouble = error
        else:
            return True
    if own_writes is not None:
        concluding.doubt(client, own_writes)
    again = await recovering.recover(client, payload, trouble)
    if again:
        client.timing.counters.query_requests_repeated += 1
    return not again


def refuse(client: Client, reply: ErrorReply, code: int = Command.QUERY) -> None:
    """Answer the command of this byte with an error; the connection goes on."""
    client.timing.failed = True
    if client.lease is not None and client.backend.owes_answer:
        client.protocol.abort()
        return
    _tell(client, reply, code)
    concluding.let_go_if_free(client)


def _tell(client: Client, reply: ErrorReply, code: int) -> None:
    """An error in the place of the answer; of a command that has none, of the next one's."""
    session = client.session
    if session is not None:
        added = code == Command.STMT_FETCH or reply.code == UNKNOWN_STATEMENT
        session.answered_here(reply, added=added)
        client.is_undisturbed = False
    if code in UNANSWERED:
        client.loss = reply
        client.dialogue.answered()
        return
    client.dialogue.answer_err(reply)
    if session is not None and session.untold and client.loss is None:
        client.loss = session_lost(session.untold)
        session.untold = ""


def send_file(client: Client, data: bytes, *, ended: bool) -> None:
    """A part of the file of a LOCAL INFILE goes to the server, `ended` behind the last one."""
    if client.lease is None:  # it was lost meanwhile, and the connection of the client ends
        return
    backend = client.backend
    if data:
        backend.write_from(client.protocol, data)
    if ended:
        backend.end_flow()
        backend.exchange.file_sent()


def part(client: Client, why: str) -> None:
    """The client broke the protocol: it has heard so, and nothing more is read from it."""
    proxy = client.proxy
    client.timing.counters.client_connections_broken += 1
    proxy.log.warning("a client broke the protocol", why=why, **who(client))
    client.hang_up()
