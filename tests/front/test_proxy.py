"""Tests of `proxy.front.proxy`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.model import EndpointConfig
from proxy.config.pool import PinningFilter
from proxy.errors import StatementRefusedError
from proxy.front.proxy import (
    KNOWN_SCHEMAS,
    SEATS,
    ConnectionIds,
    first_number,
    make_nonce,
    seat_of,
)
from proxy.service.handover.arriving import NUMBERS_APART
from proxy.vocabulary import Role, ServerKind
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
    # What MariaDB would take for SQL is not offered before it is known that it is none.
    assert not greeting.capabilities & Capability.QUERY_ATTRIBUTES


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


@pytest.mark.parametrize(
    ("first", "stride", "following"),
    [
        (2**32 - 2, 1, [2**32 - 2, 2**32 - 1, 1, 2]),
        (2**32, 1, [1, 2]),
        (2**32 + 4, 1, [5, 6]),
        (3, SEATS, [3, 67, 131]),
        (63, SEATS, [63, 127]),
        (2**32 - SEATS + 3, SEATS, [2**32 - SEATS + 3, 3, 67]),
        (2**32 + 3, SEATS, [3, 67]),
        (2**32 - SEATS, SEATS, [2**32 - SEATS, SEATS, 2 * SEATS]),
    ],
)
def test_ids_begin_again_behind_the_largest(first, stride, following):
    """They have 32 bits, none is zero, and what remains of them stays."""
    ids = ConnectionIds(first, stride)
    assert ids.upcoming == following[0]
    assert [ids.next_free(()) for _ in following] == following


@given(st.integers(1, SEATS - 1), st.integers(0, 2**34), st.integers(1, 9))
def test_ids_say_which_process_has_given_them(seat, beyond, count):
    """From wherever it begins, so that no two processes give the same."""
    first = first_number(seat, beyond)
    assert beyond < first <= beyond + SEATS
    ids = ConnectionIds(first, SEATS)
    numbers = [ids.next_free(()) for _ in range(count)]
    assert {seat_of(number) for number in numbers} == {seat}
    assert len({*numbers}) == count
    assert all(0 < number < 2**32 for number in numbers)


def test_a_later_process_of_a_seat_gives_ids_of_the_same():
    """The distance that a successor keeps is a multiple of that between two ids."""
    assert NUMBERS_APART % SEATS == 0
    assert 2**32 % SEATS == 0


def test_schemas_are_remembered_up_to_a_limit():
    """A login with a remembered one costs the database nothing; memory is bounded."""
    proxy = Stage().proxy
    for number in range(KNOWN_SCHEMAS + 5):
        proxy.remember_schema("app", b"%d" % number)
    assert len(proxy.known_schemas) == KNOWN_SCHEMAS


def test_a_proxy_knows_its_clients():
    """And says how many there are."""
    stage = Stage(max_connections=2)
    client = stage.client()
    stage.begin(client)
    assert stage.proxy.own_clients() == [client.client]
    assert repr(stage.proxy).startswith("<Proxy 'shop' 1 clients <Pools [<TargetPool db:3306 ")


def test_challenges_differ_and_hold_no_nul():
    """Twenty bytes that can stand in a greeting."""
    one, other = make_nonce(), make_nonce()
    assert one != other
    assert len(one) == 20
    assert b"\x00" not in one


def test_another_configuration_counts_from_then_on():
    """Its clients stay on their routes, and who is silent for too long is noticed in time."""
    stage = Stage()
    peer = stage.client()
    proxy, before = stage.proxy, stage.proxy.config
    routes = {Role.READ_WRITE: proxy.writers, Role.READ_ONLY: proxy.writers}
    pool = attrs.evolve(
        before.target_group.connection_pool_config,
        session_pinning_filters=(PinningFilter.EXCLUDE_VARIABLE_SETS,),
    )
    config = attrs.evolve(
        before,
        debug_logging=True,
        idle_client_timeout=5.0,
        server_version="9.9.9",
        endpoints=(EndpointConfig(name="new", listen="tcp:0"),),
        target_group=attrs.evolve(before.target_group, connection_pool_config=pool),
    )
    proxy.reconfigure(config, routes)
    assert proxy.debug
    assert [*proxy.routes] == ["new"]
    assert proxy.greeting(1).version == "9.9.9"
    assert proxy.ignored_reasons
    stage.run(6)
    stage.run(1)
    assert proxy.count == 0
    assert peer.closed


def test_what_was_switched_by_hand_stays_until_its_setting_changes():
    """Statements are shown on, although the file has never said so."""
    proxy = Stage().proxy
    proxy.debug = True
    routes = {Role.READ_WRITE: proxy.writers, Role.READ_ONLY: proxy.writers}
    proxy.reconfigure(attrs.evolve(proxy.config, max_clients=7), routes)
    assert proxy.debug
