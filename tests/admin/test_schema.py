"""Tests of `proxy.admin.schema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from proxy.admin import answers, snapshot
from proxy.admin.schema import Schemas, descriptions
from proxy.policy.standing import ProxyStatus, ReloadReport, TargetStatus


@attrs.frozen
class Small:
    """A small thing.

    More is said of it here.

    Attributes:
        name: What it is called; for
            a long time.
        kind: One of two.
    """

    name: str
    kind: str = attrs.field(validator=attrs.validators.in_(("a", "b")))
    parts: tuple[Small, ...] = ()


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (tuple[bool, ...], {"type": "array", "items": {"type": "boolean"}}),
        (Mapping[str, Any], {"type": "object"}),
        (
            Mapping[str, int],
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
    ],
)
def test_each_type_has_a_schema(kind, schema):
    """Of those that snapshots have."""
    assert Schemas().reference(kind) == schema


def test_a_class_is_described_by_its_docstring():
    """Once, however often it is pointed at."""
    schemas = Schemas()
    assert schemas.reference(Small) == {"$ref": "#/components/schemas/Small"}
    small = schemas.found["Small"]
    assert small["description"] == "A small thing."
    assert small["required"] == ["name", "kind", "parts"]
    assert small["properties"]["name"] == {
        "type": "string",
        "description": "What it is called; for a long time.",
    }
    assert small["properties"]["kind"]["enum"] == ["a", "b"]
    assert small["properties"]["parts"]["items"] == {"$ref": "#/components/schemas/Small"}


@pytest.mark.parametrize(
    "kind",
    [
        *(
            kind
            for module in (snapshot, answers)
            for kind in vars(module).values()
            if attrs.has(kind)
        ),
        *(ProxyStatus, TargetStatus, ReloadReport),
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_field_that_is_sent_is_explained(kind):
    """Whoever reads the document needs nothing else."""
    assert {*descriptions(kind)} == {field.name for field in attrs.fields(kind)}
