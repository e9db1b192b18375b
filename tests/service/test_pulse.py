"""Tests of `proxy.service.pulse`."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from proxy.observe.figures import Figures
from proxy.service.pulse import KEPT_BEATS, Pulse


class Process:
    """One that does what the test says."""

    def __init__(self):
        self.clock = Clock()
        self.requests = 0
        self.seconds = 0.0
        self.pulse = Pulse(
            self.clock, lambda: self.requests, lambda: Figures(pid=7, cpu_seconds=self.seconds)
        )

    def beat(self, passed=1.0, requests=0, seconds=0.0):
        self.clock.advance(passed)
        self.requests += requests
        self.seconds += seconds
        self.pulse.beat()


@pytest.fixture
def process():
    return Process()


def test_it_is_of_the_last_second(process):
    """Not of those before."""
    process.beat(requests=100, seconds=0.5)
    process.beat(requests=10, seconds=0.25)
    pulse = process.pulse
    assert (pulse.statements, pulse.cpu) == (10, 0.25)
    assert pulse.figures == Figures(pid=7, cpu_seconds=0.75)
    assert repr(pulse) == "<Pulse 10 statements, 0.25 s of a processor>"


def test_a_second_may_be_longer(process):
    """What was done is shared out over it, and how late it came is kept for a minute."""
    process.beat(4.0, requests=100, seconds=2.0)
    assert (process.pulse.statements, process.pulse.cpu) == (25, 0.5)
    assert process.pulse.delay == 3.0
    for _ in range(KEPT_BEATS):
        process.beat()
    assert process.pulse.delay == 0.0


def test_it_may_be_asked_before_the_first_beat(process):
    """Then it knows what the process takes, and no more."""
    pulse = process.pulse
    assert (pulse.statements, pulse.cpu, pulse.delay) == (0, 0.0, 0.0)
    assert pulse.figures.pid == 7


def test_proxies_that_end_take_their_counts_with_them(process):
    """Nothing is less than nothing; two beats at once are one."""
    process.beat(requests=100)
    process.beat(requests=-50)
    assert process.pulse.statements == 0
    process.beat(0.0, requests=7)
    assert process.pulse.statements == 0
