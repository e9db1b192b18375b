"""A server in a container, where a container engine runs and testcontainers is installed."""

import importlib
import importlib.util
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

import attrs
import pymysql

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import EmbeddedError, ServerFailedError
from proxy.embedded.server import STOP_LIMIT_SECONDS, Server, free_port
from proxy.embedded.settings import settings_for

IMAGES = {Flavor.MYSQL: "mysql:9", Flavor.MARIADB: "mariadb:11"}
"""The official images; the number is the newest major version that was tried."""

_PORT = 3306
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_ENGINE_LIMIT_SECONDS = 2
_READY_LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.2

_NOT_IN_CONTAINERS = ("bind-address",)
"""A container's server must listen beyond its own loopback interface."""


class NoEngineError(EmbeddedError):
    """No container engine answers, or testcontainers is not installed."""


@attrs.define(eq=False, kw_only=True)
class ContainerServer(Server):
    """A server in a container; testcontainers' reaper removes it when this process dies."""

    _container: Any = attrs.field(repr=False)

    def is_running(self) -> bool:
        """Whether the container runs."""
        self._container.reload()
        return bool(self._container.status == "running")

    def start(self) -> None:
        """Start the stopped container again and wait until it serves."""
        self._container.start()
        self.wait_until_ready()

    def stop(self, limit_seconds: float = STOP_LIMIT_SECONDS) -> None:
        """Ask the server to finish, and kill it after the limit; its data stay."""
        self._container.stop(timeout=int(limit_seconds))

    def kill(self) -> None:
        """End the server at once, as a crash would; its data stay."""
        self._container.kill()

    def close(self) -> None:
        """End the server at once and remove its data."""
        self._container.remove(force=True, v=True)

    def wait_until_ready(self) -> None:
        """
        Wait until the server takes logins over TCP.

        Raises:
            ServerFailedError: it does not in time, or its container ended.
        """
        deadline = time.monotonic() + _READY_LIMIT_SECONDS
        while True:
            try:
                self.version = str(self.execute("SELECT VERSION()")[0][0])
            except pymysql.err.OperationalError as error:
                if time.monotonic() > deadline or not self.is_running():
                    raise ServerFailedError(
                        f"The {self.flavor.title} container does not serve: {error}."
                    ) from error
                time.sleep(_POLL_SECONDS)
            else:
                return


def start_container(
    flavor: Flavor, progress: Callable[[str], None], *, max_connections: int = 300
) -> ContainerServer:
    """
    Start a server in a container, its port published on the loopback interface.

    Args:
        flavor: which family is wanted.
        progress: is told what takes time.
        max_connections: the server's own limit of clients.

    Raises:
        NoEngineError: there is nothing to run containers with; said within seconds.
        ServerFailedError: the container does not serve.
    """
    _demand_engine()
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - optional

    password = secrets.token_urlsafe(12)
    settings = settings_for(flavor, max_connections)
    options = [f"--{k}={v}" for k, v in settings.items() if k not in _NOT_IN_CONTAINERS]
    progress(f"starting a container of {IMAGES[flavor]}")
    body: Any = DockerContainer(IMAGES[flavor]).with_command(options)
    body.with_env("MYSQL_ROOT_PASSWORD", password).with_env("MYSQL_ROOT_HOST", "%")
    # A port of our choice: one chosen by the engine changes when the container is restarted.
    port = free_port()
    body.ports[f"{_PORT}/tcp"] = ("127.0.0.1", port)
    try:
        body.start()
        server = ContainerServer(
            flavor=flavor,
            host="127.0.0.1",
            port=port,
            password=password,
            container=body.get_wrapped_container(),
        )
        server.wait_until_ready()
    except ServerFailedError:
        body.stop()
        raise
    except Exception as error:
        # testcontainers lets the errors of docker, requests and urllib3 through.
        body.stop()
        raise ServerFailedError(f"{IMAGES[flavor]} could not be started: {error}.") from error
    return server


def _demand_engine() -> None:
    if importlib.util.find_spec("testcontainers") is None:
        raise NoEngineError("testcontainers is not installed.")
    kind, _, path = os.environ.get("DOCKER_HOST", _DEFAULT_ENGINE).partition("://")
    # docker-py leaves its Unix socket open when nobody listens: ask without it first.
    with socket.socket(socket.AF_UNIX) as probe:
        if kind == "unix" and probe.connect_ex(path) != 0:
            raise NoEngineError("No container engine answers.")
    # By name: it comes with the optional testcontainers, and has no types of its own.
    docker = importlib.import_module("docker")
    try:
        client = docker.from_env(timeout=_ENGINE_LIMIT_SECONDS)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, OSError) as error:
        raise NoEngineError("No container engine answers.") from error
