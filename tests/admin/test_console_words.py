import pytest

from proxy.admin.console_words import LONGEST, Words, like, not_understood, read, shown, value
from proxy.errors import StatementRefusedError


def refused(call, *arguments):
    """The code and the text of the error that a call raises."""
    with pytest.raises(StatementRefusedError) as caught:
        call(*arguments)
    return caught.value.reply.code, caught.value.reply.message


def test_words_are_the_same_in_any_case():
    """Comments, spaces and a semicolon at the end do not count."""
    words = read(b"/* who */ sHoW\tPools -- all of them\n ; ")
    assert words.accept("SHOW", "POOLS")
    words.expect_end()
    assert repr(words) == "<Words >"


def test_what_does_not_come_next_is_not_taken():
    """Words are accepted as a whole or not at all."""
    words = read(b"SHOW PIN REASONS")
    assert not words.accept("SHOW", "PINS")
    assert words.accept_one({"SET"}) == ""
    assert words.accept_one({"SHOW"}) == "SHOW"
    assert words.accept("PIN", "REASONS")
    assert (words.next, words.take(), words.accept_one({""})) == ("", "", "")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DB1.example:3306", "db1.example:3306"),
        ("10.0.0.1:3306", "10.0.0.1:3306"),
        ("my-shop-2", "my-shop-2"),
        ("unix:/run/db.sock", "unix:/run/db.sock"),
        ("'[::1]:3306'", "[::1]:3306"),
        ('"DB1"', "DB1"),
        ("`DB1`", "DB1"),
        ("'caf\xe9'", "caf\xe9"),
        ("caf\xe9", "caf\xe9"),
        ("'it''s'", "it's"),
    ],
)
def test_names_need_quotes_only_where_they_are_strange(text, name):
    """Addresses and names of proxies are taken as they are, up to the next keyword."""
    words = read(f"{text} FOR shop".encode())
    assert words.name("the target", {"FOR"}) == name
    assert words.accept("FOR")


def test_a_name_has_to_be_there():
    """The error says what is missing, and where to look."""
    code, message = refused(read(b"FOR").name, "the target", {"FOR"})
    assert code == 1064
    assert "the target is missing" in message
    assert "SHOW HELP" in message


def test_numbers_and_texts_are_what_they_have_to_be():
    """All else is an error."""
    assert read(b"42").number("it") == 42
    assert read(b"'a%'").text("it") == "a%"
    assert "has to be a number" in refused(read(b"x").number, "it")[1]
    assert "has to be a number" in refused(read(b"9999999999999999999999").number, "it")[1]
    assert "a text in quotes" in refused(read(b"x").text, "it")[1]


def test_nothing_may_follow_the_end():
    """What does is shown."""
    assert "'POOLS'" in refused(read(b"POOLS").expect_end)[1]


@pytest.mark.parametrize("text", [b"", b" ; ;", b"-- nothing"])
def test_nothing_is_an_empty_query(text):
    """As a server has it."""
    assert refused(read, text) == (1065, "Query was empty")


@pytest.mark.parametrize("text", [b"SELECT 1; SELECT 2", b"SHOW 'x", b"DRAIN [::1]:3306"])
def test_what_cannot_be_told_is_refused(text):
    """Several statements, or tokens that may mean something else."""
    assert refused(read, text)[0] == 1064


def test_strings_are_what_they_stand_for():
    """With their escapes, and with quotes that are doubled."""
    assert value(r"'a\nb\'c\\d\qe'") == "a\nb'c\\dqe"
    assert value('"a""b"') == 'a"b'


def test_a_token_is_shown_short():
    """Without marks of the lexer's."""
    assert shown("`x") == "'x'"
    assert len(shown("X" * 1000)) < 50


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("a%", "Abc\n", "ba"),
        ("a_c", "abc", "abbc"),
        (r"a\_c", "a_c", "abc"),
        (r"100\%", "100%", "1000"),
        (r"a\\b", "a\\b", "a/b"),
        (r"a\.b", "a\\.b", "a.b"),
        ("a.c", "a.c", "abc"),
        ("", "", "x"),
        ("%", "x\ny", None),
        ("%%", "", None),
        ("%a", "ba", "ab"),
        ("a%a", "aa", "a"),
        ("a%b%c", "aXbXbXc", "acb"),
        ("%ab%ab", "abab", "ab"),
        ("_%_", "ab", "a"),
        ("%a_", "xaab", "xab_"),
    ],
)
def test_like_is_as_servers_have_it(pattern, good, bad):
    """Of any case, with two wildcards and a backslash before them."""
    assert like(pattern).fits(good)
    assert bad is None or not like(pattern).fits(bad)


def test_no_pattern_takes_long():
    """One that goes back would need longer than the sun will shine for this one."""
    assert not like("%a" * 1000 + "b").fits("a" * 5000)


def test_long_statements_are_refused():
    """Before their words are read."""
    assert refused(read, b"SELECT " + b"1," * LONGEST)[0] == 1064


def test_an_error_says_where_to_look():
    """By the code of a syntax error."""
    reply = not_understood("so").reply
    assert (reply.code, reply.sqlstate) == (1064, "42000")
    assert repr(Words(["A", "B"])) == "<Words A B>"
