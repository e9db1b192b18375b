"""Tests of `proxy.session.replay`."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proxy.session.replay import Impossible, Query, Replay, is_reachable, replay
from proxy.session.state import State, absorb
from proxy.session.variables import CARRIED
from proxy.wire.constants import Command
from proxy.wire.responses import variable_change

VALUES = {
    b"autocommit": [b"ON", b"OFF"],
    b"character_set_client": [b"utf8mb4", b"latin1"],
    b"character_set_connection": [b"utf8mb4", b"latin1"],
    b"character_set_results": [b"utf8mb4", b""],
    b"collation_connection": [b"utf8mb4_bin", b"latin1_bin"],
    b"sql_mode": [b"", b"ANSI_QUOTES", b"a'b"],
    b"wait_timeout": [b"10", b"20"],
}
STATES = st.builds(
    State,
    st.sampled_from([b"shop", b"other", "lädchen".encode()]),
    st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}).map(
        lambda found: tuple(sorted(found.items()))
    ),
    st.booleans(),
)


def run(state: State, plan: Replay) -> State:
    """What a server makes of a replay."""
    for step in plan.steps:
        if isinstance(step, Query):
            found: dict[bytes, bytes | None] = {}
            for name, value in re.findall(rb"(\w+) = ('(?:[^']|'')*'|\w+)", step.text):
                if name == b"character_set_connection":
                    found[b"collation_connection"] = b"its default"
                found[name] = _value(value)
            state = state.assign(found)
        elif step[0] == Command.INIT_DB:
            state = State(step[1:], state.variables, state.multi_statements)
        else:
            state = State(state.schema, state.variables, multi_statements=step[1] == 0)
    return state


def _value(written: bytes) -> bytes | None:
    if written == b"DEFAULT":
        return None
    if written == b"NULL":
        return b""
    return written[1:-1].replace(b"''", b"'") if written[:1] == b"'" else written


@given(STATES, STATES)
def test_a_replay_leads_from_any_state_to_any_other(one, other):
    """Running the steps on the one gives the other, but for a collation nobody wants."""
    plan = replay(one, other)
    assert isinstance(plan, Replay)
    result = run(one, plan)
    if other.value(b"collation_connection") is None:
        result = result.assign({b"collation_connection": None})
    assert result == other


@given(STATES)
def test_equal_states_need_nothing(state):
    """No command goes out when nothing differs."""
    assert replay(state, state) == Replay()


def test_variables_share_one_statement():
    """One SET for all that differs, and only for that."""
    one = State(None, ((b"autocommit", b"ON"), (b"time_zone", b"UTC")))
    other = State(None, ((b"autocommit", b"OFF"), (b"sql_mode", b""), (b"time_zone", b"UTC")))
    assert replay(one, other) == Replay((Query(b"SET autocommit = OFF, sql_mode = ''"),))


def test_a_schema_cannot_be_unset():
    """A session without a default schema needs a backend without one."""
    assert replay(State(b"shop"), State()) == Impossible("a default schema cannot be unset")
    assert not is_reachable(State(b"shop"), State())
    assert is_reachable(State(), State(b"shop"))
    assert is_reachable(None, State())


def test_a_name_that_is_not_ascii_travels_as_utf8():
    """Its bytes are sent while the server reads UTF-8, and the charset is set afterwards."""
    latin = State(None, ((b"character_set_client", b"latin1"),))
    wanted = State("lädchen".encode(), latin.variables)
    assert replay(latin, wanted) == Replay(
        (
            Query(b"SET character_set_client = utf8mb4"),
            b"\x02" + "lädchen".encode(),
            Query(b"SET character_set_client = 'latin1'"),
        )
    )


@given(st.sampled_from(sorted(CARRIED)), st.sampled_from([b"1", b"x y"]))
def test_a_report_is_replayed(name, value):
    """What a server reported of one session can be set in another."""
    state = absorb(State(), [variable_change(name, value)]).state
    plan = replay(State(), state)
    assert isinstance(plan, Replay)
    assert len(plan.steps) == 1
