"""Tests of `proxy.front.naming`."""

from proxy.front.naming import where, where_of, who
from proxy.policy.lease import Lease
from tests.support.memory import Stage


def test_a_client_is_named_by_the_same_fields_everywhere():
    """Its number, endpoint and address, and its user once it has logged in."""
    stage = Stage()
    peer = stage.connect("203.0.113.9")
    named = {"client": peer.client.number, "endpoint": "main", "address": "203.0.113.9"}
    assert who(peer.client) == named
    peer.log_in()
    assert who(peer.client) == {**named, "user": "app"}


def test_a_connection_is_named_by_target_and_number():
    """As long as the client has one, and it was opened."""
    stage = Stage()
    client = stage.client()
    assert where(client.client) == {}
    stage.begin(client)
    assert where(client.client) == {
        "target": stage.pool.place,
        "database_connection": client.client.backend.connection_id,
    }
    assert where_of(Lease("key", 0.0)) == {}
