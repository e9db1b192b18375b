"""Tests of `proxy.session.prepared`."""

from __future__ import annotations

from proxy.session.prepared import Held, Holdings, Prepared, StatementKey
from proxy.session.state import State


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
