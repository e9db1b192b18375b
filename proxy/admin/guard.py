"""What is refused before anybody looks what a call is for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from proxy.admin.call import MAX_BODY_BYTES, Call, CallRefusedError
from proxy.admin.routes import Parameter

_SAFE = ("GET", "HEAD")
_OWN_PAGES = ("", "same-origin", "none")


def check(call: Call, allowed_hosts: Collection[str] = (), *, is_open: bool = False) -> None:
    """Look where a call comes from, and how much it sends.

    A browser may be led here by any page that it shows.  Such a page is known by its `Origin`;
    one that gave this address a name of its own (DNS rebinding), by `Host`.

    Args:
        call: It.
        allowed_hosts: Names that the proxy may be called by, in lower case.
        is_open: Whether what it asks for tells nothing: those who watch over the process may
            call it by any name.

    Raises:
        CallRefusedError: the call goes no further.
    """
    if not (call.local or is_open or _is_known(call.host, allowed_hosts)):
        raise CallRefusedError(
            HTTPStatus.FORBIDDEN,
            "the Host header has to be localhost, an IP address or one of admin.allowed_hosts",
        )
    # Where it comes in clear text, something in front may have taken its TLS off.
    schemes = ("https",) if call.encrypted else ("http", "https")
    own = [f"{scheme}://{call.host}" for scheme in schemes]
    if (call.origin is not None and call.origin not in own) or (
        call.method not in _SAFE and call.site not in _OWN_PAGES
    ):
        raise CallRefusedError(HTTPStatus.FORBIDDEN, "pages of other sites may not call this")
    if call.body_bytes > MAX_BODY_BYTES:
        raise CallRefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has more than {MAX_BODY_BYTES:,} bytes",
        )
    if call.body and call.method in _SAFE:
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, f"{call.method} has no body")


def parameters(call: Call, known: tuple[Parameter, ...]) -> Mapping[str, object]:
    """The parameters of a call: its body is a JSON object or empty.

    Raises:
        CallRefusedError: it is something else, has what nobody knows, or lacks what is needed.
    """
    value = _object(call) if call.body else {}
    names = [parameter.name for parameter in known]
    for name in value:
        if name not in names:
            there = f"there are {', '.join(names)}" if names else "there are none here"
            raise CallRefusedError(
                HTTPStatus.BAD_REQUEST, f"{name[:40]!r} is no parameter; {there}"
            )
    for parameter in known:
        if parameter.needed and parameter.name not in value:
            raise CallRefusedError(HTTPStatus.BAD_REQUEST, f"{parameter.name} is missing")
    return value


def _object(call: Call) -> dict[str, object]:
    if call.content_type.partition(";")[0].strip().lower() != "application/json":
        raise CallRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body has to be application/json"
        )
    try:
        value = json.loads(call.body)
    except (ValueError, RecursionError):
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
    return value


def seconds(value: object, name: str, most: float) -> float:
    """A parameter that is a span of time.

    Raises:
        CallRefusedError: it is none, or too long.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    raise CallRefusedError(
        HTTPStatus.BAD_REQUEST, f"{name} must be a number of seconds from 0 to {most:g}"
    )


def _is_known(host: str, allowed: Collection[str]) -> bool:
    """Whether a Host header names this machine and nothing else can answer to it.

    An address is no name that somebody could have pointed here.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.rstrip(".") in allowed:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
