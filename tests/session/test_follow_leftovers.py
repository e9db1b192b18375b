"""Tests of `proxy.session.follow`: warnings, row counts and insert ids."""

from __future__ import annotations

import pytest

from proxy.session import follow as following
from proxy.session import remains as left
from proxy.session.conditions import Conditions
from proxy.session.follow import follow_prepare, keeps_conditions, may_keep_conditions
from proxy.session.meaning import KEEPING
from proxy.session.outcome import Outcome
from proxy.session.remains import Remains
from tests.support.sessions import AUTOCOMMIT, MARIADB, MYSQL, NOW, follow, session

KINDS = [MYSQL, MARIADB]
INSERT = "INSERT INTO t (a) VALUES (1)"


def remains(one):
    return Remains(one.remains)


# Counts


def test_the_last_answer_tells_row_count_and_found_rows():
    """ROW_COUNT() and FOUND_ROWS() need no backend."""
    one = session()
    follow(one, "SELECT a FROM t", rows=5, row_count=-1)
    assert (one.leftovers.row_count, one.leftovers.found_rows) == (-1, 5)
    follow(one, INSERT, row_count=2)
    assert (one.leftovers.row_count, one.leftovers.found_rows) == (2, 5)
    follow(one, "SHOW WARNINGS", rows=3, row_count=-1)
    assert (one.leftovers.row_count, one.leftovers.found_rows) == (-1, 5)


def test_rows_that_were_counted_without_a_limit_are_asked_for():
    """SQL_CALC_FOUND_ROWS counts rows that no answer has; the next result ends that."""
    one = session()
    follow(one, "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1", rows=1, row_count=-1)
    assert remains(one) == Remains.FOUND_ROWS
    follow(one, INSERT)
    assert remains(one) == Remains.FOUND_ROWS
    follow(one, "SELECT 1", rows=1, row_count=-1)
    assert remains(one) == Remains(0)


def test_how_many_a_select_put_somewhere_is_asked_for():
    """Where hardly anybody wants to know, nobody is asked."""
    one = session()
    follow(one, "SELECT 1 INTO @a")
    assert one.leftovers.found_rows is None
    assert remains(one) & Remains.FOUND_ROWS
    follow(one, "UPDATE t SET a = 1")
    assert one.leftovers.found_rows is None
    assert not remains(one) & Remains.FOUND_ROWS


def test_of_several_statements_nobody_knows_the_last():
    """What FOUND_ROWS() gives after them is asked for."""
    one = session()
    follow(one, "SELECT 1; SELECT 2 FROM t", rows=1, row_count=-1)
    assert one.leftovers.found_rows is None
    assert remains(one) == Remains.FOUND_ROWS


# Warnings


def test_warnings_are_on_the_backend_until_the_next_statement():
    """SHOW WARNINGS leaves them there, the next other statement does not."""
    one = session()
    assert follow(one, "SELECT 1/0", warnings=1, rows=1) == []
    assert remains(one) == Remains.DIAGNOSTICS
    assert (one.leftovers.warnings, one.leftovers.errors) == (1, 0)
    follow(one, "SHOW WARNINGS", rows=1)
    assert remains(one) == Remains.DIAGNOSTICS
    assert one.leftovers.warnings == 1
    follow(one, "SELECT a FROM t", rows=1)
    assert remains(one) == Remains(0)
    assert one.leftovers.warnings == 0


def test_an_error_is_a_warning_too():
    """SHOW WARNINGS lists it, and @@error_count counts it."""
    one = session()
    follow(one, "SELECT x", failed=True)
    assert remains(one) == Remains.DIAGNOSTICS
    assert (one.leftovers.warnings, one.leftovers.errors) == (1, 1)


def test_a_reader_of_warnings_that_fails_leaves_its_own_error():
    """GET DIAGNOSTICS of a condition that is not there is an error like any other."""
    one = session()
    follow(one, "SHOW WARNINGS LIMIT x", failed=True, sqlstate="42000")
    assert one.leftovers.errors == 1
    assert one.leftovers.sqlstate == "42000"
    follow(one)
    assert one.leftovers.sqlstate == ""


