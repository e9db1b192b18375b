"""Tests of `proxy.session.written`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ErrorReply, Fault
from proxy.session import remains, written
from proxy.session.conditions import Conditions
from proxy.session.leftovers import Leftovers
from proxy.session.meaning import meaning
from proxy.session.outcome import Target
from proxy.session.pins import Pin, PinReason
from proxy.session.prepared import Definitions, Held, Prepared, StatementKey
from proxy.session.session import Session
from proxy.session.state import State
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.tracking import Tracking
from tests.support import sessions
from tests.support.interpreted import interpreted
from tests.support.sessions import IN_TRANSACTION

IGNORED = frozenset((PinReason.ROUTINE,))

WRITTEN = {
    "_first",
    "_first_status",
    "_next_statement_id",
    "collation",
    "disagreements",
    "excused",
    "last_insert_id",
    "leftovers",
    "misses_insert_id",
    "named_collation",
    "names_charsets",
    "state",
    "statements",
    "status",
    "target",
    "tracking",
    "untold",
    "user",
}
"""What of a session is written."""

KNOWN_OTHERWISE = {
    "dialect",  # follows from the state
    "ignored",  # is the other process's own
    "in_transaction",  # not while it is
    "pins",  # not while there are any
    "remains",  # not while there is anything
    "texts",  # as good as forgotten without the pin of a PREPARE
    "told_insert_ids",  # goes with what remains
    "unread",  # likewise
}

some_bytes = st.binary(max_size=12)
pairs = st.dictionaries(some_bytes, some_bytes, max_size=3).map(
    lambda found: tuple(sorted(found.items()))
)
replies = st.builds(
    ErrorReply,
    st.integers(1000, 9999),
    st.just("HY000"),
    st.text(max_size=9) | st.just("\udcff"),
    st.sampled_from(Fault),
)
states = st.builds(
    State,
    st.none() | some_bytes,
    pairs,
    multi_statements=st.booleans(),
    user_variables=pairs,
    next_transaction=some_bytes,
)
targets = st.builds(
    Target,
    st.sampled_from(ServerKind),
    version=st.integers(0, 999_999),
    sql_mode=st.sampled_from((b"", b"ANSI_QUOTES")),
    tracks=st.booleans(),
    sees_user_variables=st.booleans(),
    sees_locks=st.booleans(),
)
trackings = st.builds(
    Tracking,
    variables=st.none() | st.frozensets(some_bytes, max_size=3),
    schema=st.booleans(),
    state_change=st.booleans(),
    transaction_info=some_bytes,
    gtids=st.booleans(),
    tells_explicit=st.booleans(),
)
many_bytes = st.lists(some_bytes, max_size=3).map(tuple)
leftovers = st.builds(
    Leftovers,
    row_count=st.integers(-1, 1 << 63),
    found_rows=st.none() | st.integers(0, 1 << 63),
    warnings=st.integers(0, 65535),
    errors=st.integers(0, 65535),
    told=st.integers(0, 65535),
    sqlstate=st.sampled_from(("", "42000")),
    refusal=st.none() | replies,
    conditions=st.none() | st.builds(Conditions, many_bytes, many_bytes),
)
statements = st.builds(
    Prepared,
    st.integers(1, 0xFFFFFFFF),
    st.builds(
        StatementKey,
        st.sampled_from((b"SELECT ?", b'SET @a = "?"', b"SELECT GET_LOCK(?, 1)", b"\xff'")),
        states,
    ),
    st.integers(0, 65535),
    definitions=st.none() | st.builds(Definitions, some_bytes, st.integers(0, 65535)),
    types=st.none() | some_bytes,
    learned=st.none() | some_bytes,
)


@st.composite
def written_sessions(draw):
    """Sessions that have nothing on a backend."""
    session = Session(
        user=draw(st.text(max_size=9)),
        state=draw(states),
        first_state=draw(states),
        collation=draw(st.integers(0, 65535)),
        target=draw(targets),
        ignored=IGNORED,
        status=draw(st.integers(0, 65535)),
    )
    session.status = draw(st.integers(0, 65535))
    session.last_insert_id = draw(st.integers(0, (1 << 64) - 1))
    session.misses_insert_id = draw(st.booleans())
    session.untold = draw(st.text(max_size=9))
    session.tracking = draw(trackings)
    session.excused = draw(st.booleans())
    session.disagreements = draw(st.integers(0, 9))
    session.names_charsets = draw(st.booleans())
    session.named_collation = draw(st.none() | some_bytes)
    session.leftovers = draw(leftovers)
    session._next_statement_id = draw(st.integers(1, 0xFFFFFFFF))
    for one in draw(st.lists(statements, max_size=3)):
        dialect = session.dialect_in(one.key.state)
        one.means = meaning(classify(one.key.text, dialect))
        session.statements[one.statement_id] = one
    return session


def told(prepared):
    """All of a prepared statement that is written."""
    shown = prepared.definitions
    return (
        prepared.statement_id,
        prepared.key,
        prepared.parameters,
        prepared.means,
        None if shown is None else (shown.data, shown.parameters),
        prepared.types,
        prepared.learned,
    )


@given(written_sessions())
def test_a_session_that_is_read_is_the_one_that_was_written(session):
    """Every slot has its value again, but for what a session at rest has not."""
    read = written.read(written.write(session), IGNORED)
    for slot in WRITTEN - {"statements"}:
        assert getattr(read, slot) == getattr(session, slot), slot
    assert read.dialect == session.dialect
    assert read.ignored == IGNORED
    assert [*map(told, read.statements.values())] == [*map(told, session.statements.values())]
    assert not any((read.pins, read.remains, read.in_transaction, read.unread))
    assert written.is_writable(read)


def test_every_slot_of_a_session_is_accounted_for():
    """Whoever adds one decides whether it is written."""
    slots = set(interpreted("proxy.session.session").Session.__slots__)
    assert slots == WRITTEN | KNOWN_OTHERWISE


def test_what_only_a_backend_knows_cannot_be_written():
    """A transaction, a pin, and whatever remains to be asked for keep a session."""
    transaction, pinned, unasked = (sessions.session() for _ in range(3))
    transaction.settle_status(IN_TRANSACTION)
    pinned.pins.add(Pin(PinReason.HANDLER))
    unasked.remains = remains.DIAGNOSTICS
    assert not any(map(written.is_writable, (transaction, pinned, unasked)))
    assert written.is_writable(sessions.session())


def test_what_a_statement_means_depends_on_where_it_was_prepared():
    """Its own sql_mode decides, not that which the session has by now."""
    session = sessions.session()
    plain = session.state.assign({b"sql_mode": b"NO_BACKSLASH_ESCAPES"})
    key = StatementKey(b"SELECT 'a\\', @a := 1 -- '", plain)
    session.statements[1] = Prepared(1, key, 0)
    read = written.read(written.write(session), frozenset())
    wanted = meaning(classify(key.text, session.dialect_in(plain)))
    assert read.statements[1].means == wanted
    assert read.statements[1].means != meaning(classify(key.text, session.dialect))


def test_what_a_backend_held_of_a_statement_is_not_written():
    """Ids and cursors of a backend mean nothing in another process."""
    session = sessions.session()
    key = StatementKey(b"SELECT 1", session.state)
    session.statements[3] = Prepared(3, key, 0, held=Held(9))
    assert written.read(written.write(session), frozenset()).statements[3].held is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"7",
        json.dumps({"layout": written.LAYOUT}).encode(),
        json.dumps({"layout": written.LAYOUT, "states": [[1]]}).encode(),
    ],
)
def test_what_is_no_session_is_refused(data):
    """The error says so, and shows nothing of it."""
    with pytest.raises(written.UnreadableError, match="makes no sense"):
        written.read(data, frozenset())


def test_another_layout_is_refused():
    """A release reads only what it knows."""
    document = json.loads(written.write(sessions.session()))
    document["layout"] += 1
    with pytest.raises(written.UnreadableError, match="another layout"):
        written.read(json.dumps(document).encode(), frozenset())


@given(replies)
def test_a_reply_that_is_read_is_the_one_that_was_written(reply):
    """Code, SQLSTATE, message and fault."""
    assert written.read_reply(json.loads(json.dumps(written.write_reply(reply)))) == reply
