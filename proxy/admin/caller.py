"""The other side of the admin API: how commands reach the running proxy."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import attrs

from proxy.config.admin import AdminPort, AdminSocket

ANSWER_SECONDS = 10.0
"""How long the proxy may take to answer what needs no waiting: its reactor may be busy."""

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Ten thousand clients, the most that are shown at once, stay below."""


class UnreachableError(Exception):
    """No proxy answers there; says why."""


@attrs.frozen
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP.
        content: The JSON object.
    """

    status: int
    content: Mapping[str, Any]

    @property
    def error(self) -> str:
        """Why it was refused; empty where it was not."""
        return "" if self.status < HTTPStatus.BAD_REQUEST else str(self.content.get("error"))


@attrs.frozen
class Access:
    """What is shown to the admin API, and how it has to show itself.

    Attributes:
        token: Sent with each call; empty is none.
        tls: How the connection is encrypted; None is not at all.
    """

    token: str = attrs.field(default="", repr=False)
    tls: ssl.SSLContext | None = attrs.field(default=None, repr=False)


@attrs.frozen
class AdminHost:
    """A port of a host, which may be another machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Called: TypeAlias = AdminSocket | AdminPort | AdminHost
"""Where an admin API can be called."""


def path_of(*segments: str) -> str:
    """The path of a call below /v1, with percent signs where they are needed."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


class AdminCaller:
    """Calls the admin API at one place.

    Args:
        place: Where it listens.
        access: What it wants to see.
        answer_seconds: How long it may take to answer.
    """

    def __init__(
        self,
        place: Called,
        access: Access | None = None,
        answer_seconds: float | None = None,
    ) -> None:
        self._place = place
        self._access = access or Access()
        self._limit = ANSWER_SECONDS if answer_seconds is None else answer_seconds

    def __repr__(self) -> str:
        """Where it calls."""
        return f"<AdminCaller of {self._place}>"

    def get(self, *segments: str, **query: object) -> Reply:
        """See something.

        Args:
            segments: Of the path below /v1.
            query: What stands after the question mark.

        Raises:
            UnreachableError: there is no answer.
        """
        path = path_of(*segments) + (f"?{urlencode(query)}" if query else "")
        return self._call("GET", path, None, self._limit)

    def post(self, *segments: str, timeout_seconds: float = 0.0, **parameters: object) -> Reply:
        """Do something.

        Args:
            segments: Of the path below /v1.
            timeout_seconds: How long the proxy has been told to wait for its end.
            parameters: For the body.

        Raises:
            UnreachableError: there is no answer.
        """
        limit = timeout_seconds + self._limit
        return self._call("POST", path_of(*segments), parameters, limit)

    def call(self, method: str, path: str, parameters: Mapping[str, object]) -> Reply:
        """Call any path, with its query if it has one.

        Raises:
            UnreachableError: there is no answer, or it is no JSON object.
        """
        return self._call(
            method, path if path[:1] == "/" else f"/{path}", parameters, self._limit
        )

    def _call(
        self, method: str, path: str, parameters: Mapping[str, object] | None, limit: float
    ) -> Reply:
        connection = _connection(self._place, self._access.tls, limit)
        body = json.dumps(parameters) if parameters else None
        headers = {"Content-Type": "application/json"} if body else {}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read(MAX_ANSWER_BYTES)
            left = response.length
        except TimeoutError:
            raise self._unreachable(f"no answer in {limit:g} s") from None
        except ssl.SSLError as error:
            raise self._unreachable(_tls_trouble(error)) from None
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from None
        except http.client.HTTPException:
            raise self._unreachable("what answers is no mysqlproxy") from None
        finally:
            connection.close()
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if left or not isinstance(content, dict):
            raise self._unreachable("what answers is no mysqlproxy")
        return Reply(response.status, content)

    def _unreachable(self, why: str) -> UnreachableError:
        return UnreachableError(f"no proxy can be reached at {self._place}: {why}")


def _tls_trouble(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, limit: float) -> None:
        super().__init__("localhost", timeout=limit)
        self._path = path
        self._limit = limit

    def connect(self) -> None:
        """See `http.client.HTTPConnection`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._limit)
        self.sock.connect(self._path)


def _connection(
    place: Called, tls: ssl.SSLContext | None, limit: float
) -> http.client.HTTPConnection:
    if isinstance(place, AdminSocket):
        return _SocketConnection(place.path, limit)
    if tls is not None:
        return http.client.HTTPSConnection(place.host, place.port, timeout=limit, context=tls)
    return http.client.HTTPConnection(place.host, place.port, timeout=limit)
