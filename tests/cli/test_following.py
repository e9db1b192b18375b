"""Tests of `proxy.cli.following`."""

from __future__ import annotations

import pytest

from proxy.admin.caller import AdminCaller
from proxy.cli.following import Following
from proxy.cli.reaching import Way
from proxy.config.admin import AdminSocket
from tests.cli.canned import event, overview, serving

pytestmark = pytest.mark.loopback


def numbers(following):
    return [one["number"] for one in following.new()]


def test_each_event_is_told_once(canned, tmp_path):
    """All at first; a new process has its own."""
    path = tmp_path / "admin.sock"
    with serving(canned, path):
        following = Following(Way(AdminCaller(AdminSocket(str(path))), None, as_json=False))
        assert numbers(following) == [1, 2, 3]
        assert numbers(following) == []
        canned.events = (*canned.events, event(7))
        assert numbers(following) == [7]
        assert repr(following) == "<Following up to 7>"
        canned.overview, canned.events = overview(pid=4712), (event(1), event(2))
        assert numbers(following) == [1, 2]


def test_old_ones_may_be_passed_over(canned, tmp_path):
    """What comes then is told all the same."""
    path = tmp_path / "admin.sock"
    with serving(canned, path):
        following = Following(Way(AdminCaller(AdminSocket(str(path))), None, as_json=False))
        assert [one["number"] for one in following.new(2)] == [2, 3]
        canned.events = (*canned.events, event(7))
        assert numbers(following) == [7]
