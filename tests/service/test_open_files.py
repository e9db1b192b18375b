"""Tests of `proxy.service.open_files`."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from proxy.observe.log import get_logger
from proxy.service.open_files import MOST, raise_limit

INFINITY = resource.RLIM_INFINITY

SHOW = """
import resource, subprocess, sys
from proxy.observe.log import get_logger
from proxy.service.open_files import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
raise_limit(get_logger())
child = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
print(subprocess.check_output([sys.executable, "-c", child], text=True))
"""


@pytest.fixture
def limits(monkeypatch):
    """Sets the limits of a process that is not there, and has those that were set."""
    there = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: there[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: there.append(pair))
    return there


@pytest.mark.parametrize(
    ("hard", "soft"),
    [(4096, 4096), (MOST, MOST), (MOST + 1, MOST), (10**9, MOST), (INFINITY, MOST)],
)
def test_the_soft_limit_becomes_the_hard_one(limits, hard, soft):
    """As far as there is any use in it; and the log says so."""
    limits.append((1024, hard))
    with capture_logs() as lines:
        raise_limit(get_logger())
    assert limits[1:] == [(soft, hard)]
    assert lines == [
        {
            "event": "the limit of open files is raised",
            "log_level": "info",
            "limit": soft,
            "before": 1024,
        }
    ]


@pytest.mark.parametrize(
    "pair",
    [(1024, 1024), (MOST, INFINITY), (MOST + 1, MOST + 2), (INFINITY, INFINITY)],
)
def test_a_limit_that_is_high_enough_stays(limits, pair):
    """It is never lowered, and there is nothing to say."""
    limits.append(pair)
    with capture_logs() as lines:
        raise_limit(get_logger())
    assert limits == [pair]
    assert lines == []


@pytest.mark.parametrize(
    "error", [ValueError("not allowed to raise maximum limit"), OSError(1, "not permitted")]
)
def test_a_limit_that_the_kernel_does_not_let_be_raised_stays(limits, monkeypatch, error):
    """The proxy serves with what there is, and the log has a warning."""
    limits.append((1024, 4096))

    def refuse(_, __):
        raise error

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with capture_logs() as lines:
        raise_limit(get_logger())
    assert lines == [
        {
            "event": "the limit of open files cannot be raised",
            "log_level": "warning",
            "limit": 1024,
            "wanted": 4096,
            "why": str(error),
        }
    ]


def test_children_inherit_it():
    """So do workers, and the process that takes over."""
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, text=True, timeout=60, check=True
    )
    assert shown.stdout.split()[-2:] == ["128", "128"]
