"""What the live tests share: a proxy in front of a real server, for one test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.embedded import Server
from tests.support.process import RunningProxy, running_proxy


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RunningProxy]]:
    """
    Serve a server through a proxy: ``serve(server, pool={"max_connections": 8})``.

    The settings are those of `tests.support.process.running_proxy`.  The proxies end with the
    test, which fails when one of them made a mistake.
    """
    with contextlib.ExitStack() as running:
        count = 0

        def start(server: Server, **settings: Any) -> RunningProxy:
            nonlocal count
            count += 1
            folder = tmp_path / f"proxy-{count}"
            return running.enter_context(running_proxy(server, folder, **settings))

        yield start
