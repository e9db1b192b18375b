"""A proxy in a process of its own in front of a scripted server."""

import contextlib

import pytest

from tests.support.loopback import ScriptedServer
from tests.support.process import running_proxy


@pytest.fixture
def server():
    """A scripted server that gives in to every KILL."""
    with ScriptedServer() as server:
        server.routines[b"KILL"] = lambda side: [side.ok()]
        yield server


@pytest.fixture
def serve(server, tmp_path):
    """A function that starts a proxy with given settings in front of the server."""
    with contextlib.ExitStack() as stack:

        def start(**settings):
            pool = {
                name: settings.pop(name)
                for name in ("connection_borrow_timeout", "connect_timeout", "max_connections")
                if name in settings
            }
            proxy = running_proxy(
                server, tmp_path, accounts={"app": "secret"}, pool=pool, settings=settings
            )
            return stack.enter_context(proxy)

        yield start


@pytest.fixture
def proxy(serve):
    """A proxy with two connections at most."""
    return serve(max_connections=2)
