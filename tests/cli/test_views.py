"""Tests of `proxy.cli.views`."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.cli.canned import CLIENT, LONG, LOST, POOL, SHOP, STATUS, TARGET, overview

pytestmark = pytest.mark.loopback

VIEWS = ("targets", "pools", "clients", "connections")


@pytest.mark.parametrize("command", VIEWS)
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_tables_fit_the_terminal(ask, canned, command, columns):
    """With addresses as long as those of RDS."""
    canned.overview = overview(attrs.evolve(SHOP, targets=(TARGET, LOST)))
    result = ask(command, columns=columns)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= columns


@pytest.mark.parametrize("command", ["pools", "clients", "connections"])
def test_a_row_is_a_line(ask, canned, command):
    """Nothing is wrapped at 80 columns."""
    assert len(ask(command).output.splitlines()) == 1 + len(canned.lists[command])


@pytest.mark.parametrize("command", VIEWS)
def test_a_pipe_gets_whole_rows(ask, command):
    """Without colours, and without the width of a terminal that is none."""
    output = ask(command, COLUMNS=None).output
    assert LONG in output
    assert "\x1b" not in output


def test_targets_are_shown_to_people(ask, canned):
    """Who is the writer, who waits, and what is the matter with a target."""
    canned.overview = overview(attrs.evolve(SHOP, targets=(TARGET, LOST)))
    lines = ask("targets", columns=200).output.splitlines()
    assert lines[0].startswith(f"proxy shop: writer {LONG}; 812 clients, 0 of them wait")
    assert lines[1].split()[0] == "TARGET"
    assert lines[2].split()[:3] == [LONG, "READ_WRITE", "AVAILABLE"]
    assert lines[3].split()[:5] == ["db2.example:3306", "READ_ONLY", "UNAVAILABLE", "2", "min"]
    assert lines[4].strip().startswith("CONNECTION_FAILED: it cannot be connected to")


def test_a_target_is_there_whole_on_any_terminal(ask):
    """Its address is what commands take."""
    lines = ask("targets", columns=80).output.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("TARGET"))
    assert "".join(line.split()[0] for line in lines[at + 1 :]) == LONG


def test_what_is_drained_is_said_in_place_of_its_state(ask, canned):
    """This is what an operator looks for."""
    draining = attrs.evolve(TARGET, draining=True)
    canned.overview = overview(attrs.evolve(SHOP, targets=(draining,)))
    assert "DRAINING" in ask("targets").output


def test_targets_are_shown_to_programs(ask):
    """All that the API says."""
    (shop,) = json.loads(ask("targets", "--json").output)["proxies"]
    assert (shop["name"], shop["clients"]) == ("shop", 812)
    assert [target["address"] for target in shop["targets"]] == [LONG]


def test_pools_say_what_connections_do(ask, canned):
    """How many there are of how many, lent, pinned, in transactions, and who waits."""
    canned.lists["pools"] = [attrs.evolve(POOL, waiting=3, longest_wait=0.4, held=True)]
    row = ask("pools", columns=200).output.splitlines()[1].split()
    assert row[:8] == [LONG, "10/20", "3", "1", "2", "7", "3", "0.4"]
    assert "HELD" in row


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ([], ["813", "812"]),
        (["--user", "app"], ["812"]),
        (["--state", "running"], ["812"]),
        (["--waiting"], ["813"]),
        (["--pinned"], ["812"]),
        (["--limit", "1"], ["813"]),
    ],
)
def test_clients_are_filtered(ask, words, numbers):
    """Who waits longest comes first; programs get the same rows."""
    rows = ask("clients", *words).output.splitlines()[1:]
    assert [row.split()[0] for row in rows if "more" not in row] == numbers
    found = json.loads(ask("clients", *words, "--json").output)["clients"]
    assert [str(row["number"]) for row in found] == numbers


def test_what_is_left_out_is_said(ask, canned):
    """By the limit, and by the API."""
    canned.left_off = 40
    assert "41 rows more (--limit)" in ask("clients", "--limit", "1").output
    assert json.loads(ask("clients", "--limit", "1", "--json").output)["left_off"] == 41


def test_people_see_a_screen_or_two_of_clients(ask, canned):
    """Programs get all of them."""
    canned.lists["clients"] = [attrs.evolve(CLIENT, number=number) for number in range(60)]
    assert "10 rows more" in ask("clients").output
    assert len(json.loads(ask("clients", "--json").output)["clients"]) == 60


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["--state", "lent"], [99]),
        (["--target", "db9"], []),
        (["--user", "app"], [99, 100]),
    ],
)
def test_connections_are_filtered(ask, words, numbers):
    """By state, target and user."""
    found = json.loads(ask("connections", *words, "--json").output)["connections"]
    assert [row["number"] for row in found] == numbers


def test_nothing_is_said_to_be_nothing(ask, canned):
    """An empty table is no fault."""
    canned.lists["clients"] = []
    assert ask("clients").output == "No clients.\n"


def test_rows_of_several_proxies_name_theirs(ask, canned):
    """There is a column more, unless one is meant."""
    bank = attrs.evolve(SHOP, status=attrs.evolve(STATUS, name="bank"))
    canned.overview = overview(SHOP, bank)
    assert ask("clients").output.splitlines()[0].split()[0] == "PROXY"
    lines = ask("clients", "--proxy", "bank").output.splitlines()
    assert lines[0].split()[0] == "CLIENT"
    assert len(lines) == 3
    assert ask("targets").output.count("proxy ") == 2


def test_rows_that_a_worker_did_not_tell_are_missed(ask, canned):
    """Whose they are is said, also to programs."""
    canned.missing_workers = [3]
    assert ask("clients").output.splitlines()[-1] == "Without those of worker 3: no answer."
    assert json.loads(ask("clients", "--json").output)["missing_workers"] == [3]
