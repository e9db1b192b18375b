import attrs
import pytest

from proxy.config.pool import ConnectionPoolConfig, PinningFilter
from proxy.config.rules import UnfitError


def test_defaults_are_those_of_rds_proxy():
    """Where RDS Proxy has a setting, its default is ours."""
    pool = ConnectionPoolConfig()
    assert pool.max_connections_percent == 100
    assert pool.max_idle_connections_percent is None
    assert pool.connection_borrow_timeout == 120
    assert pool.session_pinning_filters == ()
    assert pool.init_query is None
    assert pool.max_connection_age == 24 * 3600


def test_commands_that_wait_are_bounded_in_bytes():
    """Some large ones may wait, and a bound that no command fits into is none."""
    mib = 1024 * 1024
    assert ConnectionPoolConfig().max_waiting_bytes == 256 * mib
    for allowed in (mib, mib * mib):
        assert ConnectionPoolConfig(max_waiting_bytes=allowed).max_waiting_bytes == allowed
    for refused in (mib - 1, mib * mib + 1):
        with pytest.raises(UnfitError, match="max_waiting_bytes must be"):
            ConnectionPoolConfig(max_waiting_bytes=refused)


def test_filters_of_pins_are_written_by_name():
    """RDS Proxy's filter and the finer ones are taken, and any other name is not."""
    names = ["EXCLUDE_VARIABLE_SETS", "EXCLUDE_ROUTINES"]
    rule = attrs.fields(ConnectionPoolConfig).session_pinning_filters.validator
    assert rule.read(names) == (
        PinningFilter.EXCLUDE_VARIABLE_SETS,
        PinningFilter.EXCLUDE_ROUTINES,
    )
    with pytest.raises(UnfitError, match="EXCLUDE_SEQUENCES"):
        rule.read(["EXCLUDE_NAMED_LOCKS"])


def test_pins_last_as_long_as_they_like_unless_said_otherwise():
    """`max_pinned_seconds` is off by default, and no limit is below a second."""
    assert ConnectionPoolConfig().max_pinned_seconds is None
    assert ConnectionPoolConfig(max_pinned_seconds=1.5).max_pinned_seconds == 1.5
    with pytest.raises(UnfitError, match="max_pinned_seconds must be"):
        ConnectionPoolConfig(max_pinned_seconds=0)


@pytest.mark.parametrize(
    ("pool", "limit", "idle"),
    [
        (ConnectionPoolConfig(), 1000, 500),
        (ConnectionPoolConfig(max_connections_percent=80), 800, 400),
        (
            ConnectionPoolConfig(max_connections_percent=80, max_idle_connections_percent=10),
            800,
            100,
        ),
        (ConnectionPoolConfig(max_connections=8), 8, 4),
        (ConnectionPoolConfig(max_connections=8, max_idle_connections_percent=100), 8, 8),
        (ConnectionPoolConfig(max_connections=8, max_idle_connections_percent=0), 8, 0),
        (ConnectionPoolConfig(max_connections=5000), 1000, 500),
    ],
)
def test_limits_follow_the_target(pool, limit, idle):
    """Percentages count from the target's own max_connections, and the smaller limit holds."""
    assert pool.connection_limit(1000) == limit
    assert pool.idle_limit(1000) == idle


def test_a_small_percentage_leaves_one_connection():
    """A share below one connection is one, or nobody would ever be served."""
    assert ConnectionPoolConfig(max_connections_percent=1).connection_limit(10) == 1
