"""Tests of `proxy.observe.figures`."""

from __future__ import annotations

import os

import attrs
import pytest

from proxy.observe import figures


def test_they_are_of_this_process():
    """As the system tells them."""
    seen = figures.figures()
    assert seen.pid == os.getpid()
    assert seen.resident_bytes > 1 << 20
    assert 0 < seen.open_files <= seen.max_open_files
    assert seen.cpu_seconds > 0


def test_where_the_system_tells_nothing_it_is_nothing(monkeypatch, tmp_path):
    """Some containers hide it; the rest is there all the same."""
    monkeypatch.setattr(figures, "_FILES", tmp_path / "none")
    monkeypatch.setattr(figures, "_MEMORY", tmp_path / "none")
    seen = figures.figures()
    assert (seen.open_files, seen.resident_bytes) == (0, 0)
    assert seen.cpu_seconds > 0


def test_they_are_a_value():
    """Whoever keeps them keeps them as they were."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        figures.figures().pid = 1
