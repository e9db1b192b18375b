"""Tests of `proxy.sql.lexer`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.dialect import Dialect
from proxy.sql.lexer import lex, name_of, words

DIALECTS = st.builds(Dialect, st.booleans(), st.booleans(), st.booleans(), st.booleans())


def tokens(text, **dialect):
    """The tokens of a text that has no trouble."""
    lexed = lex(text.encode("latin-1"), Dialect(**dialect))
    assert lexed.trouble == ""
    assert lexed.without is None
    return lexed.tokens


def trouble(text, **dialect):
    """Why the text cannot be trusted."""
    return lex(text.encode("latin-1"), Dialect(**dialect)).trouble


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n\v\f ", []),
        ("select a", ["SELECT", "A"]),
        ("SELECT a.select", ["SELECT", "A", ".", "`select"]),
        ("SELECT a . b", ["SELECT", "A", ".", "`b"]),
        ("f(1)", ["F", "(", "1", ")"]),
        ("f (1)", ["F", "( ", "1", ")"]),
        ("f/**/(1)", ["F", "( ", "1", ")"]),
        ("`f`(1)", ["`f", "(", "1", ")"]),
        ("`a``b`", ["`a`b"]),
        ("'it''s'", ["'it''s'"]),
        (r"'a\'b' c", [r"'a\'b'", "C"]),
        (r'"a\"b" c', [r'"a\"b"', "C"]),
        ("''''", ["''''"]),
        ("N'a' _utf8'b' x'00'", ["N", "'a'", "_UTF8", "'b'", "X", "'00'"]),
        ("a<=b", ["A", "<", "=", "B"]),
        ("5-3", ["5", "-", "3"]),
        ("5--3", ["5", "-", "-", "3"]),
        ("a:=1", ["A", ":=", "1"]),
        ("a?b", ["A", "?", "B"]),
    ],
)
def test_tokens(text, expected):
    """Each kind of token is cut where the server cuts it."""
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["1"]),
        ("1.5", ["1.5"]),
        ("1.", ["1."]),
        (".5", [".5"]),
        ("1e5", ["1e5"]),
        ("1E-5", ["1E-5"]),
        ("1.5e+3", ["1.5e+3"]),
        (".5e3x", [".5e3", "X"]),
        ("1INTO", ["`1INTO"]),
        ("0x1F", ["`0x1F"]),
        ("1e5INTO", ["1e5", "INTO"]),
        ("1.INTO", ["1.", "INTO"]),
        ("1.5INTO", ["1.5", "INTO"]),
        ("a.5", ["A", ".", "`5"]),
        ("a.5b", ["A", ".", "`5b"]),
        ("a.1e5", ["A", ".", "`1e5"]),
        ("`a`.5b", ["`a", ".", "`5b"]),
        ("a .5b", ["A", ".5", "B"]),
    ],
)
def test_numbers_end_where_servers_end_them(text, expected):
    """1INTO is a name, 1e5INTO a number and a word, and after a name's dot all is a name."""
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a", ["@a"]),
        ("@A.b$_1", ["@a.b$_1"]),
        ("@", ["@"]),
        ("@ a", ["@", "A"]),
        ("@'A b'", ["@a b"]),
        ("@`A``b`", ["@a`b"]),
        ('@"a"', ["@a"]),
        ("@'a\\'b'", ["@\0"]),
        ("@'\xe9'", ["@\0"]),
        ("@\xe9", ["@\0"]),
        ("@a:=1", ["@a", ":=", "1"]),
        ("@@a", ["@@", "A"]),
        ("@@global.a", ["@@", "GLOBAL", ".", "`a"]),
        ("'u'@'%'", ["'u'", "@%"]),
    ],
)
def test_variables(text, expected):
    """User variables are one token, with a NUL where the name cannot be told."""
    assert tokens(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a /* x ' \" ` ; */ b",
        "a /* * / ** */ b",
        "a /**/ b",
        "a /*/ */ b",
        "a -- ' x\nb",
        "a --\nb",
        "a --\tx\nb",
        "a --\x7fx\nb",
        "a # ' x\nb",
        "a #\nb",
        "a /*+ SET_VAR(x=1) ** */ b",
        "a b -- x",
        "a b --",
        "a b #",
    ],
)
def test_comments_are_left_out(text):
    """All forms of comments, and hints, are no tokens."""
    assert tokens(text) == ["A", "B"]


def test_ansi_quotes_make_names():
    """With ANSI_QUOTES a double quote encloses a name, in which a backslash means nothing."""
    assert tokens(r'"a""b\" c', ansi_quotes=True) == ['`a"b\\', "C"]
    assert tokens('@"A"', ansi_quotes=True) == ["@a"]


