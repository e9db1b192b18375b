"""The token that every SDK of AWS makes for a database login, checked with a known secret.

    <host>:<port>/?Action=connect&DBUser=<user>&X-Amz-...&X-Amz-Signature=<64 hex>

is a request that is never sent (RDS User Guide, "IAM database authentication").  AWS checks it
with the secret access key of the signer; so can whoever has that key.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import attrs

from proxy.credentials.iam.arn import abbreviated
from proxy.credentials.iam.hosts import AcceptedHosts
from proxy.credentials.iam.keys import AccessKey
from proxy.credentials.iam.presigned import (
    CLOCK_SKEW_SECONDS,
    Form,
    Presigned,
    Refused,
    read_presigned,
)

_FORM = Form({"Action": "connect", "DBUser": None}, service="rds-db", signed_headers=("host",))
# The scheme of tokens is https, and SDKs leave its own port out of the header that they sign.
_SCHEME_PORT = 443


@attrs.frozen
class Token:
    """A token that has its form; whether it is any good is another question.

    Attributes:
        host: In lower case, without the port.
        user: The database user that it is for.
        presigned: The request that it is.
    """

    host: str
    port: int
    user: str
    presigned: Presigned


@attrs.frozen
class Terms:
    """What a token has to be made for.

    Attributes:
        hosts: Under which clients know us.
        clock_skew_seconds: How far clocks of clients may be ahead of ours.
    """

    region: str
    hosts: AcceptedHosts = attrs.field(factory=AcceptedHosts)
    clock_skew_seconds: float = CLOCK_SKEW_SECONDS


def read_token(text: str) -> Token | Refused:
    """Read a token, or say what keeps it from being one."""
    presigned = read_presigned(text, _FORM)
    if isinstance(presigned, Refused):
        return presigned
    # A colon of an IPv6 address stands inside brackets.
    host, colon, port = presigned.host.rpartition(":")
    if not colon or port.endswith("]") or int(port) > 65535:
        return Refused("the token is for a host without a port")
    return Token(host.lower(), int(port), presigned.parameters["DBUser"], presigned)


def check_token(token: Token, user: str, terms: Terms, now: float) -> Refused | None:
    """Check all but the signature.

    Args:
        token: As it was read.
        user: Who logs in.
        terms: What the token has to be made for.
        now: POSIX time.
    """
    region = token.presigned.region
    if region != terms.region:
        return Refused(f"the token is for the region {region}, and not for {terms.region}")
    if not terms.hosts.accept(token.host, token.port):
        return Refused(f"the token is for {token.host}:{token.port}, which is not our name")
    if token.user != user:
        return Refused("the token is for another user than the one who logs in")
    return token.presigned.refusal_by_time(now, terms.clock_skew_seconds)


def find_signer(token: Token, keys: Mapping[str, AccessKey]) -> AccessKey | Refused:
    """The key that the token is signed with; keys are found by their id."""
    presigned = token.presigned
    key = keys.get(presigned.access_key_id)
    if key is None:
        return Refused(f"the access key {abbreviated(presigned.access_key_id)} is not known")
    if key.session_token is None:
        if presigned.session_token is not None:
            return Refused("the token has a session token, and its access key has none")
    elif presigned.session_token is None:
        return Refused("the token has no session token, and its access key has one")
    elif not hmac.compare_digest(
        key.session_token.reveal().encode(), presigned.session_token.encode()
    ):
        return Refused("the session token is not that of the access key")
    header = token.host if token.port == _SCHEME_PORT else f"{token.host}:{token.port}"
    if not presigned.is_signed_with(key.secret_access_key.reveal(), {"host": header}):
        return Refused("the signature of the token is wrong")
    return key
