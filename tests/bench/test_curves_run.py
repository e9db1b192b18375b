import attrs

from bench.curves.axes import curves
from bench.curves.results import Place, Sample, judged
from bench.curves.run import told

IDLE = next(iter(curves(20_000)))


def found(failures=None, share=1.0):
    """A curve of idle clients."""
    points = [
        Place(0, (Sample(0, 5000.0, 1.5, 9.0, 5e-5, 6e7, 0.001),)),
        Place(10, (Sample(0, 5000.0 * share, 1.5, 9.0, 5e-5, 6e7, 0.001, 3e-4),)),
    ]
    return judged(IDLE, {}, points, failures or {}, [0.96])


def test_a_table_has_a_column_for_each_point():
    """And a row for each cost that was measured there."""
    lines = [*told(found())]
    assert lines[1].split() == ["idle", "clients", "0", "10"]
    (row,) = [line for line in lines if line.startswith("statements per second")]
    assert row.split()[-2:] == ["5,000", "5,000"]
    (row,) = [line for line in lines if line.startswith("processor time of a login, µs")]
    assert row.split()[-2:] == ["-", "300"]


def test_a_curve_without_that_cost_has_no_such_row():
    """Nothing is shown that was not looked at."""
    points = tuple(
        Place(point.at, tuple(attrs.evolve(one, still_share=None) for one in point.samples))
        for point in found().points
    )
    lines = [*told(attrs.evolve(found(), points=points))]
    assert not any(line.startswith("share of a core") for line in lines)


def test_the_verdicts_are_told():
    """Where the curve ends and why, what idle clients leave, and what went wrong."""
    lines = [*told(found({"20000": "idle clients: refused"}, share=0.5))]
    assert any("It ends there: a process may have 20,000 files" in line for line in lines)
    said = "among 10 idle clients busy ones do"
    assert [line.strip() for line in lines if said in line] == [
        f"{said} 0.500 of what they do alone (0.500 to 0.500), in turns: TOO LITTLE",
        f"{said} 0.960 of what they do alone (0.960 to 0.960), side by side: sound",
    ]
    assert lines[-1] == "  20000: idle clients: refused"
