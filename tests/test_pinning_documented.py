"""The chapter on pinning says what the code says."""

import csv
import runpy
from pathlib import Path

import pytest

from proxy.config.pool import PinningFilter
from proxy.session.advice import ADVICE
from proxy.session.pins import FILTERS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "pinning.rst"
TABLE = ROOT / "docs" / "pinning.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def test_the_chapter_has_the_advice():
    """The page is what `make reference` writes today, with every reason."""
    write_reference = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))
    page = PAGE.read_text(encoding="utf-8")
    rewritten = write_reference["rewritten"](page, write_reference["render_reasons"])
    assert page == rewritten, "run `make reference`"
    for reason, advice in ADVICE.items():
        assert f"``{reason.name}``: {advice.title}\n" in page


@pytest.mark.parametrize("filter_", PinningFilter, ids=lambda filter_: filter_.value)
def test_every_filter_says_what_others_may_meet(filter_):
    """The table of filters has each of them with its reasons."""
    reasons = ", ".join(f"``{reason}``" for reason in named(FILTERS[filter_.value]))
    lines = [line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines()]
    at = lines.index(f"* - ``{filter_.value}``")
    assert lines[at + 1] == f"- {reasons}"
    assert len(lines[at + 2]) > 20


def named(reasons):
    """Give the names of reasons in the order of the enum."""
    return [reason.name for reason in ADVICE if reason in reasons]


def test_the_rows_can_be_read_by_a_test():
    """Each row has a name of its own, says no or until when, and leaves no cell empty."""
    names = [row["Row"] for row in ROWS]
    assert len(set(names)) == len(names) >= 30
    for row in ROWS:
        assert None not in row
        assert all(cell for cell in row.values()), row
        assert row["mysqlproxy"] == "no" or row["mysqlproxy"].startswith("until "), row


def test_none_of_what_every_application_does_pins():
    """Settings, user variables, prepared statements and what was just done are carried."""
    carried = {
        "session-variable",
        "set-names",
        "schema",
        "user-variable",
        "prepared-statement",
        "last-insert-id",
        "warnings",
        "found-rows",
        "row-count",
        "autocommit",
        "next-transaction",
    }
    assert carried <= {row["Row"] for row in ROWS if row["mysqlproxy"] == "no"}
