"""Tests of `proxy.sql.plain`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect
from proxy.sql.plain import LIMIT_BYTES, Plain, read_plain


def plain(text, **dialect):
    """What kind of plain text it is."""
    return read_plain(text.encode("latin-1"), Dialect(**dialect))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT c FROM sbtest1 WHERE id=5031", Plain.SELECT),
        ("SELECT 1", Plain.SELECT),
        ("select*from t", Plain.SELECT),
        ("SELECT(1)", Plain.SELECT),
        ("SELECT 'a' ", Plain.SELECT),
        ("  SELECT a.b, `c`.`d` FROM t ;; ", Plain.SELECT),
        ("SELECT COUNT(*), MAX(a), abs (b) FROM t WHERE c IN (1, 2) FOR UPDATE", Plain.SELECT),
        ("SELECT -1, 1.5, 1., 1e5, 0xff, a/b, 1 - 1", Plain.SELECT),
        ("SELECT 'it''s', 'a\\'b', \"c\" /* x */ FROM t", Plain.SELECT),
        ("/* a:b='c' */ -- d\n SELECT 1", Plain.SELECT),
        ("SELECT 1 -- it's", Plain.SELECT),
        ("SELECT 1 # it's\n + 2", Plain.SELECT),
        ("SELECT '\xc3\xa9', `\xc3\xa9` FROM t", Plain.SELECT),
        ("SELECT `it's` FROM t", Plain.SELECT),
        ("INSERT INTO t VALUES (1, 'a', NULL, NOW())", Plain.INSERT),
        ("INSERT INTO d.t (a, b) VALUES (?, ?)", Plain.INSERT),
        ("insert ignore into `d`.`t`(`a`) select 1", Plain.INSERT),
        ("REPLACE INTO t SET a = 1", Plain.REPLACE),
        ("UPDATE t SET a = a + 1 WHERE b = 'x'", Plain.UPDATE),
        ("DELETE FROM t WHERE a BETWEEN 1 AND 2 LIMIT 1", Plain.DELETE),
        ("BEGIN", Plain.BEGIN),
        ("start transaction", Plain.START),
        ("COMMIT;", Plain.COMMIT),
        (" rollback\n", Plain.ROLLBACK),
    ],
)
def test_plain_texts(text, kind):
    """The statements that applications send most are known at once."""
    assert plain(text) is kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "SELECTx",
        "SELECT$a",
        "SELECT\xa01",
        "SET a = 1",
        "SHOW TABLES",
        "BEGIN WORK",
        "COMMIT AND CHAIN",
        "SELECT @a",
        "SELECT @@a",
        "SELECT 1; SELECT 2",
        "SELECT 1 --",
        "SELECT 1 --;",
        "SELECT 1 --a",
        "SELECT 1 -- \0",
        "SELECT 1 # \0",
        "SELECT 1 /*! a */",
        "SELECT 1 */ 2",
        "SELECT 1 /*M! a */",
        "SELECT 1 /*m! a */",
        "SELECT /*+ a */ 1",
        "SELECT /* a",
        "SELECT 'a",
        'SELECT "a',
        "SELECT `a",
        "SELECT a\\",
        "SELECT a\0",
        "SELECT \xe9",
        "SELECT 1a",
        "SELECT 0X1F(1)",
        "SELECT 0X1F /* */ (1)",
        "SELECT a.5",
        "SELECT .5",
        "SELECT 1.INTO",
        "SELECT 1 INTO OUTFILE 'a'",
        "SELECT SQL_CALC_FOUND_ROWS 1",
        "SELECT NEXT VALUE FOR a",
        "SELECT PREVIOUS VALUE FOR a",
        "SELECT a.nextval",
        "SELECT a . currval",
        "SELECT GET_LOCK('a', 1)",
        "SELECT get_lock ('a', 1)",
        "SELECT get_lock/* */('a', 1)",
        "SELECT get_lock -- \n('a', 1)",
        "SELECT get_lock# '\n('a', 1)",
        "SELECT `get_lock`# '\n('a', 1)",
        "SELECT `get_lock`('a', 1)",
        "SELECT `get_lock` /* */ ('a', 1)",
        "SELECT LAST_INSERT_ID()",
        "SELECT foo(1)",
        "SELECT a.abs(1)",
        "SELECT a . abs (1)",
        "SELECT a./* */abs(1)",
        "SELECT a/* */.abs(1)",
        "SELECT `a`.abs(1)",
        "SELECT `a`.`b`(1)",
        "SELECT COUNT (a)",
        "SELECT COUNT/* */(a)",
        "SELECT $$",
        "SELECT [a]",
        "INSERT t VALUES (1)",
        "INSERT DELAYED INTO t VALUES (1)",
        "INSERT INTO a.b.c VALUES (1)",
        "INSERT INTO t$ VALUES (1)",
        "INSERT INTO t VALUES (foo(1))",
        "INSERT INTO t SELECT 1 INTO @a",
    ],
)
def test_whatever_is_doubtful_is_not_plain(text):
    """Anything that might matter is left to the lexer."""
    assert plain(text) is None


def test_quotes_follow_the_dialect():
    """What a backslash and a double quote mean decides where a string ends."""
    text = "SELECT 'a\\', GET_LOCK('b', 1) -- '"
    assert plain("SELECT 'a\\' b'") is Plain.SELECT
    assert plain("SELECT 'a\\' b'", no_backslash_escapes=True) is None
    assert plain(text, no_backslash_escapes=True) is None
    assert plain("SELECT 'a\\'", no_backslash_escapes=True) is Plain.SELECT
    assert plain('SELECT "a"(1)') is Plain.SELECT
    assert plain('SELECT "a"(1)', ansi_quotes=True) is None
    assert plain('SELECT "a\\" FROM t', ansi_quotes=True) is Plain.SELECT


def test_functions_follow_the_server():
    """A name that this server does not know may be a stored function."""
    assert plain("SELECT NVL(a, 1)") is None
    assert plain("SELECT NVL(a, 1)", mariadb=True) is Plain.SELECT


def test_unsafe_charsets_are_plain_in_ascii_only():
    """Bytes beyond ASCII may swallow what follows."""
    assert plain("SELECT 'a'", charset_safe=False) is Plain.SELECT
    assert plain("SELECT '\xd6\xd0'", charset_safe=False) is None


def test_long_texts():
    """Many values are plain; what is too long is not looked at."""
    values = ", ".join(["(1, 'it\\'s', NULL)"] * 1000)
    assert plain(f"INSERT INTO t VALUES {values}") is Plain.INSERT
    assert plain(f"INSERT INTO t VALUES {values}, (@a)") is None
    assert plain("SELECT '" + "a" * LIMIT_BYTES + "'") is None


def test_what_plain_texts_do():
    """Only SELECT reads, and only transaction statements have effects."""
    assert [kind for kind in Plain if kind.reads_only] == [Plain.SELECT]
    assert {kind for kind in Plain if kind.effects} == {
        Plain.BEGIN,
        Plain.START,
        Plain.COMMIT,
        Plain.ROLLBACK,
    }


@given(st.binary(max_size=50))
def test_any_bytes_can_be_looked_at(text):
    """No bytes raise."""
    read_plain(b"SELECT " + text, DEFAULT_DIALECT)
    read_plain(text, DEFAULT_DIALECT)
