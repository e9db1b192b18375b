"""Tests of `proxy.admin.json_form`."""

from __future__ import annotations

import enum
import json

import attrs
import pytest

from proxy.admin.json_form import json_form, json_text
from proxy.config.secret import Secret


class Colour(enum.Enum):
    RED = "red"


@attrs.frozen
class Inner:
    name: str
    share: float


@attrs.frozen
class Outer:
    inner: tuple[Inner, ...]
    password: Secret = attrs.field(repr=False)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (0.12345678, 0.123457),
        (Colour.RED, "red"),
        ({1: (1, 2)}, {"1": [1, 2]}),
        (frozenset("a"), ["a"]),
        (b"a", "b'a'"),
    ],
)
def test_values_become_what_json_has(value, form):
    """Whatever has no form there is a text; fractions of a microsecond are left out."""
    assert json_form(value) == form


def test_objects_become_mappings_without_their_secrets():
    """At any depth."""
    value = Outer((Inner("a", 0.5),), Secret("hidden"))
    assert json_form(value) == {"inner": [{"name": "a", "share": 0.5}], "password": "***"}
    assert json.loads(json_text(value)) == json_form(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_not_written(value):
    """JSON has no word for them."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"lag": value})
