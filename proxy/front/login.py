"""Letting a client in: who it is, whether it proves it, whether its schema is there."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from proxy.dialogue.backend import SHAPE
from proxy.dialogue.events import Authenticated
from proxy.errors import BackendLostError, ErrorReply, StatementRefusedError, access_denied
from proxy.front import audit, concluding, console, console_session, holding
from proxy.front.entrance import has_left
from proxy.front.naming import who
from proxy.front.proof import (
    Claim,
    Judgement,
    Proof,
    SourceLateError,
    demand,
    in_time,
    is_good,
    judge,
)
from proxy.pool.borrower import PoolKey
from proxy.pool.pool import TargetPool
from proxy.session.session import Session
from proxy.session.state import State
from proxy.wire.constants import Capability, Status
from proxy.wire.greeting import ChangeUser, Login

if TYPE_CHECKING:
    from proxy.front.client import Client

TRIES: Final = 4
"""Backends that a login tries: as many as a statement does, see `holding.PAUSES_SECONDS`."""

_AUTOCOMMIT: Final = int(Status.AUTOCOMMIT)
_MULTI_STATEMENTS: Final = int(Capability.MULTI_STATEMENTS)


def start_tls(client: Client) -> None:
    """The client speaks TLS when it is its turn; until then nothing more is read from it."""

    def begin() -> None:
        if waits and has_left(client.protocol.socket):
            client.protocol.abort()
            return
        if waits:
            client.since = client.proxy.deadlines.now
            client.protocol.resumeProducing()
        _speak_tls(client)

    waits = False
    if not client.proxy.admission.entrance.come(client, begin, client.pool.clock):
        waits = True
        client.protocol.pauseProducing()


def _speak_tls(client: Client) -> None:
    tls = client.proxy.admission.tls
    if tls is None:  # offered no more since the greeting
        client.protocol.abort()
        return
    client.protocol.start_tls(tls.stream(), client.dialogue.start_tls())
    client.timing.has_tls()


def tls_failed(client: Client, why: str) -> None:
    """The client broke TLS, or does not take our certificate."""
    proxy = client.proxy
    if client.session is None:
        client.timing.counters.client_connections_setup_failed_auth += 1
    proxy.log.warning("TLS with a client failed", why=why, **who(client))


def log_in(client: Client, login: Login) -> None:
    """The login of a new connection: at once where nothing has to be waited for."""
    claim = Claim(
        login.user,
        login.plugin,
        login.auth_response,
        login.schema,
        login.collation,
        # A client whose plugin is not the one that it was greeted with has no challenge for it.
        ask=not login.auth_response and login.plugin != client.dialogue.greeting.plugin,
        attributes=login.attributes,
    )
    proxy = client.proxy
    objection = proxy.admission.objection(client)
    if objection is not None:
        client.timing.counters.client_connections_setup_failed_auth += 1
        audit.refused(client, claim, objection.message)
        _refuse(client, objection)
        return
    no_place = console.lacking_place(client, claim.user)
    if no_place is not None:
        _refuse(client, no_place)
        return
    credential = proxy.credentials.known(claim.user)
    proof = None if credential is None else demand(client, claim, credential)
    if proof is None or not (
        isinstance(proof.end, Authenticated)
        and is_good(client, proof, credential)
        and _is_known(client, claim)
    ):
        client.work(_log_in(client, claim, proof))
        return
    try:
        state = _first_state(client, claim, client.pool)
    except StatementRefusedError as error:
        _refuse(client, error.reply)
    else:
        proxy.admission.guesses.succeeded(claim.user, client.address)
        _let_in(client, claim, client.pool, state)
        audit.let_in(client, claim, proof)
        _count(client)
        client.protocol.flush()
        client.protocol.proceed()


async def _log_in(client: Client, claim: Claim, proof: Proof | None) -> None:
    if await _admit(client, claim, proof) is None:
        _count(client)


def _count(client: Client) -> None:
    client.timing.logged_in()
    if client.dialogue.has_tls:
        client.proxy.admission.entrance.leave(client, client.pool.clock)
    client.proxy.deadlines.watch(client)


async def change_user(client: Client, change: ChangeUser) -> None:
    """COM_CHANGE_USER: a session anew on the connection that is there."""
    session, collation = client.session, client.dialogue.collation
    if session is not None:  # an admin user has none
        collation = session.collation
        concluding.let_go(client)
    client.since = client.proxy.deadlines.now  # it has the time of a login
    claim = Claim(
        change.user,
        change.plugin,
        change.auth_response,
        change.schema,
        change.collation or collation,
        # MySQL's own library sends nothing here and waits for a challenge.
        ask=not change.auth_response,
    )
    await _admit(client, claim)


async def _admit(client: Client, claim: Claim, proof: Proof | None = None) -> ErrorReply | None:
    """Check the proof, then the schema; the refusal that the client heard, None when let in.

    A proof that is under way is not begun again.
    """
    proxy = client.proxy
    try:
        if proof is None:
            found = await in_time(client, proxy.credentials.find(claim.user))
            proof = demand(client, claim, found)
        if proof.end is None:
            proxy.deadlines.watch(client)
            proof.end = await client.shown()
        judgement = await judge(client, claim, proof)
    except SourceLateError as error:
        judgement = Judgement(str(error), is_our_fault=True)
    if judgement.why:
        return await _deny(client, claim, proof, judgement)
    proxy.admission.guesses.succeeded(claim.user, client.address)
    if judgement.principal:
        audit.proved_by_token(client, claim, proof, judgement.principal)
    if console.is_admin(proxy, claim.user):
        console_session.let_in(client, claim.user, claim.schema)
        return None
    try:
        pool, state = await _reach(client, claim)
    except StatementRefusedError as error:
        audit.found_no_database(client, claim, proof, str(error))
        return _refuse(client, error.reply)
    _let_in(client, claim, pool, state)
    audit.let_in(client, claim, proof, judgement.principal)
    return None


async def _deny(
    client: Client, claim: Claim, proof: Proof | None, judgement: Judgement
) -> ErrorReply:
    """Refuse who could not prove what it said: later and later, if that goes on."""
    proxy = client.proxy
    admission = proxy.admission
    client.timing.counters.client_connections_setup_failed_auth += 1
    audit.refused(client, claim, judgement.why, proof, judgement.principal)
    delay = 0.0
    clock = client.pool.clock
    if not judgement.is_our_fault:
        noted = admission.guesses.failed(claim.user, client.address, clock.seconds())
        delay = await noted if isinstance(noted, Deferred) else noted
    if delay and admission.delayed < admission.most_delayed:
        waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = clock.callLater(delay, waiting.callback, None)
        admission.delayed += 1
        try:
            await waiting
        finally:
            admission.delayed -= 1
    shown = client.dialogue.offered_proof
    return _refuse(client, access_denied(claim.user, client.address, using_password=shown))


def _let_in(client: Client, claim: Claim, pool: TargetPool, state: State) -> None:
    proxy, capabilities = client.proxy, client.dialogue.capabilities
    facts = pool.facts
    assert facts is not None
    client.key = PoolKey(claim.user, capabilities & SHAPE)
    client.last_lease = client.insert_lease = None
    client.session = Session(
        user=claim.user,
        state=state,
        first_state=proxy.state_after_reset(facts, state),
        collation=claim.collation,
        target=pool.targets[claim.user],
        ignored=proxy.ignored_reasons,
        status=facts.status & _AUTOCOMMIT,
    )
    client.dialogue.accept(client.session.status)


def _refuse(client: Client, reply: ErrorReply) -> ErrorReply:
    client.dialogue.refuse(reply)
    client.protocol.flush()
    client.hang_up()
    return reply


def _is_known(client: Client, claim: Claim) -> bool:
    """Whether a backend of this user has been used with this schema."""
    proxy = client.proxy
    there = claim.user in client.pool.targets and not console.is_admin(proxy, claim.user)
    return there and (claim.user, claim.schema) in proxy.known_schemas


def _first_state(client: Client, claim: Claim, pool: TargetPool) -> State:
    proxy, facts = client.proxy, pool.facts
    assert facts is not None
    multi = bool(client.dialogue.capabilities & _MULTI_STATEMENTS)
    return proxy.first_state(facts, claim.schema, claim.collation, multi_statements=multi)


async def _reach(client: Client, claim: Claim) -> tuple[TargetPool, State]:
    """The session's first state, tried on a backend when user and schema are new to us.

    So a wrong schema is refused at login, as the server does, and a login to one that has been
    used before costs the database nothing.

    Returns:
        The pool that it was learned from, and the state.
    """
    if _is_known(client, claim):
        return client.pool, _first_state(client, claim, client.pool)
    tries = 0
    while True:
        tries += 1
        try:
            return await _try(client, claim)
        except BackendLostError as error:
            # One that was lost on the way says nothing of the next one.
            if tries == TRIES or not holding.is_loss(error):
                raise StatementRefusedError(holding.reply_for(error)) from error


async def _try(client: Client, claim: Claim) -> tuple[TargetPool, State]:
    """See whether a backend can be brought into the session's first state."""
    schema = claim.schema
    key = PoolKey(claim.user, client.dialogue.capabilities & SHAPE)
    # The state may not be known before a backend is: nothing is asked for but the schema.
    began = monotonic()
    lease = await client.pool.borrow(key, State(schema=schema or b""), client)
    client.timing.borrowed(began)
    pool: TargetPool = lease.pool
    try:
        state = _first_state(client, claim, pool)
        if schema is not None:
            await holding.bring(lease, state)
    except BaseException:
        pool.give_back(lease, None)
        raise
    pool.give_back(lease, lease.state)  # type: ignore[arg-type]
    client.proxy.remember_schema(claim.user, schema)
    return pool, state
