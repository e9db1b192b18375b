"""The express lane: a statement that leaves nothing behind, without a Deferred.

When a whole command is in, the session is settled and an idle backend of its very state exists,
the command goes out and the answer comes back in two calls of the reactor.  When there is none
the command waits in the queue of the pool, still without a Deferred.  Everything else is the
conductor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proxy.dialogue.answers import Kind
from proxy.dialogue.exchange import Exchange
from proxy.errors import ErrorReply
from proxy.front import concluding, conductor, fresh, timing
from proxy.net.backend import BackendProtocol
from proxy.policy.lease import Lease, Place
from proxy.pool.pool import TargetPool
from proxy.session.meaning import PLAIN, meaning
from proxy.session.remains import UNTIL_NEXT
from proxy.session.session import Session
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.constants import Capability, Command, Status

if TYPE_CHECKING:
    from proxy.front.client import Client

_QUERY: Final = int(Command.QUERY)
_EXECUTE: Final = int(Command.STMT_EXECUTE)
_ATTRIBUTES: Final = int(Capability.QUERY_ATTRIBUTES)
_IN_TRANSACTION: Final = int(Status.IN_TRANS)
_NO_ATTRIBUTES: Final = b"\x00\x01"
_RESULT: Final = Kind.RESULT
_LINGERING: Final = Place.LINGERING
_MARIADB: Final = ServerKind.MARIADB


def start(client: Client, packet: bytes) -> bool:
    """Send the command, or queue for a backend; False leaves everything as it was.

    Args:
        client: Whose dialogue has just become ANSWERING.
        packet: The whole command, header included.
    """
    session, own_writes = client.session, client.route.own_writes
    if (
        session is None
        or client.loss is not None
        or session.pins
        or (own_writes is not None and not fresh.may_pass(client, own_writes, packet))
    ):
        return False
    code = packet[4]
    if code == _QUERY:
        at = 5
        if client.dialogue.capabilities & _ATTRIBUTES:
            if packet[5:7] != _NO_ATTRIBUTES:
                return False
            at = 7
        verdict = classify(packet[at:], session.dialect)
        if verdict.effects and not meaning(verdict).is_plain:
            return False
    elif (
        code != _EXECUTE
        or client.dialogue.capabilities & _ATTRIBUTES
        or not _is_plain_execute(session, packet)
    ):
        return False
    lease = client.lease
    if lease is None:
        assert client.key is not None
        pool = client.pool
        lease = pool.take(client.key, session.state)
        if lease is None:
            client.packet = packet
            client.waiter = pool.wait(client.key, session.state, client, len(packet))
            return True
        client.timing.borrowed_at_once()
        client.lease = lease
        lease.holder = client
    elif lease.place is _LINGERING:
        lease.pool.resume(lease)
    return _send(client, lease, packet)


def lent(client: Client, lease: Lease) -> None:
    """The backend that the command waited for is there."""
    session, packet = client.session, client.packet
    assert session is not None
    client.waiter = None
    client.timing.borrowed()
    own_writes = client.route.own_writes
    if own_writes is not None and not fresh.suits(client, own_writes, lease.pool, packet):
        # It was moved to another target while it waited.
        client.packet = b""
        lease.pool.give_back(lease, lease.state)
        client.work(conductor.serve(client, packet[4:]))
        return
    client.lease = lease
    lease.holder = client
    same = lease.state is session.state or lease.state == session.state
    if not same or not _send(client, lease, packet):
        client.packet = b""
        client.work(conductor.serve(client, packet[4:]))


def refused(client: Client, reply: ErrorReply) -> None:
    """There is no backend for the command that waited."""
    packet, client.packet, client.waiter = client.packet, b"", None
    conductor.refuse(client, reply)
    timing.served(client, packet[4:])
    client.protocol.flush()
    client.protocol.proceed()


def _send(client: Client, lease: Lease, packet: bytes) -> bool:
    """Send to a lease of the session's state; False when it lacks the prepared statement."""
    session = client.session
    assert session is not None
    client.packet = packet
    if packet[4] == _EXECUTE:
        ready = _for_backend(session, lease, packet)
        if ready is None:
            return False
        packet = ready
    client.timing.sent()
    lease.backend.send(packet, _RESULT, client, client.dialogue.capabilities, session.tracking)
    return True


