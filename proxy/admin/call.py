"""A call of the admin API and its answer, apart from how they travel."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import attrs

from proxy.admin.json_form import json_text

MAX_BODY_BYTES = 16 * 1024
"""The longest body that is read: all that is sent is some names and a number."""


@attrs.frozen(kw_only=True)
class Call:
    """What somebody asks for.

    Attributes:
        method: Such as GET.
        path: Still with its percent signs; empty where it is no ASCII.
        query: What stands after the question mark.
        body: Up to `MAX_BODY_BYTES` of it.
        body_bytes: The length of all that was sent.
        content_type: Header of the body; empty without.
        host: The header; empty without.
        origin: The page of a browser from which it comes; None when it is none.
        site: What a browser says of that page (`Sec-Fetch-Site`); empty for what is none.
        authorization: The header; empty without.
        known_tag: Of what the caller has already (`If-None-Match`); empty without.
        local: Whether it came by a unix socket.
        nearby: Whether it came by a unix socket or the loopback interface.
        encrypted: Whether it came by TLS.
        address: The IP address of the caller; empty for a unix socket.
        certificate: Name in the certificate that the caller has shown; empty without one.
        by: Who it is, for the log.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    body_bytes: int = 0
    content_type: str = ""
    host: str = ""
    origin: str | None = None
    site: str = ""
    authorization: str = attrs.field(default="", repr=False)
    known_tag: str = ""
    local: bool = True
    nearby: bool = True
    encrypted: bool = False
    address: str = ""
    certificate: str = ""
    by: str = ""


@attrs.frozen
class Answer:
    """What is answered, mostly: a JSON object.

    Attributes:
        status: Of HTTP.
        content: The object: a mapping or an attrs value.
        headers: That go with it.
    """

    status: HTTPStatus
    content: Any
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def media_type(self) -> str:
        """What it is."""
        return "application/json"

    @property
    def body(self) -> bytes:
        """The object as it is sent.

        Raises:
            ValueError: a number in it is none.
        """
        return json_text(self.content).encode() + b"\n"


@attrs.frozen
class Written:
    """An answer that is there as bytes.

    Attributes:
        status: Of HTTP.
        body: All of it.
        media_type: What it is.
        headers: That go with it.
    """

    status: HTTPStatus
    body: bytes = attrs.field(repr=False)
    media_type: str = "application/json"
    headers: Mapping[str, str] = attrs.field(factory=dict)


class CallRefusedError(Exception):
    """A call ends with an error.

    Args:
        status: Of HTTP.
        why: A sentence for whoever called.
        headers: That go with the status.
        more: Fields beside the error.
    """

    def __init__(
        self,
        status: HTTPStatus,
        why: str,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(why)
        self.answer = Answer(status, {"error": why, **more}, headers or {})
