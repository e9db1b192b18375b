"""The dashboard before a real proxy, whose writer dies while somebody looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from proxy.embedded import Flavor, ReplicatedServers, start_replicated
from tests.dashboard.browsing import NETWORK, Visitor, grave_findings, running_browser
from tests.support.failing_over import GO_ON, Watching, address, heal, prepare, proxy_before
from tests.support.ports import free_port
from tests.support.process import WORKERS_IN_TURN
from tests.support.regulars import ask, regulars

pytestmark = pytest.mark.live

OPERATOR, VIEWER = "an-operators-token-1", "a-viewers-token-0001"


@pytest.fixture(scope="module")
def pair() -> Iterator[ReplicatedServers]:
    """A primary and a replica that has what was acknowledged."""
    with start_replicated(Flavor.MYSQL, semi_sync=True) as group:
        prepare(group.primary)
        group.wait_until_caught_up()
        yield group


@pytest.fixture(scope="module")
def port() -> int:
    """Where the dashboard is."""
    return free_port()


@pytest.fixture(scope="module", params=WORKERS_IN_TURN)
def proxy(
    request: pytest.FixtureRequest,
    pair: ReplicatedServers,
    port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watching]:
    """A proxy with a dashboard, of one process and of more."""
    heal(pair)
    tokens = [
        {"name": "operator", "role": "OPERATOR", "token": OPERATOR},
        {"name": "viewer", "role": "VIEWER", "token": VIEWER},
    ]
    admin = {"listen": [f"tcp:{port}:interface=127.0.0.1"], "tokens": tokens}
    folder = tmp_path_factory.mktemp("dashboard")
    with proxy_before(pair.servers, folder, admin=admin, workers=request.param) as proxy:
        proxy.wait_until_well()
        yield proxy


@pytest.fixture
def visitor(proxy: Watching) -> Iterator[Visitor]:
    """Whoever looks; the test fails when a page complained of something."""
    assert proxy.process.poll() is None
    with running_browser() as browser:
        visitor = Visitor(browser)
        yield visitor
        visitor.close()
    assert not visitor.complaints


@pytest.fixture
def page(visitor: Visitor, port: int) -> Page:
    """The dashboard as an operator opens it."""
    page = visitor.open(f"http://127.0.0.1:{port}/#token={OPERATOR}")
    expect(page.locator("#link")).to_have_text("live")
    return page


def test_it_shows_what_clients_do(page: Page, proxy: Watching) -> None:
    """Statements, clients, the writer, a pin with its advice: all of the real ones."""
    pinned = proxy.connect()
    ask(pinned, "CREATE TEMPORARY TABLE drafts (id INT)")
    with regulars(proxy.connect, reads=6, writes=3) as crowd:
        crowd.wait_for_answers()
        expect(page.locator("#verdict-text")).to_have_text("All well")
        expect(page.locator("#throughput-now")).to_have_text(re.compile(r"[1-9][\d,]* /s"))
        expect(page.locator("#statement-p95")).to_have_text(re.compile("ms|µs"))
        expect(page.locator("#connections-words")).to_contain_text("10 clients on")
        expect(page.locator("#targets > li")).to_have_count(2)
        expect(page.locator("#targets > li").first).to_contain_text("Writer")
        expect(page.locator("#pin-reasons")).to_contain_text("TEMPORARY_TABLE")
        for part in ("#statements", "#clients"):
            page.locator(part).scroll_into_view_if_needed()
            expect(page.locator(f"{part} tbody tr").first).to_be_visible()
        expect(page.locator("#statements")).to_contain_text(re.compile("ledger|things"))
        expect(page.locator("#clients tbody tr").first).to_contain_text(
            "pinned: TEMPORARY_TABLE"
        )
        assert not grave_findings(page)
    pinned.close()


def test_a_client_is_killed(page: Page, proxy: Watching) -> None:
    """The one that was meant is disconnected, and nobody else."""
    wanted, other = proxy.connect(), proxy.connect()
    number = wanted.thread_id()
    page.get_by_label("Search").fill(str(number))
    page.get_by_role("button", name=f"Kill client {number}", exact=True).click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".task .state")).to_have_text("done")
    with pytest.raises(Exception, match=r"Lost connection|killed|closed"):
        ask(wanted, "SELECT 1")
    assert ask(other, "SELECT 1") == ((1,),)
    other.close()


def test_a_pause_is_seen_and_ended(page: Page, proxy: Watching) -> None:
    """Both by the page: the top line says so while it lasts."""
    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#verdict-text")).to_have_text(re.compile("^Paused by an operator for"))
    assert proxy.status()["paused"]
    page.get_by_role("button", name="Resume", exact=True).click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#verdict-text")).to_have_text("All well")
    assert not proxy.status()["paused"]


def test_viewers_only_look(visitor: Visitor, port: int) -> None:
    """A viewer's token shows all, and offers nothing."""
    page = visitor.open(f"http://127.0.0.1:{port}/#token={VIEWER}")
    expect(page.locator("#look-only")).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_hidden()


def test_a_wrong_token_is_refused(visitor: Visitor, port: int) -> None:
    """The page asks for another one, and says why."""
    visitor.excused = (NETWORK,)
    page = visitor.open(f"http://127.0.0.1:{port}/#token=a-token-that-nobody-has")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_have_text("")


def test_a_failover_is_seen(
    page: Page, proxy: Watching, pair: ReplicatedServers, tmp_path: Path
) -> None:
    """It says that clients wait and why, and then who has taken the writes."""
    old, new = address(pair.primary), address(pair.replicas[0])
    with regulars(proxy.connect, reads=4, writes=2) as crowd:
        crowd.wait_for_answers()
        pair.primary.kill()
        expect(page.locator("#verdict")).to_have_attribute("data-level", "bad")
        expect(page.locator("#verdict-text")).to_have_text(re.compile("^Clients wait for .*: "))
        page.screenshot(path=tmp_path / "while-it-lasts.png")
        pair.promote()
        proxy.wait_for(GO_ON)
        card = page.locator("#targets > li").filter(has_text=new)
        expect(card).to_contain_text("Writer")
        expect(page.locator("#findings")).to_contain_text(f"The writer was switched to {new}")
        expect(page.locator("#findings, #verdict-text").first).to_be_visible()
        expect(page.locator("#targets > li").filter(has_text=old)).to_contain_text(
            "Unavailable"
        )
        expect(page.locator("#events")).to_contain_text("another target takes the writes")
        page.screenshot(path=tmp_path / "afterwards.png", full_page=True)
