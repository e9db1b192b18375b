"""The token: from a link or typed in, kept for the tab, and never in the address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.dashboard.browsing import NETWORK, Visitor
from tests.dashboard.standin import StandIn, standing_in

TOKEN = "a-token-of-an-operator"
KEPT = "sessionStorage.getItem('mysqlproxy.token')"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """One that wants a token."""
    with standing_in(token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture
def visitor(visitor: Visitor) -> Visitor:
    """One whose browser may say that it was refused."""
    visitor.excused = (NETWORK,)
    return visitor


def test_it_is_asked_for(visitor: Visitor, stand_in: StandIn) -> None:
    """A wrong one is refused with a reason, the right one opens the page."""
    page = visitor.open(stand_in.address)
    expect(page.get_by_role("dialog")).to_be_visible()
    field = page.get_by_label("Token", exact=True)
    expect(field).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_visible()
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("the token is not one of admin.tokens")
    assert page.evaluate(KEPT) is None
    field.fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#verdict-text")).to_have_text("All well")
    page.reload()
    expect(page.locator("#link")).to_have_text("live")
    assert page.evaluate(KEPT) == TOKEN


def test_a_link_may_bring_it(visitor: Visitor, stand_in: StandIn) -> None:
    """It leaves the address and the history, and what else stands there remains."""
    page = visitor.open(f"{stand_in.address}#token={TOKEN}&proxy=shop")
    expect(page.locator("#verdict-text")).to_have_text("All well")
    assert page.url == f"{stand_in.address}#proxy=shop"
    assert page.evaluate(KEPT) == TOKEN
    assert page.evaluate("localStorage.length") == 0


def test_who_signs_out_is_asked_again(visitor: Visitor, stand_in: StandIn) -> None:
    """Nothing of the token is left."""
    page = visitor.open(f"{stand_in.address}#token={TOKEN}")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(KEPT) is None


def test_a_token_that_ends_is_asked_for_again(visitor: Visitor, stand_in: StandIn) -> None:
    """The page says why, and goes on with the new one."""
    page = visitor.open(f"{stand_in.address}#token={TOKEN}")
    expect(page.locator("#link")).to_have_text("live")
    stand_in.token = "another"
    expect(page.get_by_role("alert")).to_have_text("the token is not one of admin.tokens")
    page.get_by_label("Token", exact=True).fill("another")
    page.get_by_role("dialog").get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
