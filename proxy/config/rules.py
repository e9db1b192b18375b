"""What one setting may be.

A rule stands as the validator of an attrs field.  The loader reads raw YAML values with it, the
reference describes it, and the model stays guarded when it is built in Python.
"""

from __future__ import annotations

import abc
import enum
import ipaddress
import re
from typing import Any, get_args

import attrs

from proxy.config.address import parse_address
from proxy.config.secret import Secret

# A value in an error is there to be recognised, not to be read in full.
_LONGEST_SHOWN = 40
# Python refuses to write integers of thousands of digits.
_MOST_BITS_SHOWN = 128


def shown(raw: object) -> str:
    """Name a value the way the author of a YAML file thinks of it."""
    match raw:
        case None:
            return "null"
        case bool():
            return "true" if raw else "false"
        case int() if raw.bit_length() > _MOST_BITS_SHOWN:
            return "a number so large"
        case int() | float():
            return _shortened(str(raw))
        case str():
            return _shortened(repr(raw))
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(raw).__name__}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _range(low: float, high: float | None) -> str:
    return f"of at least {low}" if high is None else f"from {low} to {high}"


class UnfitError(ValueError):
    """A value that its rule does not allow; the text begins with "must be"."""


class Rule(abc.ABC):
    """What a setting may be, and how it is read."""

    unit: str = ""

    @property
    def expects(self) -> str:
        """The end of the sentence "the value must be ..."."""
        return self._expects()

    def read(self, raw: object) -> object:
        """Make the model's value of a YAML value; a value of the model comes back as it is.

        Raises:
            UnfitError: the rule does not allow it.
        """
        return self._read(raw)

    @property
    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema (2020-12), as far as that can say it."""
        return self._schema()

    @abc.abstractmethod
    def _expects(self) -> str: ...

    @abc.abstractmethod
    def _read(self, raw: object) -> object: ...

    def _schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def _refuse(self, raw: object) -> UnfitError:
        return UnfitError(f"must be {self.expects}, not {shown(raw)}")

    def __call__(self, _instance: object, field: attrs.Attribute[Any], value: object) -> None:
        """Check a field of the model: this is what attrs calls."""
        try:
            self.read(value)
        except UnfitError as error:
            raise UnfitError(f"{field.name} {error}") from None


@attrs.frozen
class Whole(Rule):
    """A whole number in a range, both ends included."""

    low: int
    high: int | None = None
    unit: str = ""

    def _expects(self) -> str:
        return f"a whole number {_range(self.low, self.high)}"

    def _read(self, raw: object) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise self._refuse(raw)
        if raw < self.low or (self.high is not None and raw > self.high):
            raise self._refuse(raw)
        return raw

    def _schema(self) -> dict[str, Any]:
        most = {} if self.high is None else {"maximum": self.high}
        return {"type": "integer", "minimum": self.low, **most}


@attrs.frozen
class Seconds(Rule):
    """A span of time in seconds, fractions allowed, both ends included."""

    low: float
    high: float
    unit: str = attrs.field(default="seconds", init=False)

    def _expects(self) -> str:
        return f"a number of seconds {_range(self.low, self.high)}"

    def _read(self, raw: object) -> float:
        if not isinstance(raw, int | float) or isinstance(raw, bool):
            raise self._refuse(raw)
        # Written so that "not a number", which is in no range, does not pass either.
        if not self.low <= raw <= self.high:
            raise self._refuse(raw)
        return float(raw)

    def _schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@attrs.frozen
class Text(Rule):
    """A text that is not empty and, where a pattern is given, matches it whole."""

    pattern: str = r"(?s:.+)"
    described: str = "a text that is not empty"

    def _expects(self) -> str:
        return self.described

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str) or re.fullmatch(self.pattern, raw) is None:
            raise self._refuse(raw)
        return raw

    def _schema(self) -> dict[str, Any]:
        # Not the pattern: the regular expressions of JSON Schema are others.
        return {"type": "string", "minLength": 1}


@attrs.frozen
class AddressText(Rule):
    """Where a target is."""

    def _expects(self) -> str:
        return "host:port, [IPv6]:port (port 3306 when left out) or unix:/path"

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self._refuse(raw)
        try:
            parse_address(raw)
        except ValueError:
            raise self._refuse(raw) from None
        return raw


@attrs.frozen
class Url(Rule):
    """Where a service is.  No error shows the value: it may have a password in it."""

    def _expects(self) -> str:
        return "a URL such as https://host:port, without a user"

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str) or not re.fullmatch(r"https?://[^\s/@?#]+/?", raw):
            raise UnfitError(f"must be {self.expects}")
        return raw


@attrs.frozen
class FilePath(Rule):
    """A file; a relative path starts at the folder of the configuration file.

    `proxy.config.load` makes it absolute.
    """

    def _expects(self) -> str:
        return "the path of a file"

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str) or not raw or "\0" in raw:
            raise self._refuse(raw)
        return raw


@attrs.frozen
class Network(Rule):
    """IP addresses: a network in CIDR notation, or one address."""

    def _expects(self) -> str:
        return "a network such as 10.0.0.0/8 or fd00::/8, or an IP address"

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self._refuse(raw)
        try:
            ipaddress.ip_network(raw)
        except ValueError:
            raise self._refuse(raw) from None
        return raw


@attrs.frozen
class Switch(Rule):
    """True or false."""

    def _expects(self) -> str:
        return "true or false"

    def _read(self, raw: object) -> bool:
        if not isinstance(raw, bool):
            raise self._refuse(raw)
        return raw

    def _schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@attrs.frozen
class SecretText(Rule):
    """A password.  No error ever shows the value."""

    def _expects(self) -> str:
        return "a text (in quotes, if YAML would take it for something else)"

    def _read(self, raw: object) -> Secret:
        match raw:
            case Secret():
                return raw
            case str():
                return Secret(raw)
        raise UnfitError(f"must be {self.expects}")


@attrs.frozen
class Choice(Rule):
    """A member of an enum, written as its value in any case."""

    members: type[enum.Enum]

    def _expects(self) -> str:
        return " or ".join(str(member.value) for member in self.members)

    def _read(self, raw: object) -> enum.Enum:
        given = raw.casefold() if isinstance(raw, str) else None
        for member in self.members:
            if raw is member or given == str(member.value).casefold():
                return member
        raise self._refuse(raw)

    def _schema(self) -> dict[str, Any]:
        words = [str(member.value) for member in self.members]
        return {"enum": list(dict.fromkeys(words + [word.lower() for word in words]))}


@attrs.frozen
class Word(Rule):
    """One of a few words, typed as a `Literal`."""

    literal: Any

    def _expects(self) -> str:
        return " or ".join(get_args(self.literal))

    def _read(self, raw: object) -> str:
        if not isinstance(raw, str) or raw not in get_args(self.literal):
            raise self._refuse(raw)
        return raw

    def _schema(self) -> dict[str, Any]:
        return {"enum": [*get_args(self.literal)]}


@attrs.frozen
class ListOf(Rule):
    """A list of values under one rule."""

    item: Rule

    def _expects(self) -> str:
        return f"a list of {self.item.expects}"

    def _read(self, raw: object) -> tuple[object, ...]:
        if not isinstance(raw, list | tuple):
            raise self._refuse(raw)
        return tuple(self.item.read(value) for value in raw)

    def _schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema}


@attrs.frozen
class OrWord(Rule):
    """What another rule allows, or a word: the value of an enum's member, in any case."""

    rule: Rule
    word: enum.Enum

    def _expects(self) -> str:
        return f"{self.rule.expects}, or {self.word.value}"

    def _read(self, raw: object) -> object:
        given = raw.casefold() if isinstance(raw, str) else None
        if raw is self.word or given == self.word.value:
            return self.word
        try:
            return self.rule.read(raw)
        except UnfitError:
            raise self._refuse(raw) from None

    def _schema(self) -> dict[str, Any]:
        return {"anyOf": [self.rule.schema, {"enum": [self.word.value]}]}


@attrs.frozen
class OrNull(Rule):
    """What another rule allows, or null: not given."""

    rule: Rule
    unit: str = attrs.field(init=False)

    @unit.default
    def _unit_of_the_rule(self) -> str:
        return self.rule.unit

    def _expects(self) -> str:
        return f"{self.rule.expects}, or null"

    def _read(self, raw: object) -> object:
        return None if raw is None else self.rule.read(raw)

    def _schema(self) -> dict[str, Any]:
        return {"anyOf": [self.rule.schema, {"type": "null"}]}
