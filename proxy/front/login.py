"""Letting a client in: who it is, whether it proves it, whether its schema is there."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final

import attrs
from twisted.internet.defer import Deferred

from proxy.config.auth import IamAuth
from proxy.credentials.iam.verify import looks_like_token
from proxy.credentials.source import Credential
from proxy.dialogue.backend import SHAPE
from proxy.dialogue.events import Authenticated, ProofEnd, TextShown
from proxy.errors import BackendLostError, ErrorReply, StatementRefusedError, access_denied
from proxy.front import concluding, holding
from proxy.front.admission import comes_from
from proxy.pool.borrower import PoolKey
from proxy.session.session import Session
from proxy.session.state import State
from proxy.wire.auth import CACHING_SHA2, CLEAR, make_verifier
from proxy.wire.auth.steps import Verifier
from proxy.wire.constants import Capability, Status
from proxy.wire.greeting import ChangeUser, Login

if TYPE_CHECKING:
    from proxy.front.client import Client

DELAYED_AT_ONCE: Final = 1000
"""Refusals that wait at once, each with its connection: more would take the place of others,
and come without a delay."""

_AUTOCOMMIT: Final = int(Status.AUTOCOMMIT)
_MULTI_STATEMENTS: Final = int(Capability.MULTI_STATEMENTS)


@attrs.frozen
class _Claim:
    """Who a client says it is, and what it wants; `ask` for a proof even if there is one."""

    user: str
    plugin: str
    proof: bytes = attrs.field(repr=False)
    schema: bytes | None
    collation: int
    ask: bool = False


def start_tls(client: Client) -> None:
    """The client speaks TLS from here on."""
    tls = client.proxy.admission.tls
    assert tls is not None
    client.protocol.start_tls(tls.stream(), client.dialogue.start_tls())


def tls_failed(client: Client, why: str) -> None:
    """The client broke TLS, or does not take our certificate."""
    proxy = client.proxy
    if client.session is None:
        proxy.counters.client_connections_setup_failed_auth += 1
    proxy.log.warning(
        "TLS with a client failed", client=client.number, address=client.address, why=why
    )


@attrs.define
class _Proof:
    """Who checks a client's proof, and how that ended; None while it goes on."""

    verifier: Verifier
    shown: ProofEnd | None


def log_in(client: Client, login: Login) -> None:
    """The login of a new connection: at once where nothing has to be waited for."""
    claim = _Claim(
        login.user,
        login.plugin,
        login.auth_response,
        login.schema,
        login.collation,
        # A client whose plugin is not the one that it was greeted with has no challenge for it.
        ask=not login.auth_response and login.plugin != client.dialogue.greeting.plugin,
    )
    proxy = client.proxy
    objection = proxy.admission.objection(client)
    if objection is not None:
        proxy.counters.client_connections_setup_failed_auth += 1
        _warn(client, claim, objection.message)
        _refuse(client, objection)
        return
    credential = proxy.credentials.known(claim.user)
    proof = None if credential is None else _identify(client, claim, credential)
    if (
        proof is None
        or credential is None
        or not isinstance(proof.shown, Authenticated)
        or not _may_come(client, credential)
        or not _is_known(client, claim)
    ):
        client.work(_log_in(client, claim, credential, proof))
        return
    try:
        state = _first_state(client, claim)
    except StatementRefusedError as error:
        _refuse(client, error.reply)
    else:
        proxy.admission.guesses.succeeded(claim.user, client.address)
        _let_in(client, claim, state)
        _count(client)
        client.protocol.flush()
        client.protocol.proceed()


async def _log_in(
    client: Client, claim: _Claim, credential: Credential | None, proof: _Proof | None
) -> None:
    if await _admit(client, claim, credential, proof) is None:
        _count(client)


def _count(client: Client) -> None:
    client.proxy.counters.client_connections_setup_succeeded += 1
    client.proxy.deadlines.watch(client)


