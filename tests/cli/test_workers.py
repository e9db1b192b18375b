"""Tests of `proxy.cli.workers`."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.cli.canned import WORKER, WORKERS, overview

pytestmark = pytest.mark.loopback


@pytest.fixture
def several(canned):
    canned.overview = overview(workers=WORKERS)


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(ask, columns):
    """A worker is a line."""
    lines = ask("workers", columns=columns).output.splitlines()
    assert len(lines) == 1 + len(WORKERS)
    assert max(map(len, lines)) <= columns


@pytest.mark.usefixtures("several")
def test_people_see_what_each_does(ask):
    """Clients, statements, processor, memory."""
    rows = [line.split() for line in ask("workers").output.splitlines()[1:]]
    assert rows[0][:7] == ["1", "serving", "406", "617", "42%", "82", "MiB"]
    assert [row[0] for row in rows] == ["1", "2", "3"]


@pytest.mark.usefixtures("several")
def test_programs_get_all(ask):
    """As the API says it."""
    found = json.loads(ask("workers", "--json").output)["workers"]
    assert found == [attrs.asdict(one) for one in WORKERS]


def test_one_process_is_one_worker(ask):
    """It has a line too."""
    assert len(ask("workers").output.splitlines()) == 2


def test_one_that_is_not_there_has_no_process(ask, canned):
    """A dash instead of a number."""
    gone = attrs.evolve(WORKER, pid=0, state="replaced", clients=0)
    canned.overview = overview(workers=(WORKER, gone))
    line = ask("workers", columns=200).output.splitlines()[2]
    assert line.split()[1] == "replaced"
    assert " - " in line
