"""Tests of `proxy.front.recovering`: a name that may have moved, where nobody watches it."""

from __future__ import annotations

from proxy.front.recovering import MOVED_SECONDS
from tests.support.losses import settled
from tests.support.memory import Stage
from tests.support.scripted import error

READ_ONLY = error(1290, "HY000", b"running with the --read-only option so it cannot execute")


def turned_away(stage, client):
    """What a client hears when it writes to a server that takes no writes."""
    client.query(b"INSERT INTO t VALUES (1)")
    stage.serve(READ_ONLY.encode())
    return client.reply().code


def test_a_name_is_asked_again_when_its_server_takes_no_writes_any_more():
    """The client hears so, and the next connection goes where the name leads by then."""
    stage = Stage()
    client = settled(stage)
    stage.run(MOVED_SECONDS)
    assert turned_away(stage, client) == 1290
    assert stage.ledger.borrowed + stage.ledger.idle_count == 0
    client.query(b"INSERT INTO t VALUES (1)")
    stage.run()
    assert stage.busy() is stage.backends[-1]
    assert len(stage.backends) == 2


def test_not_more_often_than_every_few_seconds():
    """A server that is read-only for good keeps its connections."""
    stage = Stage()
    client = settled(stage)
    assert turned_away(stage, client) == 1290
    assert stage.ledger.idle_count + len(stage.ledger.lingering) == 1
