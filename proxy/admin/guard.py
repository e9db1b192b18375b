"""What is refused before anybody looks what a call is for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from proxy.admin.call import MAX_BODY_BYTES, Call, CallRefusedError

_SAFE = ("GET", "HEAD")


def check(call: Call) -> None:
    """Look who calls, and how much they send.

    A browser on this machine may be led here by any page that it shows.  Such a page is known
    by its `Origin`; one that gave this address a name of its own (DNS rebinding), by `Host`.

    Raises:
        CallRefusedError: the call goes no further.
    """
    if not call.local and not _is_loopback(call.host):
        raise CallRefusedError(
            HTTPStatus.FORBIDDEN, "the Host header has to be localhost or a loopback address"
        )
    if call.origin is not None and call.origin != f"http://{call.host}":
        raise CallRefusedError(HTTPStatus.FORBIDDEN, "pages of other sites may not call this")
    if call.body_bytes > MAX_BODY_BYTES:
        raise CallRefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has more than {MAX_BODY_BYTES:,} bytes",
        )
    if call.query:
        raise CallRefusedError(
            HTTPStatus.BAD_REQUEST, "there are no parameters in the query; they are in the body"
        )
    if call.body and call.method in _SAFE:
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, f"{call.method} has no body")


def parameters(call: Call, known: tuple[str, ...]) -> Mapping[str, object]:
    """The parameters of a call: its body is a JSON object or empty.

    Raises:
        CallRefusedError: it is something else, or has what nobody knows.
    """
    if not call.body:
        return {}
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
    for name in value:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none here"
            raise CallRefusedError(
                HTTPStatus.BAD_REQUEST, f"{name[:40]!r} is no parameter; {there}"
            )
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


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine and nothing else can answer to it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
