"""Tests of `proxy.session.follow`: what servers report, and where reports are missing."""

from __future__ import annotations

import pytest

from proxy.session import remains as left
from proxy.session.pins import PinReason
from proxy.session.remains import Remains
from proxy.session.variables import NAMES
from proxy.wire.constants import SessionTrack
from proxy.wire.responses import variable_change
from tests.support.sessions import (
    IN_TRANSACTION,
    MARIADB,
    MYSQL,
    STATE_CHANGED,
    follow,
    session,
)

READ_ONLY = b"SET TRANSACTION READ ONLY;"


def reasons(pins):
    return [pin.reason for pin in pins]


def remains(one):
    return Remains(one.remains)


def test_reports_change_the_state():
    """A reported variable is in the state afterwards, and pins nothing."""
    one = session()
    change = variable_change(b"sql_mode", b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES")
    assert follow(one, "SET sql_mode = 'ANSI_QUOTES'", changes=[change, STATE_CHANGED]) == []
    assert one.state.value(b"sql_mode") == b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES"
    assert one.dialect.ansi_quotes
    assert one.remains == 0
    assert one.disagreements == 0


def test_a_new_charset_leaves_the_collation_to_be_asked():
    """The collation that comes with a charset is unknown until the server says it."""
    one = session()
    changes = [variable_change(b"character_set_connection", b"latin1"), STATE_CHANGED]
    follow(one, "SET NAMES latin1", changes=changes)
    assert remains(one) == Remains.COLLATION


def charsets(name=b"latin1", *, collation=None):
    """What servers report of SET NAMES; MariaDB with the collation."""
    names = ("client", "connection", "results")
    told = [variable_change(b"character_set_" + one.encode(), name) for one in names]
    if collation is not None:
        told.append(variable_change(b"collation_connection", collation))
    return [*told, STATE_CHANGED]


def test_the_collation_of_set_names_is_remembered_beside_the_variables():
    """MySQL does not report it, so that it is asked, and is that of SET NAMES as well."""
    one = session()
    follow(one, "SET NAMES latin1", changes=charsets())
    assert one.names_charsets
    assert one.state.value(NAMES) is None
    one.settle_collation(b"latin1_swedish_ci")
    assert not one.names_charsets
    assert one.state.value(NAMES) == b"latin1_swedish_ci"
    assert one.state.value(b"collation_connection") == b"latin1_swedish_ci"


def test_a_reported_collation_is_that_of_set_names():
    """Where it is in the report nobody has to be asked."""
    one = session(MARIADB)
    follow(one, "SET NAMES latin1", changes=charsets(collation=b"latin1_bin"))
    assert one.state.value(NAMES) == b"latin1_bin"
    assert remains(one) == Remains(0)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SET character_set_client = latin1", [variable_change(b"character_set_client", b"x")]),
        ("SET CHARACTER SET latin1", charsets()),
        ("SET NAMES latin1, character_set_results = NULL", charsets()),
        ("CALL p()", charsets()),
    ],
)
def test_charsets_that_are_set_in_another_way_end_what_set_names_said(text, changes):
    """The client and the results have the default collation of their charset from then on."""
    one = session()
    one.change_state(one.state.assign({NAMES: b"utf8mb4_bin"}))
    follow(one, text, changes=changes)
    assert one.state.value(NAMES) is None
    one.settle_collation(b"latin1_swedish_ci")
    assert one.state.value(NAMES) is None


def test_the_connections_charset_alone_leaves_what_set_names_said():
    """A collation that is asked for afterwards is no longer that of SET NAMES."""
    one = session()
    follow(one, "SET NAMES latin1", changes=charsets())
    one.change_state(one.state.assign({NAMES: b"latin1_bin"}))
    change = variable_change(b"character_set_connection", b"utf8mb4")
    follow(one, "SET character_set_connection = utf8mb4", changes=[change, STATE_CHANGED])
    assert not one.names_charsets
    one.settle_collation(b"utf8mb4_bin")
    assert one.state.value(NAMES) == b"latin1_bin"


def test_a_stopped_clock_is_to_be_asked():
    """SET timestamp is reported alike when the clock is stopped and when it is let go."""
    one = session()
    follow(
        one, "SET timestamp = 5", changes=[variable_change(b"timestamp", b"5"), STATE_CHANGED]
    )
    assert remains(one) == Remains.TIMESTAMP


