"""Tests of `proxy.cli.top`."""

from __future__ import annotations

import json

import pytest

from tests.cli.canned import DIGEST, RARE

pytestmark = pytest.mark.loopback


def test_what_takes_most_comes_first(ask):
    """Below are the clients at work."""
    lines = ask("top", columns=200).output.splitlines()
    assert lines[1].split()[:7] == ["4", "min", "120.0k", "2.0", "ms", "1.5", "s"]
    assert lines[1].endswith(DIGEST.digest)
    assert lines[2].endswith("COMMIT")
    assert lines[4].startswith("2 clients at work")
    assert [line.split()[0] for line in lines[6:]] == ["812", "813"]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(ask, columns):
    """A statement is a line, cut where it has to be."""
    lines = ask("top", columns=columns).output.splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == 8


def test_the_order_may_be_another(ask):
    """By what somebody looks for."""
    for sort, first in (("errors", RARE), ("count", DIGEST), ("total", DIGEST)):
        found = json.loads(ask("top", "--json", "--sort", sort, "--limit", "1").output)
        assert [one["digest"] for one in found["digests"]] == [first.digest]
        assert found["left_off"] == 1


def test_a_proxy_that_has_just_begun_has_none(ask, canned):
    """Nor has it clients at work."""
    canned.lists |= {"digests": [], "clients": []}
    output = ask("top", "--once").output
    assert output.startswith("No statement has been counted yet.")
    assert "0 clients at work" in output
