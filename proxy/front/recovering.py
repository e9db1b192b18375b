"""A command whose backend was lost, or turned it away: does it run again, what is heard else.

Decided by what had happened to it.  Not sent, or known to have done nothing, or nothing that
lasts: it runs on another backend, and the client hears nothing, as long as its session had
nothing on the old one.  In a transaction: that was rolled back.  Else its outcome is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from proxy.errors import (
    STOPPING,
    BackendLostError,
    StatementLostError,
    StatementRefusedError,
)
from proxy.front import commands, concluding, holding, lingering, statements
from proxy.front.naming import where, who
from proxy.policy.lease import Lease
from proxy.policy.observation import Failure
from proxy.pool.pool import TargetPool
from proxy.session import remains
from proxy.session.meaning import PLAIN, Meaning
from proxy.session.pins import PinReason
from proxy.session.repeating import is_repeatable, only_rolls_back
from proxy.sql.classify import classify
from proxy.wire.commands import statement_id
from proxy.wire.constants import Command
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Err

if TYPE_CHECKING:
    from proxy.dialogue.exchange import Exchange
    from proxy.front.client import Client

_SHUTDOWN: Final = 1053
_READ_ONLY_MODE: Final = 1836
_OPTION_PREVENTS: Final = 1290
_UNKNOWN_COMMAND: Final = 1047
_READ_ONLY: Final = re.compile(rb"--[\w-]*read[-_]only\b")
"""Of the options by which a server prevents statements (others are such as
--secure-file-priv), those that say that it takes no writes."""

_NOT_READY: Final = b"WSREP has not yet prepared node"
"""How a Galera node refuses everything that is out of its cluster, before it runs it."""

MOVED_SECONDS: Final = 5.0
"""How old a connection has to be so that its name may have moved since: DNS is asked no more
often than that."""

_DOING: Final = frozenset((Command.REFRESH, Command.DEBUG, Command.PROCESS_KILL))
"""Commands other than statements that do something to the server."""


class TurnedAwayError(StatementLostError):
    """A server has answered by an error that says more of itself than of the statement.

    Attributes:
        undone: Nothing of the statement, nor of a COMMIT, has been done.
    """

    def __init__(self, err: Err, *, undone: bool) -> None:
        super().__init__(f"the server says {err.code} ({err.sqlstate}): {err.text}")
        self.undone = undone


@attrs.frozen
class _Task:
    """What a command was to do.

    Attributes:
        means: What its statement means, if it has one.
        repeatable: To run it twice outside of a transaction does nothing twice.
        rolls_back: It is nothing but a ROLLBACK.
    """

    means: Meaning
    repeatable: bool
    rolls_back: bool = False


def _task(client: Client, payload: bytes) -> _Task:
    session = client.session
    assert session is not None
    if payload[0] == Command.STMT_EXECUTE:
        means = statements.meaning_of(client, payload)
        return _Task(means, means.reads_only)
    if payload[0] == Command.QUERY:
        means, text = commands.read_query(client, payload)
        verdict = classify(text, session.dialect)
        return _Task(means, is_repeatable(verdict), only_rolls_back(verdict))
    return _Task(PLAIN, payload[0] not in _DOING)


# Errors that are not for the client


def withheld(client: Client, exchange: Exchange, data: bytes) -> TurnedAwayError | None:
    """The error in which an answer ends, where it is not for the client but for `recover`.

    Args:
        client: It has heard nothing of this answer.
        exchange: What the answer said.
        data: All of the answer.
    """
    err = exchange.err
    assert err is not None
    stops = err.code in STOPPING
    if not stops and not says_read_only(err):
        return None
    can_go_on = _can_go_on(client, stops=stops, is_first=data[4:5] == b"\xff")
    is_awaited = _tell_watcher(client, err, stops=stops)
    # Whoever was told may have cut the backend off: then its client has lost it.
    if client.lease is None or (can_go_on and (stops or is_awaited)):
        return TurnedAwayError(err, undone=can_go_on and not stops)
    return None


def says_read_only(err: Err) -> bool:
    """Whether a server turned a statement away, unrun, because it takes no writes by now."""
    return (
        err.code == _READ_ONLY_MODE
        or (err.code == _OPTION_PREVENTS and _READ_ONLY.search(err.message) is not None)
        or (err.code == _UNKNOWN_COMMAND and err.message.startswith(_NOT_READY))
    )


def _tell_watcher(client: Client, err: Err, *, stops: bool) -> bool:
    """Tell who watches the target; whether a writer is looked for."""
    assert client.lease is not None
    pool = client.lease.pool
    if pool.watcher is None:
        if not stops:
            _leave_moved(client.lease)
        return False
    if stops:
        failure = Failure.STOPPING if err.code == _SHUTDOWN else Failure.LOST
    elif client.route.takes_writes:
        failure = Failure.READ_ONLY
    else:
        return False
    awaited: bool = pool.watcher.trouble(pool, failure, err.text)
    return awaited


def _leave_moved(lease: Lease) -> None:
    """The server of a name takes no writes any more: the name may lead elsewhere by now."""
    pool: TargetPool = lease.pool
    is_old = pool.clock.seconds() - lease.born >= MOVED_SECONDS
    if is_old and pool.dialer.connector.place.is_name:
        pool.retire_all()


def _can_go_on(client: Client, *, stops: bool, is_first: bool) -> bool:
    """Whether there is something better for the client than to hear of it.

    Args:
        client: Whose statement it was.
        stops: The server breaks off what it does; else it has not begun.
        is_first: There is nothing in the answer before the error.
    """
    session = client.session
    assert session is not None
    doing = _task(client, client.command or client.packet[4:])
    means = doing.means
    if session.in_transaction:
        # A prepared XA transaction outlives its connection, and a procedure may have committed.
        return PinReason.XA not in session.pins and (stops or (is_first and not means.calls))
    if session.pins or not holding.may_try_again(client):
        return False
    if stops:
        return doing.repeatable and session.can_move
    runs_unseen = means.calls or means.executes
    return is_first and (
        doing.repeatable or (means.single and not means.may_commit and not runs_unseen)
    )


# What follows


async def recover(client: Client, payload: bytes, error: BackendLostError) -> bool:
    """Part from a backend that was lost, or turned a command away.

    Args:
        client: Whose command it was.
        payload: The command.
        error: What became of it.

    Returns:
        Whether the command is to be run again; else there is nothing to be said any more.

    Raises:
        StatementRefusedError: what the client hears instead of an answer.
    """
    session = client.session
    assert session is not None
    if client.heard:
        # Only the end of the connection tells the client that the rest is missing.
        _part(client, str(error))
        client.protocol.abort()
        return False
    if client.loss is not None and not client.ends:  # it was lost behind the answer
        loss, client.loss = client.loss, None
        raise StatementRefusedError(loss)
    undone = not isinstance(error, StatementLostError)
    if isinstance(error, TurnedAwayError):
        undone = error.undone
        _forget_types(client, payload)
        if undone and not session.in_transaction and client.lease is not None:
            try:
                if await _take_leave(client):
                    await holding.pause(client)
                    return True
            except BackendLostError as loss:
                error = loss
    doing = _task(client, payload)
    again = session.can_move and holding.may_try_again(client)
    again = again and (undone or doing.repeatable)
    known = undone or _outcome_is_known(client, doing)
    _part(client, str(error))
    reply = session.lose_backend(outcome_known=known)
    if not again:
        raise StatementRefusedError(reply)
    await holding.pause(client)
    return True


def lose_lease(client: Client, why: str) -> None:
    """A client has lost the backend that it held and asked nothing of.

    It hears so at its next command, if it had something there.
    """
    session, had = client.session, where(client)
    assert session is not None
    client.lease = None
    holding.forget(client)
    missed = session.misses_backend
    reply = session.lose_backend(outcome_known=True)
    if missed:
        client.loss = reply
        client.proxy.log.warning(
            "a client lost its database connection", why=why, **who(client), **had
        )


def _part(client: Client, why: str) -> None:
    """Give up the lease, if there is one still, and all that is known of it."""
    had = where(client)
    lease, client.lease = client.lease, None
    holding.forget(client)
    if lease is not None:
        lease.pool.discard(lease, why)
    client.proxy.log.warning(
        "a database connection was lost while it ran a command", why=why, **who(client), **had
    )


def _forget_types(client: Client, payload: bytes) -> None:
    """Nobody knows whether a failed execute left the types of its values with the server."""
    session = client.session
    assert session is not None
    if client.lease is None or payload[0] != Command.STMT_EXECUTE:
        return
    number = statement_id(payload)
    assert not isinstance(number, Malformed)
    prepared = session.statements[number]
    held = client.backend.holdings.find(prepared.key, prepared.learned)
    if held is not None:
        held.types = None


async def _take_leave(client: Client) -> bool:
    """Give back a backend that does nothing for a client any more, and may for others.

    Returns:
        Whether the session had nothing on it that cannot come along.

    Raises:
        BackendLostError: it was lost meanwhile.
    """
    session = client.session
    assert session is not None
    if session.remains & remains.DIAGNOSTICS:
        session.settle_conditions(None)  # the error has taken their place
    if session.remains:
        await lingering.take_along(client)
    if not session.can_move:
        return False
    concluding.let_go_if_free(client)
    holding.forget(client)
    return True


def _outcome_is_known(client: Client, doing: _Task) -> bool:
    """Whether a command that was cut short cannot have changed anything for good.

    In a transaction all but a COMMIT is rolled back with the connection.
    """
    session = client.session
    assert session is not None
    if session.in_transaction:
        return doing.rolls_back or not doing.means.may_commit
    return doing.repeatable
