"""A stand-in for the admin API: the dashboard's real files, before a made-up process."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from proxy.admin.call import CallRefusedError
from proxy.admin.files import INDEX, Files
from tests.dashboard.scene import Scene

Act = Callable[[Mapping[str, Any]], tuple[HTTPStatus, Mapping[str, Any]]]


@attrs.define(eq=False, kw_only=True)
class StandIn:
    """Serves the page on a port of its own.

    Attributes:
        scene: What it shows.
        token: That it wants; empty where it wants none.
        missing: Last parts of paths that it does not know.
        acts: What comes of a POST, by its path; any other is done at once.
        asked: The paths of all calls so far, POSTs with their bodies.
        port: Where it listens; the same after `leave` and `come_back`.
    """

    scene: Scene = attrs.field(factory=Scene)
    token: str = ""
    missing: set[str] = attrs.field(factory=set)
    acts: dict[str, Act] = attrs.field(factory=dict)
    asked: list[tuple[str, Any]] = attrs.field(factory=list)
    port: int = 0
    files: Files = attrs.field(factory=Files)
    _server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.port}/"

    def come_back(self) -> None:
        """Listen."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.stand_in = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,)).start()

    def leave(self) -> None:
        """Listen no more, as a process that has died."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def posts(self) -> list[tuple[str, Any]]:
        """The POSTs so far: their paths and bodies."""
        return [(path, body) for path, body in self.asked if body is not None]

    def see(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        """The answer to a GET; None where there is none."""
        scene, last = self.scene, path.rpartition("/")[2]
        if last in self.missing:
            return None
        if path == "/v1/overview":
            return scene.overview()
        if path == "/v1/history":
            return scene.history()
        if path == "/v1/events":
            return scene.events(int(query["after"]))
        if last == "digests":
            return scene.digests()
        if last == "pins":
            return scene.pins()
        return scene.client_list(int(query["limit"])) if last == "clients" else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if not place.path.startswith("/v1/"):
            self._send_file(place.path)
            return
        query = {name: values[-1] for name, values in parse_qs(place.query).items()}
        self._stand_in.asked.append((place.path, None))
        if self._is_known():
            found = self._stand_in.see(place.path, query)
            self._send(
                HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, found or {"error": "nothing"}
            )

    def do_POST(self) -> None:
        path = unquote(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._stand_in.asked.append((path, body))
        if not self._is_known():
            return
        if not self._stand_in.scene.may_act:
            self._send(HTTPStatus.FORBIDDEN, {"error": "a VIEWER may only look"})
            return
        act = self._stand_in.acts.get(path)
        self._send(*(act(body) if act else (HTTPStatus.OK, {"done": True})))

    @property
    def _stand_in(self) -> StandIn:
        return self.server.stand_in  # type: ignore[attr-defined, no-any-return]

    def _is_known(self) -> bool:
        token = self._stand_in.token
        if not token or self.headers["Authorization"] == f"Bearer {token}":
            return True
        self._send(HTTPStatus.UNAUTHORIZED, {"error": "the token is not one of admin.tokens"})
        return False

    def _send_file(self, path: str) -> None:
        try:
            name = INDEX if path == "/" else path.removeprefix("/assets/")
            written = self._stand_in.files.answer(name, "")
        except CallRefusedError:
            self._send(HTTPStatus.NOT_FOUND, {"error": "there is no such file"})
            return
        headers = {"Content-Type": written.media_type, **written.headers}
        self._answer(written.status, written.body, headers)

    def _send(self, status: HTTPStatus, content: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        self._answer(status, json.dumps(content).encode(), headers)

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        with contextlib.suppress(ConnectionError):  # the page may have gone on already
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests look at what was asked."""


@contextlib.contextmanager
def standing_in(**settings: Any) -> Iterator[StandIn]:
    """One that listens for the length of a block."""
    stand_in = StandIn(**settings)
    stand_in.come_back()
    try:
        yield stand_in
    finally:
        stand_in.leave()
