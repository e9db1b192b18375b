"""Tests of `proxy.session.session`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session import remains as left
from proxy.session.leftovers import Leftovers
from proxy.session.pins import Pin, PinReason
from proxy.session.prepared import Held, Prepared, StatementKey
from proxy.session.remains import Remains
from proxy.session.state import State
from proxy.wire.constants import SessionTrack, Status
from proxy.wire.tracking import Tracking
from tests.support.sessions import (
    AUTOCOMMIT,
    FIRST,
    IN_TRANSACTION,
    MARIADB,
    STATE_CHANGED,
    follow,
    session,
)


def test_a_new_session_holds_nothing():
    """Nothing is open, nothing is left on a backend, all else is as servers have it."""
    one = session()
    assert not one.holds_backend
    assert not one.misses_backend
    assert one.remains == 0
    assert one.unread == set()
    assert one.leftovers == Leftovers(found_rows=0)
    assert session(MARIADB).leftovers == Leftovers(found_rows=1)
    assert one.told_insert_ids is None
    assert not one.names_charsets
    assert one.last_insert_id == 0
    assert one.lasting_status == AUTOCOMMIT
    assert repr(one) == "<Session of 'app' <Pins >>"


def test_repr_says_whose_it_is():
    """An operator sees the user and what holds the session."""
    one = session()
    one.pins.add(Pin(PinReason.ROLE))
    assert repr(one) == "<Session of 'app' <Pins ROLE>>"


def test_mysql_tells_of_explicit_transactions_unasked():
    """What a client hears by default depends on the family of its server."""
    assert session().tracking == Tracking(tells_explicit=True)
    assert session(MARIADB).tracking == Tracking(tells_explicit=False)


def test_settings_decide_how_text_is_read():
    """sql_mode (the server's until a session sets its own), charset, family and version."""
    one = session(MARIADB, sql_mode=b"ANSI_QUOTES", version=101119)
    assert one.dialect.ansi_quotes
    assert one.dialect.mariadb
    assert one.dialect.version == 101119
    assert one.dialect.charset_safe
    one.change_state(one.state.assign({b"sql_mode": b"NO_BACKSLASH_ESCAPES"}))
    assert not one.dialect.ansi_quotes
    assert one.dialect.no_backslash_escapes
    one.change_state(one.state.assign({b"character_set_client": b"gbk"}))
    assert not one.dialect.charset_safe


def test_the_same_state_is_no_change():
    """The dialect is made anew for another state only."""
    one = session()
    dialect = one.dialect
    one.change_state(one.state)
    assert one.dialect is dialect


def test_statement_ids_are_never_used_twice():
    """Each prepare gets the next id, and 0 is none."""
    one = session()
    assert [one.next_statement_id() for _ in range(3)] == [1, 2, 3]
    one._next_statement_id = 0xFFFFFFFF
    assert [one.next_statement_id() for _ in range(2)] == [0xFFFFFFFF, 1]


# What holds and what is missed


@pytest.mark.parametrize(
    ("reasons", "remains", "in_transaction", "holds"),
    [
        ((), 0, False, False),
        ((), 0, True, True),
        ((), left.STATUS, True, False),
        ((), ~left.STATUS, True, True),
        ((PinReason.ROLE,), 0, False, True),
        ((PinReason.ROLE,), left.NAMED_LOCKS, False, True),
        ((PinReason.NAMED_LOCK,), 0, False, True),
        ((PinReason.NAMED_LOCK,), left.NAMED_LOCKS, False, False),
        ((PinReason.NAMED_LOCK,), left.NAMED_LOCKS, True, True),
        ((PinReason.NAMED_LOCK, PinReason.ROLE), left.NAMED_LOCKS, False, True),
    ],
)
def test_what_must_be_asked_first_holds_no_backend(reasons, remains, in_transaction, holds):
    """Nobody knows whether a transaction or a lock is still there: ask, then see."""
    one = session()
    for reason in reasons:
        one.pins.add(Pin(reason))
    one.remains = remains
    one.in_transaction = in_transaction
    assert one.holds_backend is holds


@pytest.mark.parametrize("one_bit", Remains)
def test_the_loss_of_state_is_noticed_and_that_of_leftovers_is_not(one_bit):
    """A client that may have lost variables is told; one that lost warnings is not."""
    one = session()
    one.remains = int(one_bit)
    state = Remains.VARIABLES | Remains.USER_VARIABLES | Remains.TIMESTAMP
    assert one.misses_backend is bool(one_bit & state)
    one.remains = 0
    one.pins.add(Pin(PinReason.ROLE))
    assert one.misses_backend


# Ends


@pytest.mark.parametrize("one_bit", list(Remains))
def test_what_is_only_read_may_be_left_to_others(one_bit):
    """Warnings, counts and insert ids are never taken for another session's."""
    one = session()
    one.remains = int(one_bit)
    read = Remains.DIAGNOSTICS | Remains.FOUND_ROWS | Remains.INSERT_ID
    assert one.leaves_nothing == (one_bit in read)
    one.remains = 0
    assert one.leaves_nothing
    one.in_transaction = True
    assert not one.leaves_nothing
    one.in_transaction = False
    one.pins.add(Pin(PinReason.ROLE))
    assert not one.leaves_nothing


@pytest.mark.parametrize(
    ("in_transaction", "pinned", "remains", "known", "sqlstate", "words"),
    [
        (True, True, left.USER_VARIABLES, True, "40001", "rolled back"),
        (True, False, 0, False, "08007", "outcome is unknown"),
        (False, True, 0, True, "HY000", "session state: role"),
        (False, False, left.USER_VARIABLES, True, "HY000", "session state: user variables"),
        (False, False, left.DIAGNOSTICS | left.STATUS, True, "HY000", "while it ran"),
        (False, False, 0, True, "HY000", "while it ran"),
    ],
)
def test_a_lost_backend_is_told_honestly(
    in_transaction, pinned, remains, known, sqlstate, words
):
    """What was lost decides the SQLSTATE: rolled back, unknown, or state only."""
    one = session()
    one.in_transaction = in_transaction
    one.status = IN_TRANSACTION
    one.remains = remains
    if pinned:
        one.pins.add(Pin(PinReason.ROLE))
    reply = one.lose_backend(outcome_known=known)
    assert reply.sqlstate == sqlstate
    assert words in reply.message
    assert not one.holds_backend
    assert not one.misses_backend
    assert one.unread == set()
    assert not one.status & Status.IN_TRANS


def test_what_a_lost_backend_held_of_a_statement_is_gone():
    """Its cursor and its long data were there; the statement itself is prepared again."""
    one = session()
    prepared = Prepared(1, StatementKey(b"SELECT 1", one.state), 0, held=Held(9))
    one.statements[1] = prepared
    one.lose_backend(outcome_known=True)
    assert one.statements == {1: prepared}
    assert prepared.held is None


@pytest.mark.parametrize("one_bit", list(Remains))
def test_a_session_with_state_that_only_its_backend_knows_cannot_move(one_bit):
    """Nor one with a transaction or a pin; what is only read it may lose."""
    one = session()
    assert one.can_move
    one.remains = int(one_bit)
    read = Remains.DIAGNOSTICS | Remains.FOUND_ROWS | Remains.INSERT_ID
    assert one.can_move == (one_bit in read)
    one.remains = 0
    one.in_transaction = True
    assert not one.can_move
    one.in_transaction = False
    one.pins.add(Pin(PinReason.ROLE))
    assert not one.can_move


@pytest.mark.parametrize(
    ("named", "by_names", "moves", "collation"),
    [
        (b"utf8mb4_bin", True, True, b"utf8mb4_bin"),
        (b"", True, True, None),
        (None, True, False, None),
        (b"utf8mb4_bin", False, False, None),
    ],
)
def test_a_collation_that_was_lost_is_the_one_that_was_named(named, by_names, moves, collation):
    """Without a name it follows the charset; set in another way it is lost."""
    one = session()
    one.change_state(one.state.assign({b"collation_connection": None}))
    one.remains = left.COLLATION
    one.names_charsets, one.named_collation = by_names, named
    assert one.can_move is moves
    reply = one.lose_backend(outcome_known=True)
    assert one.state.value(b"collation_connection") == collation
    assert ("collation" in reply.message) is not moves
    assert one.remains == 0
    one.reset()
    assert one.named_collation is None


@pytest.mark.parametrize("known", [True, False])
def test_what_outlives_a_lost_transaction_is_told_behind_it(known):
    """Until a reset, which makes it unwanted."""
    one = session()
    one.in_transaction = known
    one.pins.add(Pin(PinReason.ROLE))
    reply = one.lose_backend(outcome_known=known)
    assert reply.sqlstate == ("40001" if known else "08007")
    assert one.untold == "role"
    one.lose_backend(outcome_known=known)
    assert one.untold == "role"
    one.reset()
    assert one.untold == ""


@pytest.mark.parametrize(
    ("remains", "found_rows", "misses"),
    [
        (0, 4, False),
        (left.DIAGNOSTICS, 4, False),
        (left.FOUND_ROWS, None, False),
        (left.INSERT_ID, 4, True),
    ],
)
def test_what_only_a_lost_backend_knew_is_not_known(remains, found_rows, misses):
    """Neither an older count nor an older id takes its place; a reset starts anew."""
    one = session()
    follow(one, "SELECT a FROM t", rows=4, row_count=-1)
    one.remains = remains
    assert one.can_move
    one.lose_backend(outcome_known=True)
    assert one.leftovers.found_rows == found_rows
    assert one.misses_insert_id is misses
    one.reset()
    assert not one.misses_insert_id


@pytest.mark.parametrize(("remains", "known"), [(0, 4), (left.FOUND_ROWS, None)])
def test_a_reset_keeps_what_servers_keep(remains, known):
    """COM_SET_OPTION and FOUND_ROWS() go on, as far as that is known."""
    one = session()
    follow(one, "SELECT a FROM t", rows=4, row_count=-1)
    one.change_state(one.state.with_multi_statements(True))
    one.names_charsets = True
    one.told_insert_ids = frozenset((5,))
    one.remains = remains
    one.reset()
    assert one.leftovers == Leftovers(found_rows=known)
    assert one.state.multi_statements
    assert not one.names_charsets
    assert one.told_insert_ids is None
    assert one.remains == 0


def test_a_reset_keeps_the_schema_only():
    """COM_RESET_CONNECTION: variables, pins, statements and ids are as after the login."""
    one = session()
    schema = (int(SessionTrack.SCHEMA), b"\x05other")
    follow(one, "USE other", changes=[schema], next_transaction=b"SET TRANSACTION READ ONLY;")
    follow(one, "SET @a = 1", changes=[STATE_CHANGED], insert_id=7)
    one.settle_user_variables({b"a": b"@`a` = 1"})
    one.pins.add(Pin(PinReason.ROLE))
    one.statements[1] = Prepared(1, StatementKey(b"SELECT 1", one.state), 0)
    one.tracking = attrs.evolve(one.tracking, schema=False)
    one.texts["s"] = None
    one.next_statement_id()
    one.reset()
    assert one.state == State(b"other", FIRST.variables)
    assert not one.pins
    assert one.statements == {}
    assert one.texts == {}
    assert one.last_insert_id == 0
    assert one.remains == 0
    assert one.tracking == Tracking()
    assert one.next_statement_id() == 2


def test_a_reset_brings_the_status_of_the_login_back():
    """COM_RESET_CONNECTION after SET autocommit = 0: the answer says that it is on again."""
    one = session()
    follow(one, "SET autocommit = 0", status=0)
    one.reset()
    assert one.lasting_status == Status.AUTOCOMMIT


def test_an_answer_of_ours_says_nothing_of_the_last_statement():
    """Which rows were sent, and how they were found, is told once."""
    one = session()
    bits = Status.AUTOCOMMIT | Status.LAST_ROW_SENT | Status.NO_INDEX_USED | Status.DB_DROPPED
    follow(one, status=int(bits))
    assert one.lasting_status == Status.AUTOCOMMIT


@given(st.integers(0, sum(Remains)), st.sets(st.sampled_from(PinReason)), st.booleans())
def test_who_has_lost_a_backend_holds_none(remains, reasons, in_transaction):
    """Whatever held the session, afterwards nothing does, and it says what was lost."""
    one = session()
    one.remains = remains
    one.in_transaction = in_transaction
    for reason in reasons:
        one.pins.add(Pin(reason))
    missed = one.misses_backend
    reply = one.lose_backend(outcome_known=True)
    assert not one.holds_backend
    assert not one.misses_backend
    assert not missed or "while it ran" not in reply.message