def test_backslashes_mean_nothing_without_escapes():
    """With NO_BACKSLASH_ESCAPES a backslash before a quote does not keep it."""
    assert tokens(r"'a\' b", no_backslash_escapes=True) == [r"'a\'", "B"]
    assert tokens(r'"a\" b', no_backslash_escapes=True) == [r'"a\"', "B"]
    assert tokens("'a''b' \"a\"\"b\"", no_backslash_escapes=True) == ["'a''b'", '"a""b"']


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("'a", "a quote does not end"),
        ('"a', "a quote does not end"),
        ("'a\\'", "a quote does not end"),
        ("`a", "a quoted name does not end"),
        ("`a\0`", "a quoted name does not end"),
        ("/* a", "a comment does not end, or its end is not clear"),
        ("/*+ it's */ a '", "a comment does not end, or its end is not clear"),
        ("/*!1234567 a */", "a comment does not end, or its end is not clear"),
        ("a */ b", "a comment ends that did not begin"),
        ("a \0", "a NUL stands outside of quotes"),
        ("a -- b\0", "a NUL stands outside of quotes"),
        ("a # b\0", "a NUL stands outside of quotes"),
        ("a --\xa0b", "a dash may begin a comment in the client's charset"),
        ("a \\ b", "a character that begins no token"),
        ("a \x01 b", "a character that begins no token"),
        ("[a", "a bracket quotes names in one mode of a server"),
        ("$$a$$", "a dollar quotes text on some servers"),
        ("/*! '' */", "an executable comment holds quotes, comments or statements"),
        ("/*! ; */", "an executable comment holds quotes, comments or statements"),
        ("/*! -- a */", "an executable comment holds quotes, comments or statements"),
        ("/*! /* a */ b */", "an executable comment holds quotes, comments or statements"),
        ("/*! a", "an executable comment holds quotes, comments or statements"),
        ("/*! a /*! b */", "an executable comment holds quotes, comments or statements"),
        ("/*!50000 a */ /*!80000 b */", "executable comments have several conditions"),
    ],
)
def test_trouble(text, why):
    """What servers may cut in another way, or not at all, is said."""
    assert trouble(text) == why


def test_a_dollar_is_a_letter_in_mariadb():
    """MySQL's client asks `select $$` after each login, which is no more than a name there."""
    assert trouble("select $$", mariadb=True) == ""
    assert trouble("select $$") != ""


@pytest.mark.parametrize(
    "text", ["SELECT\xa01", "a \xa0 b", "a \xe9\xa0INTO b", "@a\xa0", "@a\xa0INTO"]
)
def test_a_byte_that_may_be_a_space_is_trouble(text):
    """0xA0 is a space in Latin-1, and would cut a word in two."""
    assert trouble(text) == "a byte may be a space in the client's charset"


@pytest.mark.parametrize("text", ["caf\xc3\xa9", "voil\xc3\xa0", "\xe4\xb8\xad"])
def test_names_beyond_ascii_are_names(text):
    """A word of UTF-8 is no keyword and no trouble."""
    assert tokens(text) == ["`" + text]


def test_unsafe_charsets():
    """In gbk and its like a byte beyond ASCII may swallow a backslash or a backtick."""
    why = "a character of the charset may end in a quote or a backslash"
    assert trouble("'\xd6\\'", charset_safe=False) == "a quote does not end"
    assert trouble("'\xd6\\\\'", charset_safe=False) == why
    assert trouble("`\xd6``a`", charset_safe=False) == why
    assert trouble("'\xd6\xd0'", charset_safe=False) == ""
    assert trouble("'\xd6\\\\'") == ""


@pytest.mark.parametrize(
    "opening", ["/*!", "/*!50000", "/*!100600", "/*M!", "/*m!", "/*M!100600"]
)
def test_executable_comments_are_read_in_both_ways(opening):
    """The contents are tokens in one reading and are not there in the other."""
    lexed = lex(f"a {opening} b - 1 * 2 / 3 */ c".encode(), Dialect())
    assert lexed.tokens == ["A", "B", "-", "1", "*", "2", "/", "3", "C"]
    assert lexed.without == ["A", "C"]
    assert lexed.trouble == ""


def test_executable_comments_of_one_condition_run_together():
    """Comments with the same version either all run or all do not."""
    lexed = lex(b"/*!50000 a */ b /*!50000 c */", Dialect())
    assert (lexed.tokens, lexed.without, lexed.trouble) == (["A", "B", "C"], ["B"], "")


def test_names():
    """A token's name has neither quotes nor capitals; bytes beyond ASCII are UTF-8."""
    assert name_of("ABC") == "abc"
    assert name_of("`A b") == "a b"
    assert name_of("`\xc3\xa9") == "é"
    assert name_of("`\xff") == "\ufffd"
    assert name_of("@a") == "a"
    assert name_of("") == ""


def test_words():
    """A table of words is written as one text."""
    assert words("\n A B\n C ") == {"A", "B", "C"}


@given(st.binary(max_size=60), DIALECTS)
def test_any_bytes_can_be_cut(text, dialect):
    """No bytes raise, and no token is empty."""
    lexed = lex(text, dialect)
    assert all(lexed.tokens)


@given(st.text(alphabet="'\"`\\/*!-#; \n0a@", max_size=30), DIALECTS)
def test_the_text_that_is_left_out_is_part_of_the_text(text, dialect):
    """What is there without executable comments is there with them, in this order."""
    lexed = lex(text.encode(), dialect)
    remaining = iter(lexed.tokens)
    assert all(token in remaining for token in lexed.without or [])
