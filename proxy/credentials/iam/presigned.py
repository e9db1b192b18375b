"""Presigned requests of AWS: read strictly, and signed again to compare.

A token is the URL of a GET request whose query carries a signature, without its scheme.  The
signature is version 4 (IAM User Guide, "Create a signed AWS API request"), with the parameters
of a query ("Authenticating Requests: Using Query Parameters").

What AWS would take in several spellings is taken here in one, the canonical one, so that two
readers can never understand the same token differently.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import attrs

from proxy.credentials.iam.arn import abbreviated

MAX_CHARACTERS = 16 * 1024
"""Of a token: a session token has 4 KiB at most, each of its characters may take three in a
query, and all the rest fits into the remaining 4 KiB."""

MAX_LIFETIME_SECONDS = 900
"""How long a token is good at most: the 15 minutes that AWS gives its own."""

CLOCK_SKEW_SECONDS = 300.0
"""How far in the future a token may have been signed: AWS's own bound for a clock that is
wrong.  More would make tokens live noticeably longer than they say; a clock that is kept by NTP
needs a second."""

UNRESERVED = "-_.~"
"""What is not percent-encoded, beside letters and digits: RFC 3986, 2.3."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_EMPTY_BODY = hashlib.sha256(b"").hexdigest()
_REQUIRED = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
)
_SESSION_TOKEN = "X-Amz-Security-Token"  # noqa: S105 - the name of a parameter
_PORT = r"(?: : [1-9][0-9]{0,4} )?"
# Some SDKs leave the slash of the path out of the text, and sign it all the same.
_URL = re.compile(
    rf"(?P<host> (?: [A-Za-z0-9._-]{{1,255}} | \[[0-9A-Fa-f:.]{{2,45}}\] ) {_PORT} )"
    r"/? \? (?P<query> [\x21-\x7e]+ )",
    re.VERBOSE,
)
_CREDENTIAL = re.compile(
    r"(?P<key> \w{1,128} )/(?P<day> [0-9]{8} )/(?P<region> [a-z0-9-]{1,32} )"
    r"/(?P<service> [a-z0-9-]{1,32} )/(?P<terminator> \w{1,32} )",
    re.VERBOSE | re.ASCII,
)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LIFETIME = re.compile(r"[1-9][0-9]{0,2}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


@attrs.frozen
class Refused:
    """A token that is no good, or that nobody can say anything of now.

    Attributes:
        reason: For the log; has nothing secret of the token.
        is_our_fault: Whether this says nothing of the token: it could not be checked.
    """

    reason: str
    is_our_fault: bool = False


@attrs.frozen
class Form:
    """What a kind of token has to be like.

    Attributes:
        arguments: Parameters of the operation and their value, None for any.
        service: Name in the scope of the signature.
        signed_headers: In the order of the alphabet.
    """

    arguments: Mapping[str, str | None]
    service: str
    signed_headers: tuple[str, ...]


@attrs.frozen
class Presigned:
    """A presigned request.

    Attributes:
        host: As the token has it, with its port if there is one.
        parameters: All parameters, decoded.
        day: Of the scope, as `20260102`.
        signed_at: POSIX time.
        lifetime_seconds: 1 to 900.
        session_token: None for an access key that lasts.
        signature: 64 hexadecimal digits.
    """

    host: str
    parameters: Mapping[str, str] = attrs.field(repr=False, hash=False)
    access_key_id: str = attrs.field(repr=abbreviated)
    day: str
    region: str
    service: str
    signed_at: float
    lifetime_seconds: int
    signed_headers: tuple[str, ...]
    session_token: str | None = attrs.field(repr=False)
    signature: str = attrs.field(repr=False)

    @property
    def expires(self) -> float:
        """POSIX time from which it is no good any more."""
        return self.signed_at + self.lifetime_seconds

    @property
    def digest(self) -> bytes:
        """What tells it from others: 32 bytes.

        Of the signature and not of the text, because the order of parameters does not matter.
        """
        return hashlib.sha256(self.signature.encode()).digest()

    def refusal_by_time(self, now: float, clock_skew_seconds: float) -> Refused | None:
        """Say whether it is too late or too early for it; `now` is POSIX time."""
        if now >= self.expires:
            return Refused(f"the token expired {now - self.expires:.0f} s ago")
        if self.signed_at > now + clock_skew_seconds:
            ahead = self.signed_at - now
            return Refused(f"the token is from the future: signed {ahead:.0f} s ahead of us")
        return None

    def is_signed_with(self, secret_access_key: str, headers: Mapping[str, str]) -> bool:
        """Sign the same request, and compare.

        Args:
            secret_access_key: That belongs to the access key id.
            headers: Value of each signed header, without spaces at its ends or in a row.
        """
        query = "&".join(
            f"{quote(name, safe=UNRESERVED)}={quote(value, safe=UNRESERVED)}"
            for name, value in sorted(self.parameters.items())
            if name != "X-Amz-Signature"
        )
        lines = [f"{name}:{headers[name]}" for name in self.signed_headers]
        signed = ";".join(self.signed_headers)
        request = "\n".join(["GET", "/", query, *lines, "", signed, _EMPTY_BODY])
        scope = (self.day, self.region, self.service, _TERMINATOR)
        digest = hashlib.sha256(request.encode()).hexdigest()
        date = self.parameters["X-Amz-Date"]
        key = f"AWS4{secret_access_key}".encode()
        for part in scope:
            key = _mac(key, part)
        expected = _mac(key, "\n".join([_ALGORITHM, date, "/".join(scope), digest])).hex()
        return hmac.compare_digest(expected, self.signature)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def read_presigned(text: str, form: Form) -> Presigned | Refused:
    """Read a token of this form; neither its time nor its signature is looked at."""
    if len(text) > MAX_CHARACTERS:
        return Refused(f"the token is longer than {MAX_CHARACTERS} characters")
    url = _URL.fullmatch(text)
    if url is None:
        return Refused("not a token: no host, question mark and parameters")
    parameters = _parameters(url["query"])
    if isinstance(parameters, Refused):
        return parameters
    wrong = _unlike(parameters, form)
    if wrong:
        return Refused(wrong)
    return _with_scope(url["host"], parameters, form)


def _parameters(query: str) -> dict[str, str] | Refused:
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        name, equals, encoded = pair.partition("=")
        value = unquote(encoded)
        if not equals or quote(value, safe=UNRESERVED) != encoded:
            return Refused("the token has a parameter that is not encoded as AWS does it")
        if name in parameters:
            return Refused("the token has a parameter twice")
        parameters[name] = value
    return parameters


def _unlike(parameters: Mapping[str, str], form: Form) -> str:
    required = _REQUIRED | form.arguments.keys()
    missing = sorted(required - parameters.keys())
    if missing:
        return f"the token has no parameter {missing[0]}"
    if parameters.keys() - required - {_SESSION_TOKEN}:
        return "the token has a parameter that does not belong to it"
    for name, value in form.arguments.items():
        if value not in {None, parameters[name]}:
            return f"the token is not for {name}={value}"
    if parameters["X-Amz-Algorithm"] != _ALGORITHM:
        return f"the token is not signed by the algorithm {_ALGORITHM}"
    if parameters["X-Amz-SignedHeaders"] != ";".join(form.signed_headers):
        return f"the signed headers of the token are not {';'.join(form.signed_headers)}"
    if not _SIGNATURE.fullmatch(parameters["X-Amz-Signature"]):
        return "the signature of the token is no 64 hexadecimal digits"
    return ""


def _with_scope(host: str, parameters: Mapping[str, str], form: Form) -> Presigned | Refused:
    credential = _CREDENTIAL.fullmatch(parameters["X-Amz-Credential"])
    if credential is None:
        return Refused("the token has no key, day, region, service and end in its credential")
    if credential["terminator"] != _TERMINATOR:
        return Refused(f"the credential of the token does not end with {_TERMINATOR}")
    if credential["service"] != form.service:
        return Refused(f"the token is not signed for the service {form.service}")
    date = parameters["X-Amz-Date"]
    signed_at = _posix_time(date)
    if signed_at is None:
        return Refused("the token has no date such as 20260102T030405Z")
    if credential["day"] != date[:8]:
        return Refused("the day in the credential of the token is not that of its date")
    lifetime = parameters["X-Amz-Expires"]
    if not _LIFETIME.fullmatch(lifetime) or int(lifetime) > MAX_LIFETIME_SECONDS:
        return Refused(f"the token lives for no number of 1 to {MAX_LIFETIME_SECONDS} seconds")
    return Presigned(
        host=host,
        parameters=parameters,
        access_key_id=credential["key"],
        day=credential["day"],
        region=credential["region"],
        service=credential["service"],
        signed_at=signed_at,
        lifetime_seconds=int(lifetime),
        signed_headers=form.signed_headers,
        session_token=parameters.get(_SESSION_TOKEN),
        signature=parameters["X-Amz-Signature"],
    )


def _posix_time(date: str) -> float | None:
    if not _DATE.fullmatch(date):
        return None
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
