"""Tests of `proxy.observe.sums`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.observe.counters import MOST_TARGETS, Counters
from proxy.observe.metrics_now import ProxyNow
from proxy.observe.sums import Sums, join
from proxy.observe.tally import OF_TARGET, ProxyTally
from tests.observe.tallying import PLACE, counted, flat, standing, target


def requests(sums):
    return sums.refresh().query_requests


def with_requests(number, clients=0):
    counters = Counters()
    plain = counters.endpoint("main").plain
    plain.requests, plain.clients = number, clients
    counters.endpoint("main").client_connections = clients
    return ProxyTally(counters)


def test_what_one_has_counted_is_the_sum():
    """Of all numbers, as it is."""
    sums = Sums()
    sums.take(1, ProxyTally(counted()))
    assert flat(sums.refresh()) == flat(counted())


def test_all_numbers_are_added_up():
    """Those of this process too."""
    sums = Sums(counted(1000))
    sums.take(1, ProxyTally(counted(1)))
    sums.take(2, ProxyTally(counted(100)))
    total, parts = flat(sums.refresh()), [flat(counted(start)) for start in (1000, 1, 100)]

    def check(total, *parts):
        for name, number in total.items():
            if isinstance(number, dict):
                check(number, *(part[name] for part in parts))
            elif isinstance(number, int) and name not in {
                "weight",
                "until_sample",
                "exact_left",
            }:
                assert number == sum(part[name] for part in parts), name

    check(total, *parts)
    assert sums.counters.statement_latency().count == 3
    assert sums.counters.database_latency().seconds == pytest.approx(
        sum(counted(start).database_latency().seconds for start in (1000, 1, 100))
    )


def test_the_sum_stays_one_object():
    """Whoever shows it need not ask for it anew."""
    sums = Sums()
    before = sums.counters
    sums.take(1, with_requests(3))
    assert sums.refresh() is before
    assert before.query_requests == 3


def test_what_was_counted_stays_when_a_process_is_gone():
    """Its clients do not."""
    sums = Sums()
    sums.take(1, with_requests(5, clients=2))
    sums.take(2, with_requests(7, clients=1))
    sums.leave(1)
    endpoint = sums.refresh().endpoint("main")
    assert (endpoint.query_requests, endpoint.client_connections) == (12, 1)
    assert endpoint.client_connections_no_tls == 1
    sums.take(1, with_requests(1, clients=1))
    assert requests(sums) == 13
    sums.leave(9)
    assert requests(sums) == 13


def test_what_begins_anew_goes_on():
    """A proxy that was taken out of the configuration and put back, for instance."""
    sums = Sums()
    sums.take(1, ProxyTally(counted(50)))
    before = requests(sums)
    sums.take(1, ProxyTally(counted(1)))
    total = sums.refresh()
    assert total.query_requests == before + counted(1).query_requests
    assert total.session_pins["get_lock"] == 55 + 6
    assert total.secret_fetches == 50 + 1
    sums.take(1, ProxyTally(Counters()))
    assert requests(sums) == before + counted(1).query_requests


def test_a_fallen_histogram_tells_as_well():
    """Where no other number has fallen."""
    sums, slow = Sums(), with_requests(5)
    slow.counters.endpoint("main").query_response_latency.add(1.0)
    sums.take(1, slow)
    sums.take(1, with_requests(5))
    assert requests(sums) == 10
    assert sums.counters.statement_latency().count == 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(1, 3), st.integers(0, 9)),
            st.tuples(st.integers(1, 3), st.none()),
        ),
        max_size=30,
    )
)
def test_no_counter_ever_falls(history):
    """Whatever processes come, go and begin anew."""
    sums, last = Sums(), 0
    for worker, number in history:
        if number is None:
            sums.leave(worker)
        else:
            sums.take(worker, with_requests(number, clients=number))
        assert requests(sums) >= last
        last = sums.counters.query_requests


def of_target(**fields):
    return ProxyTally(Counters(), standing(target(**fields)))


def test_targets_are_added_up():
    """Connections and counters; the longest wait is the longest one of them."""
    sums = Sums()
    first = {"database_connections": 3, "longest_wait_seconds": 0.5, "pool_held": True}
    sums.take(1, of_target(**first, max_database_connections_allowed=5))
    sums.take(2, of_target(start=100, database_connections=4, longest_wait_seconds=2.0))
    (seen,) = sums.now().targets
    assert (seen.database_connections, seen.longest_wait_seconds) == (7, 2.0)
    assert (seen.pool_held, seen.max_database_connections_allowed) == (True, 5)
    name = OF_TARGET[0]
    assert getattr(seen.counters, name) == 101


def test_what_happened_at_a_target_stays():
    """When a pool is gone, and when its process is."""
    sums, name = Sums(), OF_TARGET[0]
    sums.take(1, of_target(start=10))
    sums.take(1, ProxyTally(Counters()))
    assert getattr(sums.of_target(PLACE), name) == 10
    sums.take(1, of_target(start=3))
    assert getattr(sums.of_target(PLACE), name) == 13
    sums.take(1, of_target(start=2))
    assert getattr(sums.of_target(PLACE), name) == 15
    sums.leave(1)
    assert getattr(sums.of_target(PLACE), name) == 15
    assert getattr(sums.of_target("nowhere"), name) == 0


def test_targets_that_are_gone_are_forgotten_in_the_end():
    """A cluster whose addresses change for years takes no more memory for it."""
    sums, name = Sums(), OF_TARGET[0]
    for number in range(MOST_TARGETS + 1):
        sums.take(1, of_target(place=f"db{number}:3306"))
    sums.leave(1)
    assert getattr(sums.of_target("db0:3306"), name) == 0
    assert getattr(sums.of_target(f"db{MOST_TARGETS}:3306"), name) == 1


def test_gauges_are_added_up_or_the_most_counts():
    """Pins are; a secret is as old as the oldest one."""
    sums = Sums()
    some = {"session_pins_now": {"get_lock": 1}, "statement_digests": 5}
    sums.take(1, ProxyTally(Counters(), ProxyNow(**some, secret_age_seconds=3.0)))
    sums.take(2, ProxyTally(Counters(), ProxyNow(**some, secret_age_seconds=1.0)))
    now = sums.now()
    assert now.session_pins_now == {"get_lock": 2}
    assert (now.statement_digests, now.secret_age_seconds) == (5, 3.0)
    assert Sums().now() == ProxyNow()


STEWARD = standing(
    target(
        address="db",
        target_role="READ_ONLY",
        target_state="AVAILABLE",
        target_lag_seconds=0.5,
    ),
    target(address="new", place="new:3306", target_state="REGISTERING"),
    writer_held=True,
    max_clients=100,
    availability_percentage={"READ_WRITE": 50.0},
    secret_age_seconds=9.0,
)


def test_who_decides_says_what_targets_are():
    """And the limits; those who serve say what connections there are."""
    workers = standing(
        target(database_connections=7, max_database_connections_allowed=12),
        session_pins_now={"get_lock": 1},
        secret_age_seconds=1.0,
        statement_digests=4,
    )
    now = join(workers, STEWARD, {"db": 20})
    known, new = now.targets
    assert (known.target_role, known.target_state) == ("READ_ONLY", "AVAILABLE")
    assert (known.database_connections, known.target_lag_seconds) == (7, 0.5)
    assert known.max_database_connections_allowed == 20
    assert known.counters is workers.targets[0].counters
    assert (new.address, new.database_connections) == ("new", 0)
    assert (now.writer_held, now.max_clients) == (True, 100)
    assert (now.session_pins_now, now.statement_digests) == ({"get_lock": 1}, 4)
    assert now.secret_age_seconds == 9.0
    assert now.availability_percentage == {"READ_WRITE": 50.0}


def test_targets_that_are_left_are_shown_while_they_have_something():
    """Without a state, for they are used no more."""
    left = target(place="old:3306", database_connections=1, target_state="AVAILABLE")
    done = target(place="older:3306")
    now = join(standing(left, done), STEWARD)
    assert [one.place for one in now.targets] == [PLACE, "new:3306", "old:3306"]
    assert now.targets[-1].target_state == ""


def test_a_limit_that_nobody_knows_is_what_those_who_serve_have():
    """Before the target has told its own; so with its role."""
    steward = standing(target(target_role=""))
    now = join(standing(target(max_database_connections_allowed=3)), steward)
    assert now.targets[0].max_database_connections_allowed == 3
    assert now.targets[0].target_role == "READ_WRITE"


def test_counters_do_not_fall_while_nobody_serves():
    """Then the targets of who decides have what was counted before."""
    sums = Sums()
    sums.take(1, of_target(start=10))
    sums.leave(1)
    now = sums.joined(STEWARD)
    assert getattr(now.targets[0].counters, OF_TARGET[0]) == 10
    assert repr(sums) == "<Sums of 0>"
