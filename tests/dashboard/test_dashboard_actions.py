"""What operators do by the page: it asks first, follows, and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browsing import NETWORK, Visitor
from tests.dashboard.scene import LATE, READER
from tests.dashboard.standin import StandIn

SHOP = "/v1/proxies/shop"

ACTIONS = [
    ("Pause", "Pause", f"{SHOP}/pause", {"timeout": 60}),
    ("Resume", "Resume", f"{SHOP}/resume", {}),
    (f"Drain {READER}", "Drain", f"{SHOP}/targets/{READER}/drain", {"timeout": 60}),
    (f"Undrain {LATE}", "Undrain", f"{SHOP}/targets/{LATE}/undrain", {}),
    (f"Promote {READER}", "Promote", f"{SHOP}/targets/{READER}/promote", {"timeout": 60}),
    ("Kill client 1017", "Kill", f"{SHOP}/clients/1017/kill", {}),
    ("Reload the configuration", "Reload", "/v1/reload", {}),
    ("Restart without loss", "Restart", "/v1/restart", {}),
    ("Debug logging of shop: off", "Log them", f"{SHOP}/debug-logging", {"on": True}),
]


def press(page: Page, name: str) -> None:
    """Press a button of the page, which opens the dialog."""
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize(("button", "verb", "path", "body"), ACTIONS)
def test_an_action_is_asked_for_once_more(
    visitor: Visitor,
    stand_in: StandIn,
    button: str,
    verb: str,
    path: str,
    body: Mapping[str, Any],
) -> None:
    """Nothing is done when it is not confirmed; else it is done once, and said to be done."""
    stand_in.acts["/v1/reload"] = lambda _: (
        HTTPStatus.OK,
        {"changed": ["log.level"], "needs_restart": ["proxies[shop].endpoints"]},
    )
    stand_in.scene.targets = {LATE: {"draining": True}}
    if verb == "Resume":
        stand_in.scene.status = {"paused": True, "held": True, "held_why": "it is paused"}
    page = visitor.open(stand_in.address)
    page.locator("#clients").scroll_into_view_if_needed()
    press(page, button)
    dialog = page.get_by_role("dialog")
    assert len(page.locator("#confirm-text").inner_text()) > 20
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert not stand_in.posts()
    press(page, button)
    dialog.get_by_role("button", name=verb, exact=True).click()
    expect(page.locator(".task .state")).to_have_text("done")
    assert stand_in.posts() == [(path, body)]
    if verb == "Reload":
        expect(page.locator(".task")).to_contain_text(
            "Changed: log.level. Needs a restart: proxies[shop].endpoints."
        )


def test_a_refusal_is_said_in_words(visitor: Visitor, stand_in: StandIn) -> None:
    """Why something is not possible stands there until it is closed."""
    visitor.excused = (NETWORK,)
    why = f"{READER} replicates from nobody"
    stand_in.acts[f"{SHOP}/targets/{READER}/promote"] = lambda _: (
        HTTPStatus.CONFLICT,
        {"error": why},
    )
    page = visitor.open(stand_in.address)
    press(page, f"Promote {READER}")
    page.locator("#confirm-yes").click()
    task = page.locator(".task")
    expect(task).to_contain_text(why)
    expect(page.locator("#announcer")).to_contain_text(f"failed. {why}")
    task.get_by_role("button", name="Close").click()
    expect(task).to_have_count(0)


def test_what_takes_long_is_followed(visitor: Visitor, stand_in: StandIn) -> None:
    """It shows for how long it is under way, and asks again until it is done."""
    go_on, answers = Event(), iter([False, True])

    def drain(_: Mapping[str, Any]) -> tuple[HTTPStatus, Mapping[str, Any]]:
        go_on.wait(60)
        return HTTPStatus.ACCEPTED, {"done": next(answers)}

    stand_in.acts[f"{SHOP}/targets/{READER}/drain"] = drain
    page = visitor.open(stand_in.address)
    press(page, f"Drain {READER}")
    page.locator("#confirm-yes").click()
    expect(page.locator(".task .state")).to_contain_text("under way for")
    go_on.set()
    expect(page.locator(".task .state")).to_have_text("done")
    assert len(stand_in.posts()) == 2


def test_nobody_has_to_wait(visitor: Visitor, stand_in: StandIn) -> None:
    """Who stops waiting is told that it goes on."""
    go_on = Event()
    stand_in.acts[f"{SHOP}/pause"] = lambda _: (
        HTTPStatus.OK,
        {"done": go_on.wait(60)},
    )
    page = visitor.open(stand_in.address)
    press(page, "Pause")
    page.locator("#confirm-yes").click()
    page.get_by_role("button", name="Stop waiting").click()
    expect(page.locator(".task .words")).to_contain_text("It goes on")
    go_on.set()


def test_viewers_have_no_buttons(visitor: Visitor, stand_in: StandIn) -> None:
    """Who may only look is told so, and finds nothing to press."""
    stand_in.scene.may_act = False
    page = visitor.open(stand_in.address)
    page.locator("#clients").scroll_into_view_if_needed()
    expect(page.locator("#clients tbody tr")).to_have_count(100)
    expect(page.locator("#look-only")).to_be_visible()
    for button in (*(action[0] for action in ACTIONS), "Kill client 1001"):
        expect(page.get_by_role("button", name=button, exact=True)).to_have_count(0)


def test_a_right_that_was_lost_is_said(visitor: Visitor, stand_in: StandIn) -> None:
    """An action that the server refuses to a viewer changes nothing and says why."""
    visitor.excused = (NETWORK,)
    page = visitor.open(stand_in.address)
    press(page, "Pause")
    stand_in.scene.may_act = False
    page.locator("#confirm-yes").click()
    expect(page.locator(".task .words")).to_have_text("You may not: a VIEWER may only look")


def test_the_log_level_is_set_at_once(visitor: Visitor, stand_in: StandIn) -> None:
    """It does no harm, so nobody is asked."""
    page = visitor.open(stand_in.address)
    expect(page.get_by_label("Log level")).to_be_visible()
    page.get_by_label("Log level").select_option("debug")
    expect(page.locator(".task .state")).to_have_text("done")
    assert stand_in.posts() == [("/v1/log", {"level": "debug"})]


def test_the_keyboard_is_enough(visitor: Visitor, stand_in: StandIn) -> None:
    """Enter opens, what does harm is not under the next Enter, and Escape closes."""
    page = visitor.open(stand_in.address)
    pause = page.get_by_role("button", name="Pause", exact=True)
    expect(pause).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Tab")
        if pause.evaluate("button => button === document.activeElement"):
            break
    assert pause.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(pause).to_be_focused()
    assert not stand_in.posts()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".task .state")).to_have_text("done")
