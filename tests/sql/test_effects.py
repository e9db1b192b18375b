"""Tests of `proxy.sql.effects`."""

import typing

import attrs

from proxy.sql import effects

CLASSES = [thing for thing in vars(effects).values() if isinstance(thing, type)]


def test_the_union_names_every_effect():
    """Nothing in the vocabulary is missing in the union, and nothing else is in it."""
    classes = {thing for thing in CLASSES if thing.__module__ == effects.__name__}
    assert set(typing.get_args(effects.Effect)) == classes
    assert len(classes) > 40


def test_every_effect_is_a_value_with_a_meaning():
    """Effects are frozen, can be kept in sets, and say what they mean."""
    for kind in typing.get_args(effects.Effect):
        assert attrs.has(kind)
        assert kind.__doc__
        assert not kind.__doc__.startswith("Method generated")
        values = ["x" for _ in attrs.fields(kind)]
        assert hash(kind(*values)) == hash(kind(*values))
