"""What the tests of the dashboard share: a browser, and something to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.dashboard.browsing import Visitor, running_browser
from tests.dashboard.standin import StandIn, standing_in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: while it runs, its event loop is that of the whole thread."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """An admin API with a made-up process behind it."""
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def visitor(browser: Browser, stand_in: StandIn) -> Iterator[Visitor]:  # noqa: ARG001 - leaves last
    """Whoever looks; the test fails when a page complained of something."""
    visitor = Visitor(browser)
    yield visitor
    visitor.close()
    assert not visitor.complaints
