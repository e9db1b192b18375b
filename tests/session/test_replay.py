"""Tests of `proxy.session.replay`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.replay import (
    Impossible,
    Query,
    Replay,
    is_reachable,
    needs_reset,
    replay,
)
from proxy.session.state import State, absorb
from proxy.session.variables import NAMES
from proxy.vocabulary import ServerKind
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
LEADER, FOLLOWER = b"max_join_size", b"sql_big_selects"
USER_VARIABLES = {
    b"a": [b"@`a` = 1", b"@`a` = 1.5e0", b"@`a` = CAST(NULL AS SIGNED)"],
    b"b c": [b"@`b c` = x'2c20'", b"@`b c` = _utf8mb4 x'' COLLATE utf8mb4_bin, @`b c` = NULL"],
}
NEXT = [
    b"",
    b"SET TRANSACTION READ ONLY;",
    b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION READ WRITE;",
]


def pairs(values):
    """Some of these names, each with one of its values, sorted."""
    optional = {name: st.sampled_from(these) for name, these in values.items()}
    return st.fixed_dictionaries({}, optional=optional).map(
        lambda found: tuple(sorted(found.items()))
    )


def named(values):
    """These variables as they are after SET NAMES, which has set all charsets."""
    collation, (charset, other) = values
    name = collation.split(b"_")[0]
    found = dict.fromkeys(SET_BY_NAMES, name) | {NAMES: collation}
    if charset is not None:
        found |= {b"character_set_connection": charset, b"collation_connection": other}
    return tuple(sorted(found.items()))


SET_BY_NAMES = (b"character_set_client", b"character_set_connection", b"character_set_results")
NAMED = st.tuples(
    st.sampled_from([b"utf8mb4_bin", b"latin1_swedish_ci"]),
    st.sampled_from(
        [
            (None, None),
            (b"utf8mb4", b"utf8mb4_bin"),
            (b"utf8mb4", b"utf8mb4_general_ci"),
            (b"latin1", b"latin1_swedish_ci"),
        ]
    ),
).map(named)
STATES = st.builds(
    State,
    st.sampled_from([b"shop", b"other", "lädchen".encode()]),
    pairs(VALUES) | NAMED,
    multi_statements=st.booleans(),
    user_variables=pairs(USER_VARIABLES),
    next_transaction=st.sampled_from(NEXT),
)


def run(state: State, plan: Replay) -> State:
    """What a server makes of a replay."""
    for step in plan.steps:
        match step:
            case Query(b"BEGIN"):
                state = state.with_next_transaction(b"")
            case Query(b"COMMIT AND NO CHAIN NO RELEASE"):
                assert state.next_transaction == b""
            case Query(text) if b"SET TRANSACTION" in text:
                more = state.next_transaction + b" " + text.strip() + b";"
                state = state.with_next_transaction(more.strip())
            case Query(text):
                state = run_set(state, text)
            case bytes() if step[0] == Command.INIT_DB:
                state = state.with_schema(step[1:])
            case _:
                state = state.with_multi_statements(step[1] == 0)
    return state


def run_set(state: State, text: bytes) -> State:
    """What a server makes of a SET: of user variables it remembers what was said."""
    assert text.startswith(b"SET ")
    found: dict[bytes, bytes | None] = {}
    said: dict[bytes, list[bytes]] = {}
    names = re.match(rb"NAMES (\w+) COLLATE (\w+)", text[4:])
    if names:
        found = dict.fromkeys(SET_BY_NAMES, names[1])
        found |= {b"collation_connection": names[2], NAMES: names[2]}
    items = re.findall(rb"(@`[^`]*`|\w+) = ((?:'(?:[^']|'')*'|[^',(]|\([^)]*\))+)", text[4:])
    for name, written in items:
        if name[:1] == b"@":
            said.setdefault(name[2:-1], []).append(name + b" = " + written)
            continue
        if name == b"character_set_connection":
            found[b"collation_connection"] = b"its default"
        if name in (b"character_set_client", b"character_set_results"):
            found[NAMES] = None
        found[name] = _value(written)
    user = dict(state.user_variables) | {name: b", ".join(all_) for name, all_ in said.items()}
    return state.assign(found).with_user_variables(tuple(sorted(user.items())))


def _value(written: bytes) -> bytes | None:
    if written == b"DEFAULT":
        return None
    if written == b"NULL":
        return b""
    return written[1:-1].replace(b"''", b"'") if written[:1] == b"'" else written


@given(STATES, STATES)
def test_a_replay_leads_from_any_state_to_any_other(one, other):
    """Running the steps on the one gives the other, but for a collation nobody wants."""
    if needs_reset(one, other):
        one = one.with_user_variables(())
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


@pytest.mark.parametrize("kind", ServerKind)
@pytest.mark.parametrize("name", [b"sql_mode", b"max_join_size", b"character_set_server"])
def test_a_report_is_replayed(kind, name):
    """What a server reported of one session can be set in another."""
    state = absorb(State(), [variable_change(name, b"1")], kind).state
    plan = replay(State(), state)
    assert isinstance(plan, Replay)
    assert len(plan.steps) == 1


@pytest.mark.parametrize(
    ("have", "want", "said"),
    [
        ({}, {LEADER: b"5"}, b"SET max_join_size = 5"),
        ({LEADER: b"5"}, {}, b"SET max_join_size = DEFAULT"),
        ({LEADER: b"5"}, {LEADER: b"6"}, b"SET max_join_size = 6"),
        (
            {LEADER: b"5"},
            {LEADER: b"5", FOLLOWER: b"ON"},
            b"SET max_join_size = 5, sql_big_selects = ON",
        ),
        ({LEADER: b"5", FOLLOWER: b"ON"}, {LEADER: b"5"}, b"SET max_join_size = 5"),
        (
            {LEADER: b"5"},
            {LEADER: b"6", FOLLOWER: b"ON"},
            b"SET max_join_size = 6, sql_big_selects = ON",
        ),
        ({FOLLOWER: b"OFF"}, {}, b"SET sql_big_selects = DEFAULT"),
        (
            {LEADER: b"5", FOLLOWER: b"ON"},
            {},
            b"SET max_join_size = DEFAULT, sql_big_selects = DEFAULT",
        ),
        (
            {LEADER: b"5", FOLLOWER: b"ON"},
            {FOLLOWER: b"ON"},
            b"SET max_join_size = DEFAULT, sql_big_selects = ON",
        ),
    ],
)
def test_a_variable_that_sets_another_is_said_with_it(have, want, said):
    """Both are written anew where one changes, and one that only followed is left to follow."""
    plan = replay(State().assign(have), State().assign(want))
    assert isinstance(plan, Replay)
    assert plan.steps == (Query(said),)


@pytest.mark.parametrize(
    ("have", "want", "needed"),
    [
        ((), (b"a",), False),
        ((b"a",), (b"a",), False),
        ((b"a",), (b"a", b"b"), False),
        ((b"a",), (), True),
        ((b"a", b"b"), (b"b",), True),
    ],
)
def test_only_a_reset_takes_user_variables_away(have, want, needed):
    """A variable that was set to NULL is not like one that was never set."""
    one = State(user_variables=tuple((name, b"@`x` = 1") for name in have))
    other = State(user_variables=tuple((name, b"@`x` = 2") for name in want))
    assert needs_reset(one, other) is needed


LATIN = dict.fromkeys(SET_BY_NAMES, b"latin1") | {
    b"collation_connection": b"latin1_bin",
    NAMES: b"latin1_bin",
}


@pytest.mark.parametrize(
    ("have", "want", "said"),
    [
        ({}, {}, b"NAMES latin1 COLLATE latin1_bin"),
        (
            {**LATIN, b"character_set_client": b"utf8mb4"},
            {},
            b"NAMES latin1 COLLATE latin1_bin",
        ),
        (
            {**LATIN, NAMES: b"latin1_swedish_ci"},
            {b"character_set_results": b""},
            b"NAMES latin1 COLLATE latin1_bin, character_set_results = NULL",
        ),
        (
            {},
            {b"collation_connection": None},
            b"NAMES latin1 COLLATE latin1_bin, character_set_connection = 'latin1'",
        ),
        (
            LATIN,
            {NAMES: None},
            b"character_set_client = 'latin1', character_set_results = 'latin1'",
        ),
        (
            LATIN,
            {NAMES: None, b"character_set_results": None},
            b"character_set_client = 'latin1', character_set_results = DEFAULT",
        ),
    ],
)
def test_set_names_is_said_as_such(have, want, said):
    """Servers remember its collation for client and results, unless those are set alone."""
    plan = replay(State().assign(have), State().assign({**LATIN, **want}))
    assert plan == Replay((Query(b"SET " + said),))


def texts(plan: Replay) -> list[bytes]:
    return [step.text for step in plan.steps if isinstance(step, Query)]


def test_user_variables_share_the_statement_of_the_others():
    """One SET brings system variables and user variables, and none that is there already."""
    one = State(user_variables=((b"a", b"@`a` = 1"), (b"b", b"@`b` = 2")))
    other = State(
        None,
        ((b"autocommit", b"OFF"),),
        user_variables=((b"a", b"@`a` = 1"), (b"b", b"@`b` = 3")),
    )
    assert replay(one, other) == Replay((Query(b"SET autocommit = OFF, @`b` = 3"),))


def test_the_next_transactions_characteristics_are_set_last():
    """They hold for what the client begins next, so nothing of ours may come behind them."""
    wanted = State(b"shop", next_transaction=NEXT[2])
    plan = replay(State(), wanted)
    assert isinstance(plan, Replay)
    assert texts(plan) == [
        b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        b"SET TRANSACTION READ WRITE",
    ]
    assert plan.steps[0] == b"\x02shop"


def test_characteristics_of_somebody_else_are_used_up_first():
    """An empty transaction takes them, so that the next client's begins as it should."""
    plan = replay(State(next_transaction=NEXT[1]), State())
    assert plan == Replay((Query(b"BEGIN"), Query(b"COMMIT AND NO CHAIN NO RELEASE")))
    same = State(next_transaction=NEXT[1])
    assert replay(same, same.with_schema(b"shop")) == Replay((b"\x02shop",))