def _is_plain_execute(session: Session, packet: bytes) -> bool:
    """COM_STMT_EXECUTE without a cursor, of a statement that is plain.

    Layout where query attributes were not negotiated: header (4), command (1), statement id
    (4), flags (1), iteration count (4), then for parameters: NULL bitmap, "types follow" (1),
    two bytes of type for each, values.
    """
    if len(packet) < 14 or packet[9]:
        return False
    prepared = session.statements.get(int.from_bytes(packet[5:9], "little"))
    return prepared is not None and prepared.means.is_plain


def _for_backend(session: Session, lease: Lease, packet: bytes) -> bytes | None:
    """The execute with the id of the backend, None when that is not ready for it."""
    prepared = session.statements[int.from_bytes(packet[5:9], "little")]
    backend: BackendProtocol = lease.backend
    count = prepared.parameters
    if count:
        at = 14 + (count + 7) // 8
        if len(packet) <= at:
            return None
        if packet[at]:
            prepared.bind(packet[at + 1 : at + 1 + 2 * count])
    held = backend.holdings.find(prepared.key, prepared.learned)
    if held is None:
        return None
    if count:
        if packet[at]:
            held.bind(prepared.types, prepared.learned)
        elif held.types != prepared.types:
            return None
    return packet[:5] + held.statement_id.to_bytes(4, "little") + packet[9:]


def finish(client: Client, exchange: Exchange) -> None:
    """The whole answer has gone to the client."""
    session = client.session
    assert session is not None
    assert client.lease is not None
    packet, client.packet = client.packet, b""
    timing.finished(client, packet, exchange, client.lease.pool)
    status, leftovers = exchange.status, session.leftovers
    if (
        exchange.err is not None
        or exchange.changes
        or exchange.warnings
        or exchange.next_transaction
        or exchange.last_insert_id
        or session.remains & UNTIL_NEXT
        or leftovers.warnings
        or session.state.next_transaction
    ):
        _conclude(client, session, packet)
        return
    if not client.is_undisturbed:
        outcome = concluding.outcome_of(exchange)
        concluding.note_undisturbed(client, PLAIN, packet[5:], outcome)
    leftovers.row_count = exchange.row_count
    _count_found_rows(session, packet, exchange.rows)
    session.status = status
    client.dialogue.answered()
    if status & _IN_TRANSACTION:
        session.in_transaction = True
    else:
        session.in_transaction = False
        lease = client.lease
        assert lease is not None
        pool: TargetPool = lease.pool
        if session.remains:
            pool.linger(lease)
        else:
            client.lease = None
            client.last_lease = (lease, lease.serial)
            pool.give_back(lease, session.state)
    if client.dialogue.buffered:
        client.protocol.proceed()


def _count_found_rows(session: Session, packet: bytes, rows: int | None) -> None:
    """Take over what FOUND_ROWS() gives; mostly a SELECT was sent, in capitals or not."""
    if packet[4] == _EXECUTE:
        text = session.statements[int.from_bytes(packet[5:9], "little")].key.text
    else:
        text = packet[7:] if packet[5:7] == _NO_ATTRIBUTES else packet[5:]
    mariadb = session.target.kind is _MARIADB
    session.leftovers.count_found_rows(text, rows, mariadb=mariadb)


def _conclude(client: Client, session: Session, packet: bytes) -> None:
    """The same for an answer that says more than that all went well."""
    if packet[4] != _EXECUTE:
        at = 7 if client.dialogue.capabilities & _ATTRIBUTES else 5
        text = packet[at:]
        concluding.conclude(client, meaning(classify(text, session.dialect)), text)
    else:
        prepared = session.statements[int.from_bytes(packet[5:9], "little")]
        exchange = client.backend.exchange
        if exchange.err is not None:
            # Nobody knows whether a failed execute left its types with the server.
            held = client.backend.holdings.find(prepared.key, prepared.learned)
            if held is not None:
                held.types = None
        outcome = concluding.outcome_of(exchange, packet[14:])
        concluding.note_undisturbed(client, prepared.means, prepared.key.text, outcome)
        concluding.conclude(client, prepared.means, prepared.key.text, outcome)
    client.protocol.flush()
    client.protocol.proceed()
