"""Tests of `proxy.front.proxy`."""

from __future__ import annotations

import pytest

from proxy.errors import StatementRefusedError
from proxy.front.proxy import KNOWN_SCHEMAS, ConnectionIds, make_nonce
from proxy.vocabulary import ServerKind
from proxy.wire.auth import CACHING_SHA2
from proxy.wire.constants import Capability
from tests.support.memory import Stage
from tests.support.scripted import VERSION


def test_until_the_target_is_known_greetings_are_guessed():
    """A client that comes first sees a version of MySQL and its default plugin."""
    proxy = Stage().proxy
    greeting = proxy.greeting(5)
    assert greeting.version == "8.0.0"
    assert greeting.plugin == CACHING_SHA2
    assert greeting.connection_id == 5
    assert not greeting.capabilities & (Capability.SSL | Capability.COMPRESS)


def test_greetings_are_the_targets():
    """Version and charset of the target, ids and challenges of our own."""
    stage = Stage()
    stage.client()
    greeting = stage.proxy.greeting(9)
    assert greeting.version == VERSION
    assert greeting.collation == 45
    assert stage.proxy.kind is ServerKind.MYSQL


def test_a_version_can_be_set():
    """Some applications ask for one."""
    stage = Stage(proxy={"server_version": "5.7.99-ours"})
    assert stage.proxy.greeting(1).version == "5.7.99-ours"


def test_the_first_state_has_the_clients_charset():
    """By the collation id of the login; an unknown id is the server's default."""
    stage = Stage()
    stage.client()
    facts = stage.pool.facts
    latin = stage.proxy.first_state(facts, b"shop", 8, multi_statements=True)
    assert latin.value(b"character_set_client") == b"latin1"
    assert latin.value(b"collation_connection") == b"latin1_swedish_ci"
    assert latin.multi_statements
    unknown = stage.proxy.first_state(facts, None, 0, multi_statements=False)
    assert unknown.value(b"collation_connection") == b"utf8mb4_general_ci"
    with pytest.raises(StatementRefusedError, match="1231"):
        stage.proxy.first_state(facts, None, 35, multi_statements=False)


def test_a_reset_on_mysql_leads_to_the_global_charset():
    """MariaDB goes back to that of the login."""
    stage = Stage()
    stage.client()
    facts = stage.pool.facts
    latin = stage.proxy.first_state(facts, b"shop", 8, multi_statements=False)
    after = stage.proxy.state_after_reset(facts, latin)
    assert after.value(b"character_set_client") == b"utf8mb4"
    assert after.schema == b"shop"


def test_ids_that_are_in_use_are_passed_over():
    """No two clients have the same id."""
    ids = ConnectionIds()
    assert [ids.next_free({2}) for _ in range(3)] == [1, 3, 4]


def test_schemas_are_remembered_up_to_a_limit():
    """A login with a remembered one costs the database nothing; memory is bounded."""
    proxy = Stage().proxy
    for number in range(KNOWN_SCHEMAS + 5):
        proxy.remember_schema("app", b"%d" % number)
    assert len(proxy.known_schemas) == KNOWN_SCHEMAS


def test_gauges_say_how_things_stand():
    """Clients, backends, and how many are allowed."""
    stage = Stage(max_connections=2)
    client = stage.client()
    stage.begin(client)
    gauges = stage.proxy.gauges()
    assert gauges.client_connections == 1
    assert gauges.database_connections_currently_borrowed == 1
    assert gauges.max_database_connections_allowed == 2
    assert stage.proxy.own_clients() == [client.client]
    assert repr(stage.proxy).startswith("<Proxy 'shop' 1 clients <Pools [<TargetPool db:3306 ")


def test_challenges_differ_and_hold_no_nul():
    """Twenty bytes that can stand in a greeting."""
    one, other = make_nonce(), make_nonce()
    assert one != other
    assert len(one) == 20
    assert b"\x00" not in one
