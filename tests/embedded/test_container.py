import pytest

from proxy.embedded import Flavor, ServerFailedError
from proxy.embedded import container as container_module
from proxy.embedded.container import ContainerServer, NoEngineError, start_container


class Body:
    """Stands in for docker-py's container and records what it is told."""

    def __init__(self, status="running"):
        self.status = status
        self.told = []

    def __getattr__(self, name):
        return lambda **options: self.told.append((name, options))


def server_in(body, port=1, password="x"):
    return ContainerServer(
        flavor=Flavor.MYSQL, host="127.0.0.1", port=port, password=password, container=body
    )


def test_machine_without_an_engine_is_told_so(monkeypatch):
    """Where no engine listens the answer is one sentence."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(NoEngineError, match="No container engine answers"):
        start_container(Flavor.MYSQL, print)


def test_engine_elsewhere_is_asked_by_its_library(monkeypatch):
    """An engine behind TCP that does not answer is no engine either."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(NoEngineError, match="No container engine answers"):
        start_container(Flavor.MYSQL, print)


def test_missing_library_is_told_apart_from_a_missing_engine(monkeypatch):
    """Without testcontainers there is nothing to ask an engine with."""
    monkeypatch.setattr(container_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(NoEngineError, match="testcontainers is not installed"):
        start_container(Flavor.MYSQL, print)


def test_verbs_of_a_server_are_those_of_its_container():
    """Stop asks, kill does not, close removes the data as well."""
    body = Body()
    server = server_in(body)
    server.stop(limit_seconds=3)
    server.kill()
    server.close()
    assert body.told == [
        ("stop", {"timeout": 3}),
        ("kill", {}),
        ("remove", {"force": True, "v": True}),
    ]


def test_server_runs_while_its_container_does():
    """The engine is asked anew each time."""
    body = Body()
    server = server_in(body)
    assert server.is_running()
    body.status = "exited"
    assert not server.is_running()
    assert [name for name, _ in body.told] == ["reload", "reload"]


def test_container_that_ended_is_not_waited_for():
    """A container that exits while starting is told at once, not at the deadline."""
    with pytest.raises(ServerFailedError, match="MySQL container does not serve"):
        server_in(Body(status="exited")).start()


@pytest.mark.live
def test_server_is_ready_when_it_takes_logins(mysql_server):
    """The version is what the server answers to the first login."""
    server = server_in(Body(), mysql_server.port, mysql_server.password)
    server.start()
    assert server.version == mysql_server.version
    assert server.pid is None
    assert server.socket_path is None


class Recipe:
    """Stands in for testcontainers' DockerContainer around a server that runs already."""

    made = None

    def __init__(self, image):
        self.image, self.ports, self.env, self.told = image, {}, {}, []
        Recipe.made = self

    def with_command(self, command):
        """Keep the command."""
        self.command = command
        return self

    def with_env(self, name, value):
        """Keep a variable."""
        self.env[name] = value
        return self

    def start(self):
        """Fail where there is no image."""
        if self.image == "broken":
            raise RuntimeError("no such image")

    def stop(self):
        """Record it."""
        self.told.append("stop")

    def get_wrapped_container(self):
        """Give docker-py's container, which ended if it is mute."""
        return Body("running" if self.image != "mute" else "exited")


@pytest.fixture
def recipe(monkeypatch):
    """Testcontainers with an engine that has our stand-in for containers."""
    from testcontainers.core import container as library

    monkeypatch.setattr(library, "DockerContainer", Recipe)
    monkeypatch.setattr(container_module, "_demand_engine", lambda: None)
    return Recipe


@pytest.mark.live
def test_container_gets_a_fixed_loopback_port_and_the_usual_settings(
    recipe, mysql_server, monkeypatch
):
    """The port is ours to choose, so that it stays when the container is restarted."""
    monkeypatch.setattr(container_module, "free_port", lambda: mysql_server.port)
    monkeypatch.setattr(
        container_module.secrets, "token_urlsafe", lambda _: mysql_server.password
    )
    server = start_container(Flavor.MYSQL, print, max_connections=55)
    assert recipe.made.image == "mysql:9"
    assert recipe.made.ports == {"3306/tcp": ("127.0.0.1", mysql_server.port)}
    assert "--max-connections=55" in recipe.made.command
    assert not [word for word in recipe.made.command if "bind-address" in word]
    assert recipe.made.env["MYSQL_ROOT_PASSWORD"] == mysql_server.password
    assert server.version == mysql_server.version


@pytest.mark.parametrize(
    ("image", "said"), [("broken", "no such image"), ("mute", "does not serve")]
)
def test_container_that_fails_is_removed(recipe, monkeypatch, image, said):
    """Whatever goes wrong is our own error, and the container does not stay."""
    monkeypatch.setitem(container_module.IMAGES, Flavor.MYSQL, image)
    with pytest.raises(ServerFailedError, match=said):
        start_container(Flavor.MYSQL, print)
    assert recipe.made.told == ["stop"]
