"""
A stand-in for AWS on this machine: moto's server, with Secrets Manager, STS, IAM and KMS.

It needs no account, takes any credentials, checks no signature, and keeps all in memory.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs

from proxy.embedded.errors import ServerFailedError, ServerNotFoundError
from proxy.embedded.process import GuardedProcess
from proxy.embedded.server import free_port
from proxy.embedded.template import last_words

START_LIMIT_SECONDS = 60.0
"""It takes one or two seconds; a busy machine takes longer to import all of moto."""

STOP_LIMIT_SECONDS = 5.0
"""It has nothing to save."""

REGION = "eu-central-1"
"""Where its clients are; moto has every region."""

_HOST = "127.0.0.1"
_PORT_ATTEMPTS = 5
_POLL_SECONDS = 0.05
_PROBE_LIMIT_SECONDS = 5.0
_PORT_TAKEN = "Address already in use"
_LISTENS = "Running on http"
"""Its own word that it has the port: something else might answer there."""

_FAKE_KEY = "testing"

_OWN = (None, None, None, None)
_NO_FILE = (None, None, os.devnull, None)
_ALONE = {"profile": _OWN, "config_file": _NO_FILE, "credentials_file": _NO_FILE}
"""botocore's variables, so that a client looks at no AWS configuration of this machine."""


class AwsPortTakenError(ServerFailedError):
    """Another process took the port between its choice and the server's start."""


@attrs.define(eq=False, kw_only=True)
class AwsServer:
    """
    A running stand-in for AWS. As a context manager it is closed at the end of the block.

    Attributes:
        port: the TCP port; it stays the same when the server is stopped and started.
        folder: holds its log; only this user can enter it.
    """

    port: int
    folder: Path
    _process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def endpoint_url(self) -> str:
        """The address of every service."""
        return f"http://{_HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """What it printed: a line for each request."""
        return self.folder / "aws.log"

    def client(self, service: str, region: str = REGION) -> Any:
        """
        A client of boto3 for a service, such as ``secretsmanager``.

        It has credentials made up for it, and reads none of this machine. Close it after use.
        """
        # Only who starts the stand-in needs them, and they take half a second to import.
        import boto3.session  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
        import botocore.session  # type: ignore[import-untyped]  # noqa: PLC0415 - see above

        session = boto3.session.Session(botocore_session=botocore.session.Session(_ALONE))
        return session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=_FAKE_KEY,
            aws_secret_access_key=_FAKE_KEY,
        )

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.is_running()

    def start(self) -> None:
        """
        Start it, again on the same port, and wait until it answers.

        Raises:
            AwsPortTakenError: somebody else listens on its port by now.
            ServerFailedError: it ended again or does not answer in time.
        """
        if self.is_running():
            return
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        command = (sys.executable, "-m", "moto.server", "-H", _HOST, "-p", str(self.port))
        self._process = GuardedProcess.start(
            command,
            log=self.log_path,
            folder=self.folder,
            limit_seconds=STOP_LIMIT_SECONDS,
        )
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not (_LISTENS in self._said(log_start) and self._answers()):
            if not self._process.is_running():
                raise self._failure("ended while starting", log_start)
            if time.monotonic() > deadline:
                self._process.kill()
                raise self._failure(
                    f"did not answer within {START_LIMIT_SECONDS:.0f} s", log_start
                )
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it; all that was in it is lost. It can be started again."""
        if self._process is not None:
            self._process.stop(STOP_LIMIT_SECONDS)

    def close(self) -> None:
        """End it and remove its log."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        # Not by way of a proxy that the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.endpoint_url}/moto-api/", timeout=_PROBE_LIMIT_SECONDS).close()
        except OSError:
            return False
        return True

    def _said(self, log_start: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(log_start)
            return log.read().decode("utf-8", "replace")

    def _failure(self, what: str, log_start: int) -> ServerFailedError:
        text = self._said(log_start)
        kind = AwsPortTakenError if _PORT_TAKEN in text else ServerFailedError
        return kind(f"moto's server {what}; its log says:\n{last_words(text)}")


def start_aws() -> AwsServer:
    """
    Start a stand-in for AWS on a free port of 127.0.0.1.

    Raises:
        ServerNotFoundError: moto is not installed; the text says how to get it.
        ServerFailedError: it did not start; its last words are told.
    """
    for name in ("moto", "flask"):
        if importlib.util.find_spec(name) is None:
            raise ServerNotFoundError(
                f"The stand-in for AWS needs moto's server, and {name} is not installed: "
                "pip install 'mysqlproxy[test]'"
            )
    folder = Path(tempfile.mkdtemp(prefix="mysqlproxy-aws-"))
    try:
        return _started(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _started(folder: Path) -> AwsServer:
    for attempt in range(_PORT_ATTEMPTS):
        server = AwsServer(port=free_port(), folder=folder)
        try:
            server.start()
        except AwsPortTakenError:
            if attempt + 1 == _PORT_ATTEMPTS:
                raise
        except BaseException:
            server.close()
            raise
        else:
            return server
    raise AssertionError  # the last attempt returned or raised
