"""The second kind of token: a request to STS that says who its sender is.

    <STS host>/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-...&X-Amz-Signature=<64 hex>
    #<proxy host>:<proxy port>

in one line.  The proxy sends the request on and hears from AWS who signed it, so that it knows
no secret of anybody.  A signed header, `x-mysqlproxy-login: <proxy host>:<port>/<user>`, binds
the token to this proxy and to one database user: without it, a token that was sent to somebody
else would log in here.  The header is not part of the token.  The proxy writes it anew, from
the fragment, if that is one of its own names, and from the user who logs in; if either is not
what was signed, STS refuses the signature.  The user is percent-encoded in it, because a
signature does not tell one space from two.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
from botocore.auth import SigV4QueryAuth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.exceptions import NoCredentialsError  # type: ignore[import-untyped]

from proxy.credentials.iam.hosts import AcceptedHosts
from proxy.credentials.iam.presigned import (
    CLOCK_SKEW_SECONDS,
    MAX_LIFETIME_SECONDS,
    UNRESERVED,
    Form,
    Presigned,
    Refused,
    read_presigned,
)

LOGIN_HEADER = "x-mysqlproxy-login"
"""The signed header that binds a token to a proxy and a database user."""

_ARGUMENTS = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
_FORM = Form(_ARGUMENTS, service="sts", signed_headers=("host", LOGIN_HEADER))
_GLOBAL_HOST = "sts.amazonaws.com"
# What the global endpoint takes for its region.
_GLOBAL_REGION = "us-east-1"
_PROXY = re.compile(
    r"(?P<host> [A-Za-z0-9._-]{1,255} | \[[0-9A-Fa-f:.]{2,45}\] ):(?P<port> [1-9][0-9]{0,4} )",
    re.VERBOSE,
)


@attrs.frozen
class StsEndpoints:
    """Where tokens may be sent.

    Attributes:
        hosts: With a port where it is not that of the scheme.
        scheme: `https`, or `http` for a stand-in of AWS.
    """

    region: str
    hosts: frozenset[str]
    scheme: str = "https"


@attrs.frozen
class StsToken:
    """A token that has its form.

    Attributes:
        presigned: The request to STS.
        query: Of the request, as it was signed.
        host: Of the proxy, as the token has it.
        port: Of the proxy.
    """

    presigned: Presigned
    query: str = attrs.field(repr=False)
    host: str
    port: int


@attrs.frozen
class StsRequest:
    """What to send to STS."""

    url: str = attrs.field(repr=False)
    headers: dict[str, str]


def sts_endpoints(region: str, endpoint_url: str | None = None) -> StsEndpoints:
    """Where tokens of a region may be sent: to AWS, or else to one endpoint and no other.

    Raises:
        ValueError: the URL is not `https://host` or `http://host`, with a port or without.
    """
    if endpoint_url is None:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        hosts = {f"sts.{region}.{suffix}"}
        # China and the government have no part in the global endpoint.
        if not region.startswith(("cn-", "us-gov-")):
            hosts.add(_GLOBAL_HOST)
        return StsEndpoints(region, frozenset(hosts))
    parts = urlsplit(endpoint_url)
    if (
        parts.scheme not in {"https", "http"}
        or not parts.hostname
        or "@" in parts.netloc
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError("the endpoint of STS is not https://host or https://host:port")
    return StsEndpoints(region, frozenset({_header_host(endpoint_url)}), parts.scheme)


def make_sts_token(
    session: Any,
    host: str,
    port: int,
    user: str,
    region: str,
    endpoint_url: str | None = None,
) -> str:
    """Make a token.  May block: credentials may have to be fetched.

    Args:
        session: Of botocore.
        host: Of the proxy, as clients call it.
        port: Of the proxy.
        user: The database user.
        region: Whose STS is asked.
        endpoint_url: Another STS than that of the region.

    Raises:
        BotoCoreError: there are no credentials, or they cannot be fetched.
        ValueError: the URL is none of an endpoint.
    """
    endpoints = sts_endpoints(region, endpoint_url)
    to = _header_host(endpoint_url) if endpoint_url else _regional_host(endpoints)
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    request = AWSRequest(
        method="GET",
        url=f"{endpoints.scheme}://{to}/",
        params=dict(_ARGUMENTS),
        headers={LOGIN_HEADER: _login(host, port, user)},
    )
    signer = SigV4QueryAuth(
        credentials.get_frozen_credentials(), "sts", region, expires=MAX_LIFETIME_SECONDS
    )
    signer.add_auth(request)
    signed: str = request.url
    return f"{signed.removeprefix(f'{endpoints.scheme}://')}#{host}:{port}"


def read_sts_token(text: str) -> StsToken | Refused:
    """Read a token, or say what keeps it from being one."""
    url, mark, proxy = text.partition("#")
    presigned = read_presigned(url, _FORM)
    if isinstance(presigned, Refused):
        return presigned
    found = _PROXY.fullmatch(proxy)
    if found is None or int(found["port"]) > 65535:
        what = "another end than" if mark else "no"
        return Refused(f"the token has {what} #host:port of the proxy that it is for")
    return StsToken(presigned, url.partition("?")[2], found["host"], int(found["port"]))


def check_sts_token(
    token: StsToken,
    user: str,
    hosts: AcceptedHosts,
    endpoints: StsEndpoints,
    now: float,
    clock_skew_seconds: float = CLOCK_SKEW_SECONDS,
) -> StsRequest | Refused:
    """Check what need not be asked, and make what STS has to be asked.

    Args:
        token: As it was read.
        user: Who logs in.
        hosts: Under which clients know us.
        endpoints: Where tokens may be sent.
        now: POSIX time.
        clock_skew_seconds: How far clocks of clients may be ahead of ours.
    """
    presigned = token.presigned
    to = presigned.host.lower()
    if to not in endpoints.hosts:
        return Refused("the token is for a host that is none of the endpoints of STS")
    region = _GLOBAL_REGION if to == _GLOBAL_HOST else endpoints.region
    if presigned.region != region:
        return Refused(f"the token is for the region {presigned.region}, and not for {region}")
    if not hosts.accept(token.host, token.port):
        return Refused(f"the token is for {token.host}:{token.port}, which is not our name")
    late = presigned.refusal_by_time(now, clock_skew_seconds)
    if late is not None:
        return late
    return StsRequest(
        f"{endpoints.scheme}://{to}/?{token.query}",
        {LOGIN_HEADER: _login(token.host, token.port, user)},
    )


def _login(host: str, port: int, user: str) -> str:
    return f"{host}:{port}/{quote(user, safe=UNRESERVED)}"


def _regional_host(endpoints: StsEndpoints) -> str:
    return next(host for host in endpoints.hosts if host != _GLOBAL_HOST)


def _header_host(url: str) -> str:
    """The host of a URL as requests have it in their header: without the scheme's own port."""
    parts = urlsplit(url)
    own = {"https": 443, "http": 80}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    return host if parts.port in {None, own} else f"{host}:{parts.port}"
