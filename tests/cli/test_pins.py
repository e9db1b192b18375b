"""Tests of `proxy.cli.pins`: who is pinned now."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.cli.canned import LONG, PIN, REASON, overview, run

pytestmark = pytest.mark.loopback


def test_pins_are_shown_with_advice(ask):
    """Who, since when, by which statement; then what to do about each reason."""
    lines = ask("pins", columns=200).output.splitlines()
    assert lines[1].split()[:5] == ["812", "app", "NAMED_LOCK", "42.0", "s"]
    assert "SELECT GET_LOCK(?, ?)" in lines[1]
    assert f"{LONG} #99" in lines[1]
    assert lines[3] == "NAMED_LOCK: 1 client now, 17 times since the start"
    assert lines[5].strip().startswith("Release the lock")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(ask, columns):
    """The statement is cut, and the advice is wrapped."""
    lines = ask("pins", columns=columns).output.splitlines()
    assert max(map(len, lines)) <= columns


def test_who_has_been_pinned_longest_comes_first(ask, canned):
    """That client is the one to look at."""
    canned.lists["pins"] = [PIN, attrs.evolve(PIN, client=900, lasts=99.0)]
    numbers = [line.split()[0] for line in ask("pins").output.splitlines()[1:3]]
    assert numbers == ["900", "812"]
    assert "1 row more" in ask("pins", "--limit", "1").output


def test_one_reason_may_be_meant(ask, canned):
    """In any case; one that is none ends with 2."""
    assert "812" in ask("pins", "named_lock").output
    output = ask("pins", "XA").output
    assert output == "No client is pinned now.\n"
    assert ask("pins", "nonsense").exit_code == 2
    assert all(method == "GET" for method, *_ in canned.asked)


def test_what_pinned_before_is_told(ask, canned):
    """Nobody is pinned now, and what has been is worth a look."""
    canned.lists |= {"pins": [], "pin-reasons": [attrs.evolve(REASON, now=0)]}
    output = ask("pins").output
    assert output.startswith("No client is pinned now.\n")
    assert "NAMED_LOCK: 0 clients now, 17 times since the start" in output


def test_programs_get_what_the_api_gives(ask, canned):
    """Pins and reasons."""
    found = json.loads(ask("pins", "--json").output)
    assert found["pins"] == [json.loads(json.dumps(attrs.asdict(PIN)))]
    assert found["pin_reasons"] == [attrs.asdict(REASON)]
    assert found["left_off"] == 0
    assert canned.overview == overview()


def test_no_proxy_has_to_run_for_explanations(tmp_path):
    """With --explain and --log nobody is asked; without them nobody is reached."""
    nowhere = tmp_path / "none.sock"
    assert run(nowhere, "pins", "--explain").exit_code == 0
    assert run(nowhere, "pins", "--explain", "XA").exit_code == 0
    assert run(nowhere, "pins", "--log", "-", text="{}\n").exit_code == 0
    assert run(nowhere, "pins").exit_code == 3


def test_reasons_are_completed():
    """By the words that the command knows."""
    from proxy.cli.pins import _complete

    assert _complete(None, None, "named") == ["NAMED_LOCK"]
