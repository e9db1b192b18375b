"""Tests of `proxy.cli.raw`."""

from __future__ import annotations

import json

import attrs
import pytest

pytestmark = pytest.mark.loopback


def test_any_path_can_be_seen(ask, canned):
    """With its query."""
    found = json.loads(ask("api", "/v1/overview").output)
    assert found == json.loads(json.dumps(attrs.asdict(canned.overview)))
    ask("api", "v1/events?after=2&limit=5")
    assert canned.asked[-1] == ("GET", "/v1/events", {"after": 2, "limit": 5}, {})


def test_the_examples_are_lines_of_their_own(ask):
    """Whoever copies one gets one."""
    lines = [line.strip() for line in ask("api", "--help").output.splitlines()]
    assert "mysqlproxy api /v1/configuration" in lines


def test_anything_can_be_done(ask, canned):
    """With parameters as an object."""
    canned.answers["POST", "/v1/log"] = (200, {"level": "debug"})
    result = ask("api", "--post", "/v1/log", "--data", '{"level": "debug"}')
    assert json.loads(result.output) == {"level": "debug"}
    assert canned.asked == [("POST", "/v1/log", {}, {"level": "debug"})]


@pytest.mark.parametrize(
    "words", [("--data", "{}"), ("--post", "--data", "["), ("--post", "--data", "[1]")]
)
def test_what_makes_no_sense_ends_with_2(ask, canned, words):
    """Nothing is asked then."""
    assert ask("api", "/v1/log", *words).exit_code == 2
    assert canned.asked == []


def test_an_unknown_path_ends_with_2(ask):
    """As an unknown command does."""
    assert ask("api", "/v1/nothing").exit_code == 2
