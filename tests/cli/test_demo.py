"""Tests of `proxy.cli.demo`."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.live

PROGRAM = """
import functools
from proxy.cli import demo, main
demo.Show = functools.partial(demo.Show, seconds=3.0)
main()
"""
"""The command, but for a show that is short."""


def test_the_show_ends_by_itself_and_loses_nothing(mysql_server):  # noqa: ARG001 - unpacked before
    """200 clients on 5 connections: every coin is still there, and the exit status is 0."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "try", "--demo", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "200 clients ran" in ended.stdout
    assert "on at most 5 connections to the database, and not a coin was lost." in ended.stdout
    assert "5 connections were opened anew with it, and no client noticed." in ended.stdout
