"""Tests of `proxy.front.proof`: as users of monitors no client logs in."""

import attrs
import pytest
from structlog.testing import capture_logs

from proxy.wire.framing import encode
from tests.front.test_login_refusals import THERE, caching_login, refusals, refused, told
from tests.support.memory import Stage
from tests.support.passwords import Passwords, credential

WATCHER = credential("watcher", plugin="", for_monitor=True)
"""A user as whom only monitors log in."""


def test_no_client_is_a_monitor():
    """The right password is told what a wrong one is, and the log says why."""
    stage = Stage(credentials=Passwords(credential(), WATCHER))
    peer = stage.connect(THERE)
    with capture_logs() as lines:
        caching_login(peer, "secret", user="watcher")
    assert refusals(lines) == ["only monitors log in as this user"]
    assert peer.closed
    assert stage.counters.client_connections_setup_failed_auth == 1
    assert stage.is_clean()
    assert stage.client().client.session is not None


def test_a_client_does_not_become_a_monitor_by_a_change_of_user():
    """It is a login like any other."""
    stage = Stage(credentials=Passwords(attrs.evolve(WATCHER, user="other"), credential()))
    client = stage.client(THERE)
    client.change_user()
    client.send(encode(b"x" * 32, client.packets()[0][0] + 1))
    assert client.reply().code == 1045
    assert client.closed


@pytest.mark.parametrize("password", ["secret", "wrong", ""])
def test_nobody_learns_who_is_a_monitor(password):
    """By the same packets, and after the same look-up, as for a stranger."""
    source = Passwords(credential(plugin=""), WATCHER)
    stage = Stage(credentials=source)
    assert told(stage, "watcher", password) == told(stage, "nobody", password)
    assert source.asked.count(("refresh", "watcher")) == 1
    assert source.asked.count(("refresh", "nobody")) == 1


def test_guessing_at_monitors_is_slowed_down():
    """The right password is no exception."""
    source = Passwords(credential(plugin=""), WATCHER)
    stage = Stage(credentials=source, proxy={"failed_login_threshold": 1})
    assert told(stage, "watcher", "secret") != []
    assert told(stage, "watcher", "secret") == []


def test_who_became_a_monitor_meanwhile_is_refused():
    """What is looked up anew is looked at whole."""
    source = Passwords(credential("app", "old"))
    source.fresh["app"] = credential(for_monitor=True)
    _, why = refused(Stage(credentials=source).connect(THERE))
    assert why == "only monitors log in as this user"
