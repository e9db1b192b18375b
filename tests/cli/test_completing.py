"""Tests of `proxy.cli.completing`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proxy.cli.completing import client_numbers, proxy_names, target_names

pytestmark = pytest.mark.loopback


def context(path, **params):
    return SimpleNamespace(params={"where": str(path)} | params)


def test_words_that_begin_so_are_found(ask, tmp_path):
    """Of all proxies, or of the one that was named."""
    assert ask is not None
    here = context(tmp_path / "canned.sock")
    assert proxy_names(here, "") == ["shop"]
    assert proxy_names(here, "x") == []
    assert len(target_names(here, None, "shop-")) == 1
    assert client_numbers(here, None, "812") == ["812"]
    named = context(tmp_path / "canned.sock", proxy="none")
    assert target_names(named, None, "") == []


def test_where_nobody_answers_there_is_nothing(tmp_path, canned):
    """Nor is there an error in the middle of a line that somebody types."""
    assert proxy_names(context(tmp_path / "none.sock"), "") == []
    assert proxy_names(context("tcp:nonsense"), "") == []
    assert canned.asked == []
