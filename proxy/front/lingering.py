"""A lease that lingers is called back: what only its backend knows comes along.

Nothing is asked while nobody else needs the backend, for the client's next statement mostly
finds there what it looks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.front import concluding, holding
from proxy.net.answer import Answer
from proxy.policy.lease import Place
from proxy.session import remains, user_variables
from proxy.session.conditions import Conditions
from proxy.session.leftovers import LIMIT_BYTES
from proxy.session.pins import SOME_NAME, Pin, PinReason
from proxy.session.session import Session
from proxy.session.state import absorb
from proxy.vocabulary import ServerKind
from proxy.wire.commands import PING

if TYPE_CHECKING:
    from proxy.front.client import Client

_NAMES = {
    ServerKind.MYSQL: b"SELECT VARIABLE_NAME FROM performance_schema.user_variables_by_thread "
    b"WHERE THREAD_ID = PS_CURRENT_THREAD_ID() LIMIT 100000",
    ServerKind.MARIADB: b"SELECT VARIABLE_NAME FROM information_schema.user_variables "
    b"LIMIT 100000",
}
"""User variables of this connection, all of them whatever sql_select_limit says."""

_HELD = (
    b"SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = "
    b"'USER LEVEL LOCK' AND OWNER_THREAD_ID = PS_CURRENT_THREAD_ID()"
)


async def give_up(client: Client) -> None:
    """Somebody needs the lease that lingers with this client."""
    lease = client.lease
    if lease is None or lease.place is not Place.CALLED:
        return
    try:
        await take_along(client)
    except BackendLostError as error:
        client.lease_lost(str(error))
        lease.pool.discard(lease, "it failed when it was asked for a session's state")
        return
    concluding.let_go_if_free(client)


async def take_along(client: Client) -> None:
    """Ask the backend for all that only it knows of the session.

    Raises:
        BackendLostError: it does not answer, or makes no sense.
    """
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    client.is_undisturbed = False
    if session.remains & remains.DIAGNOSTICS:
        await _conditions(client, session)
    if session.remains & remains.FOUND_ROWS:
        await holding.learn_found_rows(client)
    if session.remains & (remains.STATUS | remains.REPORTS):
        await _reports(client, session)
    if session.remains & remains.VARIABLES:
        session.settle_variables(await lease.pool.dialer.changed(lease.backend))
    if session.remains & remains.COLLATION:
        (name,) = await _row(client, b"SELECT CAST(@@collation_connection AS BINARY)")
        session.settle_collation(name or b"")
    if session.remains & remains.TIMESTAMP:
        await _timestamp(client, session)
    if session.remains & remains.INSERT_ID:
        await holding.learn_insert_id(client)
    if session.remains & remains.USER_VARIABLES:
        await _user_variables(client, session)
    if session.remains & remains.NAMED_LOCKS:
        await _locks(client, session)
    lease.state = session.state


def _ask(client: Client, command: bytes, kind: Kind = Kind.SIMPLE) -> Deferred[Answer]:
    assert client.lease is not None
    return holding.ask(client.lease, command, kind)


async def _row(client: Client, text: bytes, size: int = 1) -> tuple[bytes | None, ...]:
    return (await _ask(client, text, Kind.RESULT)).row(size)


async def _number(client: Client, text: bytes) -> int:
    return (await _ask(client, text, Kind.RESULT)).number()


async def _conditions(client: Client, session: Session) -> None:
    answer = await _ask(client, b"SHOW WARNINGS", Kind.RESULT)
    if session.remains & remains.STATUS:
        session.settle_status(answer.status)
    if len(answer.data) > LIMIT_BYTES:
        _pin(client, session, PinReason.DIAGNOSTICS)
        session.settle_conditions(None)
    else:
        session.settle_conditions(Conditions(answer.head, answer.row_payloads))


async def _reports(client: Client, session: Session) -> None:
    """A PING tells the status; on MySQL it also brings the reports that an ERR could not."""
    answer = await _ask(client, PING)
    session.settle_status(answer.status)
    reports = absorb(session.state, list(answer.changes), session.target.kind)
    session.settle_reports(reports)
    for name in sorted(reports.lost):
        _pin(client, session, PinReason.SESSION_VARIABLE, name.decode())


async def _timestamp(client: Client, session: Session) -> None:
    """Whether the clock stands still shows when it is read twice: it has microseconds."""
    first = await _row(client, b"SELECT @@timestamp")
    second = await _row(client, b"SELECT @@timestamp")
    session.settle_timestamp(first[0] if first == second else None)


async def _user_variables(client: Client, session: Session) -> None:
    names = session.unread
    if names is None:
        answer = await _ask(client, _NAMES[session.target.kind], Kind.RESULT)
        names = {row[0].lower() for row in answer.rows if row[0]}
        names |= {name for name, _ in session.state.user_variables}
    known = sorted(names)
    said: dict[bytes, bytes] = {}
    if known:
        items = user_variables.reading(known)
        answer = await _ask(client, b"SELECT " + b", ".join(items), Kind.RESULT)
        said = user_variables.assignments(known, answer.columns, answer.row(len(items)))
    if not all(name.isascii() for name in known) or not session.settle_user_variables(said):
        _pin(client, session, PinReason.USER_VARIABLE)


async def _locks(client: Client, session: Session) -> None:
    names = sorted(
        str(pin.detail)
        for pin in session.pins
        if pin.reason is PinReason.NAMED_LOCK and pin.detail
    )
    held: frozenset[str] = frozenset()
    if names:
        item = b"IS_USED_LOCK(CONVERT(x'%s' USING utf8mb4)) = CONNECTION_ID()"
        items = [item % name.encode().hex().encode() for name in names]
        row = await _row(client, b"SELECT " + b", ".join(items), len(items))
        held = frozenset(name for name, value in zip(names, row, strict=True) if value == b"1")
    others = True
    if session.target.sees_locks:
        others = await _number(client, _HELD) > len(held)
        if others:
            _pin(client, session, PinReason.NAMED_LOCK)
    session.settle_locks(held, others=others)


def _pin(client: Client, session: Session, reason: PinReason, name: str = SOME_NAME) -> None:
    pin = Pin(reason, detail=name, since=client.proxy.deadlines.now)
    if reason not in session.ignored and session.pins.add(pin):
        concluding.report_pin(client, pin)
