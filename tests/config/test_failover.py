import attrs
import pytest

from proxy.config.failover import FailoverConfig, SplitBrain, Topology
from proxy.config.rules import UnfitError


def test_nothing_is_done_to_a_target_unless_said_so():
    """By default targets are looked at, and neither fenced nor found by the proxy itself."""
    failover = FailoverConfig()
    assert failover.monitor_username is None
    assert (failover.fence, failover.discover) == (False, False)
    assert failover.split_brain is SplitBrain.KEEP
    assert failover.instance_host_pattern is None


def test_a_frozen_target_is_noticed_within_three_seconds():
    """By default: a look after a second, and as many that fail as it takes to believe it."""
    failover = FailoverConfig()
    again = failover.unavailable_after - 1
    first = failover.probe_interval + failover.probe_timeout
    assert first + again * failover.doubt_interval < 3
    assert failover.available_after == 2


def test_readers_are_there_and_up_to_date_unless_said_otherwise():
    """The writer stands in for them, and nobody waits for its own commits."""
    failover = FailoverConfig()
    assert failover.fall_back_to_writer
    assert not failover.read_your_writes
    assert failover.read_your_writes_timeout == 1
    assert (failover.max_replica_lag, failover.slow_start) == (10, 10)


def test_changes_of_the_writer_are_damped_and_leave_time_to_finish():
    """Five seconds of either kind."""
    failover = FailoverConfig()
    assert (failover.min_switch_interval, failover.transaction_grace) == (5, 5)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("probe_interval", 0.1, 60),
        ("doubt_interval", 0.02, 10),
        ("probe_timeout", 0.05, 60),
        ("unavailable_after", 1, 100),
        ("available_after", 1, 100),
        ("min_switch_interval", 0, 3600),
        ("transaction_grace", 0, 300),
        ("max_replica_lag", 0, 86_400),
        ("slow_start", 0, 600),
        ("read_your_writes_timeout", 0, 60),
    ],
)
def test_numbers_stay_in_their_range(name, low, high):
    """Both ends are allowed, and what is beyond them is refused by name."""
    for value in (low, high):
        assert getattr(FailoverConfig(**{name: value}), name) == value
    for value in (low - 0.01, high + 1, "1", None):
        with pytest.raises(UnfitError, match=f"^{name} must be"):
            FailoverConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("monitor_username", ""),
        ("monitor_username", "x" * 129),
        ("split_brain", "BOTH"),
        ("fence", "yes"),
        ("discover", 1),
        ("fall_back_to_writer", None),
        ("read_your_writes", "no"),
    ],
)
def test_each_setting_has_a_rule(name, value):
    """What no monitor can do is refused by name."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        FailoverConfig(**{name: value})


@pytest.mark.parametrize("pattern", ["?.abc.eu-west-1.rds.amazonaws.com", "db-?", "?"])
def test_a_host_of_an_instance_is_a_name_with_one_gap(pattern):
    """An identifier takes the place of the question mark."""
    assert FailoverConfig(instance_host_pattern=pattern).instance_host_pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    ["", "shop.abc.rds.amazonaws.com", "?.?.rds.amazonaws.com", "?.abc:3306", "? .abc"],
)
def test_a_pattern_without_a_gap_is_none(pattern):
    """Nor with two, and the port does not belong to it."""
    with pytest.raises(UnfitError, match=r"^instance_host_pattern must be .* with one \?"):
        FailoverConfig(instance_host_pattern=pattern)


def test_topologies_are_written_by_name():
    """Each has a value that is its name, as a file has it."""
    assert [one.value for one in Topology] == [
        "STATIC",
        "REPLICATION",
        "GROUP_REPLICATION",
        "GALERA",
        "AURORA",
    ]
    assert all(one.value == one.name for one in (*Topology, *SplitBrain))


def test_values_are_frozen():
    """A configuration does not change: a change is a new configuration."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        FailoverConfig().fence = True
