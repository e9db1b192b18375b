"""Tests of `proxy.session.follow`: status, pins, user variables, SQL PREPARE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session import follow as following
from proxy.session import remains as left
from proxy.session.leftovers import Leftovers
from proxy.session.meaning import PLAIN, Meaning
from proxy.session.outcome import Outcome
from proxy.session.pins import Pin, PinReason
from proxy.session.remains import Remains
from proxy.wire.constants import SessionTrack, Status
from tests.support.sessions import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    MARIADB,
    MYSQL,
    NOW,
    STATE_CHANGED,
    follow,
    session,
)

KINDS = [MYSQL, MARIADB]


def reasons(pins):
    return [pin.reason for pin in pins]


def remains(one):
    return Remains(one.remains)


# Status and pins


def test_status_bits_say_whether_a_transaction_is_open():
    """The server's word decides, and an open transaction holds the backend."""
    one = session()
    follow(one, "BEGIN", status=IN_TRANSACTION)
    assert one.in_transaction
    assert one.holds_backend
    follow(one, "COMMIT")
    assert not one.holds_backend
    assert one.status == AUTOCOMMIT


@pytest.mark.parametrize(
    ("text", "before", "doubtful"),
    [
        ("SELECT x", AUTOCOMMIT, False),
        ("SELECT x", 0, True),
        ("SELECT x", IN_TRANSACTION, True),
        ("INSERT INTO t VALUES (1)", AUTOCOMMIT, True),
    ],
)
def test_after_an_error_nobody_knows_whether_a_transaction_is_open(text, before, doubtful):
    """A deadlock rolls back, a failed INSERT may begin; only a read by itself does neither."""
    one = session()
    follow(one, status=before)
    follow(one, text, status=before, failed=True)
    assert bool(one.remains & left.STATUS) is doubtful
    follow(one)
    assert not one.remains & left.STATUS


def test_pins_are_told_once_and_keep_the_digest():
    """A second table is no new reason; literals are not in the digest, and the age is kept."""
    one = session()
    (pin,) = follow(one, "CREATE TEMPORARY TABLE t (a INT DEFAULT 5)")
    assert pin == Pin(
        PinReason.TEMPORARY_TABLE, "CREATE TEMPORARY TABLE t (a INT DEFAULT ?)", "shop.t", NOW
    )
    assert follow(one, "CREATE TEMPORARY TABLE u (a INT)") == []
    assert one.pins.has(PinReason.TEMPORARY_TABLE, "shop.u")
    assert one.holds_backend


def test_reasons_that_are_ignored_do_not_pin():
    """What the configuration calls harmless is not even told."""
    one = session(ignored=frozenset((PinReason.OPAQUE,)))
    assert follow(one, "frobnicate") == []
    assert not one.pins


def test_a_failed_release_releases_nothing():
    """UNLOCK TABLES that ended in an error may have left the locks."""
    one = session()
    follow(one, "LOCK TABLES t READ")
    follow(one, "UNLOCK TABLES", failed=True)
    assert PinReason.TABLE_LOCK in one.pins
    follow(one, "UNLOCK TABLES")
    assert not one.pins


def test_dropping_every_table_ends_the_pin():
    """Temporary tables are counted by name."""
    one = session()
    for name in "tu":
        follow(one, f"CREATE TEMPORARY TABLE {name} (a INT)")
    follow(one, "DROP TABLE t")
    assert one.pins
    follow(one, "DROP TEMPORARY TABLE IF EXISTS u")
    assert not one.pins


def test_a_savepoint_before_its_transaction_pins_until_the_end_of_that():
    """Without autocommit a savepoint may come before the server says that one is open."""
    one = session()
    assert reasons(follow(one, "SAVEPOINT a", status=0)) == [PinReason.SAVEPOINT]
    follow(one, "INSERT INTO t VALUES (1)", status=int(Status.IN_TRANS))
    follow(one, "COMMIT", status=0)
    assert not one.pins
    assert follow(session(), "SAVEPOINT a", status=AUTOCOMMIT) == []


def test_a_command_that_is_no_text_is_followed_too():
    """COM_INIT_DB and the like: status and reports say it all."""
    one = session()
    change = (int(SessionTrack.SCHEMA), b"\x05other")
    outcome = Outcome(AUTOCOMMIT, [change, STATE_CHANGED])
    assert following.follow(one, PLAIN, b"", outcome, NOW) == []
    assert one.state.schema == b"other"


