import attrs
import pytest

from bench.curves.axes import CPU, LOGIN, MEMORY, curves
from bench.curves.results import Place, Sample, judged, read, write

IDLE, CLIENTS = [*curves(20_000)][:2]


def sample(number, rate=1000.0, cpu=5e-5, memory=8e7, **more):
    """A look at a point."""
    return Sample(number, rate, 1.0, 2.0, cpu, memory, **more)


def places(*points):
    """Three rounds at each point; what is given is made of the place and the round."""
    return [
        Place(at, tuple(sample(number, **make(at, number)) for number in range(3)))
        for at, make in points
    ]


def flat(_at, _number):
    """Nothing depends on anything."""
    return {}


def test_a_point_has_the_median_of_its_rounds():
    """What was not measured has none."""
    place = Place(1, (sample(0, cpu=1.0), sample(1, cpu=9.0), sample(2, cpu=2.0)))
    assert place.median(CPU) == 2.0
    assert place.median(LOGIN) is None


def test_a_curve_that_does_not_grow_is_sound():
    """Each cost that has a limit has a verdict."""
    found = judged(CLIENTS, {}, places((1, flat), (10, flat), (100, flat)), {})
    assert found.is_sound
    assert found.shares is None
    assert [one.measure for one in found.verdicts] == [one.key for one, _ in CLIENTS.limits]


def test_a_cost_that_grows_too_fast_is_told():
    """By its exponent, beside what is allowed."""

    def dear(at, _number):
        return {"cpu": at * 1e-5}

    found = judged(CLIENTS, {}, places((1, dear), (10, dear), (100, dear)), {})
    assert not found.is_sound
    assert str(found.verdicts[0]) == (
        "processor time of a statement: 100.00 times from end to end, exponent 1.00 "
        "where flat is allowed: GROWS TOO FAST"
    )


def test_each_round_is_compared_with_itself():
    """A machine that slows down changes both ends of a curve."""

    def slower(at, number):
        return {"rate": (1000.0 if at == 0 else 960.0) / (1 + number)}

    found = judged(IDLE, {}, places((0, slower), (10_000, slower)), {})
    assert found.shares is not None
    assert found.shares.median == pytest.approx(0.96)
    assert (found.shares.least, found.shares.most) == pytest.approx((0.96, 0.96))
    assert found.shares.sound


def test_idle_clients_may_not_cost_busy_ones_a_tenth():
    """The median of the rounds decides."""

    def less(at, _number):
        return {"rate": 1000.0 if at == 0 else 900.0}

    assert not judged(IDLE, {}, places((0, less), (10_000, less)), {}).is_sound


def test_both_at_the_same_time_are_compared_too():
    """Either comparison may show that idle clients cost too much."""
    ends = places((0, flat), (10_000, flat))
    assert judged(IDLE, {}, ends, {}).beside is None
    assert judged(IDLE, {}, ends, {}, [0.9, 0.97, 1.0]).is_sound
    slow = judged(IDLE, {}, ends, {}, [0.9, 0.9, 1.0])
    assert slow.beside is not None
    assert slow.beside.median == 0.9
    assert not slow.is_sound


def test_a_point_that_failed_is_not_sound():
    """It may be missing because something grew too fast."""
    found = judged(CLIENTS, {}, places((1, flat), (10, flat)), {"100": "no end"})
    assert not found.is_sound


def test_what_is_kept_is_what_was_measured(tmp_path):
    """In a file of the curve's name."""

    def still(at, _number):
        return {"still_share": 0.001, "login_seconds": 3e-4 if at else None, "memory": 8e7 + at}

    found = judged(IDLE, {"form": "compiled"}, places((0, still), (10, still)), {"20": "why"})
    path = write(found, tmp_path)
    assert path.name == "curves-idle.json"
    assert read(path) == found
    assert found.curve(MEMORY) == [(0, 8e7), (10, 8e7 + 10)]
    assert found.curve(LOGIN) == [(10, 3e-4)]
    assert attrs.fields_dict(Sample).keys() >= {"rate", "median_ms", "p99_ms"}