@pytest.mark.parametrize(("kind", "count", "told"), [(MYSQL, 3, 3), (MARIADB, 1, 0)])
def test_mysql_adds_the_error_of_a_reader_to_the_warnings(kind, count, told):
    """MariaDB puts it in their place; only MySQL repeats the count later."""
    one = session(kind)
    follow(one, "SELECT 1/0, 2/0", warnings=2, rows=1)
    follow(one, "GET DIAGNOSTICS CONDITION 7 @a = MESSAGE_TEXT", failed=True)
    assert (one.leftovers.warnings, one.leftovers.errors) == (count, 1)
    assert one.leftovers.told == told


@pytest.mark.parametrize("kind", KINDS)
def test_warnings_of_a_reader_take_the_place_of_those_before(kind):
    """An answer to SHOW WARNINGS may have one of its own."""
    one = session(kind)
    follow(one, "SELECT 1/0, 2/0", warnings=2, rows=1)
    follow(one, "SHOW WARNINGS", warnings=1, rows=2)
    assert one.leftovers.warnings == 1


@pytest.mark.parametrize("failed", [False, True])
def test_commands_that_keep_warnings_leave_ids_alone(failed):
    """COM_PING and the like are no statements, even when they fail."""
    one = session()
    follow(one, INSERT, insert_id=77)
    outcome = Outcome(AUTOCOMMIT, [], failed=failed, row_count=0)
    following.follow(one, KEEPING, b"", outcome, NOW)
    assert one.last_insert_id == 77
    assert not remains(one) & Remains.INSERT_ID
    assert one.leftovers.told == one.leftovers.warnings == int(failed)


@pytest.mark.parametrize(
    ("kind", "text", "warnings", "kept", "told"),
    [
        (MYSQL, b"SELECT 1", 0, 0, 0),
        (MYSQL, b"SELECT a FROM t", 3, 3, 3),
        (MARIADB, b"SELECT 1", 0, 2, 0),
        (MARIADB, b"SELECT 1", 3, 3, 0),
        (MARIADB, b"SELECT a FROM t", 0, 0, 0),
    ],
)
def test_a_prepare_leaves_its_own_warnings(kind, text, warnings, kept, told):
    """MySQL clears those before, MariaDB does when the statement opens tables."""
    one = session(kind)
    follow(one, "SELECT 1/0, 2/0 FROM t", warnings=2, rows=1, row_count=-1)
    one.settle_conditions(conditions := Conditions((b"\x03",), ()))
    one.remains = 0
    follow_prepare(one, text, warnings)
    assert one.leftovers.warnings == kept
    assert one.leftovers.told == told
    assert (one.leftovers.row_count, one.leftovers.found_rows) == (-1, 1)
    assert (one.leftovers.conditions is conditions) is (kept == 2)
    assert bool(remains(one) & Remains.DIAGNOSTICS) is (kept == 3)


@pytest.mark.parametrize(("kind", "warnings"), [(MYSQL, 0), (MARIADB, 1)])
def test_statements_without_tables_keep_warnings_on_mariadb(kind, warnings):
    """MariaDB clears them when a table is opened, MySQL always."""
    one = session(kind)
    follow(one, "SELECT 1/0", warnings=1, rows=1)
    one.settle_conditions(Conditions((b"\x03",), ()))
    follow(one, "SET @a = 1")
    assert one.leftovers.warnings == warnings
    assert (one.leftovers.conditions is not None) is bool(warnings)
    follow(one, "SELECT a FROM t", rows=1)
    assert one.leftovers.warnings == 0
    assert one.leftovers.conditions is None