# User variables


@pytest.mark.parametrize("kind", KINDS)
def test_user_variables_are_read_back_when_the_backend_is_needed(kind):
    """They pin nothing: which ones is known from the text."""
    one = session(kind, sees_user_variables=False)
    assert follow(one, "SET @a = 1", changes=[STATE_CHANGED]) == []
    follow(one, "SELECT @B := 2")
    assert one.unread == {b"a", b"b"}
    assert remains(one) & ~Remains.FOUND_ROWS == Remains.USER_VARIABLES
    assert not one.holds_backend
    follow(one, "SELECT @a")
    assert one.unread == {b"a", b"b"}


def test_a_name_that_no_charset_spells_alike_may_be_any():
    """The bytes of such a name depend on the charset of whoever sets it."""
    one = session()
    assert follow(one, "SET @ä = 1", changes=[STATE_CHANGED]) == []
    assert one.unread is None
    other = session(sees_user_variables=False)
    assert reasons(follow(other, "SET @ä = 1", changes=[STATE_CHANGED])) == [
        PinReason.USER_VARIABLE
    ]


@pytest.mark.parametrize("sees", [True, False])
def test_a_variable_with_such_a_name_among_its_names_pins(sees):
    """It cannot be read back by a name in bytes."""
    one = session(sees_user_variables=sees)
    means = Meaning(user_variables=frozenset((b"a", "ä".encode())), flags=True)
    found = following.follow(one, means, b"?", Outcome(AUTOCOMMIT, [STATE_CHANGED]), NOW)
    assert reasons(found) == [PinReason.USER_VARIABLE]
    assert one.unread == set()


def test_variables_without_names_are_all_of_them():
    """Who may list them reads all, and adding names to all is all; who may not is pinned."""
    anything = Meaning(user_variables=None, flags=True)
    one = session(sees_user_variables=True)
    outcome = Outcome(AUTOCOMMIT, [STATE_CHANGED])
    assert following.follow(one, anything, b"?", outcome, NOW) == []
    assert one.unread is None
    follow(one, "SET @a = 1")
    assert one.unread is None
    assert remains(one) == Remains.USER_VARIABLES
    other = session(sees_user_variables=False)
    found = following.follow(other, anything, b"?", outcome, NOW)
    assert reasons(found) == [PinReason.USER_VARIABLE]


# Routines, locks, SQL PREPARE


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ({"sees_user_variables": True, "sees_locks": True}, []),
        ({"sees_user_variables": False, "sees_locks": True}, [PinReason.ROUTINE]),
        ({"sees_user_variables": True, "sees_locks": False}, [PinReason.ROUTINE]),
    ],
)
def test_a_routine_pins_where_nobody_can_see_what_it_did(seen, found):
    """Who may look at variables and locks looks afterwards, and is not pinned."""
    one = session(**seen)
    assert reasons(follow(one, "CALL p()")) == found
    assert one.remains & left.NAMED_LOCKS
    assert one.remains & left.INSERT_ID


def test_locks_pin_until_the_server_says_that_they_are_gone():
    """Taking and releasing leave it open how often a lock is held."""
    one = session()
    (pin,) = follow(one, "SELECT GET_LOCK('job', 1)")
    assert (pin.reason, pin.detail) == (PinReason.NAMED_LOCK, "job")
    assert not one.holds_backend
    one.settle_locks(frozenset(("job",)), others=False)
    assert one.holds_backend
    follow(one, "SELECT RELEASE_LOCK('job')")
    assert not one.holds_backend
    one.settle_locks(frozenset(), others=False)
    assert not one.pins


def prepare(one, name, text, **told):
    means = Meaning(
        prepares=((name, text),), pins=((PinReason.TEXT_PREPARE, name),), flags=True
    )
    outcome = Outcome(**{"status": AUTOCOMMIT, "changes": [STATE_CHANGED], **told})
    return following.follow(one, means, b"PREPARE", outcome, NOW)


