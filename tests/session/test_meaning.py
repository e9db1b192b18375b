"""Tests of `proxy.session.meaning`."""

from __future__ import annotations

import pytest

from proxy.session.meaning import KEEPING, PLAIN, Meaning, found_pins, meaning
from proxy.session.pins import SOME_NAME, PinReason
from proxy.sql import effects as sql
from proxy.sql.classify import Classification, classify
from proxy.sql.dialect import Dialect


def means(text: str) -> Meaning:
    return meaning(classify(text.encode()))


def reasons(found: Meaning) -> set[PinReason]:
    return {reason for reason, _ in found.pins}


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
        "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    ],
)
def test_statements_that_leave_nothing_unreported_are_plain(text):
    """Whatever status bits and trackers tell in full needs no care."""
    found = means(text)
    assert found.is_plain
    assert found.pins == ()


@pytest.mark.parametrize(
    ("text", "reason", "name"),
    [
        ("CREATE TEMPORARY TABLE t (a INT)", PinReason.TEMPORARY_TABLE, "t"),
        ("SELECT GET_LOCK('job', 1)", PinReason.NAMED_LOCK, "job"),
        ("SELECT GET_LOCK(CONCAT('a', 'b'), 1)", PinReason.NAMED_LOCK, SOME_NAME),
        ("LOCK TABLES t READ", PinReason.TABLE_LOCK, ""),
        ("FLUSH TABLES WITH READ LOCK", PinReason.READ_LOCK, ""),
        ("LOCK INSTANCE FOR BACKUP", PinReason.INSTANCE_LOCK, ""),
        ("HANDLER t OPEN", PinReason.HANDLER, "t"),
        ("PREPARE s FROM 'SELECT 1'", PinReason.TEXT_PREPARE, "s"),
        ("SET ROLE ALL", PinReason.ROLE, ""),
        ("XA START 'x'", PinReason.XA, ""),
        ("frobnicate the database", PinReason.OPAQUE, ""),
        ("SELECT 'without an end", PinReason.OPAQUE, ""),
    ],
)
def test_what_cannot_follow_a_session_pins(text, reason, name):
    """The pin has the right reason, and the name where there can be several."""
    found = means(text)
    assert (reason, name) in found.pins
    assert not found.is_plain


def test_a_sequence_is_drawn_from_by_mariadb_only():
    """MySQL has none: there NEXTVAL is some function of the schema's."""
    text = b"SELECT NEXT VALUE FOR s"
    assert PinReason.SEQUENCE in reasons(meaning(classify(text, Dialect(mariadb=True))))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("SELECT RELEASE_ALL_LOCKS()", (PinReason.NAMED_LOCK, None)),
        ("UNLOCK TABLES", (PinReason.TABLE_LOCK, None)),
        ("UNLOCK TABLES", (PinReason.READ_LOCK, None)),
        ("UNLOCK INSTANCE", (PinReason.INSTANCE_LOCK, None)),
        ("DEALLOCATE PREPARE s", (PinReason.TEXT_PREPARE, "s")),
        ("HANDLER t CLOSE", (PinReason.HANDLER, "t")),
        ("DROP TABLE t, u", (PinReason.TEMPORARY_TABLE, "t")),
        ("DROP TABLE t, u", (PinReason.TEMPORARY_TABLE, "u")),
    ],
)
def test_opposites_end_pins(text, release):
    """A statement that undoes what pinned ends the pin, or the one of that name."""
    assert release in means(text).releases


def test_one_release_of_a_lock_ends_no_pin():
    """A lock is held as often as it was taken: the server is asked whether it is still."""
    found = means("SELECT RELEASE_LOCK('job')")
    assert found.locks
    assert found.releases == ()


@pytest.mark.parametrize(
    "text",
    [
        "SET NAMES utf8mb4",
        "SET autocommit = 0",
        "USE other",
        "SET TRANSACTION READ ONLY",
        "SET SESSION max_execution_time = 5",
    ],
)
def test_carried_state_does_not_pin(text):
    """Charset, variables, the schema and the next transaction follow by replay."""
    found = means(text)
    assert found.assigns
    assert found.pins == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SET NAMES utf8mb4", True),
        ("SET NAMES utf8mb4, autocommit = 0", True),
        ("SET NAMES utf8mb4, character_set_results = NULL", False),
        ("SET CHARACTER SET utf8mb4", False),
        ("SET NAMES latin1, CHARACTER SET utf8mb4", False),
        ("SET autocommit = 0; SET NAMES utf8mb4", False),
        ("SET character_set_client = utf8mb4", False),
    ],
)
def test_set_names_by_itself_is_told_apart(text, names):
    """Its collation holds for client and results too, unless they are set in another way."""
    found = means(text)
    assert found.assigns
    assert found.names is names


