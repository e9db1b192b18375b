"""Many reloads leave nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.loopback

SOME = 4
"""Of a kind there may be so many more: what is under way at the moment that is counted."""

LIMIT_SECONDS = 120


def test_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    """Neither do those that are refused: objects, threads and ports are as many as before."""
    command = [sys.executable, "-m", "tests.support.reloads", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.stdout, done.stderr
    first, last = json.loads(done.stdout)
    grown = {
        name: (first.get(name, 0), number)
        for name, number in last.items()
        if number > first.get(name, 0) + SOME
    }
    assert not grown
    assert first["listening"] == last["listening"]
