"""A real browser that looks at the dashboard, and hears each complaint of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""Names of the browser: Debian's and Ubuntu's, Fedora's, and Google's own package."""

WAIT_MS = 20_000
"""How long the page may take to show something: a machine that runs all tests is slow."""

AXE = Path(__file__).with_name("axe.min.js")

NETWORK = "Failed to load resource"
"""What Chromium says of each answer that is an error, and of each that does not come."""


class NoBrowserError(Exception):
    """There is no browser on this machine."""


def find_browser() -> str:
    """The path of the browser's program.

    Raises:
        NoBrowserError: there is none; says how to get one.
    """
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise NoBrowserError(
        "The tests of the dashboard need Chromium; on Debian and Ubuntu: "
        "apt-get install chromium"
    )


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window, for the length of a block."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser())
        yield browser
        browser.close()


@attrs.define(eq=False)
class Visitor:
    """Opens pages; what they complain of is kept.

    Attributes:
        browser: Where they are opened.
        complaints: Lines of the console and errors of scripts, but for `excused` ones.
        excused: Words of lines that a test expects.
        hosts: From where something was loaded.
    """

    browser: Browser
    complaints: list[str] = attrs.field(factory=list)
    excused: tuple[str, ...] = ()
    hosts: set[str] = attrs.field(factory=set)

    def open(
        self, address: str, *, width: int = 1440, height: int = 900, **options: Any
    ) -> Page:
        """A page in a profile of its own; options as of `Browser.new_context`."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, **options
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", partial(Visitor._hear, self))
        page.on("pageerror", lambda error: self.complaints.append(str(error.stack)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.goto(address)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self.browser.contexts:
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if not any(words in message.text for words in self.excused):
            self.complaints.append(f"{message.type}: {message.text}")


def grave_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical on a page."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html']}: {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
