import enum
import math
from typing import Literal

import attrs
import pytest

from proxy.config.rules import (
    AddressText,
    Choice,
    FilePath,
    ListOf,
    Network,
    OrNull,
    OrWord,
    Seconds,
    SecretText,
    Switch,
    Text,
    UnfitError,
    Whole,
    Word,
    shown,
)
from proxy.config.secret import Secret


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("rule", "raw", "value"),
    [
        (Whole(1, 10), 1, 1),
        (Whole(1, 10), 10, 10),
        (Whole(1), 10**9, 10**9),
        (Seconds(0, 300), 0, 0.0),
        (Seconds(0, 300), 0.25, 0.25),
        (Text(), "two\nlines", "two\nlines"),
        (AddressText(), "[::1]:3306", "[::1]:3306"),
        (SecretText(), "", Secret("")),
        (SecretText(), "x", Secret("x")),
        (Choice(Colour), "blue", Colour.BLUE),
        (Choice(Colour), "BLUE", Colour.BLUE),
        (Choice(Colour), "Red", Colour.RED),
        (FilePath(), "keys/server.pem", "keys/server.pem"),
        (FilePath(), "/etc/a b", "/etc/a b"),
        (Network(), "10.0.0.0/8", "10.0.0.0/8"),
        (Network(), "10.0.0.7", "10.0.0.7"),
        (Network(), "fd00::/8", "fd00::/8"),
        (Network(), "10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0"),
        (Switch(), True, True),
        (Switch(), False, False),
        (ListOf(Network()), [], ()),
        (Word(Literal["a", "b"]), "b", "b"),
        (ListOf(Choice(Colour)), ["red", "blue"], (Colour.RED, Colour.BLUE)),
        (OrNull(Whole(1)), None, None),
        (OrNull(Whole(1)), 5, 5),
    ],
)
def test_reads_what_fits_and_leaves_what_it_made(rule, raw, value):
    """A fitting YAML value becomes the model's, and the model's value stays as it is."""
    assert rule.read(raw) == value
    assert rule.read(value) == value


@pytest.mark.parametrize(
    ("rule", "raw", "message"),
    [
        (Whole(1), "many", "must be a whole number of at least 1, not 'many'"),
        (Whole(1, 9), 10, "must be a whole number from 1 to 9, not 10"),
        (Whole(1, 9), 0, "must be a whole number from 1 to 9, not 0"),
        (Whole(1), True, "must be a whole number of at least 1, not true"),
        (Whole(1), 1.5, "must be a whole number of at least 1, not 1.5"),
        (Seconds(0, 9), math.nan, "must be a number of seconds from 0 to 9, not nan"),
        (Seconds(0, 9), False, "must be a number of seconds from 0 to 9, not false"),
        (Seconds(0, 9), "1s", "must be a number of seconds from 0 to 9, not '1s'"),
        (Seconds(0, 9), 9.5, "must be a number of seconds from 0 to 9, not 9.5"),
        (Text(), "", "must be a text that is not empty, not ''"),
        (Text(), None, "must be a text that is not empty, not null"),
        (Choice(Colour), "green", "must be red or blue, not 'green'"),
        (Choice(Colour), "RED ", "must be red or blue, not 'RED '"),
        (Choice(Colour), 1, "must be red or blue, not 1"),
        (Choice(Colour), None, "must be red or blue, not null"),
        (FilePath(), "", "must be the path of a file, not ''"),
        (FilePath(), 7, "must be the path of a file, not 7"),
        (FilePath(), "a\0b", "must be the path of a file, not 'a\\x00b'"),
        (Switch(), "yes", "must be true or false, not 'yes'"),
        (Switch(), 1, "must be true or false, not 1"),
        (Switch(), None, "must be true or false, not null"),
        (Word(Literal["a", "b"]), "c", "must be a or b, not 'c'"),
        (Word(Literal["a", "b"]), {}, "must be a or b, not a mapping"),
        (ListOf(Choice(Colour)), "red", "must be a list of red or blue, not 'red'"),
        (ListOf(Choice(Colour)), ["green"], "must be red or blue, not 'green'"),
        (OrNull(Whole(1)), [], "must be a whole number of at least 1, not a list"),
        (OrNull(Seconds(1, 2)), 3, "must be a number of seconds from 1 to 2, not 3"),
    ],
)
def test_refuses_in_a_sentence(rule, raw, message):
    """An error says what is wanted and what was found."""
    with pytest.raises(UnfitError) as caught:
        rule.read(raw)
    assert str(caught.value) == message


@pytest.mark.parametrize("raw", [3306, "db1:x", None])
def test_an_address_that_is_none_is_refused(raw):
    """Numbers and broken addresses are no place of a target."""
    with pytest.raises(UnfitError, match="must be host:port"):
        AddressText().read(raw)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8'"),
        ("10.0.0.0/33", "'10.0.0.0/33'"),
        ("localhost", "'localhost'"),
        ("", "''"),
        (10, "10"),
        (None, "null"),
    ],
)
def test_a_network_that_is_none_is_refused(raw, found):
    """Names, numbers, and addresses with bits behind their mask are no networks."""
    wanted = "a network such as 10.0.0.0/8 or fd00::/8, or an IP address"
    with pytest.raises(UnfitError) as caught:
        Network().read(raw)
    assert str(caught.value) == f"must be {wanted}, not {found}"


def test_a_password_of_the_wrong_type_is_not_shown():
    """The error about a password that YAML took for a number does not hold the number."""
    with pytest.raises(UnfitError, match="must be a text") as caught:
        SecretText().read(1234567)
    assert "1234567" not in str(caught.value)


def test_long_values_are_shortened():
    """An error shows the beginning of a long value only."""
    assert shown("x" * 100) == "'" + "x" * 39 + "..."
    assert shown(16**5000) == "a number so large"
    assert shown({1}) == "a set"


def test_null_is_offered_and_the_unit_kept():
    """A setting that may be left out says so, and has the unit of its rule."""
    rule = OrNull(Seconds(1, 2))
    assert rule.expects == "a number of seconds from 1 to 2, or null"
    assert rule.unit == "seconds"
    assert OrNull(AddressText()).expects.endswith("or null")


class Size(enum.Enum):
    """A word in the place of a number."""

    AUTO = "auto"


@pytest.mark.parametrize("raw", ["auto", "AUTO", Size.AUTO])
def test_a_word_may_stand_for_a_number(raw):
    """In any case, and as the model has it."""
    rule = OrWord(Whole(1, 63), Size.AUTO)
    assert rule.read(raw) is Size.AUTO
    assert rule.read(7) == 7
    assert rule.schema == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 63}, {"enum": ["auto"]}]
    }


@pytest.mark.parametrize(
    ("raw", "found"), [(0, "0"), (64, "64"), ("many", "'many'"), (None, "null"), ([], "a list")]
)
def test_another_word_is_refused(raw, found):
    """And so is a number that is none of those; the error says both that may be."""
    with pytest.raises(UnfitError) as caught:
        OrWord(Whole(1, 63), Size.AUTO).read(raw)
    assert str(caught.value) == f"must be a whole number from 1 to 63, or auto, not {found}"


def test_guards_a_field():
    """As a validator of attrs a rule names the field."""

    @attrs.frozen
    class Section:
        size: int = attrs.field(validator=Whole(1))

    assert Section(1).size == 1
    with pytest.raises(UnfitError, match=r"^size must be a whole number"):
        Section(0)
