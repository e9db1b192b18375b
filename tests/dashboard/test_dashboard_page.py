"""What the page shows, to whom, and that everybody can read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.browsing import Visitor, grave_findings
from tests.dashboard.scene import LATE, READER, WRITER
from tests.dashboard.standin import StandIn

TROUBLE = {
    "held": True,
    "held_why": f"{WRITER} is not there: connection refused",
    "held_seconds": 3.2,
    "writer": None,
    "waiting": 31,
}

sizes = pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024), (360, 740)])
schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


def trouble(stand_in: StandIn) -> None:
    """Let the writer be away, and a reader be drained."""
    scene = stand_in.scene
    scene.names = ("shop", "billing")
    scene.status = TROUBLE
    scene.targets = {
        WRITER: {"state": "UNAVAILABLE", "reason": "UNREACHABLE", "description": "refused"},
        LATE: {"draining": True, "lent": 3},
    }


@sizes
@schemes
def test_all_is_there_at_each_size(
    visitor: Visitor, stand_in: StandIn, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    """Each part has its content, and nothing is wider than the page."""
    page = visitor.open(stand_in.address, width=width, height=height, color_scheme=scheme)
    expect(page.locator("#verdict-text")).to_have_text("All well")
    expect(page.locator("#connections-words")).to_contain_text("clients on")
    expect(page.locator("#statement-p99")).to_contain_text("ms")
    expect(page.locator("#targets > li")).to_have_count(3)
    expect(page.locator("#targets")).to_contain_text("of 40 connections")
    expect(page.locator("#endpoints")).to_contain_text("0.0.0.0:6034")
    expect(page.locator("#events > li")).to_have_count(8)
    expect(page.locator("#pin-reasons")).to_contain_text("use a derived table or a CTE")
    expect(page.locator("#facts")).to_contain_text("148 MiB")
    for part in ("#statements", "#clients"):
        page.locator(part).scroll_into_view_if_needed()
    expect(page.locator("#statements")).to_contain_text("FOR UPDATE")
    expect(page.locator("#clients tbody tr")).to_have_count(100)
    assert page.locator(".chart canvas").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)


def test_nothing_comes_from_elsewhere(visitor: Visitor, stand_in: StandIn) -> None:
    """The page loads from the proxy alone, and its policy lets it load from nobody else."""
    page = visitor.open(stand_in.address)
    expect(page.locator("#link")).to_have_text("live")
    assert visitor.hosts == {f"127.0.0.1:{stand_in.port}"}
    assert page.evaluate("eval.name") == "eval"
    visitor.excused = ("Content Security Policy",)
    assert page.evaluate(
        "fetch('http://127.0.0.2:9/').then(() => 'loaded', () => 'kept from it')"
    ) == ("kept from it")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (360, 740)])
@schemes
def test_everybody_can_read_it(
    visitor: Visitor, stand_in: StandIn, width: int, height: int, scheme: str
) -> None:
    """Axe-core finds nothing serious when all is well, in trouble, or in a dialog."""
    page = visitor.open(stand_in.address, width=width, height=height, color_scheme=scheme)
    for part in ("#statements tbody tr", "#clients tbody tr"):
        page.locator(part.split()[0]).scroll_into_view_if_needed()
        expect(page.locator(part).first).to_be_visible()
    assert not grave_findings(page)
    trouble(stand_in)
    expect(page.locator("#verdict")).to_have_attribute("data-level", "bad")
    page.get_by_text("Who is pinned").click()
    expect(page.locator("#pinned tbody tr")).to_have_count(1)
    assert not grave_findings(page)
    page.get_by_role("button", name="Pause", exact=True).click()
    assert not grave_findings(page)


def test_trouble_is_said_first(visitor: Visitor, stand_in: StandIn) -> None:
    """The top line says why clients wait, and what else there is stands below."""
    trouble(stand_in)
    page = visitor.open(stand_in.address)
    expect(page.locator("#verdict-text")).to_have_text(
        f"shop: clients wait for 3 s: {WRITER} is not there: connection refused"
    )
    expect(page.locator("#findings")).to_contain_text(f"{LATE} is drained, 3 connections")
    expect(page).to_have_title("⚠ shop: clients wait for 3 s: " + TROUBLE["held_why"]
                               + " · mysqlproxy")  # fmt: skip
    card = page.locator("#targets > li").filter(has_text=WRITER)
    expect(card).to_contain_text("Unavailable")
    expect(card).to_contain_text("UNREACHABLE: refused")
    assert page.locator("#announcer").inner_text() == ""
    stand_in.scene.status, stand_in.scene.targets = {}, {}
    expect(page.locator("#announcer")).to_have_text("All well")


def test_workers_are_shown_where_there_are_some(visitor: Visitor, stand_in: StandIn) -> None:
    """What each does and takes; one alone is described by the process."""
    page = visitor.open(stand_in.address)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#workers-section")).to_be_hidden()
    stand_in.scene.workers = ("serving", "replaced", "serving")
    rows = page.locator("#workers tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("serving")
    expect(rows.nth(0)).to_contain_text("137")
    expect(rows.nth(1)).to_contain_text("replaced")
    expect(page.locator("#facts")).to_contain_text("Workers")
    page.locator("#workers").scroll_into_view_if_needed()
    assert not grave_findings(page)
    stand_in.scene.workers = ("serving",)
    expect(page.locator("#workers-section")).to_be_hidden()


def test_a_proxy_is_chosen_and_stays_so(visitor: Visitor, stand_in: StandIn) -> None:
    """The selector leads to another proxy, and a reload of the page back to it."""
    stand_in.scene.names = ("shop", "billing")
    page = visitor.open(stand_in.address)
    page.get_by_role("button", name="billing").click()
    expect(page.locator("#proxy-name")).to_have_text("billing")
    page.reload()
    expect(page.locator("#proxy-name")).to_have_text("billing")
    assert page.url.endswith("#proxy=billing")


def test_what_servers_say_is_text(visitor: Visitor, stand_in: StandIn) -> None:
    """Markup in a statement, an event or an address is shown, not followed."""
    evil = "<img src=x onerror=alert(1)>"
    stand_in.scene.targets = {READER: {"description": evil}}
    page = visitor.open(stand_in.address)
    expect(page.locator("#targets")).to_contain_text(evil)
    page.locator("#statements").scroll_into_view_if_needed()
    expect(page.locator("#statements")).to_contain_text("SELECT <img src=x")
    assert page.locator("main img").count() == 0


def test_events_are_filtered_by_level(visitor: Visitor, stand_in: StandIn) -> None:
    """Only errors are left when only errors are asked for."""
    page = visitor.open(stand_in.address)
    expect(page.locator("#events > li")).to_have_count(8)
    page.get_by_label("Level", exact=True).select_option("error")
    expect(page.locator("#events > li")).to_have_count(1)
    expect(page.locator("#events")).to_contain_text("do not fit together")


def test_clients_are_searched_and_sorted(visitor: Visitor, stand_in: StandIn) -> None:
    """A search finds those beyond the first hundred; a heading sorts, and turns the order."""
    stand_in.scene.clients = 3000
    page = visitor.open(stand_in.address)
    search = page.get_by_label("Search")
    search.fill("3999 idle")
    expect(page.locator("#clients tbody tr")).to_have_count(1)
    expect(page.locator("#clients-count")).to_have_text("1 of 3,000 clients")
    search.fill("nobody")
    expect(page.locator("#clients")).to_contain_text("No client is like that.")
    search.fill("")
    heading = page.get_by_role("columnheader", name="Client", exact=True)
    first = page.locator("#clients tbody tr").first.locator("td").first
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(first).to_have_text("1001")


def test_the_theme_is_turned_and_kept(visitor: Visitor, stand_in: StandIn) -> None:
    """The toggle wins over the system, also after a reload."""
    page = visitor.open(stand_in.address, color_scheme="light")
    ground = "getComputedStyle(document.body.parentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate(ground) != light
    page.reload()
    assert page.evaluate(ground) != light
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_chart_tells_what_is_under_the_pointer(visitor: Visitor, stand_in: StandIn) -> None:
    """The pointer shows a moment with its values; others hear a summary."""
    page = visitor.open(stand_in.address)
    chart = page.locator("#latency-chart")
    expect(chart).to_have_attribute(
        "aria-label",
        re.compile(r"Latency of statements, the last 5 minutes. Now: p50 .*µs, p95 .*"),
    )
    chart.locator(".u-over").hover()
    expect(chart.locator(".tip")).to_contain_text("p99")