async def change_user(client: Client, change: ChangeUser) -> None:
    """COM_CHANGE_USER: a session anew on the connection that is there."""
    session = client.session
    assert session is not None
    concluding.let_go(client)
    claim = _Claim(
        change.user,
        change.plugin,
        change.auth_response,
        change.schema,
        change.collation or session.collation,
        # MySQL's own library sends nothing here and waits for a challenge.
        ask=not change.auth_response,
    )
    await _admit(client, claim)


async def _admit(
    client: Client,
    claim: _Claim,
    credential: Credential | None = None,
    proof: _Proof | None = None,
) -> ErrorReply | None:
    """Check the proof, then the schema; the refusal that the client heard, None when let in.

    What is known of its credential, and what it has shown, need not be found out again.
    """
    proxy = client.proxy
    if credential is None:
        credential = await proxy.credentials.find(claim.user)
    if proof is None:
        proof = _identify(client, claim, credential)
    if proof.shown is None:
        proof.shown = await client.shown()
    why = await _judge(client, claim, credential, proof)
    if why:
        return await _deny(client, claim, why)
    proxy.admission.guesses.succeeded(claim.user, client.address)
    try:
        state = await _reach(client, claim)
    except StatementRefusedError as error:
        proxy.log.warning(
            "a login found no database", user=claim.user, client=client.number, why=str(error)
        )
        return _refuse(client, error.reply)
    _let_in(client, claim, state)
    return None


async def _deny(client: Client, claim: _Claim, why: str) -> ErrorReply:
    """Refuse who could not prove what it said: later and later, if that goes on."""
    proxy = client.proxy
    proxy.counters.client_connections_setup_failed_auth += 1
    _warn(client, claim, why)
    clock = proxy.pool.clock
    admission = proxy.admission
    delay = admission.guesses.failed(claim.user, client.address, clock.seconds())
    if delay and admission.delayed < DELAYED_AT_ONCE:
        waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = clock.callLater(delay, waiting.callback, None)
        admission.delayed += 1
        try:
            await waiting
        finally:
            admission.delayed -= 1
    shown = client.dialogue.offered_proof
    return _refuse(client, access_denied(claim.user, client.address, using_password=shown))


def _warn(client: Client, claim: _Claim, why: str) -> None:
    client.proxy.log.warning(
        "a login was refused", user=claim.user, address=client.address, why=why
    )


def _identify(client: Client, claim: _Claim, credential: Credential | None) -> _Proof:
    """Ask the client for a proof, or take the one it has brought."""
    proxy, secure, key = client.proxy, client.dialogue.secure, client.proxy.rsa_key
    # An unknown user is asked as long as a known one: nobody learns which names exist.
    passwords = credential.passwords if credential else ()
    plugin = (credential.plugin if credential else "") or proxy.default_plugin
    iam = credential.iam_auth if credential else IamAuth.DISABLED
    if secure and iam is IamAuth.ENABLED:
        # A client shows what it has in these two only, be it a password or a token.
        plugin = CLEAR if claim.plugin == CLEAR else CACHING_SHA2
    if iam is IamAuth.REQUIRED:
        # In full authentication clients show what they have, so that those serve too who would
        # have to be allowed to use mysql_clear_password.
        passwords = ()
        key = None if not secure else key  # nobody is asked for a token that others could read
        plugin = CACHING_SHA2 if claim.plugin == CACHING_SHA2 or not secure else CLEAR
    verifier = make_verifier(
        plugin,
        passwords or (secrets.token_hex(16),),
        client.dialogue.greeting.nonce,
        key=key,
        secure=secure,
        shows=iam is not IamAuth.DISABLED,
    )
    shown = client.identify(verifier, claim.plugin, claim.proof, ask=claim.ask)
    return _Proof(verifier, shown)


