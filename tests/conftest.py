"""What all tests share: real servers, each started once per run and on first use."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from proxy.embedded import Flavor, Server, start_server

# How long an example takes says more of the machine, and of what else it does, than of it.
settings.register_profile(
    "timeless", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("timeless")

APP_GRANTS = ("ALL PRIVILEGES ON `shop`.*", "ALL PRIVILEGES ON `test%`.*")
ADMIN_GRANTS = ("ALL PRIVILEGES ON *.* WITH GRANT OPTION",)


def prepared(flavor: Flavor) -> Iterator[Server]:
    """A running server with the schema and the accounts that all tests know."""
    with start_server(flavor) as server:
        server.execute("CREATE DATABASE shop")
        server.create_user("app", "app-secret-1", grants=APP_GRANTS)
        server.create_user("admin", "admin-secret-1", grants=ADMIN_GRANTS)
        yield server


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[Server]:
    """
    A running MySQL with the schema ``shop``.

    The account ``app`` (``app-secret-1``) has all privileges on ``shop`` and on schemas
    whose names begin with ``test``; ``admin`` (``admin-secret-1``) has all there are.
    """
    yield from prepared(Flavor.MYSQL)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A running MariaDB, prepared like `mysql_server`."""
    yield from prepared(Flavor.MARIADB)


@pytest.fixture(scope="session", params=list(Flavor), ids=lambda flavor: flavor.value)
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each flavor in turn: a test with this fixture runs once on MySQL, once on MariaDB."""
    server = request.getfixturevalue(f"{request.param.value}_server")
    assert isinstance(server, Server)
    return server
