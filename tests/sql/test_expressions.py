"""Tests of `proxy.sql.expressions`."""

import pytest

from proxy.sql import effects
from proxy.sql.dialect import Dialect
from proxy.sql.expressions import Reading, scan
from proxy.sql.lexer import lex


def found(text, *, mariadb=False, **options):
    """The effects of the expressions in a text."""
    lexed = lex(text.encode(), Dialect(mariadb=mariadb))
    assert lexed.trouble == ""
    reading = Reading(lexed.tokens, mariadb)
    scan(reading, **options)
    return list(reading.effects)


def routine(name):
    """The effect of a call of a stored function."""
    return effects.CallsRoutine(name, procedure=False)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("GET_LOCK('Mine', 1)", effects.TakesNamedLock("mine")),
        ("get_lock ('it''s', 1)", effects.TakesNamedLock("it's")),
        ("`get_lock`/* x */('a', 1)", effects.TakesNamedLock("a")),
        ("GET_LOCK(CONCAT('a', b), 1)", effects.TakesNamedLock(None)),
        ("GET_LOCK('a' 'b', 1)", effects.TakesNamedLock(None)),
        (r"GET_LOCK('a\'', 1)", effects.TakesNamedLock(None)),
        ("GET_LOCK('é', 1)", effects.TakesNamedLock(None)),
        ("GET_LOCK(", effects.TakesNamedLock(None)),
        ("RELEASE_LOCK('a')", effects.ReleasesNamedLock("a")),
        ("RELEASE_ALL_LOCKS()", effects.ReleasesAllNamedLocks()),
        ("LAST_INSERT_ID()", effects.ReadsLastInsertId()),
        ("LAST_INSERT_ID(a + 1)", effects.WritesLastInsertId()),
        ("ROW_COUNT()", effects.ReadsRowCount()),
        ("FOUND_ROWS ( )", effects.ReadsFoundRows()),
        ("CONNECTION_ID()", effects.ReadsConnectionId()),
        ("PS_CURRENT_THREAD_ID()", effects.ReadsConnectionId()),
        ("SELECT SQL_CALC_FOUND_ROWS 1", effects.CountsFoundRows()),
    ],
)
def test_functions_with_effects(text, effect):
    """What a built-in function does to a session is seen wherever it is called."""
    assert found(text) == [effect]
    assert found(f"SELECT 1 + ({text})") == [effect]


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("NEXTVAL(s)", effects.DrawsFromSequence()),
        ("NEXT VALUE FOR s", effects.DrawsFromSequence()),
        ("SETVAL(s, 1)", effects.DrawsFromSequence()),
        ("s.NEXTVAL", effects.DrawsFromSequence()),
        ("LASTVAL(s)", effects.ReadsLastOfSequence()),
        ("PREVIOUS VALUE FOR s", effects.ReadsLastOfSequence()),
        ("s.currval", effects.ReadsLastOfSequence()),
    ],
)
def test_sequences_of_mariadb(text, effect):
    """Drawing from a sequence leaves a value that only this connection knows."""
    assert found(text, mariadb=True) == [effect]
    assert effect not in found(text)


@pytest.mark.parametrize("text", ["next", "previous + 1", "a.nextvals", "a.b"])
def test_names_like_those_of_sequences(text):
    """A column may be called next."""
    assert found(text, mariadb=True) == []


def test_a_qualified_function_of_a_sequence_is_a_routine():
    """`a.nextval(b)` calls a stored function in the schema a."""
    assert found("a.nextval(b)", mariadb=True) == [routine("a.nextval")]


@pytest.mark.parametrize(
    "text",
    [
        "ABS(1), abs (1), `abs`(1), COUNT(*), IF(a, b, c), LEFT(a, 1), DATABASE()",
        "a IN (1, 2) AND (b) OR NOT (c) XOR EXISTS (SELECT 1)",
        "CASE (a) WHEN (b) THEN (c) ELSE (d) END",
        "SELECT (1) UNION ALL (SELECT 2)",
        "FROM t USE INDEX (a) JOIN u USING (b) WHERE (1) GROUP BY (a) HAVING (b)",
        "CAST(a AS CHAR(10)), CAST(a AS DATETIME(6)), CONVERT(a, DECIMAL(10, 2))",
        "MATCH (a) AGAINST ('b' IN BOOLEAN MODE)",
        "SUM(a) OVER (PARTITION BY b), RANK() OVER w",
        "a MEMBER OF ('[1]')",
        "JSON_TABLE(a, '$[*]' COLUMNS (b INT PATH '$')) AS x(c)",
        "WITH cte(a, b) AS (SELECT 1, 2), d (a) AS (SELECT 1) SELECT 1",
        "FROM t, LATERAL (SELECT 1) AS d",
        "3 (",
        "@a (",
    ],
)
def test_what_is_no_call_of_a_routine(text):
    """Built-in functions, keywords, names with columns are not taken for stored functions."""
    assert [effect for effect in found(text) if isinstance(effect, effects.CallsRoutine)] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("foo()", "foo"),
        ("Foo (1)", "foo"),
        ("foo/**/(1)", "foo"),
        ("_foo(1)", "_foo"),
        ("`a b`(1)", "a b"),
        ("db.foo(1)", "db.foo"),
        ("`db` . `Foo` (1)", "db.foo"),
        ("db.abs(1)", "db.abs"),
        ("db.5abs(1)", "db.5abs"),
        ("é(1)", "é"),
        ("`count`(1)", "count"),
        ("COUNT (1)", "count"),
        ("any_table(a, b)", "any_table"),
        ("INTO d.t (a)", "d.t"),
        ("lateral (1)", "lateral"),
        ("foo(a, b) AS c", "foo"),
        ("foo(a) + (1)", "foo"),
        ("DISTANCE(a, b)", "distance"),
    ],
)
def test_calls_of_routines(text, name):
    """Any other name before a parenthesis may be a stored function, whatever its quotes."""
    assert found(text) == [routine(name)]


