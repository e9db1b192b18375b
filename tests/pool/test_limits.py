"""Tests of `proxy.pool.limits`."""

import pytest

from proxy.config.pool import ConnectionPoolConfig
from proxy.policy.lease import Limits
from proxy.pool.limits import CONNECTIONS_UNTIL_KNOWN, Allowance, limits_of, part_of
from tests.support.book import book, idle


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


@pytest.mark.parametrize(
    ("share", "limit", "dialing"), [(0, 0, 4), (1, 0, 4), (3, 1, 10), (5, 2, 16), (10, 5, 32)]
)
def test_a_part_has_idle_connections_and_dials_in_proportion(share, limit, dialing):
    """All parts together have no more idle ones than the whole."""
    whole = Limits(10, 5, waiting=7)
    assert part_of(whole, share) == Limits(share, limit, waiting=7, dialing=dialing)


def test_a_pool_has_everything_until_it_shares():
    """Then what it is told, whatever becomes of the whole."""
    config = ConnectionPoolConfig(max_connections=8)
    ledger = book(1, 1)
    allowance = Allowance(ledger, config)
    allowance.learned(100)
    assert (ledger.limits.connections, allowance.whole.connections) == (8, 8)
    assert repr(allowance) == "<Allowance all of 8>"
    allowance.cap(3)
    assert (ledger.limits.connections, ledger.limits.idle) == (3, 1)
    allowance.reconfigure(ConnectionPoolConfig(max_connections=20))
    assert (ledger.limits.connections, ledger.limits.idle) == (3, 1)
    assert repr(allowance) == "<Allowance 3 of 20>"


def test_only_another_limit_of_the_target_is_news():
    """And only what this process has learned by itself."""
    news, ledger = [], book(1, 1)
    allowance = Allowance(ledger, ConnectionPoolConfig())
    allowance.on_learned = lambda: news.append(allowance.max_connections)
    for limit in (100, 100, 150):
        allowance.learned(limit)
    for limit in (150, 200):
        allowance.learn(limit)
    assert news == [100, 150]
    assert ledger.limits.connections == 200


def test_the_same_share_changes_nothing():
    """What was found out about connections that are too many stays known."""
    ledger = book(2, 1)
    allowance = Allowance(ledger, ConnectionPoolConfig())
    idle(ledger)
    allowance.cap(0)
    limits = ledger.limits
    allowance.cap(0)
    assert ledger.limits is limits


def test_what_shall_not_rest_does_not_whatever_else_changes():
    """Neither another share, nor another configuration, nor news of the target undo it."""
    ledger = book(1, 1)
    allowance = Allowance(ledger, ConnectionPoolConfig(max_connections=60))
    allowance.learn(100)
    assert ledger.limits.idle > 0

    def now():
        limits = ledger.limits
        return limits.connections, limits.idle, limits.idle_after

    allowance.rest_no_longer(1.0)
    assert now() == (60, 0, 1.0)
    allowance.cap(50)
    assert now() == (50, 0, 1.0)
    allowance.cap(49)
    assert now() == (49, 0, 1.0)
    allowance.learn(40)
    assert now() == (49, 0, 1.0)
    allowance.reconfigure(ConnectionPoolConfig(max_connections=20))
    assert now() == (49, 0, 1.0)
    assert allowance.whole.idle > 0


def test_what_rests_too_long_is_closed_after_another_share():
    """By the next sweep, as one that is above the limit of idle ones."""
    ledger = book(4, 4)
    allowance = Allowance(ledger, ConnectionPoolConfig(max_connections=4))
    allowance.learn(100)
    idle(ledger)
    allowance.rest_no_longer(1.0)
    allowance.cap(3)
    ledger.sweep(0.5)
    assert ledger.idle_count == 1
    ledger.sweep(1.0)
    assert ledger.idle_count == 0
