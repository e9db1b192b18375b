"""After an answer: what it says of the session, and whether the lease is still needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proxy import errors
from proxy.front.naming import where, who
from proxy.policy.lease import Place
from proxy.pool.pool import TargetPool
from proxy.session import remains
from proxy.session.follow import follow, may_keep_conditions
from proxy.session.meaning import Meaning
from proxy.session.names import named_collation
from proxy.session.outcome import Outcome
from proxy.session.pins import Pin
from proxy.session.session import Session
from proxy.vocabulary import ServerKind
from proxy.wire.responses import Ok

if TYPE_CHECKING:
    from proxy.dialogue.exchange import Exchange
    from proxy.front.client import Client
    from proxy.pool.own_writes import OwnWrites


PARSE_ERROR: Final = 1064


def outcome_of(exchange: Exchange, values: bytes = b"") -> Outcome:
    """How a statement went; `values` are the parameters that were sent with it."""
    err = exchange.err
    failed = err is not None
    return Outcome(
        status=exchange.status,
        changes=exchange.changes,
        failed=failed,
        sqlstate="" if err is None else err.sqlstate,
        unparsed=err is not None and err.code == PARSE_ERROR and not exchange.results,
        warnings=exchange.warnings,
        row_count=-1 if failed else exchange.row_count,
        rows=exchange.rows,
        insert_id=0 if failed else exchange.last_insert_id,
        values=values,
        next_transaction=exchange.next_transaction,
    )


def conclude(
    client: Client, means: Meaning, text: bytes = b"", outcome: Outcome | None = None
) -> None:
    """The answer has gone out: take over what it says, and part from a lease not needed.

    Args:
        client: Whose answer it was.
        means: What the statement may do to the session.
        text: The statement.
        outcome: The answer, where something of ours has run on the backend since.
    """
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    if outcome is None:
        outcome = outcome_of(client.backend.exchange)
        note_undisturbed(client, means, text, outcome)
    number, doubted = session.last_insert_id, session.remains & remains.INSERT_ID
    pins = follow(session, means, text, outcome, client.proxy.deadlines.now)
    here = (lease, lease.serial)
    if number != session.last_insert_id:
        client.insert_lease = here
    elif session.remains & remains.INSERT_ID:
        if not doubted:
            session.told_insert_ids = None if client.insert_lease == here else frozenset()
        if session.told_insert_ids is not None and outcome.insert_id:
            session.told_insert_ids |= {outcome.insert_id}
    _note_told(session, means, text, outcome)
    own_writes = client.route.own_writes
    if own_writes is not None and (client.route.takes_writes or lease.pool is own_writes.pool):
        own_writes.wrote(session, lease.pool, outcome, reads_only=means.reads_only)
    lease.state = session.state
    for pin in pins:
        report_pin(client, pin)
    if means.defines:
        lease.pool.definitions.clear()
    client.dialogue.answered()
    let_go_if_free(client)
    if means.closes:
        client.hang_up()


def _note_told(session: Session, means: Meaning, text: bytes, outcome: Outcome) -> None:
    """What a statement tells that is of use when its backend is lost."""
    if means.names:
        session.named_collation = named_collation(text)
    if outcome.insert_id or session.remains & remains.INSERT_ID:
        session.misses_insert_id = False


def lost_behind(client: Client, why: str) -> None:
    """The backend went away when the client had its answer, and something was left to be asked.

    What that was the session cannot know any more, and its client is told so.
    """
    session, lease = client.session, client.lease
    assert session is not None
    if client.route.own_writes is not None:
        doubt(client, client.route.own_writes)  # it may have ended a transaction
    if lease is not None:
        client.lease_lost(why)
        lease.pool.discard(lease, why)
    if client.loss is None:
        client.loss = errors.session_lost("what the last statement set")
    client.dialogue.answered()


def doubt(client: Client, own_writes: OwnWrites) -> None:
    """The client's command was lost on its way: what it has committed nobody knows."""
    session, lease = client.session, client.lease
    at_reader = lease is not None and lease.pool is not own_writes.pool
    if session is not None and (client.route.takes_writes or not at_reader):
        own_writes.doubt(session.user)


def answer_ok(client: Client) -> None:
    """Answer a statement here: it went well, and there is nothing to say of it."""
    session = client.session
    assert session is not None
    session.answered_here()
    client.is_undisturbed = False
    client.dialogue.answer_ok(Ok(status=session.lasting_status))


def note_undisturbed(client: Client, means: Meaning, text: bytes, outcome: Outcome) -> None:
    """A statement of the client's has run: what is there to be read is of its making.

    But on MariaDB it may have left there what is somebody else's, and what only reads warnings
    makes none.
    """
    reads_only = means.reads_diagnostics and not (outcome.failed or outcome.warnings)
    if not client.is_undisturbed and not reads_only:
        session = client.session
        assert session is not None
        client.is_undisturbed = bool(
            session.target.kind is ServerKind.MYSQL
            or outcome.warnings
            or outcome.failed
            or not may_keep_conditions(text)
        )


def report_pin(client: Client, pin: Pin) -> None:
    """A pin of a new reason: counted, and said once."""
    client.proxy.pinned[client] = None
    client.proxy.counters.count_pin(pin.reason.name.lower())
    client.proxy.log.warning(
        "The client session was pinned to the database connection.",
        reason=pin.reason.value,
        statement=pin.statement or None,
        **who(client),
        **where(client),
    )


def let_go_if_free(client: Client) -> None:
    """Part from the lease when neither a transaction nor a pin holds it.

    As long as only its backend knows something of the session, it lingers.
    """
    session, lease = client.session, client.lease
    if lease is None or session is None:
        return
    pool: TargetPool = lease.pool
    if session.holds_backend:
        if lease.place is Place.CALLED:
            pool.resume(lease)
    elif session.remains:
        pool.linger(lease)
    else:
        client.lease = None
        client.last_lease = (lease, lease.serial)
        if client in client.proxy.pinned:
            del client.proxy.pinned[client]
        pool.give_back(lease, lease.state)  # type: ignore[arg-type]


def leave(client: Client) -> None:
    """The client is gone, and needs its lease no more, nor its turn to begin with TLS."""
    client.proxy.admission.entrance.leave(client, client.pool.clock)
    session, lease = client.session, client.lease
    client.lease = None
    if lease is None:
        return
    if lease.place is Place.LINGERING and session is not None and session.leaves_nothing:
        lease.pool.give_back(lease, session.state)
    else:
        lease.pool.abandon(lease)


def let_go(client: Client) -> None:
    """Give the lease back whatever holds it: the backend is reset."""
    lease, client.lease = client.lease, None
    if lease is not None:
        lease.pool.give_back(lease, None)
