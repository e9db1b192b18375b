"""Tests of `proxy.session.meaning`."""

from __future__ import annotations

import pytest

from proxy.session.meaning import PLAIN, Meaning, found_pins, meaning
from proxy.session.pins import PinReason
from proxy.sql.classify import classify


def means(text: str) -> Meaning:
    return meaning(classify(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "INSERT INTO t (a) VALUES (1)",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "CREATE TABLE t (a INT)",
        "DROP TABLE t",
        "SET GLOBAL max_connections = 5",
        "SELECT @a",
        "SELECT CONNECTION_ID()",
        "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    ],
)
def test_statements_that_leave_nothing_unreported_are_plain(text):
    """Whatever status bits and trackers tell in full needs no care."""
    found = means(text)
    assert found.is_plain
    assert found.pins == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SET @a = 1", PinReason.USER_VARIABLE),
        ("SELECT @a := 1", PinReason.USER_VARIABLE),
        ("SELECT 1 INTO @a", PinReason.USER_VARIABLE),
        ("SET SESSION max_execution_time = 5", PinReason.SESSION_VARIABLE),
        ("CREATE TEMPORARY TABLE t (a INT)", PinReason.TEMPORARY_TABLE),
        ("SELECT GET_LOCK('a', 1)", PinReason.NAMED_LOCK),
        ("LOCK TABLES t READ", PinReason.TABLE_LOCK),
        ("FLUSH TABLES WITH READ LOCK", PinReason.READ_LOCK),
        ("LOCK INSTANCE FOR BACKUP", PinReason.INSTANCE_LOCK),
        ("HANDLER t OPEN", PinReason.HANDLER),
        ("PREPARE s FROM 'SELECT 1'", PinReason.TEXT_PREPARE),
        ("EXECUTE s", PinReason.TEXT_PREPARE),
        ("SET ROLE ALL", PinReason.ROLE),
        ("SET TRANSACTION READ ONLY", PinReason.NEXT_TRANSACTION),
        ("XA START 'x'", PinReason.XA),
        ("SELECT SQL_CALC_FOUND_ROWS 1", PinReason.FOUND_ROWS),
        ("CALL p()", PinReason.ROUTINE),
        ("SELECT own_function(1)", PinReason.ROUTINE),
        ("frobnicate the database", PinReason.OPAQUE),
        ("SELECT 'without an end", PinReason.OPAQUE),
    ],
)
def test_what_no_tracker_reports_pins(text, reason):
    """State that cannot follow the session keeps its backend, for the right reason."""
    found = means(text)
    assert reason in found.pins
    assert not found.is_plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT RELEASE_ALL_LOCKS()", PinReason.NAMED_LOCK),
        ("UNLOCK TABLES", PinReason.TABLE_LOCK),
        ("UNLOCK TABLES", PinReason.READ_LOCK),
        ("UNLOCK INSTANCE", PinReason.INSTANCE_LOCK),
    ],
)
def test_opposites_end_pins(text, reason):
    """A statement that undoes what pinned ends the pin."""
    assert reason in means(text).releases


@pytest.mark.parametrize("text", ["SET NAMES utf8mb4", "SET autocommit = 0", "USE other"])
def test_carried_state_does_not_pin(text):
    """Charset, carried variables and the schema follow by replay."""
    found = means(text)
    assert found.assigns
    assert found.pins == ()


def test_reading_what_was_left_is_seen():
    """Statements that look at the one before, or at ids, are told apart."""
    assert means("SELECT ROW_COUNT()").looks_back
    assert means("SHOW WARNINGS").reads_diagnostics
    assert means("SELECT LAST_INSERT_ID()").reads_insert_id
    assert means("SELECT LAST_INSERT_ID(5)").writes_insert_id
    assert means("SAVEPOINT a").sets_savepoint
    assert means("SELECT 1").reads_only
    assert not means("DELETE FROM t").reads_only


def test_ends_of_transactions_are_seen():
    """A COMMIT may end a transaction for good, and RELEASE ends the connection too."""
    assert means("COMMIT").may_commit
    assert not means("UPDATE t SET a = 1").may_commit
    assert means("COMMIT RELEASE").closes
    assert not means("COMMIT AND CHAIN").is_plain


def test_kill_of_a_number_is_read():
    """KILL with a literal id can be served by the proxy; anything else cannot."""
    found = means("KILL QUERY 17").kill
    assert found is not None
    assert (found.id, found.query) == (17, True)
    assert means("KILL 1 + 1").kill is None
    assert means("KILL 5; SELECT 1").kill is None


def pins(found: Meaning, **changed: bool) -> tuple[PinReason, ...]:
    settings = {"something_else": False, "tracked": True, "ignores_variables": False}
    return found_pins(found, **{**settings, **changed})


def test_an_unexplained_report_pins():
    """A change that the server reports and nothing explains keeps the backend."""
    assert pins(PLAIN, something_else=True) == (PinReason.UNREPORTED,)
    assert pins(means("SET @a = 1"), something_else=True) == (PinReason.USER_VARIABLE,)
    assert pins(means("SET NAMES latin1"), something_else=True) == ()


def test_without_trackers_carried_state_pins():
    """Where the server reports nothing, a SET or USE cannot be followed."""
    assert pins(means("USE other"), tracked=False) == (PinReason.UNTRACKED,)
    assert pins(means("SELECT 1"), tracked=False) == ()


def test_the_filter_ignores_variables_only():
    """EXCLUDE_VARIABLE_SETS takes away the pins of variables and leaves the others."""
    assert pins(means("SET @a = 1, max_execution_time = 2"), ignores_variables=True) == ()
    kept = pins(means("CREATE TEMPORARY TABLE t (a INT)"), ignores_variables=True)
    assert kept == (PinReason.TEMPORARY_TABLE,)
