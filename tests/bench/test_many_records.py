import json

import pytest

from bench.failover.samples import Measure
from bench.many import records


def measured(title="work", **figures):
    measure = Measure(title)
    for name, value in figures.items():
        measure.add(name, "direct", value)
    return measure


def test_later_rounds_are_added_to_a_file(tmp_path):
    """Those that it has come first."""
    path = tmp_path / "results/figures.json"
    assert records.recall(path, {"one": measured()}) == {}
    records.keep(path, {"one": measured(speed=1)}, {"server": "MySQL"})
    again = measured()
    assert records.recall(path, {"one": again}) == {"server": "MySQL"}
    again.add("speed", "direct", 2)
    records.keep(path, {"one": again}, {})
    told = json.loads(path.read_text("utf-8"))
    assert told["modes"]["one"]["figures"]["speed"]["direct"] == {
        "median": 1.5,
        "samples": [1, 2],
    }


def test_what_is_not_measured_again_stays(tmp_path):
    """Other modes of the same file are kept."""
    path = tmp_path / "figures.json"
    records.keep(path, {"one": measured(speed=1)}, {})
    other = {"two": measured(speed=2), "three": measured()}
    records.recall(path, other)
    records.keep(path, other, {})
    assert [*json.loads(path.read_text("utf-8"))["modes"]] == ["one", "two"]


def test_figures_of_other_work_are_not_mixed(tmp_path):
    """They could not be compared."""
    path = tmp_path / "figures.json"
    records.keep(path, {"one": measured(speed=1)}, {})
    with pytest.raises(records.OtherWorkError, match="work"):
        records.recall(path, {"one": measured("more work")})
