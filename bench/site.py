"""What all that are compared have in common: one server, one account, one certificate."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from bench.encryption import Certificates
from proxy.embedded import Flavor, Server, start_local_server
from proxy.embedded.certificates import KeyKind

USER: Final = "bench"
PASSWORD: Final = "bench-secret"
SCHEMA: Final = "bench"

MAX_CLIENTS: Final = 4096
"""Room for the clients of every work, in the server and in each peer."""


@attrs.frozen
class Site:
    """Where a bench is held.

    Attributes:
        server: with the account and its empty schema.
        certificates: what the server shows, and proxies that end TLS.
        folder: for all files; goes with the server.
    """

    server: Server
    certificates: Certificates
    folder: Path


@contextlib.contextmanager
def site(key_kind: KeyKind = KeyKind.RSA) -> Iterator[Site]:
    """A MySQL server of its own for the time of the block.

    Args:
        key_kind: of the certificate; RSA is what MySQL makes for itself.

    Raises:
        EmbeddedError: there is no server to start.
    """
    with tempfile.TemporaryDirectory(prefix="mysqlproxy-bench-") as name:
        folder = Path(name)
        certificates = Certificates.make(folder / "certificates", key_kind)
        with start_local_server(
            Flavor.MYSQL, max_connections=MAX_CLIENTS, tls=certificates.server
        ) as server:
            server.execute(f"CREATE DATABASE {SCHEMA}")
            server.create_user(USER, PASSWORD)
            yield Site(server, certificates, folder)
