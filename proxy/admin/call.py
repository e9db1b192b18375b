"""A call of the admin API and its answer, apart from how they travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import attrs

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
        local: Whether it came by a unix socket.
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
    local: bool = True
    by: str = ""


@attrs.frozen
class Answer:
    """What is answered: a JSON object."""

    status: HTTPStatus
    content: Mapping[str, Any]
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def body(self) -> bytes:
        """The object as it is sent.

        Raises:
            ValueError: a number in it is none.
        """
        return json.dumps(self.content, allow_nan=False).encode() + b"\n"


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
