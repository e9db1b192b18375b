"""A proxy for these measurements: few backends, a short patience, or a limit on clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import attrs
import yaml

from bench import peers, tools
from bench.encryption import Tls
from bench.peers import Order, Peer, Running
from bench.report import OURS
from bench.site import PASSWORD, USER, Site

_START_CLIENTS: Final = 1


@attrs.frozen
class Settings:
    """What differs between measurements.

    Attributes:
        backends: `max_connections`.
        borrow_timeout: `connection_borrow_timeout`, in seconds.
        max_clients: as its setting.
        tls: whether clients are offered TLS.
        workers: as its setting; each has a queue of its own.
    """

    backends: int
    borrow_timeout: float = 120.0
    max_clients: int = 10_000
    tls: bool = False
    workers: int = 1


def _configure(settings: Settings, program: tools.Program, order: Order) -> tuple[str, ...]:
    files = order.certificates.server
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    address = f"{order.server.host}:{order.server.port}"
    proxy = {
        "name": "bench",
        "auth": [{"username": USER, "password": PASSWORD, "client_password_auth_type": None}],
        "max_clients": settings.max_clients,
        "tls": {"certificates": [shown] if settings.tls else []},
        "target_group": {
            "targets": [{"address": address}],
            "tls": {"mode": "disabled"},
            "connection_pool_config": {
                "max_connections": settings.backends,
                "connection_borrow_timeout": settings.borrow_timeout,
            },
        },
        "endpoints": [
            {"name": "bench", "listen": f"tcp:{order.port}:interface=127.0.0.1"},
        ],
    }
    document = {
        "proxies": [proxy],
        "workers": settings.workers,
        "log": {"level": "warning"},
        "drain_timeout": 1,
    }
    path = order.folder / "mysqlproxy.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    path.chmod(0o600)
    return (*program.command, "run", "--config", str(path))


@contextmanager
def serving(here: Site, program: tools.Program, settings: Settings) -> Iterator[Running]:
    """A proxy with these settings for the time of the block.

    Raises:
        PeerFailedError: it did not start.
    """
    peer = Peer(OURS, True, lambda: program, partial(_configure, settings))
    tls = Tls.CLIENTS if settings.tls else Tls.NOWHERE
    running = peers.start(peer, program, here, settings.backends, _START_CLIENTS, tls)
    try:
        yield running
    finally:
        running.close()
