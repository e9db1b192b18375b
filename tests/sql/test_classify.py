"""Tests of `proxy.sql.classify`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql import effects
from proxy.sql.classify import HARMLESS, READ_LIMIT_BYTES, _read, classify
from proxy.sql.dialect import Dialect
from proxy.sql.plain import LIMIT_BYTES, read_plain

DIALECTS = st.builds(Dialect, st.booleans(), st.booleans(), st.booleans(), st.booleans())

STATEMENTS = [
    "SELECT 1",
    "SELECT a FROM t WHERE b = 'c' FOR UPDATE",
    "INSERT INTO t (a) VALUES (LAST_INSERT_ID())",
    "UPDATE t SET a = @b",
    "SELECT GET_LOCK('a', 1)",
    "SELECT @a := 1, `b`(2) INTO @c",
    "SELECT SQL_CALC_FOUND_ROWS 1",
    "SET a = 1, @b = 2, GLOBAL c = 3",
    "SET NAMES utf8mb4",
    "SET TRANSACTION READ ONLY",
    "BEGIN",
    "COMMIT RELEASE",
    "CREATE TEMPORARY TABLE t (a INT)",
    "DROP TABLE t",
    "CALL p(1)",
    "LOCK TABLES t READ",
    "FLUSH TABLES WITH READ LOCK",
    "PREPARE s FROM 'x'",
    "KILL QUERY 5",
    "HANDLER t OPEN",
    "SHOW WARNINGS",
    "FROB 1",
]

SIGNS = r". , ; ( ) ' ` \ # -- /* */ /*! /*+ @ @@ = := - / *"
WORDS = """
SELECT INSERT INTO UPDATE SET FROM t GET_LOCK get_lock LAST_INSERT_ID count abs foo a nextval
1 1. .5 1e5 0x1 'x' `y` "z"
"""
PIECES = [*SIGNS.split(), *WORDS.split(), " ", "\t", "\n", "\0", "\xa0", "\xe9", '"']
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)
TIGHT_TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def of(text, **dialect):
    """The classification of a text."""
    return classify(text.encode("latin-1"), Dialect(**dialect))


def is_opaque(found):
    """Whether the text was not understood to its end."""
    return any(isinstance(effect, effects.Opaque) for effect in found.effects)


def covers(found, other):
    """Whether all effects of one are in another, or that one says that it does not know."""
    return is_opaque(found) or set(other.effects) <= set(found.effects)


def test_harmless():
    """The value for commands without a text promises nothing of reading."""
    assert HARMLESS.harmless
    assert HARMLESS.single
    assert not HARMLESS.reads_only


@pytest.mark.parametrize(
    ("text", "verb", "reads_only"),
    [
        ("SELECT 1", "SELECT", True),
        ("SELECT 1 -- x", "SELECT", True),
        ("SELECT /*+ SET_VAR(a = 1) */ b FROM t LOCK IN SHARE MODE", "SELECT", True),
        ("SELECT 1 INTO OUTFILE 'x'", "SELECT", False),
        ("TABLE t", "TABLE", True),
        ("SHOW TABLES", "SHOW", True),
        ("EXPLAIN DELETE FROM t", "EXPLAIN", True),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN", False),
        ("ANALYZE DELETE FROM t", "ANALYZE", False),
        ("WITH a AS (SELECT 1) DELETE FROM t", "DELETE", False),
        ("DO 1", "DO", False),
        ("INSERT INTO t VALUES (1)", "INSERT", False),
        ("SELECT /*!40001 SQL_NO_CACHE */ * FROM t", "SELECT", True),
        ("SELECT 1;", "SELECT", True),
    ],
)
def test_one_statement_without_effects(text, verb, reads_only):
    """Verb, and whether it could be run again."""
    found = of(text)
    assert (found.effects, found.verb, found.reads_only) == ((), verb, reads_only)
    assert found.single
    assert found.harmless
    assert not found.ends_transaction


@pytest.mark.parametrize("text", ["", ";", " ; ; ", "-- x", "/* x */"])
def test_no_statement(text):
    """A text without a statement does nothing."""
    found = of(text)
    assert (found.effects, found.verb, found.single) == ((), "OTHER", False)
    assert not found.reads_only


def test_several_statements():
    """Effects come in the order of the text, each once."""
    found = of("SET a = 1; SELECT @b; SELECT ';', @b; COMMIT;")
    assert found.effects == (
        effects.SetsVariables(("a",)),
        effects.ReadsUserVariables(("b",)),
        effects.EndsTransaction(commit=True),
    )
    assert (found.verb, found.single, found.reads_only) == ("SET", False, False)
    assert of("SELECT 1; SELECT 2").reads_only
    assert not of("SELECT 1; DELETE FROM t").reads_only


@pytest.mark.parametrize(
    "first",
    [
        "SET sql_mode = 'ANSI_QUOTES'",
        "SET NAMES gbk",
        "SET character_set_client = gbk",
        "CALL p()",
        "EXECUTE s",
        "FROB",
    ],
)
def test_a_statement_that_may_change_how_the_rest_is_read(first):
    """What stands behind may be cut into other tokens."""
    assert is_opaque(of(f"{first}; SELECT 1"))
    assert is_opaque(of(first)) == (first == "FROB")


def test_stored_programs():
    """Nothing in a body runs now; a body whose end is not clear makes the text opaque."""
    body = "CREATE PROCEDURE p() BEGIN SELECT GET_LOCK('a', 1); END"
    assert of(body).effects == (effects.CommitsImplicitly(),)
    assert of(body).single
    found = of(f"{body}; SELECT 1")
    assert is_opaque(found)
    assert of("CREATE PROCEDURE p() SELECT 1; SELECT @a").effects == (
        effects.CommitsImplicitly(),
        effects.ReadsUserVariables(("a",)),
    )


def test_executable_comments():
    """Harmless only where the text is so with and without the contents."""
    found = of("/*!40101 SET NAMES utf8 */;")
    assert effects.SetsNames() in found.effects
    assert is_opaque(found)
    hidden = of("SELECT 1 /*! + GET_LOCK('a', 1) */")
    assert is_opaque(hidden)
    split = of("SELECT GET_LOCK /*!99999 + */ ('a', 1)")
    assert effects.TakesNamedLock("a") in split.effects
    assert is_opaque(split)
    assert of("SELECT 1 /*!99999 + 1 */").harmless
    assert of("SELECT @a /*!99999 + 1 */").effects == (effects.ReadsUserVariables(("a",)),)
    assert of("/*!99999 SHOW */ TABLE t").verb == "OTHER"


def test_trouble_is_opaque():
    """What could not be cut is said last, and the text reads nothing for sure."""
    found = of("SELECT @a, 'b")
    assert found.effects == (
        effects.ReadsUserVariables(("a",)),
        effects.Opaque("a quote does not end"),
    )
    assert not found.reads_only


def test_long_texts():
    """Plain values may be long; anything else that is long is opaque."""
    values = ", ".join(["(1, 'x')"] * (READ_LIMIT_BYTES // 8))
    assert of(f"INSERT INTO t VALUES {values}").harmless
    found = of(f"INSERT INTO t VALUES {values}, (foo())")
    assert is_opaque(found)
    assert not found.single
    assert is_opaque(of("SELECT '" + "a" * LIMIT_BYTES + "'"))
    medium = ", ".join(["(1, 'x')"] * 1000)
    assert of(f"INSERT INTO t VALUES {medium}, (@a)").effects == (
        effects.ReadsUserVariables(("a",)),
    )


@pytest.mark.parametrize(
    ("text", "harmless", "ends"),
    [
        ("BEGIN", True, True),
        ("COMMIT", True, True),
        ("ROLLBACK AND CHAIN", True, True),
        ("COMMIT RELEASE", False, True),
        ("CREATE TABLE t (a INT)", True, True),
        ("SET autocommit = 1", False, True),
        ("SET a = 1", False, False),
        ("CALL p()", False, True),
        ("SELECT p()", False, False),
        ("EXECUTE s", False, True),
        ("LOCK TABLES t READ", False, True),
        ("XA END 'a'", False, True),
        ("SAVEPOINT a", False, False),
        ("FROB", False, True),
    ],
)
def test_what_status_bits_report(text, harmless, ends):
    """Transactions are reported; whatever may end one is said."""
    found = of(text)
    assert (found.harmless, found.ends_transaction) == (harmless, ends)


@pytest.mark.parametrize(
    ("text", "leftovers", "diagnostics", "insert_id"),
    [
        ("SELECT FOUND_ROWS()", True, False, False),
        ("SELECT ROW_COUNT()", True, False, False),
        ("SHOW STATUS", True, False, False),
        ("SHOW WARNINGS", True, True, False),
        ("SELECT @@warning_count", True, False, False),
        ("SELECT LAST_INSERT_ID()", False, False, True),
        ("CALL p()", False, False, True),
        ("SELECT f()", False, False, True),
        ("EXECUTE s", False, False, True),
        ("FROB", False, False, True),
        ("SELECT @a", False, False, False),
    ],
)
def test_what_the_statement_before_left(text, leftovers, diagnostics, insert_id):
    """Some statements look at what an earlier one left on its backend."""
    found = of(text)
    assert found.reads_leftovers == leftovers
    assert found.reads_diagnostics == diagnostics
    assert found.reads_last_insert_id == insert_id


def test_what_is_kept_depends_on_the_dialect():
    """The same bytes in another dialect are another text."""
    text = 'SELECT "a" (@b)'
    assert of(text).effects == of(text).effects
    assert of(text, ansi_quotes=True) != of(text)


@given(st.binary(max_size=80), DIALECTS)
def test_any_bytes_can_be_classified(text, dialect):
    """No bytes raise."""
    classify(text, dialect)


@given(TEXTS | TIGHT_TEXTS, DIALECTS)
def test_the_quick_look_says_what_the_lexer_says(text, dialect):
    """A text that looks plain has the effects of its plain kind when all of it is read."""
    letters = text.encode("latin-1")
    plain = read_plain(letters, dialect)
    if plain is not None:
        found = _read(letters, dialect)
        assert found.effects == plain.effects
        assert (found.verb, found.reads_only) == (plain.verb, plain.reads_only)


@given(st.lists(st.sampled_from(PIECES), max_size=8), DIALECTS)
def test_the_quick_look_of_queries(parts, dialect):
    """The same for texts that begin like a query."""
    for head in ("SELECT ", "INSERT INTO t ", "INSERT INTO t"):
        for text in (head + " ".join(parts), head + "".join(parts)):
            letters = text.encode("latin-1")
            plain = read_plain(letters, dialect)
            assert plain is None or _read(letters, dialect).effects == ()


@given(st.sampled_from(STATEMENTS), st.sampled_from(STATEMENTS), DIALECTS)
def test_statements_add_up(one, other, dialect):
    """Two statements in one text do all that they do in two."""
    both = classify(f"{one}; {other}".encode(), dialect)
    assert covers(both, classify(one.encode(), dialect))
    assert covers(both, classify(other.encode(), dialect))
    assert not both.single


@given(
    st.sampled_from(STATEMENTS),
    st.sampled_from([" /* x */ ", "\n-- x\n", " # x\n", "\t\r\n", " /*+ x */ "]),
    st.data(),
)
def test_comments_and_capitals_hide_nothing(text, comment, data):
    """A comment at any blank, and other capitals of any keyword, lose no effect."""
    found = of(text)
    blanks = [index for index, letter in enumerate(text) if letter == " "] or [len(text)]
    at = data.draw(st.sampled_from(blanks))
    changed = text[:at] + comment + text[at:]
    assert set(of(changed).effects) == set(found.effects)
    assert set(of(text.lower()).effects) == set(found.effects)
    assert of(comment + text).effects == found.effects


@given(st.sampled_from(STATEMENTS), st.sampled_from(["/*!", "/*!50000 ", "/*!9"]))
def test_executable_comments_hide_nothing(text, opening):
    """What stands in an executable comment may run; one without a version always does."""
    found = of(f"{opening}{text} */")
    assert is_opaque(found) or of(text).effects == () or opening == "/*!"
    if opening != "/*!9" and "'" not in text:
        assert set(of(text).effects) <= set(found.effects)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/*!40101 SET NAMES utf8 */", (effects.SetsNames(),)),
        ("/*!40101 SET @a=1 */;", (effects.WritesUserVariables(("a",)),)),
        ("/*!90800 SET NAMES utf8 */", ()),
        ("/*M!100616 SET NAMES utf8 */", ()),
        ("SELECT 1 /*!90800 , GET_LOCK(1, 2) */", ()),
        ("SELECT 1 /*!80000 , FOUND_ROWS() */", (effects.ReadsFoundRows(),)),
    ],
)
def test_a_known_version_tells_which_comments_run(text, expected):
    """Dumps are full of them, and nothing needs to pin for one that was read."""
    assert classify(text.encode(), Dialect(version=90704)).effects == expected


@given(TEXTS | TIGHT_TEXTS, TEXTS | TIGHT_TEXTS, DIALECTS)
def test_a_lock_outside_of_quotes_is_never_harmless(before, after, dialect):
    """Whatever stands around a call of GET_LOCK, it is hidden by quotes and comments alone."""
    text = f"SELECT {before} GET_LOCK ('it', 1) {after}"
    found = classify(text.encode("latin-1"), dialect)
    may_hide = any(sign in before for sign in ("'", '"', "`", "#", "--", "/*"))
    assert may_hide or found.effects


@given(
    st.lists(st.sampled_from(["'a'", "`a`", '"a"', "/* ' */", "-- '\n", "# `\n", "b", "1"])),
    DIALECTS,
)
def test_a_lock_behind_closed_quotes_is_never_harmless(parts, dialect):
    """Quotes and comments that have ended hide nothing."""
    text = " ".join(["SELECT", *parts, "+ GET_LOCK('it', 1)"])
    assert effects.TakesNamedLock("it") in classify(text.encode(), dialect).effects