@pytest.mark.parametrize("kind", KINDS)
def test_new_warnings_take_the_place_of_old_ones(kind):
    """What was kept is that of the last statement that left any."""
    one = session(kind)
    follow(one, "SELECT 1/0", warnings=1, rows=1)
    one.settle_conditions(Conditions((b"\x03",), ()))
    follow(one, "SELECT 1/0, 2/0", warnings=2, rows=1)
    assert one.leftovers.conditions is None
    assert one.leftovers.warnings == 2
    follow(one, "SELECT", failed=True)
    assert (one.leftovers.warnings, one.leftovers.errors) == (1, 1)


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        (b"SET @a = 1", True),
        (b" \n do SLEEP(0)", True),
        (b"COMMIT", True),
        (b"SELECT 1", True),
        (b"select 1 from dual", True),
        (b"SELECT a FROM t", False),
        (b"SELECT\n1\nFROM\nt", False),
        (b"SELECTED", False),
        (b"INSERT INTO t VALUES (1)", False),
        (b"SHOW WARNINGS", True),
        (b"show count(*) errors", True),
        (b"SHOW TABLES", False),
        (b"", False),
    ],
)
def test_a_text_tells_whether_it_opens_tables(text, keeps):
    """By its first word, and for SELECT by whether there is a FROM."""
    assert keeps_conditions(text) is keeps
    assert may_keep_conditions(text) is keeps


@pytest.mark.parametrize("text", [b"CALL p()", b" execute s"])
def test_what_runs_other_statements_may_keep_warnings(text):
    """Nobody knows what those do."""
    assert may_keep_conditions(text)
    assert not keeps_conditions(text)


# Ids


def test_the_id_of_a_new_row_is_told_by_its_answer():
    """LAST_INSERT_ID() is that of the OK packet; 0 there means none, and changes nothing."""
    one = session()
    follow(one, INSERT, insert_id=77)
    assert one.last_insert_id == 77
    follow(one, "UPDATE t SET a = 2")
    assert one.last_insert_id == 77
    assert remains(one) == Remains(0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT LAST_INSERT_ID(5)", {"rows": 1}),
        ("CALL p()", {}),
        ("frobnicate", {}),
        (INSERT, {"failed": True}),
        ("INSERT INTO t VALUES (2); SELECT 1", {"insert_id": 0}),
        ("INSERT INTO t (a) VALUES (7) RETURNING id", {"rows": 1}),
        ("INSERT INTO t (id) VALUES (700)", {"insert_id": 700}),
        ("INSERT INTO t SELECT * FROM u", {"insert_id": 9}),
        ("INSERT INTO t (id) VALUES (?)", {"insert_id": 700, "values": b"..\xbc\x02"}),
        ("INSERT INTO t (id) VALUES (?)", {"insert_id": 70000, "values": b"\x70\x11\x01\x00"}),
        ("INSERT INTO t (id) VALUES (?)", {"insert_id": 700, "values": b"\x03700"}),
    ],
)
def test_an_id_that_no_answer_tells_for_sure_is_asked_for(text, told):
    """A routine may set it, and an OK tells ids alike that were made and that were given."""
    one = session(MARIADB)
    follow(one, text, **told)
    assert one.remains & left.INSERT_ID
    assert one.last_insert_id == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1; SELECT 2", {"rows": 1}),
        ("SELECT x", {"failed": True}),
        ("SELECT 1", {"rows": 1}),
        ("INSERT INTO t (a) VALUES (?)", {"insert_id": 77, "values": b"\x08\x01\x02"}),
    ],
)
def test_who_only_reads_makes_no_ids(text, told):
    """Nothing needs to be asked after statements that set none, or whose id is the server's."""
    one = session()
    follow(one, text, **told)
    assert not one.remains & left.INSERT_ID
    assert one.last_insert_id == told.get("insert_id", 0)


def test_an_id_that_is_told_ends_the_doubt():
    """What had to be asked is overtaken by the next row's id."""
    one = session()
    follow(one, "SELECT LAST_INSERT_ID(5)", rows=1)
    follow(one, INSERT, insert_id=77)
    assert remains(one) == Remains(0)
    assert one.last_insert_id == 77
