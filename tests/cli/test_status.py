"""Tests of `proxy.cli.status`."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.cli.canned import LONG, LOST, POOL, SHOP, STATUS, TARGET, WORKERS, overview

pytestmark = pytest.mark.loopback


def bad():
    """A proxy whose clients wait, and one of whose targets is lost."""
    return attrs.evolve(
        SHOP,
        status=attrs.evolve(STATUS, waiting=2, held=True, held_why="the writer is lost"),
        targets=(TARGET, LOST),
        pools=(attrs.evolve(POOL, waiting=2, longest_wait=2.5, lent=20, connections=20),),
        pins=(),
    )


def test_all_that_matters_is_seen_at_a_glance(ask):
    """The verdict first, then writer, clients, speed, pins, targets, process and events."""
    lines = ask("status").output.splitlines()
    assert lines[0] == "All is well."
    text = "\n".join(lines)
    for part in (
        f"writer      {LONG}",
        "812 on 10 of 20 connections, 3 lent, 81.2 to one",
        "waiting     nobody",
        "1,234/s now, 1,000/s in the last minute",
        "p50 0.8 ms, p95 2.1 ms, p99 12 ms (database 12 ms, waiting 12 ms)",
        "1 NAMED_LOCK (mysqlproxy pins)",
        "0.1.0 (compiled), process 4711, up 3 d, ready",
        "12:00:03 error   no writer is found",
    ):
        assert part in text
    assert len(lines) <= 32  # a screen of some lines more than the smallest


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(ask, canned, columns):
    """No line is too long, in good days and in bad ones."""
    for shop in (SHOP, bad()):
        canned.overview = overview(shop)
        lines = ask("status", columns=columns).output.splitlines()
        assert max(map(len, lines)) <= columns


def test_what_is_the_matter_comes_first(ask, canned):
    """Who waits, since when and why, and which clients have waited longest."""
    canned.overview = overview(bad())
    output = ask("status", columns=200).output
    assert output.startswith("! proxy shop: clients have been held")
    assert "CONNECTION_FAILED" in output
    assert "all 20 connections are lent, 2 in transactions and 1 pinned" in output
    assert "client 813 report@10.0.0.3 waits for 2.5 s" in output
    assert "pins        none" in output


def test_scripts_can_check_it(ask, canned):
    """With --check the status says whether something is the matter; without it nothing does."""
    assert ask("status", "--check").exit_code == 0
    canned.overview = overview(bad())
    assert ask("status").exit_code == 0
    assert ask("status", "--check").exit_code == 1
    assert ask("status", "--check", "--json").exit_code == 1


def test_programs_get_what_the_api_gives(ask, canned):
    """The overview as it is, with one call."""
    found = json.loads(ask("status", "--json").output)
    assert found == json.loads(json.dumps(attrs.asdict(canned.overview)))
    assert [path for _, path, _, _ in canned.asked] == ["/v1/overview"]


def test_one_proxy_may_be_meant(ask, canned):
    """The others are not shown; one that is none ends with 2 and a hint."""
    bank = attrs.evolve(SHOP, status=attrs.evolve(STATUS, name="bank"))
    canned.overview = overview(SHOP, bank)
    assert "proxy bank" in ask("status").output
    output = ask("status", "--proxy", "bank").output
    assert "proxy bank" in output
    assert "proxy shop" not in output
    canned.answers["GET", "/v1/proxies/bang"] = (
        404,
        {"error": "there is no proxy 'bang'; there are shop, bank", "known": ["shop", "bank"]},
    )
    result = ask("status", "--proxy", "bang")
    assert result.exit_code == 2
    assert "did you mean bank?" in result.output


def test_a_process_that_has_just_begun_is_shown(ask, canned):
    """Without statements, pins, events or a file."""
    nothing = attrs.evolve(SHOP.now.statement_latency, count=0)
    quiet = attrs.evolve(SHOP.last_minute, statement_latency=nothing, statements=0)
    fresh = attrs.evolve(STATUS, clients=0, last_switch=None)
    canned.overview = overview(
        attrs.evolve(SHOP, status=fresh, last_minute=quiet),
        ready=False,
        not_ready="endpoints are being opened",
        configuration="",
        debug_logging=("shop",),
    )
    canned.events = ()
    output = ask("status").output
    assert "NOT READY" in output
    assert "statements of shop" in output
    assert "latency" not in output
    assert "last events" not in output
    assert "settings" not in output


def test_workers_are_counted_where_there_are_some(ask, canned):
    """Of one alone nothing is said."""
    assert "serve" not in ask("status").output
    canned.overview = overview(workers=(*WORKERS[:2], attrs.evolve(WORKERS[2], state="silent")))
    output = ask("status").output
    assert "workers     2 of 3 serve (mysqlproxy workers)" in output
    assert "worker 3 has told nothing of itself" in output