def test_variables_are_known_by_name():
    """What a SET names has to be reported; its own reports are a matter of their own."""
    found = means("SET sql_mode = '', @@session.time_zone = 'UTC', @a = 1")
    assert found.variables == {b"sql_mode", b"time_zone"}
    assert not found.trackers
    assert means("SET session_track_schema = 0").trackers


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("SELECT 1", set(), set()),
        ("SET @a = 1, @B = @c", {b"a", b"b"}, {b"c"}),
        ("SELECT @a := @b + 1", {b"a"}, {b"b"}),
        ("SELECT 1, 2 INTO @x, @y", {b"x", b"y"}, set()),
    ],
)
def test_user_variables_are_known_by_name(text, written, read):
    """In lower case, as servers compare them: which are set, and which are looked at."""
    found = means(text)
    assert found.user_variables == written
    assert found.reads_user_variables is not None
    assert read <= found.reads_user_variables
    assert found.pins == ()


def test_user_variables_whose_names_are_not_told_are_all_of_them():
    """An effect without names says: any of them."""
    effects = (
        sql.WritesUserVariables(("a",)),
        sql.WritesUserVariables(None),
        sql.ReadsUserVariables(None),
    )
    found = meaning(Classification(effects, reads_only=False, single=True, verb="SET"))
    assert found.user_variables is None
    assert found.reads_user_variables is None


def test_reading_what_was_left_is_seen():
    """Statements that look at the one before, or at ids, are told apart."""
    assert means("SELECT ROW_COUNT()").looks_back
    assert means("SHOW WARNINGS").reads_diagnostics
    assert means("SELECT CONNECTION_ID()").reads_connection_id
    assert means("SELECT LAST_INSERT_ID()").reads_insert_id
    assert means("SELECT LAST_INSERT_ID(5)").writes_insert_id
    assert means("SELECT SQL_CALC_FOUND_ROWS 1").counts_rows
    assert means("SAVEPOINT a").sets_savepoint
    assert means("SELECT 1").reads_only
    assert not means("DELETE FROM t").reads_only
    assert means("REPLACE INTO t VALUES (1)").inserts


@pytest.mark.parametrize("text", ["CALL p()", "SELECT own_function(1)"])
def test_a_routine_may_do_what_no_text_tells(text):
    """What it set is asked of the server, so that it is no pin by itself."""
    found = means(text)
    assert found.calls
    assert found.reads_insert_id
    assert found.reads_user_variables is None
    assert found.writes_insert_id
    assert found.defines
    assert found.pins == ()


def test_statements_made_by_sql_are_known_by_name():
    """PREPARE names what EXECUTE runs later; the text is there when it was told."""
    assert [name for name, _ in means("PREPARE s FROM 'SELECT 1'").prepares] == ["s"]
    assert means("EXECUTE s USING @a").executes == ("s",)
    effects = (sql.PreparesText("s", b"SELECT 1"),)
    found = meaning(Classification(effects, reads_only=False, single=True, verb="PREPARE"))
    assert found.prepares == (("s", b"SELECT 1"),)
    assert "SELECT" not in repr(found)


@pytest.mark.parametrize(
    ("text", "defines"),
    [
        ("ALTER TABLE t ADD b INT", True),
        ("DROP TABLE t", True),
        ("GRANT SELECT ON t TO u", True),
        ("SELECT 1", False),
        ("INSERT INTO t VALUES (1)", False),
        ("COMMIT", False),
    ],
)
def test_what_may_change_definitions_is_seen(text, defines):
    """After it prepared statements may have other columns than before."""
    assert means(text).defines is defines


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


def test_commands_that_are_no_text_are_plain():
    """All that they change is reported; some leave the warnings of the statement before."""
    assert PLAIN.is_plain
    assert KEEPING.is_plain
    assert not PLAIN.reads_diagnostics
    assert KEEPING.reads_diagnostics


def test_what_failed_did_not_happen():
    """A table that could not be made, a lock not taken; what is not known still pins."""
    failed = means("CREATE TEMPORARY TABLE t (a INT)")
    assert found_pins(failed, failed=True, tracked=True) == ()
    assert found_pins(failed, failed=False, tracked=True) == failed.pins
    for text in ("frobnicate the database", "SELECT GET_LOCK('a', 1)"):
        assert found_pins(means(text), failed=True, tracked=True) == means(text).pins


def test_of_several_statements_one_may_have_failed():
    """The table may have been made by the first, and the second have failed."""
    several = means("CREATE TEMPORARY TABLE t (a INT); frobnicate")
    assert (PinReason.TEMPORARY_TABLE, "t") in found_pins(several, failed=True, tracked=True)


@pytest.mark.parametrize("text", ["USE other", "SET sql_mode = ''", "CALL p()"])
def test_without_trackers_what_a_session_carries_pins(text):
    """Where the server reports nothing, a SET, a USE or a routine cannot be followed."""
    untracked = (PinReason.UNTRACKED, "")
    assert found_pins(means(text), failed=False, tracked=False) == (untracked,)
    assert found_pins(means("SELECT 1"), failed=False, tracked=False) == ()
