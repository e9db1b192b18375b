"""Tests of `proxy.admin.snapshot`: what the values say of themselves."""

from __future__ import annotations

import inspect

import attrs
import pytest

from proxy.admin import snapshot
from proxy.admin.api import ROUTES
from proxy.admin.openapi import document
from proxy.admin.schema import descriptions

CLASSES = [
    kind
    for _, kind in inspect.getmembers(snapshot, attrs.has)
    if kind.__module__ == snapshot.__name__
]
SCHEMAS = document(ROUTES)["components"]["schemas"]


def names(kind):
    return [field.name for field in attrs.fields(kind)]


@pytest.mark.parametrize("kind", CLASSES)
def test_each_attribute_is_described(kind):
    """In their order, and nothing else is."""
    assert [*descriptions(kind)] == names(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_is_in_the_openapi_document(kind):
    """With the descriptions of all its attributes, and each of them is always sent."""
    schema = SCHEMAS[kind.__name__]
    assert schema["description"]
    assert schema["required"] == [*schema["properties"]] == names(kind)
    said = {name: one.get("description") for name, one in schema["properties"].items()}
    assert said == descriptions(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_values_do_not_change(kind):
    """A snapshot is of one moment; and nobody mixes up its many numbers."""
    fields = attrs.fields(kind)
    assert all(field.kw_only for field in fields)
    value = kind(**dict.fromkeys(names(kind)))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, fields[0].name, 1)


@pytest.mark.parametrize("states", [snapshot.CLIENT_STATES, snapshot.CONNECTION_STATES])
def test_states_are_told_apart(states):
    """Each is one word, and there once."""
    assert len({*states}) == len(states)
    assert all(state.isalpha() and state.islower() for state in states)
