"""Tests of `proxy.session.state`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.state import Reports, State, interned
from proxy.session.state import absorb as absorb_for
from proxy.vocabulary import ServerKind
from proxy.wire.constants import SessionTrack
from proxy.wire.responses import variable_change

MYSQL = ServerKind.MYSQL
CHANGED = (int(SessionTrack.STATE_CHANGE), b"\x011")


def schema(name: bytes) -> tuple[int, bytes]:
    return int(SessionTrack.SCHEMA), bytes((len(name),)) + name


def absorb(state: State, changes: list[tuple[int, bytes]], kind: ServerKind = MYSQL) -> Reports:
    return absorb_for(state, changes, kind)


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
    assert not absorb(State(), [variable_change(b"autocommit", b"ON"), CHANGED]).something_else


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


def test_a_variable_that_nobody_can_set_elsewhere_is_lost():
    """Its name is told, so that the pin can say which; the state says nothing of it."""
    found = absorb(State(), [variable_change(b"no_such_variable", b"1"), CHANGED])
    assert found.lost == {b"no_such_variable"}
    assert found.variables == {b"no_such_variable"}
    assert found.state == State()
    assert not found.something_else


def test_a_stopped_clock_has_to_be_looked_at():
    """SET timestamp = 5 and SET timestamp = DEFAULT are reported alike."""
    found = absorb(State(), [variable_change(b"timestamp", b"5.000000")])
    assert found.timestamp_unknown
    assert found.state == State()
    assert found.lost == frozenset()
    assert not absorb(State(), []).timestamp_unknown


def test_settings_of_reports_are_not_state():
    """What a client wants to hear of follows it in another way."""
    found = absorb(State(), [variable_change(b"session_track_schema", b"OFF")])
    assert found.state == State()
    assert found.lost == frozenset()
    assert found.variables == {b"session_track_schema"}


def test_user_variables_are_added_and_replaced():
    """They stand sorted by name, each with what a SET says of it."""
    one = State().assign_user_variables({b"b": b"@`b` = 1", b"a": b"@`a` = 2"})
    other = one.assign_user_variables({b"b": b"@`b` = 3"})
    assert other.user_variables == ((b"a", b"@`a` = 2"), (b"b", b"@`b` = 3"))
    assert one.assign_user_variables({}) == one
    assert "@" not in repr(other)


def test_what_decides_a_statements_meaning_is_apart_from_the_rest():
    """Two sessions that differ in other things share what they have prepared."""
    state = State(b"shop", ((b"sql_mode", b"ANSI_QUOTES"),))
    busy = State(
        state.schema,
        state.variables,
        multi_statements=True,
        user_variables=((b"a", b"@`a` = 1"),),
        next_transaction=b"SET TRANSACTION READ ONLY;",
    )
    assert state.for_prepare == busy.for_prepare == state


def test_a_statement_is_prepared_again_in_the_state_of_its_own_time():
    """Schema and sql_mode of then, all else of now; a schema cannot be unset."""
    then = State(b"shop", ((b"sql_mode", b"ANSI_QUOTES"),)).for_prepare
    now = State(
        b"other", ((b"sql_mode", b""),), multi_statements=True, next_transaction=b"SET 1;"
    )
    back = now.prepared_like(then)
    assert back.for_prepare == then
    assert (back.multi_statements, back.next_transaction) == (True, b"SET 1;")
    assert now.prepared_like(State()).schema == b"other"


@pytest.mark.parametrize(
    ("reads", "kept"),
    [
        (frozenset(), ()),
        (frozenset((b"b", b"c")), ((b"b", b"@`b` = 2"),)),
        (None, ((b"a", b"@`a` = 1"), (b"b", b"@`b` = 2"))),
    ],
)
def test_user_variables_that_a_statement_reads_decide_its_meaning(reads, kept):
    """Their types become those of its columns; others do not matter."""
    variables = ((b"a", b"@`a` = 1"), (b"b", b"@`b` = 2"))
    state = State(b"shop", ((b"wait_timeout", b"5"),), user_variables=variables)
    assert state.for_prepare_of(reads) == State(b"shop", user_variables=kept)
    plain = state.with_user_variables(())
    assert plain.for_prepare_of(reads) == State(b"shop")


def test_user_variables_of_the_time_of_a_prepare_come_back():
    """They take the place of those of now, beside which all others stay."""
    now = State(user_variables=((b"a", b"@`a` = 1"), (b"c", b"@`c` = 3")))
    then = State(user_variables=((b"a", b"@`a` = 2"), (b"b", b"@`b` = 2")))
    assert now.prepared_like(then).user_variables == (
        (b"a", b"@`a` = 2"),
        (b"b", b"@`b` = 2"),
        (b"c", b"@`c` = 3"),
    )


def test_equal_states_are_one_object_once_interned():
    """Comparing them is comparing addresses, mostly."""
    one, other = State(b"a"), State(b"a")
    assert one is not other
    assert interned(one) is interned(other)
    assert one.for_prepare is one.for_prepare
    assert one != "a"
    assert hash(one) == hash(other)


REPORTS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 6), st.binary(max_size=20)),
        st.builds(
            variable_change,
            st.sampled_from(
                [b"sql_mode", b"timestamp", b"character_set_connection", b"no_such_variable"]
            ),
            st.binary(max_size=5),
        ),
    ),
    max_size=5,
)


@given(REPORTS, st.sampled_from(ServerKind))
def test_any_reports_give_a_state(changes, kind):
    """Whatever a server reports, the answer is a state, and what is lost is known by name."""
    found = absorb(State(b"shop"), changes, kind)
    assert isinstance(found.state, State)
    assert found.lost <= found.variables
    assert {name for name, _ in found.state.variables} <= found.variables


@given(REPORTS, REPORTS, st.sampled_from(ServerKind))
def test_reports_add_up(first, second, kind):
    """Two answers leave the state that one with all their reports would have left."""
    one = absorb(State(), first, kind)
    whole = absorb(State(), first + second, kind)
    readable = not (one.something_else or whole.something_else)
    if readable and all(kind_ != SessionTrack.STATE_CHANGE for kind_, _ in first + second):
        assert absorb(one.state, second, kind).state == whole.state