def test_a_variable_that_cannot_be_carried_pins_by_its_name():
    """Whoever reads the log sees which one it was."""
    one = session()
    change = variable_change(b"no_such_variable", b"1")
    (pin,) = follow(one, "SET no_such_variable = 1", changes=[change, STATE_CHANGED])
    assert (pin.reason, pin.detail) == (PinReason.SESSION_VARIABLE, "no_such_variable")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT 1", [PinReason.UNREPORTED]),
        ("CALL p()", [PinReason.ROUTINE]),
        ("SET @a = 1", []),
    ],
)
def test_a_change_that_nothing_explains_pins(text, found):
    """The server says that something changed; the text may say what, a routine's cannot."""
    assert reasons(follow(session(), text, changes=[STATE_CHANGED])) == found


def test_a_report_after_an_error_is_the_failed_statements():
    """What SET @a, @b did before it failed is reported with the next answer."""
    one = session()
    follow(one, "SET @a = 1, @b = f(", failed=True)
    assert PinReason.UNREPORTED not in reasons(follow(one, changes=[STATE_CHANGED]))
    assert reasons(follow(one, changes=[STATE_CHANGED])) == [PinReason.UNREPORTED]


@pytest.mark.parametrize(
    ("kind", "text", "doubt"),
    [
        (MYSQL, "SET sql_mode = x", Remains.REPORTS),
        (MYSQL, "INSERT INTO t VALUES (1)", Remains.REPORTS),
        (MARIADB, "SET sql_mode = x", Remains.VARIABLES),
        (MARIADB, "INSERT INTO t VALUES (1)", Remains.REPORTS),
        (MYSQL, "SELECT x", Remains(0)),
    ],
)
def test_after_an_error_reports_may_be_missing(kind, text, doubt):
    """MySQL brings them with its next OK, MariaDB never; a read changes nothing."""
    one = session(kind)
    follow(one, text, failed=True)
    assert remains(one) & (Remains.REPORTS | Remains.VARIABLES) == doubt


def test_reports_that_came_settle_the_doubt():
    """The next OK that reports anything reports all that was pending."""
    one = session()
    follow(one, "INSERT INTO t VALUES (1)", failed=True)
    follow(one, "USE shop", changes=[(int(SessionTrack.SCHEMA), b"\x04shop"), STATE_CHANGED])
    assert not one.remains & left.REPORTS


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("SET STATEMENT sql_mode = '' FOR SELECT 1", True),
        ("set\nstatement max_statement_time = 1 for DELETE FROM t", True),
        ("SET /* for one */ STATEMENT sql_mode = '' FOR SELECT 1", True),
        ("SET -- for one\n# only\nSTATEMENT sql_mode = '' FOR SELECT 1", True),
        ("SELECT 'statement'", False),
    ],
)
def test_what_holds_for_one_statement_is_not_taken_for_lasting(text, doubtful):
    """MariaDB reports it like what lasts, so that all variables are asked for."""
    one = session(MARIADB)
    follow(one, text, rows=1, row_count=-1)
    assert bool(one.remains & left.VARIABLES) is doubtful


def test_a_set_that_is_not_reported_is_a_disagreement():
    """The text says that a variable was set and no report does: the server is asked."""
    one = session()
    follow(one, "SET sql_mode = ''", changes=[])
    assert remains(one) == Remains.VARIABLES
    assert one.disagreements == 1
    other = session(tracks=False)
    assert reasons(follow(other, "SET sql_mode = ''")) == [PinReason.UNTRACKED]
    assert other.disagreements == 0


def test_the_next_transactions_characteristics_become_state():
    """They follow the session, and are gone when a transaction has begun."""
    one = session()
    follow(one, "SET TRANSACTION READ ONLY", next_transaction=READ_ONLY)
    assert one.state.next_transaction == READ_ONLY
    follow(one)
    assert one.state.next_transaction == READ_ONLY
    follow(one, "BEGIN", status=IN_TRANSACTION, next_transaction=READ_ONLY)
    assert one.state.next_transaction == b""
    follow(one, "SET TRANSACTION READ ONLY", next_transaction=READ_ONLY)
    follow(one, "SELECT 1", next_transaction=b"")
    assert one.state.next_transaction == b""
