"""Tests of `proxy.session.session`."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.session.meaning import PLAIN, meaning
from proxy.session.pins import PinReason
from proxy.session.prepared import Prepared, StatementKey
from proxy.session.session import Session
from proxy.session.state import State
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.constants import SessionTrack, Status
from proxy.wire.responses import variable_change

FIRST = State(b"shop", ((b"character_set_client", b"utf8mb4"),))
STATE_CHANGED = (int(SessionTrack.STATE_CHANGE), b"\x011")


def session(**changed: Any) -> Session:
    settings: dict[str, Any] = {
        "user": "app",
        "state": FIRST,
        "first_state": FIRST,
        "collation": 45,
        "kind": ServerKind.MYSQL,
        "sql_mode": b"",
        "tracked": True,
        "ignores_variables": False,
        "tracks": True,
        "status": int(Status.AUTOCOMMIT),
    }
    return Session(**{**settings, **changed})


def follow(one: Session, text: str = "SELECT 1", **changed: Any) -> list[PinReason]:
    settings: dict[str, Any] = {
        "status": int(Status.AUTOCOMMIT),
        "changes": [],
        "failed": False,
        "warnings": 0,
    }
    pins = one.follow(
        meaning(classify(text.encode())), text.encode(), **{**settings, **changed}
    )
    return [pin.reason for pin in pins]


def test_status_bits_say_whether_a_transaction_is_open():
    """The server's word decides, and an open transaction holds the backend."""
    one = session()
    follow(one, "BEGIN", status=int(Status.IN_TRANS | Status.AUTOCOMMIT))
    assert one.in_transaction
    assert one.holds_backend
    follow(one, "COMMIT")
    assert not one.holds_backend


