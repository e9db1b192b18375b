"""Tests of `proxy.session.prepared`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.prepared import (
    FRESH_SECONDS,
    KNOWN_BYTES,
    Definitions,
    Held,
    Holdings,
    KnownDefinitions,
    Prepared,
    StatementKey,
)
from proxy.session.state import State
from proxy.wire.framing import encode
from proxy.wire.responses import PrepareOk


def key(text: bytes, schema: bytes = b"shop") -> StatementKey:
    return StatementKey(text, State(schema))


def test_the_state_at_the_time_of_the_prepare_matters():
    """The same text in another schema is another statement."""
    assert key(b"SELECT 1") == key(b"SELECT 1")
    assert key(b"SELECT 1") != key(b"SELECT 1", b"other")
    assert "SELECT" not in repr(key(b"SELECT 1"))


def test_the_statement_not_used_for_longest_is_closed():
    """Finding a statement saves it from being the next to go."""
    holdings = Holdings(2)
    assert holdings.put(key(b"a"), Held(1)) == []
    assert holdings.put(key(b"b"), Held(2)) == []
    assert holdings.find(key(b"a")) is not None
    assert holdings.put(key(b"c"), Held(3)) == [2]
    assert holdings.find(key(b"b")) is None
    assert repr(holdings) == "<Holdings 2 of 2>"


def test_a_statement_prepared_again_replaces_itself():
    """The older id is closed: nobody knows it any more."""
    holdings = Holdings(5)
    holdings.put(key(b"a"), Held(1))
    assert holdings.put(key(b"a"), Held(9)) == [1]
    assert len(holdings) == 1


def test_nothing_is_closed_while_one_is_in_use():
    """The limit waits while a cursor or long data hang on a statement."""
    holdings = Holdings(1)
    holdings.put(key(b"a"), Held(1))
    assert holdings.put(key(b"b"), Held(2), evict=False) == []
    assert holdings.put(key(b"c"), Held(3)) == [1, 2]


def test_statements_can_be_forgotten():
    """One by one, or all after a reset."""
    holdings = Holdings(5)
    holdings.put(key(b"a"), Held(1))
    holdings.put(key(b"b"), Held(2))
    assert holdings.pop(key(b"a")) is not None
    assert holdings.pop(key(b"a")) is None
    holdings.clear()
    assert len(holdings) == 0


def test_a_prepared_statement_is_plain_until_told_otherwise():
    """Types are unknown before the first execute, and never shown."""
    prepared = Prepared(1, key(b"SELECT ?"), 1)
    assert prepared.means.is_plain
    assert prepared.types is None
    assert "types" not in repr(prepared)


def definitions(statement_id: int, parameters: int = 1, more: bytes = b"") -> Definitions:
    answer = encode(PrepareOk(statement_id, 0, parameters).encode(), 1)
    return Definitions(answer + more, parameters)


def test_a_client_is_told_its_own_id():
    """Only the four bytes of the id differ from what the backend said."""
    assert definitions(99).for_client(7) == definitions(7).data
    assert definitions(99, more=b"xyz").for_client(7) == definitions(7, more=b"xyz").data


def test_definitions_are_equal_whatever_the_id():
    """Two backends number the same statement differently; its columns decide."""
    assert definitions(1) == definitions(2)
    assert hash(definitions(1)) == hash(definitions(2))
    assert definitions(1, more=b"a column") != definitions(1, more=b"another")
    assert "column" not in repr(definitions(1, more=b"a column"))


def test_what_another_client_has_prepared_is_known():
    """For some seconds, since a DDL statement beside the proxy may have changed it."""
    known = KnownDefinitions()
    assert known.find("key", 0.0) is None
    known.put("key", definitions(1), 0.0)
    assert known.find("key", FRESH_SECONDS) == definitions(1)
    assert known.find("other", 0.0) is None
    assert known.find("key", FRESH_SECONDS + 0.1) is None
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


def test_known_definitions_can_be_renewed_and_forgotten():
    """A newer answer replaces the older; a DDL statement ends all."""
    known = KnownDefinitions()
    known.put("key", definitions(1), 0.0)
    known.put("key", definitions(1, more=b"column"), FRESH_SECONDS)
    assert known.find("key", FRESH_SECONDS + 1) == definitions(1, more=b"column")
    assert repr(known) == "<KnownDefinitions 1 of 22 bytes>"
    known.clear()
    assert known.find("key", FRESH_SECONDS + 1) is None
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


def test_definitions_not_used_for_longest_make_room():
    """All of them together stay within their limit; one that is larger is not kept."""
    known = KnownDefinitions()
    third = definitions(1, more=bytes(KNOWN_BYTES // 3))
    for key_ in ("a", "b"):
        known.put(key_, third, 0.0)
    assert known.find("a", 0.0) is not None
    known.put("c", third, 0.0)
    assert [known.find(key_, 0.0) is not None for key_ in "abc"] == [True, False, True]
    known.put("d", definitions(1, more=bytes(KNOWN_BYTES)), 0.0)
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "find", "clear"]),
            st.sampled_from("abc"),
            st.integers(0, 30),
            st.integers(0, 6),
        )
    )
)
def test_the_bytes_of_definitions_are_counted_right(history):
    """Whatever happens, the count is that of what is kept, and nothing too old is found."""
    known, now = KnownDefinitions(), 0.0
    for what, key_, size, seconds in history:
        now += seconds
        if what == "put":
            known.put(key_, definitions(1, more=bytes(size)), now)
        elif what == "clear":
            known.clear()
        else:
            known.find(key_, now)
        kept = [found for _, found in known._known.values()]
        assert known._bytes == sum(len(found.data) for found in kept)


@pytest.mark.parametrize("kind", [Prepared, Held])
def test_definitions_are_unknown_until_told(kind):
    """Neither a client's statement nor a backend's has any to begin with."""
    statement = Prepared(1, key(b"SELECT ?"), 1) if kind is Prepared else Held(1)
    assert statement.definitions is None


def test_half_of_the_statements_can_be_given_up():
    """When a server has too many, those not used for longest go first."""
    holdings = Holdings(10)
    for number in range(5):
        holdings.put(key(b"%d" % number), Held(number))
    assert holdings.shrink() == [0, 1, 2]
    assert holdings.shrink() == [3]
    assert holdings.shrink() == [4]
    assert holdings.shrink() == []
