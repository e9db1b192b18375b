"""What a client shows of itself, and whether that is enough."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
from twisted.internet.defer import Deferred

from proxy.config.auth import IamAuth
from proxy.credentials.iam.verify import looks_like_token
from proxy.credentials.source import Credential
from proxy.dialogue.events import Authenticated, ProofEnd, TextShown
from proxy.front.admission import comes_from
from proxy.front.console import is_admin
from proxy.wire.auth import CACHING_SHA2, CLEAR, NATIVE, make_verifier
from proxy.wire.auth.steps import Verifier

if TYPE_CHECKING:
    from proxy.front.client import Client

T = TypeVar("T")


class SourceLateError(Exception):
    """Where passwords come from did not answer in time."""


@attrs.frozen
class Claim:
    """Who a client says it is, and what it wants; `ask` for a proof even if there is one.

    The attributes are pairs of what it says of its program, for the log.
    """

    user: str
    plugin: str
    proof: bytes = attrs.field(repr=False)
    schema: bytes | None
    collation: int
    ask: bool = False
    attributes: Sequence[tuple[bytes, bytes]] = attrs.field(default=(), repr=False)


@attrs.define
class Proof:
    """A client's proof under way.

    Attributes:
        verifier: Who checks it.
        credential: What it was checked against; None for a stranger's.
        end: How it ended; None while it goes on.
    """

    verifier: Verifier
    credential: Credential | None
    end: ProofEnd | None


@attrs.frozen
class Judgement:
    """What follows from a proof.

    Attributes:
        why: The reason of a refusal, for the log; empty when the client is let in.
        is_our_fault: The client may have been right.
        principal: ARN of who made the token that it brought, where it did.
    """

    why: str = ""
    is_our_fault: bool = False
    principal: str = ""


LET_IN: Final = Judgement()

_OF_ADMINS: Final = frozenset((CACHING_SHA2, NATIVE))
"""Plugins of which admin users have what their client has, as no target suits them better."""


def in_time(client: Client, asked: Deferred[T]) -> Deferred[T]:
    """Wait for a password no longer than half of the time for a login.

    The other half is left to say why.  Fails with `SourceLateError`.
    """
    clock: Any = client.pool.clock
    return asked.addTimeout(client.proxy.config.login_timeout / 2, clock, _late)


def _late(_: object, seconds: float) -> Any:
    raise SourceLateError(f"the password was not there within {seconds:g} s")


def demand(client: Client, claim: Claim, credential: Credential | None) -> Proof:
    """Ask the client for a proof, or take the one that it has brought.

    Strangers are asked as long as others, and so is who may not log in, or not from where it
    is: nobody learns by it which names exist, or which password is right.
    """
    proxy, secure = client.proxy, client.dialogue.secure
    if credential is not None and not _may_log_in(client, credential):
        credential = None
    passwords = credential.passwords if credential else ()
    plugin = (credential.plugin if credential else "") or proxy.default_plugin
    if credential is not None and is_admin(proxy, claim.user) and claim.plugin in _OF_ADMINS:
        plugin = claim.plugin
    iam = credential.iam_auth if credential else IamAuth.DISABLED
    if secure and iam is IamAuth.ENABLED:
        # A client shows what it has in these two only, be it a password or a token.
        plugin = CLEAR if claim.plugin == CLEAR else CACHING_SHA2
    if iam is IamAuth.REQUIRED:
        # In full authentication clients show what they have, so that those serve too who would
        # have to be allowed to use mysql_clear_password.
        passwords = ()
        plugin = CACHING_SHA2 if claim.plugin == CACHING_SHA2 or not secure else CLEAR
    # Nobody is asked for a token that others could read.
    key = None if iam is IamAuth.REQUIRED and not secure else proxy.rsa_key
    verifier = make_verifier(
        plugin,
        passwords or (secrets.token_hex(16),),
        client.dialogue.greeting.nonce,
        key=key,
        secure=secure,
        shows=iam is not IamAuth.DISABLED,
    )
    end = client.identify(verifier, claim.plugin, claim.proof, ask=claim.ask)
    return Proof(verifier, credential, end)


def is_good(client: Client, proof: Proof, credential: Credential | None) -> bool:
    """Whether the client has proved one of the passwords that the user has by now."""
    if credential is None or credential.iam_auth is IamAuth.REQUIRED:
        return False
    if not _may_log_in(client, credential):
        return False
    if isinstance(proof.end, TextShown):
        return _is_one_of(proof.end.text, credential.passwords)
    if isinstance(proof.end, Authenticated) and credential == proof.credential:
        return True
    return proof.verifier.matches(credential.passwords)


async def judge(client: Client, claim: Claim, proof: Proof) -> Judgement:
    """Whether the client is let in, by what is known when its proof has ended.

    Raises:
        SourceLateError: that cannot be found out in time.
    """
    credentials = client.proxy.credentials
    now = credentials.known(claim.user) or await in_time(client, credentials.find(claim.user))
    if is_good(client, proof, now):
        return LET_IN
    refusal: Judgement | None = None
    if now is not None and _may_log_in(client, now) and _brings_token(proof, now):
        refusal = await _judge_token(client, claim, proof)
        if not refusal.why or refusal.is_our_fault:
            return refusal
    # The password may have been changed where it comes from.
    renewed = await in_time(client, credentials.refresh(claim.user))
    if is_good(client, proof, renewed):
        return LET_IN
    return refusal or Judgement(_reason(client, renewed))


def _reason(client: Client, credential: Credential | None) -> str:
    if credential is None:
        return "unknown user"
    if credential.for_monitor:
        return "only monitors log in as this user"
    if not _may_come(client, credential):
        return "the user may not come from there"
    if credential.iam_auth is IamAuth.REQUIRED:
        return "an IAM token is needed, and TLS for it"
    return "wrong password"


def _brings_token(proof: Proof, credential: Credential) -> bool:
    return (
        isinstance(proof.end, TextShown)
        and credential.iam_auth is not IamAuth.DISABLED
        and (credential.iam_auth is IamAuth.REQUIRED or looks_like_token(proof.end.text))
    )


async def _judge_token(client: Client, claim: Claim, proof: Proof) -> Judgement:
    assert isinstance(proof.end, TextShown)
    tokens = client.proxy.admission.tokens
    if tokens is None:
        return Judgement("IAM tokens are not taken here")
    asked = tokens.verify(proof.end.text, claim.user, client.address)
    found = await in_time(client, asked)
    why = "" if found.allowed else found.reason
    return Judgement(why, is_our_fault=found.is_our_fault, principal=found.principal)


def _may_log_in(client: Client, credential: Credential) -> bool:
    """Whether a proof is of any use."""
    return not credential.for_monitor and _may_come(client, credential)


def _may_come(client: Client, credential: Credential) -> bool:
    return not credential.networks or comes_from(client.address, credential.networks)


def _is_one_of(text: str, passwords: tuple[str, ...]) -> bool:
    given = text.encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(given, one.encode("utf-8", "surrogateescape")) for one in passwords
    ]
    return any(matches)
