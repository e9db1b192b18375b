"""Tests of `proxy.pool.limits`."""

from proxy.config.pool import ConnectionPoolConfig
from proxy.policy.lease import Limits
from proxy.pool.limits import CONNECTIONS_UNTIL_KNOWN, limits_of


def test_one_connection_until_the_target_has_told_its_limit():
    """Whatever the configuration allows."""
    limits = limits_of(ConnectionPoolConfig(max_connections=50), None)
    assert (limits.connections, limits.idle) == (CONNECTIONS_UNTIL_KNOWN,) * 2


def test_all_limits_come_from_the_configuration():
    """Per cent are of the target's own limit."""
    config = ConnectionPoolConfig(
        max_connections_percent=50,
        max_connection_age=60,
        max_waiting=7,
        max_waiting_bytes=1 << 20,
    )
    assert limits_of(config, 100) == Limits(50, 25, age=60, waiting=7, waiting_bytes=1 << 20)
