"""Letting a client in: who it is, whether it proves it, whether its schema is there."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError

from proxy.dialogue.backend import SHAPE
from proxy.errors import BackendLostError, ErrorReply, StatementRefusedError, access_denied
from proxy.front import concluding, holding
from proxy.pool.borrower import PoolKey
from proxy.pool.dial import Facts
from proxy.session.session import Session
from proxy.session.state import State
from proxy.wire.auth import make_verifier
from proxy.wire.constants import Capability, Status
from proxy.wire.greeting import ChangeUser, Login

if TYPE_CHECKING:
    from proxy.front.client import Client


async def log_in(client: Client, login: Login) -> None:
    """The login of a new connection."""
    refusal = await _admit(
        client,
        user=login.user,
        plugin=login.plugin,
        proof=login.auth_response,
        schema=login.schema,
        collation=login.collation,
    )
    if refusal is None:
        client.proxy.counters.client_connections_setup_succeeded += 1
        client.proxy.deadlines.watch(client)


async def change_user(client: Client, change: ChangeUser) -> None:
    """COM_CHANGE_USER: a session anew on the connection that is there."""
    session = client.session
    assert session is not None
    concluding.let_go(client)
    await _admit(
        client,
        user=change.user,
        plugin=change.plugin,
        proof=change.auth_response,
        schema=change.schema,
        collation=change.collation or session.collation,
        # MySQL's own library sends nothing here and waits for a challenge.
        ask=not change.auth_response,
    )


async def _admit(
    client: Client,
    *,
    user: str,
    plugin: str,
    proof: bytes,
    schema: bytes | None,
    collation: int,
    ask: bool = False,
) -> ErrorReply | None:
    """Check the proof, then the schema; the refusal that the client heard, None when let in."""
    proxy = client.proxy
    credential = await proxy.credentials.find(user)
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
    if not await client.prove(verifier, plugin, proof, ask=ask) or credential is None:
        proxy.counters.client_connections_setup_failed_auth += 1
        proxy.log.warning(
            "a login was refused",
            user=user,
            address=client.address,
            why="wrong password" if credential else "unknown user",
        )
        shown = client.dialogue.offered_proof
        return _refuse(client, access_denied(user, client.address, using_password=shown))
    capabilities = client.dialogue.capabilities
    key = PoolKey(user, int(capabilities & SHAPE))
    multi = bool(capabilities & Capability.MULTI_STATEMENTS)
    try:
        state = await _reach(client, key, schema, collation, multi_statements=multi)
    except StatementRefusedError as error:
        proxy.log.warning(
            "a login found no database", user=user, client=client.number, why=str(error)
        )
        return _refuse(client, error.reply)
    except CancelledError:
        if client.gone:
            raise
        return _refuse(
            client, client.take_cause() or access_denied(user, "", using_password=True)
        )
    facts = proxy.pool.facts
    assert facts is not None
    client.key = key
    client.last_lease = client.insert_lease = None
    client.session = Session(
        user=user,
        state=state,
        first_state=proxy.state_after_reset(facts, state),
        collation=collation,
        target=proxy.pool.targets[user],
        ignored=proxy.ignored_reasons,
        status=facts.status & int(Status.AUTOCOMMIT),
    )
    client.dialogue.accept(client.session.status)
    return None


def _refuse(client: Client, reply: ErrorReply) -> ErrorReply:
    client.dialogue.refuse(reply)
    client.protocol.flush()
    client.hang_up()
    return reply


async def _reach(
    client: Client,
    key: PoolKey,
    schema: bytes | None,
    collation: int,
    *,
    multi_statements: bool,
) -> State:
    """The session's first state; tried on a backend when user and schema are new to us.

    So a wrong schema is refused at login, as the server does, and a login to one that has been
    used before costs the database nothing.
    """
    proxy = client.proxy
    facts: Facts | None = proxy.pool.facts
    if facts is not None and (key.user, schema) in proxy.known_schemas:
        return proxy.first_state(facts, schema, collation, multi_statements=multi_statements)
    # The state may not be known before a backend is: nothing is asked for but the schema.
    lease = await proxy.pool.borrow(key, State(schema=schema or b""))
    try:
        facts = proxy.pool.facts
        assert facts is not None
        state = proxy.first_state(facts, schema, collation, multi_statements=multi_statements)
        if schema is not None:
            await holding.bring(proxy.pool, lease, state)
    except BackendLostError as error:
        proxy.pool.give_back(lease, None)
        raise StatementRefusedError(holding.reply_for(error)) from error
    except BaseException:
        proxy.pool.give_back(lease, None)
        raise
    proxy.pool.give_back(lease, lease.state)  # type: ignore[arg-type]
    proxy.remember_schema(key.user, schema)
    return state
