"""A running proxy that says what it was told."""

from __future__ import annotations

import pytest

from tests.cli.canned import Canned, run, serving


@pytest.fixture
def canned():
    """What it says."""
    return Canned()


@pytest.fixture
def ask(canned, tmp_path):
    """Run a command against it."""
    path = tmp_path / "canned.sock"
    with serving(canned, path):
        yield lambda *words, **more: run(path, *words, **more)
