"""Tests of `proxy.front.trackers`."""

from __future__ import annotations

import pytest

from tests.support.memory import Stage


@pytest.fixture
def stage():
    """A proxy with one connection."""
    return Stage(max_connections=1)


def test_what_a_client_wants_to_hear_is_its_own(stage):
    """The proxy reads what was set, and switches on again what it needs itself."""
    client = stage.client()
    stage.servers.routines[b"SELECT CAST(@@session_track_schema"] = lambda side: side.rows(
        [(b"0",)]
    )
    client.query(b"SET SESSION  session_track_schema = 0")
    assert client.client.session.tracking.schema
    stage.serve()
    assert not client.client.session.tracking.schema
    last = stage.backends[0].side.commands[-1]
    assert b"session_track_schema = ON" in last