def test_reports_change_the_state():
    """A reported variable is in the state afterwards, and pins nothing."""
    one = session()
    change = variable_change(b"sql_mode", b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES")
    assert follow(one, "SET sql_mode = 'ANSI_QUOTES'", changes=[change, STATE_CHANGED]) == []
    assert one.state.value(b"sql_mode") == b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES"
    assert one.dialect.ansi_quotes
    assert one.dialect.no_backslash_escapes


def test_the_charset_decides_how_text_is_read():
    """After SET NAMES gbk a second byte may look like a backslash."""
    one = session()
    assert one.dialect.charset_safe
    follow(one, "SET NAMES gbk", changes=[variable_change(b"character_set_client", b"gbk")])
    assert not one.dialect.charset_safe


def test_a_new_charset_leaves_the_collation_to_be_asked():
    """The collation that comes with a charset is unknown until the server says it."""
    one = session()
    changes = [variable_change(b"character_set_connection", b"latin1"), STATE_CHANGED]
    follow(one, "SET NAMES latin1", changes=changes)
    assert one.collation_unknown
    one.settle_collation(b"latin1_swedish_ci")
    assert not one.collation_unknown
    assert one.state.value(b"collation_connection") == b"latin1_swedish_ci"


def test_pins_are_told_once_and_keep_the_digest():
    """A second SET @a is no new pin; the literal is not in the digest."""
    one = session()
    pins = one.follow(
        meaning(classify(b"SET @a = 'secret'")),
        b"SET @a = 'secret'",
        status=int(Status.AUTOCOMMIT),
        changes=[STATE_CHANGED],
        failed=False,
        warnings=0,
    )
    assert [(pin.reason, pin.statement) for pin in pins] == [
        (PinReason.USER_VARIABLE, "SET @a = ?")
    ]
    assert follow(one, "SET @a = 2", changes=[STATE_CHANGED]) == []
    assert one.holds_backend


def test_warnings_pin_until_they_are_read_over():
    """SHOW WARNINGS leaves them there, the next other statement does not."""
    one = session()
    assert follow(one, "SELECT 1/0", warnings=1) == [PinReason.DIAGNOSTICS]
    follow(one, "SHOW WARNINGS")
    assert PinReason.DIAGNOSTICS in one.pins
    follow(one)
    assert not one.pins


def test_after_an_error_mariadb_leaves_a_doubt():
    """A SET that failed there may have set a part, and no report ever comes."""
    failed = {"failed": True, "changes": []}
    one = session(kind=ServerKind.MARIADB)
    assert follow(one, "SET NAMES latin1", **failed) == [PinReason.UNREPORTED]
    assert follow(session(), "SET NAMES latin1", **failed) == []


def test_a_failed_release_releases_nothing():
    """UNLOCK TABLES that ended in an error may have left the locks."""
    one = session()
    follow(one, "LOCK TABLES t READ")
    follow(one, "UNLOCK TABLES", failed=True)
    assert PinReason.TABLE_LOCK in one.pins
    follow(one, "UNLOCK TABLES")
    assert not one.pins


def test_the_next_transaction_ends_its_own_pins():
    """SET TRANSACTION holds the backend until a transaction has ended."""
    one = session()
    follow(one, "SET TRANSACTION READ ONLY")
    assert PinReason.NEXT_TRANSACTION in one.pins
    follow(one, "BEGIN", status=int(Status.IN_TRANS))
    follow(one, "COMMIT")
    assert not one.pins


def test_a_savepoint_before_its_transaction_pins():
    """Without autocommit a savepoint may come before the server says that one is open."""
    one = session()
    assert follow(one, "SAVEPOINT a", status=0) == [PinReason.SAVEPOINT]
    other = session()
    assert follow(other, "SAVEPOINT a", status=int(Status.AUTOCOMMIT)) == []


def test_an_id_that_no_answer_tells_is_asked_for():
    """SELECT LAST_INSERT_ID(5) sets the id without an OK packet that says so."""
    one = session()
    follow(one, "SELECT LAST_INSERT_ID(5)")
    assert one.insert_id_unknown


@pytest.mark.parametrize(
    ("prepare", "known", "sqlstate"),
    [
        ("BEGIN", True, "40001"),
        ("BEGIN", False, "08007"),
        ("SET @a = 1", True, "HY000"),
        ("SELECT 1", True, "HY000"),
    ],
)
def test_a_lost_backend_is_told_honestly(prepare, known, sqlstate):
    """What was lost decides the SQLSTATE: rolled back, unknown, or state only."""
    one = session()
    status = int(Status.IN_TRANS) if prepare == "BEGIN" else int(Status.AUTOCOMMIT)
    follow(one, prepare, status=status)
    reply = one.lose_backend(outcome_known=known)
    assert reply.sqlstate == sqlstate
    assert not one.holds_backend
    assert not one.status & Status.IN_TRANS


def test_a_reset_keeps_the_schema_only():
    """COM_RESET_CONNECTION: variables, pins, statements and ids are as after the login."""
    one = session()
    follow(one, "USE other", changes=[(int(SessionTrack.SCHEMA), b"\x05other")])
    follow(one, "SET @a = 1", changes=[STATE_CHANGED])
    one.statements[1] = Prepared(1, StatementKey(b"SELECT 1", one.state), 0)
    one.last_insert_id = 7
    one.reset()
    assert one.state == State(b"other", FIRST.variables)
    assert not one.pins
    assert one.statements == {}
    assert one.last_insert_id == 0


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


def test_statement_ids_are_never_used_twice():
    """Each prepare gets the next id."""
    one = session()
    assert [one.next_statement_id() for _ in range(3)] == [1, 2, 3]


def test_only_clients_that_track_hear_of_variables():
    """A client without session tracking is told of no variable."""
    assert session(tracks=False).reported == frozenset()
    assert b"autocommit" in session().reported


def test_repr_says_whose_it_is():
    """An operator sees the user and what holds the session."""
    one = session()
    one.follow(PLAIN, b"", status=0, changes=[], failed=False, warnings=2)
    assert repr(one) == "<Session of 'app' <Pins DIAGNOSTICS>>"
