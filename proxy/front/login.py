"""Letting a client in: who it is, whether it proves it, whether its schema is there."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import attrs
from twisted.internet.defer import CancelledError

from proxy.credentials.source import Credential
from proxy.dialogue.backend import SHAPE
from proxy.errors import BackendLostError, ErrorReply, StatementRefusedError, access_denied
from proxy.front import concluding, holding
from proxy.pool.borrower import PoolKey
from proxy.session.session import Session
from proxy.session.state import State
from proxy.wire.auth import make_verifier
from proxy.wire.constants import Capability, Status
from proxy.wire.greeting import ChangeUser, Login

if TYPE_CHECKING:
    from proxy.front.client import Client

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


def log_in(client: Client, login: Login) -> None:
    """The login of a new connection: at once where nothing has to be waited for."""
    claim = _Claim(login.user, login.plugin, login.auth_response, login.schema, login.collation)
    proxy = client.proxy
    credential = proxy.credentials.known(claim.user)
    proved = None if credential is None else _identify(client, claim, credential)
    if not (proved and _is_known(client, claim)):
        client.work(_log_in(client, claim, credential, proved=proved))
        return
    try:
        state = _first_state(client, claim)
    except StatementRefusedError as error:
        _refuse(client, error.reply)
    else:
        _let_in(client, claim, state)
        _count(client)
        client.protocol.flush()
        client.protocol.proceed()


async def _log_in(
    client: Client, claim: _Claim, credential: Credential | None, *, proved: bool | None
) -> None:
    if await _admit(client, claim, credential, proved=proved) is None:
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
    *,
    proved: bool | None = None,
) -> ErrorReply | None:
    """Check the proof, then the schema; the refusal that the client heard, None when let in.

    What is known of its credential, and whether that is proved, need not be found out again.
    """
    proxy = client.proxy
    if credential is None:
        credential = await proxy.credentials.find(claim.user)
        proved = _identify(client, claim, credential)
    if proved is None:
        proved = await client.verdict()
    if not proved or credential is None:
        proxy.counters.client_connections_setup_failed_auth += 1
        proxy.log.warning(
            "a login was refused",
            user=claim.user,
            address=client.address,
            why="wrong password" if credential else "unknown user",
        )
        shown = client.dialogue.offered_proof
        return _refuse(client, access_denied(claim.user, client.address, using_password=shown))
    try:
        state = await _reach(client, claim)
    except StatementRefusedError as error:
        proxy.log.warning(
            "a login found no database", user=claim.user, client=client.number, why=str(error)
        )
        return _refuse(client, error.reply)
    except CancelledError:
        if client.gone:
            raise
        cause = client.take_cause() or access_denied(claim.user, "", using_password=True)
        return _refuse(client, cause)
    _let_in(client, claim, state)
    return None


def _identify(client: Client, claim: _Claim, credential: Credential | None) -> bool | None:
    """Whether the client proves that it is who it says; None while it has to be asked."""
    proxy = client.proxy
    # An unknown user is asked as long as a known one: nobody learns which names exist.
    passwords = credential.passwords if credential else (secrets.token_hex(16),)
    wanted = credential.plugin if credential else ""
    verifier = make_verifier(
        wanted or proxy.default_plugin,
        passwords,
        client.dialogue.greeting.nonce,
        key=proxy.rsa_key,
        secure=False,
    )
    return client.identify(verifier, claim.plugin, claim.proof, ask=claim.ask)


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