@pytest.mark.parametrize(
    "name", ["GET_LOCK\x95", "get\xe9_lock", "`GET_LOCK\xffx`", "GET_LOCKé"]
)
def test_bytes_that_a_server_leaves_out(name):
    """MySQL drops bytes that are no characters of the charset, and the rest is a name."""
    lexed = lex(f"{name}('a', 1)".encode("latin-1"), Dialect())
    reading = Reading(lexed.tokens, mariadb=False)
    scan(reading)
    assert effects.TakesNamedLock("a") in reading.effects
    variable = Reading(["@@", "`warning\xe9_count"], mariadb=False)
    scan(variable)
    assert list(variable.effects) == [effects.ReadsDiagnostics(clears=True)]


def test_what_is_built_in_depends_on_the_server():
    """A name that only one server knows may be a stored function on the other."""
    assert found("NVL(a, b)") == [routine("nvl")]
    assert found("NVL(a, b)", mariadb=True) == []
    assert found("ANY_VALUE(a)") == []
    assert found("ANY_VALUE(a)", mariadb=True) == [routine("any_value")]


def test_calls_can_be_left_out():
    """In the columns of a table's definition a name before a parenthesis is no function."""
    assert found("k(a), d.k(a), GET_LOCK('a', 1)", calls=False) == [effects.TakesNamedLock("a")]


def test_a_column_list_is_no_call():
    """The parenthesis after a table's name can be given."""
    assert found("t(a) VALUES (1)", column_list=1) == []


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("@a", None, ("a",)),
        ("@A + @b + @a", None, ("a", "b")),
        ("@a := 1", ("a",), None),
        ("@a := @b := @c", ("a", "b"), ("c",)),
        ("@a := @a + 1", ("a",), ("a",)),
        ("SELECT 1, 2 INTO @a, @b FROM t WHERE @c", ("a", "b"), ("c",)),
        ("SELECT @x INTO @a", ("a",), ("x",)),
        ("SELECT 1 INTO @a FOR UPDATE", ("a",), None),
    ],
)
def test_user_variables(text, written, read):
    """Variables are written by := and INTO, and read elsewhere."""
    expected = []
    if written:
        expected.append(effects.WritesUserVariables(written))
    if read:
        expected.append(effects.ReadsUserVariables(read))
    assert found(text) == expected


def test_user_variables_whose_names_cannot_be_told():
    """One name that is not known makes it any names."""
    assert found("@a, @'é'") == [effects.ReadsUserVariables(None)]
    assert found("@a, @'é' := 1") == [
        effects.WritesUserVariables(None),
        effects.ReadsUserVariables(("a",)),
    ]


def test_arguments_may_be_written():
    """What a procedure is given it may also change."""
    assert found("@a, @b", assigns=True) == [
        effects.WritesUserVariables(("a", "b")),
        effects.ReadsUserVariables(("a", "b")),
    ]


def test_hosts_are_no_variables():
    """In the name of an account the part after @ is a host."""
    assert found("'u'@h", variables=False) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@@warning_count", [effects.ReadsDiagnostics(clears=True)]),
        ("@@SESSION.error_count", [effects.ReadsDiagnostics(clears=True)]),
        ("@@local.`identity`", [effects.ReadsLastInsertId()]),
        ("@@last_insert_id", [effects.ReadsLastInsertId()]),
        ("@@pseudo_thread_id", [effects.ReadsConnectionId()]),
        ("@@last_gtid", [effects.ReadsLastGtid()]),
        ("@@global.identity", []),
        ("@@sql_mode", []),
        ("@@", []),
    ],
)
def test_system_variables(text, expected):
    """Some variables say what the statement before left, or which backend it is."""
    assert found(text) == expected


def test_a_part_of_a_statement():
    """Only what stands between the two tokens counts."""
    assert found("@a + @b + @c", start=2, end=3) == [effects.ReadsUserVariables(("b",))]
