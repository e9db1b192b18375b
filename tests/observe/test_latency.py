"""Tests of `proxy.observe.latency`."""

from __future__ import annotations

import itertools
import json

import pytest

from proxy.observe.latency import BUCKETS, Histogram, _lower, _place


def of(*seconds):
    """A histogram of these."""
    found = Histogram()
    for one in seconds:
        found.add(one)
    return found


def test_buckets_follow_each_other():
    """Each number of microseconds has one bucket; lower bounds are where they change."""
    assert [_place(micros) for micros in range(20)] == [*range(16), 16, 16, 17, 17]
    bounds = [_lower(bucket) for bucket in range(BUCKETS)]
    assert all(low < high for low, high in itertools.pairwise(bounds))
    for bucket, bound in enumerate(bounds):
        assert _place(bound) == bucket
        if bucket:
            assert _place(bound - 1) == bucket - 1
    assert _place((1 << 32) - 1) == BUCKETS - 1


def test_a_bucket_is_narrow():
    """What is read from it is exact to an eighth, whatever it is."""
    for bucket in range(16, BUCKETS - 1):
        assert (_lower(bucket + 1) - _lower(bucket)) * 8 <= _lower(bucket)


def test_what_is_added_is_counted_and_summed():
    """Less than nothing is nothing, and what took no time is counted as well."""
    found = of(0.001, 0.003, -1.0)
    found.add_none()
    assert (found.count, found.seconds) == (4, pytest.approx(0.004))
    assert found.mean == pytest.approx(0.001)
    assert (Histogram().count, Histogram().mean) == (0, 0.0)


def test_what_is_very_long_is_in_the_last_bucket():
    """More than an hour is not told apart."""
    found = of(1e9)
    assert found.quantile(1.0) == pytest.approx(4295, rel=0.2)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_are_near(share):
    """Within an eighth of what was added."""
    found = of(*(number / 1000 for number in range(1, 1001)))
    assert found.quantile(share) == pytest.approx(share, rel=0.07)


def test_the_quantile_of_none_is_none():
    """And so is that of things which took no time."""
    assert Histogram().quantile(0.99) == 0.0
    found = of(1.0)
    for _ in range(9):
        found.add_none()
    assert found.quantile(0.9) == 0.0
    assert found.quantile(0.95) > 0.9


def test_a_difference_is_what_came_between():
    """Of a copy that was made before; the copy stays as it is."""
    found = of(0.5)
    found.add_none()
    before = found.copy()
    found.add(2.0)
    found.add_none()
    between = found.minus(before)
    assert (between.count, between.seconds, between.none) == (2, 2.0, 1)
    assert (before.count, before.seconds) == (2, 0.5)
    before.merge(between)
    assert (before.count, before.seconds, before.none) == (4, 2.5, 2)


def test_bounds_for_prometheus_are_powers_of_two():
    """Each says how many took less, and the last one how many there are."""
    found = of(0.00001, 0.0001, 0.003, 100.0)
    found.add_none()
    shown = dict(found.cumulative())
    assert list(shown)[:3] == ["6.4e-05", "0.000128", "0.000256"]
    assert list(shown)[-2:] == ["67.108864", "+Inf"]
    assert shown["6.4e-05"] == 2
    assert shown["0.000128"] == 3
    assert shown["0.004096"] == shown["67.108864"] == 4
    assert shown["+Inf"] == 5


def test_a_histogram_says_how_much_it_has():
    """And its median."""
    assert repr(of(0.25)).startswith("<Histogram of 1, median 0.2")


@pytest.mark.parametrize("micros", [(), (0,), (7, 7, 900), (1 << 31, 12)])
def test_it_can_be_packed(micros):
    """What comes out is what went in, in few numbers."""
    histogram = Histogram()
    for one in micros:
        histogram.add(one / 1e6)
    histogram.add_none()
    packed = json.loads(json.dumps(histogram.packed()))
    assert len(packed) == 2 + 2 * len({*micros})
    other = Histogram.unpacked(packed)
    assert other.packed() == packed
    assert (other.count, other.seconds) == (histogram.count, histogram.seconds)
    assert other.cumulative() == histogram.cumulative()
