"""Tests of `proxy.service.form`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import proxy
from proxy.service.form import form

EXPECTED = os.environ.get("MYSQLPROXY_EXPECTED_FORM", "pure Python")
"""What `make test` says that it runs."""

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_form_is_the_one_that_is_to_be_tested():
    """These tests run over the compiled modules when they are said to, and else never."""
    assert form() == EXPECTED


def test_programs_that_tests_start_have_the_same_form():
    """A proxy in a process of its own is no other than the one that is imported here."""
    ran = subprocess.run(
        [sys.executable, "-m", "proxy", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"mysqlproxy, version {proxy.__version__} ({EXPECTED})\n"


def test_the_compiled_modules_are_those_of_these_sources():
    """What was compiled from older files says nothing of what stands here."""
    there = Path(proxy.__file__).parent
    for source in (ROOT / "proxy").rglob("*.py"):
        copy = there / source.relative_to(ROOT / "proxy")
        assert copy.read_bytes() == source.read_bytes(), f"make compiled: {source} is newer"
