"""The proxy goes away and comes back, and how often it is asked."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.dashboard.browsing import NETWORK, Visitor
from tests.dashboard.standin import StandIn

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def looks(stand_in: StandIn) -> int:
    """How often the overview was asked for."""
    return sum(path == "/v1/overview" for path, _ in stand_in.asked)


def looks_within(page: Page, stand_in: StandIn, seconds: int) -> int:
    """How often it is asked while so much time passes for the page."""
    before = looks(stand_in)
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.wait_for_timeout(20)  # of real time, for the answer to come
    return looks(stand_in) - before


def test_what_is_old_is_shown_as_old(visitor: Visitor, stand_in: StandIn) -> None:
    """It says that nobody answers and how old everything is, and goes on when they do."""
    visitor.excused = (NETWORK,)
    page = visitor.open(stand_in.address)
    expect(page.locator("#link")).to_have_text("live")
    stand_in.leave()
    expect(page.locator("#away-text")).to_contain_text(
        "The proxy does not answer. What is shown"
    )
    expect(page.locator("#away-next")).to_contain_text("Next try in")
    expect(page.locator("body")).to_have_class("stale")
    expect(page).to_have_title("⚠ No answer · mysqlproxy")
    expect(page.locator("#announcer")).to_have_text("The proxy does not answer.")
    stand_in.come_back()
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#away")).to_be_hidden()
    expect(page.locator("body")).to_have_class("")
    expect(page.locator("#announcer")).to_have_text("The proxy answers again.")


def test_it_comes_back_by_itself(visitor: Visitor, stand_in: StandIn) -> None:
    """Nobody has to press anything."""
    visitor.excused = (NETWORK,)
    page = visitor.open(stand_in.address)
    expect(page.locator("#link")).to_have_text("live")
    stand_in.leave()
    expect(page.locator("#away")).to_be_visible()
    stand_in.come_back()
    expect(page.locator("#away")).to_be_hidden()


def test_another_process_begins_anew(visitor: Visitor, stand_in: StandIn) -> None:
    """After a restart its events are shown once, and its history is fetched."""
    page = visitor.open(stand_in.address)
    expect(page.locator("#events > li")).to_have_count(8)
    stand_in.asked.clear()
    stand_in.scene.process = {"pid": 7, "uptime": 2.0}
    expect(page.locator("#facts")).to_contain_text("7, for 2 s")
    expect(page.locator("#events > li")).to_have_count(8)
    assert ("/v1/history", None) in stand_in.asked


def test_a_mistake_of_one_list_leaves_the_rest(visitor: Visitor, stand_in: StandIn) -> None:
    """An older proxy that has no digests is shown all the same."""
    visitor.excused = (NETWORK, "nothing")
    stand_in.missing.add("digests")
    page = visitor.open(stand_in.address)
    page.locator("#clients").scroll_into_view_if_needed()
    expect(page.locator("#clients tbody tr")).to_have_count(100)
    expect(page.locator("#link")).to_have_text("live")


def test_ten_may_look_at_once(visitor: Visitor, stand_in: StandIn) -> None:
    """Each of them is live."""
    pages = [visitor.open(stand_in.address) for _ in range(10)]
    for page in pages:
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#verdict-text")).to_have_text("All well")


def test_a_hidden_tab_asks_rarely(visitor: Visitor, stand_in: StandIn) -> None:
    """While nobody looks it asks every 15 seconds, and each second when somebody does again."""
    page = visitor.open("about:blank")
    page.clock.install()
    page.goto(stand_in.address)
    expect(page.locator("#link")).to_have_text("live")
    page.clock.pause_at(page.evaluate("Date.now() + 2000"))
    page.evaluate(HIDE, True)
    assert 1 <= looks_within(page, stand_in, 31) <= 3
    page.evaluate(HIDE, False)
    assert looks_within(page, stand_in, 31) > 6