async def _judge(
    client: Client, claim: _Claim, credential: Credential | None, proof: _Proof
) -> str:
    """Why the client is not let in; empty when it is."""
    proxy, shown = client.proxy, proof.shown
    if (
        isinstance(shown, TextShown)
        and credential is not None
        and (credential.iam_auth is IamAuth.REQUIRED or looks_like_token(shown.text))
    ):
        tokens = proxy.admission.tokens
        if tokens is None:
            return "IAM tokens are not taken here"
        verdict = await tokens.verify(shown.text, claim.user, client.address)
        return _place_of(client, credential) if verdict.allowed else verdict.reason
    if not isinstance(shown, Authenticated) and not _shows_password(shown, credential):
        # The password may have been changed where it comes from.
        renewed = await proxy.credentials.refresh(claim.user)
        if renewed is None:
            return "unknown user"
        if renewed.iam_auth is IamAuth.REQUIRED:
            return "an IAM token is needed, and TLS for it"
        if not proof.verifier.matches(renewed.passwords) and not _shows_password(
            shown, renewed
        ):
            return "wrong password"
        credential = renewed
    assert credential is not None
    return _place_of(client, credential)


def _shows_password(shown: ProofEnd | None, credential: Credential | None) -> bool:
    """Whether the text that a client has shown is a password of the user's."""
    if not isinstance(shown, TextShown) or credential is None:
        return False
    given = shown.text.encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(given, one.encode("utf-8", "surrogateescape"))
        for one in credential.passwords
    ]
    return any(matches)


def _may_come(client: Client, credential: Credential) -> bool:
    return not credential.networks or comes_from(client.address, credential.networks)


def _place_of(client: Client, credential: Credential) -> str:
    """The objection to where the client is; empty when there is none."""
    if _may_come(client, credential):
        return ""
    return "the user may not come from there"


def _let_in(client: Client, claim: _Claim, state: State) -> None:
    proxy, capabilities = client.proxy, client.dialogue.capabilities
    facts = proxy.pool.facts
    assert facts is not None
    client.key = PoolKey(claim.user, capabilities & SHAPE)
    client.last_lease = client.insert_lease = None
    client.session = Session(
        user=claim.user,
        state=state,
        first_state=proxy.state_after_reset(facts, state),
        collation=claim.collation,
        target=proxy.pool.targets[claim.user],
        ignored=proxy.ignored_reasons,
        status=facts.status & _AUTOCOMMIT,
    )
    client.dialogue.accept(client.session.status)


def _refuse(client: Client, reply: ErrorReply) -> ErrorReply:
    client.dialogue.refuse(reply)
    client.protocol.flush()
    client.hang_up()
    return reply


def _is_known(client: Client, claim: _Claim) -> bool:
    """Whether a backend of this user has been used with this schema."""
    proxy = client.proxy
    return proxy.pool.facts is not None and (claim.user, claim.schema) in proxy.known_schemas


def _first_state(client: Client, claim: _Claim) -> State:
    proxy, facts = client.proxy, client.proxy.pool.facts
    assert facts is not None
    multi = bool(client.dialogue.capabilities & _MULTI_STATEMENTS)
    return proxy.first_state(facts, claim.schema, claim.collation, multi_statements=multi)


async def _reach(client: Client, claim: _Claim) -> State:
    """The session's first state; tried on a backend when user and schema are new to us.

    So a wrong schema is refused at login, as the server does, and a login to one that has been
    used before costs the database nothing.
    """
    if _is_known(client, claim):
        return _first_state(client, claim)
    proxy, schema = client.proxy, claim.schema
    key = PoolKey(claim.user, client.dialogue.capabilities & SHAPE)
    # The state may not be known before a backend is: nothing is asked for but the schema.
    lease = await proxy.pool.borrow(key, State(schema=schema or b""))
    try:
        state = _first_state(client, claim)
        if schema is not None:
            await holding.bring(proxy.pool, lease, state)
    except BackendLostError as error:
        proxy.pool.give_back(lease, None)
        raise StatementRefusedError(holding.reply_for(error)) from error
    except BaseException:
        proxy.pool.give_back(lease, None)
        raise
    proxy.pool.give_back(lease, lease.state)  # type: ignore[arg-type]
    proxy.remember_schema(claim.user, schema)
    return state
