"""Tests of `proxy.service.supervising.distant_proxy`."""

import attrs
import pytest

from tests.support.apart import Apart
from tests.support.assembling import make_config


@pytest.fixture
def proxy(shared):
    """A proxy as its supervisor has it."""
    apart = Apart(make_config(), shared).start()
    yield apart.distant.proxy
    apart.stop()


def test_it_has_what_is_asked_of_a_proxy_by_who_serves_nobody(proxy):
    """Its name, its users, and the pools that workers have."""
    assert proxy.config.name == "shop"
    assert proxy.credentials.known("app").passwords == ("secret",)
    assert [*proxy.pools.by_address()] == ["db1"]
    assert proxy.pool is proxy.pools.by_address()["db1"]
    assert proxy.pool.facts is None
    proxy.count = 7
    assert repr(proxy) == "<DistantProxy 'shop' 7 clients>"


def test_it_goes_by_another_configuration(proxy):
    """As soon as it is told."""
    fresh = attrs.evolve(proxy.config, max_clients=7)
    proxy.reconfigure(fresh)
    assert proxy.config is fresh
