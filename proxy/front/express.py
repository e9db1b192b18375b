"""The express lane: a statement that leaves nothing behind, without a Deferred.

When a whole command is in, the session is settled and an idle backend of its very state exists,
the command goes out and the answer comes back in two calls of the reactor.  Everything else is
the conductor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proxy.dialogue.answers import Kind
from proxy.dialogue.exchange import Exchange
from proxy.front import holding
from proxy.sql.classify import HARMLESS, classify
from proxy.wire.constants import Capability, Command, Status

if TYPE_CHECKING:
    from proxy.front.client import Client

_QUERY: Final = int(Command.QUERY)
_EXECUTE: Final = int(Command.STMT_EXECUTE)
_ATTRIBUTES: Final = int(Capability.QUERY_ATTRIBUTES)
_IN_TRANSACTION: Final = int(Status.IN_TRANS)
_NO_ATTRIBUTES: Final = b"\x00\x01"
_RESULT: Final = Kind.RESULT


def start(client: Client, packet: bytes) -> bool:
    """Send the command, if this lane can; False leaves everything as it was.

    Args:
        client: Whose dialogue has just become ANSWERING.
        packet: The whole command, header included.
    """
    session = client.session
    if session is None or client.loss is not None or session.pins or session.collation_unknown:
        return False
    code = packet[4]
    if code == _QUERY:
        at = 5
        if client.dialogue.capabilities & _ATTRIBUTES:
            if packet[5:7] != _NO_ATTRIBUTES:
                return False
            at = 7
        if classify(packet[at:], session.dialect) is not HARMLESS:
            return False
        lease = client.lease
        if lease is None:
            assert client.key is not None
            lease = client.proxy.pool.take(client.key, session.state)
            if lease is None:
                return False
            client.lease = lease
            lease.holder = client
    else:
        return False
    lease.backend.send(packet, _RESULT, client, client.dialogue.capabilities, session.reported)
    return True


def finish(client: Client, exchange: Exchange) -> None:
    """The whole answer has gone to the client."""
    session = client.session
    assert session is not None
    if exchange.err is not None or exchange.changes or exchange.warnings:
        client.work(holding.conclude(client, HARMLESS))
        return
    status = exchange.status
    session.status = status
    if exchange.last_insert_id:
        client.note_insert_id(exchange.last_insert_id)
    client.dialogue.answered()
    if status & _IN_TRANSACTION:
        session.in_transaction = True
    else:
        session.in_transaction = False
        lease = client.lease
        assert lease is not None
        client.lease = None
        client.last_lease = (lease, lease.serial)
        client.proxy.pool.give_back(lease, session.state)
    if client.dialogue.buffered:
        client.protocol.proceed()
