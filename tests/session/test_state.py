"""Tests of `proxy.session.state`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.session.state import State, absorb, interned
from proxy.wire.constants import SessionTrack
from proxy.wire.responses import variable_change

CHANGED = (int(SessionTrack.STATE_CHANGE), b"\x011")


def schema(name: bytes) -> tuple[int, bytes]:
    return int(SessionTrack.SCHEMA), bytes((len(name),)) + name


def test_assigning_keeps_variables_sorted_and_takes_out_none():
    """Equal states are equal however they came about."""
    one = State().assign({b"time_zone": b"UTC", b"autocommit": b"OFF"})
    other = State().assign({b"autocommit": b"OFF"}).assign({b"time_zone": b"UTC"})
    assert one == other
    assert interned(one) is interned(other)
    assert one.value(b"time_zone") == b"UTC"
    assert one.assign({b"time_zone": None}).value(b"time_zone") is None


def test_set_names_is_absorbed_as_mysql_reports_it():
    """Three variables change, and the collation that comes with them is not known."""
    before = State(b"shop", ((b"collation_connection", b"utf8mb4_bin"),))
    names = (b"character_set_client", b"character_set_connection", b"character_set_results")
    found = absorb(before, [*(variable_change(name, b"latin1") for name in names), CHANGED])
    assert found.collation_unknown
    assert not found.something_else
    assert found.state.schema == b"shop"
    assert dict(found.state.variables) == dict.fromkeys(names, b"latin1")


def test_a_reported_collation_is_known():
    """SET collation_connection reports the charset and the collation."""
    changes = [
        variable_change(b"character_set_connection", b"utf8mb4"),
        variable_change(b"collation_connection", b"utf8mb4_bin"),
    ]
    found = absorb(State(), changes)
    assert not found.collation_unknown
    assert found.state.value(b"collation_connection") == b"utf8mb4_bin"


def test_use_changes_the_schema_and_dropping_it_unsets_it():
    """An empty name in a report says that there is no default schema any more."""
    found = absorb(State(b"shop"), [schema(b"other"), CHANGED])
    assert found.state.schema == b"other"
    assert not found.something_else
    assert absorb(found.state, [schema(b"")]).state.schema is None


def test_a_flag_without_a_report_is_something_else():
    """SET @a = 1 only says that something changed."""
    assert absorb(State(), [CHANGED]).something_else
    assert absorb(State(), [variable_change(b"not_carried", b"1"), CHANGED]).something_else


def test_reports_that_cannot_be_read_are_something_else():
    """A malformed report changes nothing, and makes the backend suspect."""
    for kind in (SessionTrack.SCHEMA, SessionTrack.SYSTEM_VARIABLES):
        found = absorb(State(b"shop"), [(int(kind), b"\x09short")])
        assert found.something_else
        assert found.state == State(b"shop")


def test_other_reports_are_passed_over():
    """GTIDs and transaction states say nothing of what is carried."""
    found = absorb(State(), [(int(SessionTrack.GTIDS), b"\x00\x01x")])
    assert found.state == State()
    assert not found.something_else


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=20)), max_size=5))
def test_any_reports_give_a_state(changes):
    """Whatever a server reports, the answer is a state."""
    assert isinstance(absorb(State(), changes).state, State)