@pytest.mark.parametrize(
    ("text", "opaque"),
    [
        (b"SELECT 1", False),
        (b"INSERT INTO t VALUES (?)", False),
        (b"SET @a = 1", False),
        (b"FROB 1", True),
        (None, True),
    ],
)
def test_what_execute_runs_is_what_prepare_said(text, opaque):
    """A plain statement leaves nothing; one that nobody has read may do anything."""
    one = session()
    assert reasons(prepare(one, "s", text)) == [PinReason.TEXT_PREPARE]
    assert (PinReason.OPAQUE in reasons(follow(one, "EXECUTE s"))) is opaque


def test_a_statement_that_could_not_be_prepared_is_not_known():
    """An error leaves whatever the name stood for before."""
    one = session()
    prepare(one, "s", b"SELECT 1", failed=True)
    assert one.texts == {}
    assert PinReason.OPAQUE in reasons(follow(one, "EXECUTE s"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "SELECT 1",
                    "SET @a = 1",
                    "BEGIN",
                    "COMMIT",
                    "CALL p()",
                    "SELECT GET_LOCK('a', 1)",
                    "SELECT RELEASE_LOCK('a')",
                    "SET sql_mode = ''",
                    "SAVEPOINT a",
                    "frobnicate",
                    "SELECT SQL_CALC_FOUND_ROWS 1",
                ]
            ),
            st.booleans(),
            st.sampled_from([0, AUTOCOMMIT, IN_TRANSACTION]),
        ),
        max_size=6,
    ),
    st.sampled_from(KINDS),
)
def test_a_reset_ends_whatever_was(history, kind):
    """A session is as after its login then, but for FOUND_ROWS() and for COM_SET_OPTION."""
    one = session(kind)
    for text, failed, status in history:
        follow(one, text, failed=failed, status=status, warnings=int(failed))
    asked = one.remains & left.FOUND_ROWS
    found_rows = None if asked else one.leftovers.found_rows
    one.reset()
    assert not one.holds_backend
    assert not one.misses_backend
    assert one.remains == 0
    assert one.state == session(kind).state
    assert one.leftovers == Leftovers(found_rows=found_rows)


def test_what_execute_runs_counts_as_if_it_stood_there():
    """Its user variables are its own, not those of any statement."""
    one = session()
    prepare(one, "s", b"SET @a = 1")
    follow(one, "EXECUTE s")
    assert one.unread == {b"a"}


def test_what_execute_runs_by_way_of_another_is_not_known():
    """An EXECUTE among several statements may be of one that sets something."""
    one = session(sees_user_variables=False)
    prepare(one, "s", b"SELECT 1")
    prepare(one, "r", b"SET @a = 1")
    both = Meaning(executes=("s", "r"), flags=True, single=False)
    found = following.follow(one, both, b"EXECUTE", Outcome(AUTOCOMMIT, [STATE_CHANGED]), NOW)
    assert reasons(found) == [PinReason.USER_VARIABLE, PinReason.OPAQUE]


def test_a_text_that_nobody_can_read_does_nothing():
    """A syntax error is one for the server too, which says so before it runs anything."""
    one = session()
    assert follow(one, "FROB 1", failed=True, unparsed=True) == []
    assert reasons(follow(one, "FROB 1", failed=True)) == [PinReason.OPAQUE]


def test_temporary_tables_are_told_apart_by_schema():
    """To drop the one does not end the pin of the other, whatever the default schema is."""
    one = session()
    follow(one, "CREATE TEMPORARY TABLE a.t (a INT)")
    follow(one, "DROP TABLE t")
    assert PinReason.TEMPORARY_TABLE in one.pins
    follow(one, "DROP TABLE a.t")
    assert PinReason.TEMPORARY_TABLE not in one.pins


def test_a_temporary_table_of_another_name_is_not_lost():
    """After a RENAME nobody knows which table is which."""
    one = session()
    follow(one, "CREATE TEMPORARY TABLE t (a INT)")
    follow(one, "ALTER TABLE t RENAME u")
    follow(one, "DROP TABLE t")
    assert PinReason.TEMPORARY_TABLE in one.pins


def test_a_savepoint_before_the_transaction_ends_with_it():
    """With autocommit off nothing says that it is there; COMMIT ends it all the same."""
    one = session()
    off = 0
    follow(one, "SET autocommit = 0", status=off)
    assert reasons(follow(one, "SAVEPOINT s", status=off)) == [PinReason.SAVEPOINT]
    follow(one, "ROLLBACK", status=off)
    assert PinReason.SAVEPOINT not in one.pins
