"""Tests of `proxy.session.session`: what had to be asked of a server."""

from __future__ import annotations

import pytest

from proxy.errors import unknown_statement
from proxy.session import remains as left
from proxy.session.conditions import Conditions
from proxy.session.leftovers import Leftovers
from proxy.session.pins import SOME_NAME, Pin, PinReason
from proxy.session.state import Reports, State
from proxy.session.user_variables import LIMIT_BYTES
from proxy.wire.constants import Status
from tests.support.sessions import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    MARIADB,
    MYSQL,
    follow,
    session,
)


def lock(name: str) -> Pin:
    return Pin(PinReason.NAMED_LOCK, detail=name)


def locks(one):
    return {pin.detail for pin in one.pins if pin.reason is PinReason.NAMED_LOCK}


def test_warnings_that_were_read_are_kept():
    """SHOW WARNINGS was asked of the backend; too many of them are left there."""
    one = session()
    one.remains = left.DIAGNOSTICS | left.FOUND_ROWS
    kept = Conditions((b"\x03",), ())
    one.settle_conditions(kept)
    assert one.leftovers.conditions is kept
    assert one.remains == left.FOUND_ROWS
    one.remains |= left.DIAGNOSTICS
    one.settle_conditions(None)
    assert one.leftovers.conditions is None
    assert one.remains == left.FOUND_ROWS


def test_numbers_that_were_asked_are_known():
    """FOUND_ROWS() and LAST_INSERT_ID() follow the client to any backend."""
    one = session()
    one.remains = left.FOUND_ROWS | left.INSERT_ID
    one.settle_found_rows(12)
    assert one.settle_insert_id(34)
    assert (one.leftovers.found_rows, one.last_insert_id, one.remains) == (12, 34, 0)


@pytest.mark.parametrize(
    ("told", "number", "own"),
    [(None, 34, True), ([34], 34, True), ([35], 34, False), ([], 34, False)],
)
def test_an_id_of_another_session_is_not_ones_own(told, number, own):
    """Where the backend had another's, only an id that the statement told is the session's."""
    one = session()
    one.last_insert_id = 5
    one.remains = left.INSERT_ID
    one.told_insert_ids = None if told is None else frozenset(told)
    assert one.settle_insert_id(number) is own
    assert one.last_insert_id == (number if own else 5)
    assert one.remains == 0


@pytest.mark.parametrize(
    ("kind", "added", "count", "told"),
    [(MYSQL, True, 3, 1), (MYSQL, False, 1, 1), (MARIADB, True, 1, 0), (MARIADB, False, 1, 0)],
)
def test_an_error_of_ours_takes_the_place_of_warnings(kind, added, count, told):
    """MySQL may add it to those that are there."""
    one = session(kind)
    follow(one, "SELECT 1/0, 2/0 FROM t", warnings=2, rows=4, row_count=-1)
    refusal = unknown_statement(3, "EXECUTE")
    one.answered_here(refusal, added=added)
    known = one.leftovers
    assert (known.warnings, known.errors, known.told) == (count, 1, told)
    assert (known.row_count, known.found_rows, known.refusal) == (-1, 4, refusal)
    assert one.remains == 0


def test_an_answer_of_ours_clears_what_the_statement_before_left():
    """But for FOUND_ROWS(), which it says nothing of."""
    one = session()
    follow(one, "SELECT 1/0, 2/0 FROM t", warnings=2, rows=4, row_count=-1)
    one.answered_here()
    assert one.leftovers == Leftovers(found_rows=4)
    assert one.remains == 0


@pytest.mark.parametrize("status", [AUTOCOMMIT, IN_TRANSACTION, 0])
def test_the_server_says_whether_a_transaction_is_open(status):
    """After an error its word is asked for, and then it counts."""
    one = session()
    one.remains = left.STATUS
    one.in_transaction = True
    one.settle_status(status)
    assert one.in_transaction is bool(status & Status.IN_TRANS)
    assert one.status == status
    assert one.remains == 0


def test_collation_and_clock_become_state():
    """What was asked is replayed from then on; a clock that goes is none of it."""
    one = session()
    one.remains = left.COLLATION | left.TIMESTAMP
    one.settle_collation(b"latin1_swedish_ci")
    one.settle_timestamp(b"5.000000")
    assert one.state.value(b"collation_connection") == b"latin1_swedish_ci"
    assert one.state.value(b"timestamp") == b"5.000000"
    assert one.remains == 0
    one.settle_timestamp(None)
    assert one.state.value(b"timestamp") is None


def test_variables_that_were_read_replace_all_that_were_known():
    """A list of all that differ says of the others that they do not."""
    one = session()
    one.remains = left.VARIABLES | left.COLLATION | left.REPORTS | left.INSERT_ID
    one.settle_variables({b"sql_mode": b"ANSI_QUOTES"})
    assert one.state == State(b"shop", ((b"sql_mode", b"ANSI_QUOTES"),))
    assert one.dialect.ansi_quotes
    assert one.remains == left.INSERT_ID


def test_user_variables_that_were_read_become_state():
    """They are carried up to a limit, which the caller hears of."""
    one = session()
    one.unread = {b"a", b"b"}
    one.remains = left.USER_VARIABLES
    assert one.settle_user_variables({b"a": b"@`a` = 1", b"b": b"@`b` = 2"})
    assert [name for name, _ in one.state.user_variables] == [b"a", b"b"]
    assert one.unread == set()
    assert one.remains == 0
    assert not one.settle_user_variables({b"c": b"x" * LIMIT_BYTES})


@pytest.mark.parametrize(
    ("held", "others", "kept"),
    [
        ({"a"}, False, {"a"}),
        ({"a", "b"}, True, {"a", "b", SOME_NAME}),
        (set(), True, {SOME_NAME}),
        (set(), False, set()),
    ],
)
def test_locks_that_are_still_held_pin(held, others, kept):
    """The pins of all others end, and a lock without a known name with the last unknown one."""
    one = session()
    for name in ("a", "b", SOME_NAME):
        one.pins.add(lock(name))
    one.pins.add(Pin(PinReason.ROLE))
    one.remains = left.NAMED_LOCKS
    one.settle_locks(frozenset(held), others=others)
    assert locks(one) == kept
    assert PinReason.ROLE in one.pins
    assert one.remains == 0


@pytest.mark.parametrize(
    ("reports", "remains"),
    [
        (Reports(State(b"other")), 0),
        (Reports(State(b"other"), collation_unknown=True), left.COLLATION),
        (Reports(State(b"other"), timestamp_unknown=True), left.TIMESTAMP),
    ],
)
def test_reports_that_came_late_count_like_others(reports, remains):
    """An ERR packet had no room for them: a PING brought them."""
    one = session()
    one.remains = left.REPORTS
    one.settle_reports(reports)
    assert one.state is reports.state
    assert one.remains == remains
