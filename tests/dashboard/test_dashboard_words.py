"""The page's own words: numbers for people, and what it says of each state of a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.dashboard.browsing import Visitor
from tests.dashboard.scene import LATE, WRITER, Scene
from tests.dashboard.standin import StandIn

FORMATS = [
    ("latency", 0, "0 ms"),
    ("latency", 0.00000004, "1 µs"),
    ("latency", 0.00085, "850 µs"),
    ("latency", 0.0009996, "1.00 ms"),
    ("latency", 0.01234, "12.3 ms"),
    ("latency", 0.9999, "1.00 s"),
    ("latency", 184, "3 min 4 s"),
    ("span", 59.9, "59 s"),
    ("span", 60, "1 min"),
    ("span", 3725, "1 h 2 min"),
    ("span", 356_400, "4 d 3 h"),
    ("bytes", 512, "512 B"),
    ("bytes", 155_189_248, "148 MiB"),
    ("bytes", 5 * 2**30, "5.0 GiB"),
    ("percent", 0.004, "<1 %"),
    ("percent", 0.316, "32 %"),
    ("count", 12_345, "12,345"),
    ("count", 1_234_567, "1.2M"),
    ("ratio", 29.43, "29"),
    ("ratio", 2.96, "3"),
    ("tick", 0.01, "10 µs"),
    ("tick", 10, "10 ms"),
    ("tick", 2000, "2 s"),
]

STATES: list[tuple[Mapping[str, Any], str, str]] = [
    ({}, "ok", "All well"),
    ({"status": {"last_switch": 42.0}}, "ok", f"The writer was switched to {WRITER} 42 s ago"),
    (
        {"status": {"paused": True, "held": True, "held_why": "it is paused",
                    "held_seconds": 65.0, "waiting": 2}},
        "warn", "Paused by an operator for 1 min 5 s; 2 clients waiting",
    ),
    (
        {"status": {"held": True, "held_why": "no target takes writes", "held_seconds": 3.4}},
        "bad", "Clients wait for 3 s: no target takes writes",
    ),
    (
        {"process": {"ready": False, "not_ready": "it is being stopped"}},
        "bad", "New clients should go elsewhere: it is being stopped",
    ),
    (
        {"process": {"open_files": 900, "max_open_files": 1024}},
        "warn", "88 % of the file descriptors are in use (900 of 1,024)",
    ),
    (
        {"process": {"debug_logging": ("shop",)}},
        "ok", "Statements of shop are written to the log",
    ),
    (
        {"targets": {LATE: {"state": "UNAVAILABLE", "description": "connection refused"}}},
        "warn", f"{LATE} is not available: connection refused",
    ),
    (
        {"targets": {LATE: {"lag_seconds": 95.0}}},
        "warn", f"{LATE} is 1 min 35 s behind the writer",
    ),
    ({"targets": {LATE: {"draining": True}}}, "ok", f"{LATE} is drained"),
    ({"workers": ("serving", "starting")}, "ok", "All well"),
    (
        {"workers": ("serving", "replaced")},
        "warn", "Worker 2 has ended, and another one takes its place",
    ),
    (
        {"workers": ("silent", "serving")},
        "warn", "Worker 1 has told nothing of itself for some seconds",
    ),
]  # fmt: skip


@pytest.fixture
def page(visitor: Visitor, stand_in: StandIn) -> Page:
    """A page whose modules can be called."""
    return visitor.open(stand_in.address)


def test_numbers_are_for_people(page: Page) -> None:
    """Each has its unit and no more digits than anybody reads."""
    said = page.evaluate(
        """async asked => {
            const format = await import("./assets/format.js");
            return asked.map(([name, value]) => format[name](value));
        }""",
        [[name, value] for name, value, _ in FORMATS],
    )
    assert said == [text for _, _, text in FORMATS]


@pytest.mark.parametrize(("settings", "level", "sentence"), STATES)
def test_each_state_has_its_sentence(
    page: Page, settings: Mapping[str, Any], level: str, sentence: str
) -> None:
    """The most serious one is the verdict, and notes leave all well."""
    judged = page.evaluate(
        "async seen => (await import('./assets/verdict.js')).judge(seen)",
        Scene(**settings).overview(),
    )
    assert judged["level"] == level
    assert judged["sentence"] == ("All well" if level == "ok" else sentence)
    assert sentence == "All well" or sentence in [one["text"] for one in judged["findings"]]


def test_a_full_pool_is_said(page: Page) -> None:
    """Clients that wait for longer than a moment are trouble, and all connections are named."""
    seen = Scene().overview()
    pool = seen["proxies"][0]["pools"][0]
    pool.update(connections=40, waiting=12, longest_wait=6.25, pinned=36)
    judged = page.evaluate(
        "async seen => (await import('./assets/verdict.js')).judge(seen)", seen
    )
    assert judged["sentence"] == (
        f"12 clients waiting for a connection to {WRITER}, the first for 6.25 s; "
        "all 40 are there"
    )
    pinned = f"36 of the 40 connections to {WRITER} are pinned"
    assert pinned in [one["text"] for one in judged["findings"]]
