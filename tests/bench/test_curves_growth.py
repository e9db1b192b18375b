import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.curves.growth import TOLERANCE, Limit, growth

CAUSES = (1, 10, 100, 1000, 10_000)


def along(cost, causes=CAUSES):
    """Points of a cost that is a function of its cause."""
    return [(cause, cost(cause)) for cause in causes]


@given(st.floats(0.5, 2.5), st.floats(1e-6, 1e3), st.floats(0, 1e3))
def test_a_power_is_found_above_whatever_is_fixed(power, each, fixed):
    """What the first point costs already does not hide how the rest grows."""
    line = along(lambda cause: fixed + each * cause**power)
    assert growth(line, Limit.LINEAR, 0.0).exponent == pytest.approx(power, abs=0.12)


@given(st.floats(0, 1e4), st.floats(1e-3, 1e3))
def test_a_straight_line_is_sound_where_a_cost_may_grow_linearly(fixed, each):
    """However large its fixed part is."""
    assert growth(along(lambda n: fixed + each * n), Limit.LINEAR, 0.0).is_sound


def test_a_square_is_not_sound():
    """Nor is what grows by a factor of ten in a decade and a half of its cause."""
    square = growth(along(lambda n: 1000 + n**2), Limit.LINEAR, 0.0)
    assert not square.is_sound
    assert growth(along(lambda n: n**1.1), Limit.LINEAR, 0.0).is_sound


def test_what_may_not_grow_at_all_may_not_grow_linearly():
    """The cost of one thing is the same among many, but for some noise."""
    assert not growth(along(lambda n: 10 + n), Limit.FLAT, 0.0).is_sound
    assert growth(along(lambda n: 10 + n % 3), Limit.FLAT, 0.0).is_sound
    assert growth(along(lambda n: n ** (TOLERANCE / 2)), Limit.FLAT, 0.0).is_sound


def test_only_the_upper_end_counts():
    """A cost that grew until a limit was reached, and does not any more, is flat."""
    saturated = growth(along(lambda n: min(n, 100)), Limit.FLAT, 0.0)
    assert saturated.exponent == 0.0
    assert saturated.factor == 100
    assert not growth(along(lambda n: max(n, 100)), Limit.FLAT, 0.0).is_sound


def test_a_dear_begin_hides_nothing():
    """What one costs is more than what ten cost each, and less than what thousands do."""
    bowl = [(1, 100.0), (10, 10.0), (100, 20.0), (1000, 50.0), (10_000, 90.0)]
    assert growth(bowl, Limit.FLAT, 0.0).exponent == pytest.approx(0.33, abs=0.02)


def test_a_difference_that_is_none_is_no_growth():
    """Less than so much more is noise, as is less than before."""
    assert growth([(1, 5.0), (10, 5.5), (100, 6.0)], Limit.LINEAR, 1.0).exponent == 0.0
    assert growth([(1, 5.0), (10, 3.0), (100, 2.0)], Limit.FLAT, 0.0).exponent == 0.0


def test_no_cause_at_all_is_the_ground():
    """A first point at 0 has no logarithm, and is what the others are compared with."""
    found = growth([(0, 50.0), (10, 60.0), (100, 150.0), (1000, 1050.0)], Limit.LINEAR, 1.0)
    assert found.exponent == pytest.approx(1.0)
    assert found.factor == 21.0


def test_a_single_point_that_has_grown_has_no_slope():
    """Two are needed to tell."""
    assert growth([(0, 1.0), (10, 9.0)], Limit.LINEAR, 1.0).exponent == 0.0
    assert growth([(0, 0.0), (10, 9.0)], Limit.LINEAR, 1.0).factor == float("inf")
