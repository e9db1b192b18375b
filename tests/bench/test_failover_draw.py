import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.failover.draw import (
    WIDTH,
    ceiling,
    described,
    main,
    picture,
    rows,
    window,
)
from bench.failover.recording import COURSES
from bench.failover.timeline import Lane, Moment, Timeline, read

PICTURES = Path(__file__).resolve().parents[2] / "docs/pictures"
SVG = "{http://www.w3.org/2000/svg}"

QUIET = (0,) * 50
BUSY = (4,) * 50


def timeline(*moments, lanes=None, held=(0.1, 1.0), title="The writer is killed"):
    """Half a second before the fault and two after it."""
    if lanes is None:
        answers = (*BUSY[:25], *QUIET, *BUSY)
        errors = (*QUIET[:25], 1, *QUIET, *QUIET[:49])
        lanes = (Lane("writing", 10, answers, errors, {"2013/08007": 1}),)
    return Timeline(title, 0.02, -0.5, held, (Moment("SIGKILL", 0.0), *moments), lanes)


LATER = (Moment("a script promotes", 0.9), Moment("first write", 1.0))


def drawn(what):
    """The elements of a picture."""
    return ET.fromstring(picture(what))


def texts(root):
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def test_a_step_begins_at_the_fault():
    """What was before is never mixed with what came after."""
    for last in (0.2, 0.9, 1.3):
        shown = window(timeline(Moment("first write", last)))
        assert shown.first + round(-shown.begins / shown.seconds) * shown.step == 25
        assert shown.ends <= 2.0 + 1e-9


def test_rates_are_per_second():
    """Four answers in each 20 ms are 200 per second, however long a step is."""
    shown = window(timeline(*LATER))
    rates = shown.rates(timeline().lanes[0].answers)
    assert len(rates) == shown.steps
    assert rates[0] == pytest.approx(200)
    assert min(rates) == 0


def test_nothing_is_drawn_that_was_not_recorded():
    """The last step ends where the timeline does, however late the last moment is."""
    shown = window(timeline(Moment("all went on", 1.99)))
    assert shown.ends <= 2.0 + 1e-9
    assert len(shown.rates(timeline().lanes[0].answers)) == shown.steps


def test_a_name_has_room_beside_its_moment():
    """A late one gets more of the time after it, where there is any."""
    name = "a rather long name of what happened"
    late = timeline(Moment(name, 1.0))
    assert window(late).ends > window(timeline(Moment("x", 1.0))).ends
    assert window(late).x(1.0) + 4 + 6.4 * len(f"{name} +1.00 s") < WIDTH


@given(
    st.lists(
        st.tuples(st.floats(0, 700), st.floats(1, 200)), max_size=8, unique_by=lambda p: p[0]
    )
)
def test_no_name_covers_another_or_a_line(places):
    """On a row names have a gap, and a line begins below all names that it would cross."""
    places = sorted(places)
    found = rows(places)
    assert len(found) == len(places)
    for number, (x, width) in enumerate(places):
        for other in range(number + 1, len(places)):
            if places[other][0] < x + width + 8:
                assert found[number] > found[other]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 1), (1, 1), (9, 10), (99.5, 100), (100, 100), (101, 200), (640, 800), (8001, 10_000)],
)
def test_a_scale_ends_with_a_round_number(value, expected):
    """It has room for the highest value."""
    assert ceiling(value) == expected


def test_the_picture_says_what_it_shows():
    """It has a title, a description, names of moments with their times, and errors."""
    root = drawn(timeline(*LATER))
    named = root.get("aria-labelledby").split()
    assert named == [root.find(f"{SVG}title").get("id"), root.find(f"{SVG}desc").get("id")]
    assert root.find(f"{SVG}title").text == "The writer is killed"
    shown = texts(root)
    for text in (
        "SIGKILL",
        "a script promotes +0.90 s",
        "first write +1.00 s",
        "writing, 10 clients: errors: 2013 (08007) once",
        "answers per second",
        "the proxy holds clients",
    ):
        assert text in shown


def test_those_who_do_not_see_it_are_told():
    """The description has the rates, the errors and the moments."""
    assert described(timeline(*LATER)) == (
        "10 clients writing: 200 answers per second before; errors: 2013 (08007) once. "
        "Clients were held from +0.10 s to +1.00 s. "
        "Moments: SIGKILL; a script promotes +0.90 s; first write +1.00 s."
    )


def test_clients_that_heard_nothing_have_no_error():
    """Their lane says so."""
    lanes = (
        Lane("reading", 10, (*BUSY, *BUSY, *BUSY[:25]), (*QUIET, *QUIET, *QUIET[:25]), {}),
    )
    calm = timeline(*LATER, lanes=lanes, held=None)
    assert "reading, 10 clients: no error" in texts(drawn(calm))
    assert "the proxy holds clients" not in texts(drawn(calm))


def test_titles_are_escaped():
    """An angle bracket is no tag."""
    assert drawn(timeline(title="a < b & c")).find(f"{SVG}title").text == "a < b & c"


def test_a_single_error_is_seen():
    """However many answers there are, its bar has some height."""
    answers = (*(900,) * 25, *QUIET, *QUIET)
    errors = (*QUIET[:25], 1, *QUIET, *QUIET[:49])
    lanes = (Lane("writing", 10, answers, errors, {"lost": 1}),)
    (bar,) = (
        one
        for one in drawn(timeline(*LATER, lanes=lanes)).iter(f"{SVG}rect")
        if one.get("fill") == "#d9552b" and one.get("height") != "10"
    )
    assert float(bar.get("height")) == 2


def test_everything_is_within_the_picture():
    """No number leaves it, to the right or below."""
    root = drawn(timeline(*LATER))
    height = float(root.get("height"))
    for one in root.iter(f"{SVG}rect"):
        assert 0 <= float(one.get("x")) <= WIDTH - float(one.get("width"))
        assert 0 <= float(one.get("y")) <= height - float(one.get("height"))
    for one in root.iter(f"{SVG}text"):
        assert 0 <= float(one.get("x")) <= WIDTH
        assert 0 <= float(one.get("y")) <= height


def test_it_has_no_colour_that_a_page_may_hide():
    """Neither a background nor black or white."""
    colours = {*re.findall(r'(?:fill|stroke|color)="(.*?)"', picture(timeline(*LATER)))}
    assert colours == {"none", "currentColor", "#777", "#3b82c4", "#d9552b"}


def test_pictures_are_drawn_anew(tmp_path):
    """Each beside its file."""
    path = tmp_path / "kill.json"
    timeline(*LATER).write(path)
    result = CliRunner().invoke(main, [str(path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "kill.svg").read_text() == picture(timeline(*LATER))


@pytest.mark.parametrize("name", [course.name for course in COURSES])
def test_the_pictures_of_the_manual_are_those_of_their_files(name):
    """Nobody has changed one by hand, or the drawing without drawing anew."""
    path = PICTURES / f"{name}.json"
    assert path.with_suffix(".svg").read_text() == picture(read(path))


def test_lost_connections_have_no_state():
    """Their number is a word, and each error is told with how often it was heard."""
    lanes = (Lane("writing", 10, BUSY, QUIET, {"lost": 2, "1213/40001": 1}),)
    assert "errors: 1213 (40001) once, lost 2 times." in described(timeline(lanes=lanes))
