"""Tests of `proxy.cli.tables`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from proxy.cli.tables import Column, Fitting, key

COLUMNS = (
    Column("NAME", key("name"), least=8),
    Column("COUNT", key("count"), right=True),
    Column("NEXT", key("next"), rank=1),
    Column("LAST", key("last"), rank=2),
)
ROW = {"name": "a" * 20, "count": 7, "next": "n" * 10, "last": "l" * 10}


def lines(columns, rows, width, note=None, *, colours=False):
    """What is drawn on a terminal of this width."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colours,
        color_system="standard" if colours else None,
    )
    console.print(Fitting(columns, rows, note))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_all_is_shown_where_there_is_room():
    """Columns stand side by side, numbers on the right."""
    assert lines(COLUMNS, [ROW], 60) == [
        "NAME                  COUNT  NEXT        LAST",
        "aaaaaaaaaaaaaaaaaaaa      7  nnnnnnnnnn  llllllllll",
    ]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (39, ["NAME", "COUNT", "NEXT", "LAST"]),
        (38, ["NAME", "COUNT", "NEXT"]),
        (20, ["NAME", "COUNT"]),
    ],
)
def test_what_matters_least_is_left_out(width, heads):
    """A column with a least width becomes narrow first, and nothing is wrapped."""
    found = lines(COLUMNS, [ROW], width)
    assert found[0].split() == heads
    assert len(found) == 2
    assert max(map(len, found)) <= width


def test_what_matters_is_there_on_the_narrowest_terminal():
    """It becomes narrower than it should be, and is cut."""
    found = lines((Column("NAME", key("name"), least=18), COLUMNS[1]), [ROW], 16)
    assert found[0].split() == ["NAME", "COUNT"]
    assert found[1].endswith("7")
    assert max(map(len, found)) <= 16


def test_long_cells_may_go_on_below():
    """All of it is there, to be copied."""
    found = lines((Column("NAME", key("name"), least=8, fold=True), COLUMNS[1]), [ROW], 17)
    assert "".join(line.split()[0] for line in found[1:]) == ROW["name"]


def test_a_note_stands_below_its_row():
    """The columns are as wide as without it."""
    rows = [ROW | {"name": "b"}, ROW]
    found = lines(COLUMNS, rows, 60, lambda row: "why" if row["name"] == "b" else "")
    assert found[2] == "      why"
    assert found[1].index("7") == found[3].index("7")


def test_what_is_empty_is_a_dash():
    """Nobody takes a gap for a fault of the table."""
    assert lines(COLUMNS, [{"name": "", "count": None, "next": 0, "last": "x"}], 60)[
        1
    ].split() == [
        "-",
        "-",
        "0",
        "x",
    ]


def test_a_table_without_rows_has_heads():
    """It is seen that there is nothing."""
    assert lines(COLUMNS, [], 60)[0].split() == ["NAME", "COUNT", "NEXT", "LAST"]


def test_states_have_colours_and_texts_of_others_have_none():
    """Escape sequences in a cell are shown as question marks."""
    found = lines(
        COLUMNS, [ROW | {"name": "UNAVAILABLE", "next": "\x1b[31m"}], 60, colours=True
    )
    assert "\x1b[1;31mUNAVAILABLE" in found[1]
    assert "?[31m" in found[1]
