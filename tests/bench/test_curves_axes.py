import pytest

from bench.curves.axes import CPU, Limit, curves, idle_counts
from bench.curves.ways import SPARE_FILES


def test_idle_clients_are_as_many_as_there_are_files_for():
    """The proxy needs files for busy clients and backends, too."""
    assert idle_counts(100_000, 16) == [0, 16, 200, 1000, 5000, 20_000]
    assert idle_counts(20_000, 16)[-1] == 20_000 - 200 - 16 - SPARE_FILES
    assert idle_counts(4096, 16) == [0, 16, 200, 1000, 4096 - 200 - 16 - SPARE_FILES]


def test_a_curve_says_why_it_ends():
    """And where files are what is missing, how many there were."""
    short = next(iter(curves(20_000)))
    assert "20,000 files" in short.ends
    assert "files" not in next(iter(curves(100_000))).ends
    assert all(curve.ends for curve in curves(100_000))


def test_keys_are_names_of_files():
    """Each curve has its own."""
    keys = [curve.key for curve in curves(20_000)]
    assert len({*keys}) == len(keys)
    assert {"idle", "clients", "backends", "literal", "list", "rows", "states"} <= {*keys}


@pytest.mark.parametrize("quick", [False, True])
def test_points_stand_from_left_to_right(quick):
    """At a place on the axis there is one point, and fewer in a quick look."""
    for curve in curves(20_000, quick=quick):
        places = [point.at for point in curve.points]
        assert places == sorted({*places})
        assert len(places) >= 2
        assert not quick or len(places) <= 3


def test_a_statement_costs_the_same_however_many_there_are():
    """Only what it or its answer is as long as may make it dearer, and many processes."""
    for curve in curves(20_000):
        limit = dict(curve.limits)[CPU]
        dearer = curve.axis.startswith("bytes") or curve.key == "workers"
        assert (limit is Limit.LINEAR) is dearer


def test_each_point_of_the_workers_has_so_many():
    """With the same clients and the same connections to the server."""
    (curve,) = [curve for curve in curves(20_000) if curve.key == "workers"]
    assert [point.setting.workers for point in curve.points] == [1, 2, 4]
    assert [point.at for point in curve.points] == [1, 2, 4]
    assert len({(point.load, point.setting.backends) for point in curve.points}) == 1
