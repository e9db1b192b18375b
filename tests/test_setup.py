"""Tests of `setup.py` and `setup.cfg`: what is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What would be installed of the Python form, and what was said of it."""
    folder = tmp_path_factory.mktemp("build")
    words = ["build", "--build-base", str(folder / "base"), "--build-lib", str(folder / "lib")]
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", *words],
        cwd=ROOT,
        env={**os.environ, "MYSQLPROXY_PURE_PYTHON": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder / "lib", done.stderr


def test_every_module_is_installed_and_nothing_else(built):
    """The twistd plugin and the dashboard's files among them."""
    folder, _ = built
    wanted = {path.relative_to(ROOT) for path in (ROOT / "proxy").rglob("*.py")}
    wanted |= {Path("proxy/py.typed"), Path("twisted/plugins/mysqlproxy_plugin.py")}
    wanted |= {path.relative_to(ROOT) for path in (ROOT / "proxy/admin/dashboard").iterdir()}
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert there == wanted


def test_whoever_builds_is_told_why_nothing_is_compiled(built):
    """It is no error, but slower."""
    _, said = built
    assert "mysqlproxy: not compiled, runs as Python: MYSQLPROXY_PURE_PYTHON is 1" in said
