"""Tests of `proxy.front.telling`."""

import math

import pytest
from structlog.testing import capture_logs

from proxy.front import telling
from tests.support.memory import Stage


@pytest.fixture
def stage():
    """A proxy that shows each statement."""
    stage = Stage()
    stage.proxy.debug = True
    return stage


def told(lines):
    """The lines on statements."""
    return [line for line in lines if line["event"].startswith("a statement")]


def end(peer, text=b"SELECT 'x'", seconds=0.5, database_seconds=0.25, *, failed=False):
    """Say that a statement has ended; what the log has of it."""
    with capture_logs() as lines:
        telling.ended(peer.client, text, seconds, database_seconds, failed=failed)
    return told(lines)


def test_a_statement_is_shown_with_whose_it_was(stage):
    """Its text, its client, where it ran and how long that took."""
    client = stage.client("203.0.113.9")
    client.query(b"SELECT 1")
    stage.serve()
    stage.part()
    (line,) = end(client)
    (lease, _) = client.client.last_lease
    assert client.client.lease is None
    assert line == {
        "event": "a statement",
        "log_level": "debug",
        "_every_line": True,
        "_wanted": True,
        "proxy": stage.proxy.config.name,
        "client": client.client.number,
        "endpoint": "main",
        "address": "203.0.113.9",
        "user": "app",
        "target": stage.pool.place,
        "database_connection": lease.backend.connection_id,
        "statement": "SELECT 'x'",
        "seconds": 0.5,
        "database_seconds": 0.25,
        "failed": False,
    }


def test_the_connection_that_it_holds_is_named(stage):
    """In a transaction it is the one that the client has."""
    client = stage.client()
    stage.begin(client)
    (line,) = end(client, failed=True)
    assert line["database_connection"] == client.client.backend.connection_id
    assert line["failed"]


def test_what_asked_no_target_names_none(stage):
    """A statement that the proxy answers itself has no connection."""
    client = stage.client()
    client.query(b"SELECT 1")
    stage.serve()
    (line,) = end(client, database_seconds=0.0)
    assert "target" not in line
    fresh = stage.client()
    (line,) = end(fresh)
    assert "target" not in line


def test_secrets_are_not_shown(stage):
    """A statement that may hold one has no values, and a command has no text."""
    client = stage.client()
    (line,) = end(client, b"SET PASSWORD = 'hunter2'")
    assert line["statement"] == "SET PASSWORD \u2026"
    (line,) = end(client, b"")
    assert line["statement"] is None


def test_a_client_that_has_no_session_is_told_too(stage):
    """Its text is read as most servers read it."""
    (line,) = end(stage.connect(), b"SELECT 1")
    assert line["statement"] == "SELECT 1"


def test_slow_statements_are_told_by_their_digest(stage):
    """However debug stands, a slow one has no values; a fast one has no line."""
    stage.proxy.debug = False
    stage.proxy.slow_statement_time = 0.5
    client = stage.client()
    (line,) = end(client, seconds=0.5)
    assert (line["event"], line["log_level"]) == ("a statement was slow", "warning")
    assert line["statement"] == "SELECT ?"
    assert "_wanted" not in line
    assert end(client, seconds=0.4) == []
    stage.proxy.debug = True
    assert [line["event"] for line in end(client)] == ["a statement", "a statement was slow"]


def test_nothing_is_told_that_nobody_wants(stage):
    """With both off there is no line, however long it takes."""
    stage.proxy.debug = False
    assert end(stage.client(), seconds=1000.0) == []


def test_the_settings_say_when_there_is_something_to_tell(stage):
    """Always, behind the limit, or never: one comparison for whoever serves a statement."""
    proxy = stage.proxy
    assert (proxy.debug, proxy.slow_statement_time, proxy.tell_after) == (True, None, 0.0)
    proxy.slow_statement_time = 2.0
    assert proxy.tell_after == 0.0
    proxy.debug = False
    assert (proxy.debug, proxy.slow_statement_time, proxy.tell_after) == (False, 2.0, 2.0)
    proxy.slow_statement_time = None
    assert proxy.tell_after == math.inf


@pytest.mark.parametrize("lane", [b"SELECT 'x'", b"SET @a = 'x'"])
def test_statements_of_both_lanes_are_told(stage, lane):
    """Each statement has one line when its answer has gone out."""
    client = stage.client()
    with capture_logs() as lines:
        client.query(lane)
        stage.serve()
    assert [line["statement"] for line in told(lines)] == [lane.decode()]
    stage.proxy.debug = False
    with capture_logs() as lines:
        client.query(lane)
        stage.serve()
    assert told(lines) == []
