from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.curves.axes import curves
from bench.curves.draw import (
    PANELS,
    WIDTH,
    along,
    ceiling,
    described,
    main,
    picture,
    short,
    upright,
)
from bench.curves.results import Place, Sample, judged, read, write

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
IDLE = next(iter(curves(20_000)))


def results(*places):
    """A curve with one round at each place."""
    points = [
        Place(at, (Sample(0, 5000.0, 1.5, 9.0, 5e-5, (60 << 20) + at * 4096.0),))
        for at in places
    ]
    return judged(IDLE, {}, points, {})


def texts(root):
    """All that stands in a picture."""
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def test_a_picture_has_a_panel_for_each_cost():
    """With its title, a line, and a dot for each point."""
    root = ET.fromstring(picture(results(0, 16, 200, 1000)))
    shown = texts(root)
    assert all(panel.title in shown for panel in PANELS)
    assert shown.count("idle clients") == len(PANELS)
    colours = [one.get("stroke") for one in root.iter(f"{SVG}path")]
    assert sum(colour != "currentColor" for colour in colours) == 5
    dots = [one for one in root.iter(f"{SVG}circle") if one.get("r") == "3"]
    assert len(dots) == 5 * 4


def test_those_who_do_not_see_it_are_told_both_ends():
    """In the picture's description."""
    found = results(0, 1000)
    assert described(found) == (
        "At 0 and at 1,000 idle clients: statements per second: 5k and 5k; median latency, ms: "
        "1.5 and 1.5; 99th percentile of latency, ms: 9 and 9; processor time of a statement, "
        "µs: 50 and 50; memory, MiB: 60 and 63.9."
    )
    root = ET.fromstring(picture(found))
    named = root.get("aria-labelledby").split()
    assert named == [root.find(f"{SVG}title").get("id"), root.find(f"{SVG}desc").get("id")]
    assert root.find(f"{SVG}desc").text == described(found)


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=9, unique=True).map(sorted))
def test_no_place_on_the_axis_is_left_of_another_that_is_smaller(places):
    """And all are within the panel, nothing at all included."""
    scale = along(places, 10.0, 100.0)
    at = [scale.at(place) for place in places]
    assert at == sorted(at)
    assert len({*at}) == len(at)
    assert at[0] >= 10.0
    assert at[-1] <= 100.0 + 1e-9


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=9))
def test_all_values_are_within_a_panel(values):
    """Upwards is less in pixels."""
    scale = upright(values, 100.0, 10.0)
    assert all(10.0 - 1e-6 <= scale.at(value) <= 100.0 for value in values)


def test_a_wide_spread_is_drawn_by_factors_and_a_small_one_from_zero():
    """So that neither hides what it is like."""
    assert upright([1.0, 15.0], 0.0, 1.0).low == 0.0
    wide = upright([3.0, 700.0], 0.0, 1.0)
    assert (wide.low, wide.high, wide.logarithmic) == (1.0, 1000.0, True)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 1), (1, 1), (1.2, 1.5), (9, 10), (101, 150), (8001, 10_000)]
)
def test_a_scale_ends_with_a_round_number(value, expected):
    """It has room for the highest value."""
    assert ceiling(value) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (200, "200"), (5000, "5k"), (19_720, "19.7k"), (1.5e6, "1.5M")],
)
def test_numbers_are_short(value, text):
    """There is little room."""
    assert short(value) == text


def test_data_is_drawn_again(tmp_path):
    """Beside its file."""
    path = write(results(0, 16), tmp_path)
    done = CliRunner().invoke(main, [str(path)])
    assert done.exit_code == 0
    assert (tmp_path / "curves-idle.svg").read_text("utf-8") == picture(read(path))


@pytest.mark.parametrize("path", sorted((ROOT / "docs/pictures").glob("curves-*.json")))
def test_a_picture_of_the_manual_is_what_its_data_says(path):
    """Nobody has changed one of them alone."""
    found = read(path)
    drawn = path.with_suffix(".svg").read_text("utf-8")
    assert drawn == picture(found)
    assert f'width="{WIDTH}"' in drawn
