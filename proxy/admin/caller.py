"""The other side of the admin API: how commands reach the running proxy."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import attrs

from proxy.config.admin import AdminPort, AdminSocket

ANSWER_SECONDS = 10.0
"""How long the proxy may take to answer what needs no waiting: its reactor may be busy."""

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""A thousand proxies with a hundred targets each stay below."""


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


def path_of(*segments: str) -> str:
    """The path of a call below /v1, with percent signs where they are needed."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


class AdminCaller:
    """Calls the admin API at one place.

    Args:
        place: Where it listens.
    """

    def __init__(self, place: AdminSocket | AdminPort) -> None:
        self._place = place

    def get(self, *segments: str) -> Reply:
        """See something.

        Raises:
            UnreachableError: there is no answer.
        """
        return self._call("GET", path_of(*segments), None, ANSWER_SECONDS)

    def post(self, *segments: str, timeout_seconds: float = 0.0, **parameters: object) -> Reply:
        """Do something.

        Args:
            segments: Of the path.
            timeout_seconds: How long the proxy has been told to wait for its end.
            parameters: For the body.

        Raises:
            UnreachableError: there is no answer.
        """
        limit = timeout_seconds + ANSWER_SECONDS
        return self._call("POST", path_of(*segments), parameters, limit)

    def _call(
        self, method: str, path: str, parameters: Mapping[str, object] | None, limit: float
    ) -> Reply:
        connection = _connection(self._place, limit)
        body = json.dumps(parameters) if parameters else None
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read(MAX_ANSWER_BYTES)
            left = response.length
        except TimeoutError:
            raise self._unreachable(f"no answer in {limit:g} s") from None
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


def _connection(place: AdminSocket | AdminPort, limit: float) -> http.client.HTTPConnection:
    if isinstance(place, AdminSocket):
        return _SocketConnection(place.path, limit)
    return http.client.HTTPConnection(place.host, place.port, timeout=limit)
