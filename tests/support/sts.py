"""A scripted STS: says who signed a request, if it knows the key and the signature is right."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from proxy.credentials.iam.arn import account_of
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.sts import LOGIN_HEADER, read_sts_token
from tests.support.tokens import Key


class Sts(ThreadingHTTPServer):
    """Listens on a port of its own.

    Attributes:
        asked: How many questions came.
    """

    def __init__(self, *keys: Key) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.keys = {key.number: key for key in keys}
        self.asked = 0

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.server_port}"


class _Question(BaseHTTPRequestHandler):
    server: Sts

    def do_GET(self) -> None:
        self.server.asked += 1
        host, login = self.headers["Host"], self.headers[LOGIN_HEADER]
        # The end of a token is not sent; any will do to read the rest of it.
        token = read_sts_token(f"{host}{self.path}#localhost:1")
        key = None
        if not isinstance(token, Refused):
            key = self.server.keys.get(token.presigned.access_key_id)
        if key is None or isinstance(token, Refused):
            self._answer(403, {"Error": {"Code": "InvalidClientTokenId"}})
        elif token.presigned.is_signed_with(key.secret, {"host": host, LOGIN_HEADER: login}):
            identity = {
                "Arn": key.principal,
                "Account": account_of(key.principal),
                "UserId": "AIDAJQABLZS4A3QDU576Q",
            }
            result = {"GetCallerIdentityResult": identity}
            self._answer(200, {"GetCallerIdentityResponse": result})
        else:
            self._answer(403, {"Error": {"Code": "SignatureDoesNotMatch"}})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def scripted_sts(*keys: Key) -> Iterator[Sts]:
    """Serve for the length of a block."""
    with Sts(*keys) as sts:
        serving = threading.Thread(target=sts.serve_forever)
        serving.start()
        try:
            yield sts
        finally:
            sts.shutdown()
            serving.join()
