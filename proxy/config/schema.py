"""The configuration as JSON Schema: editors complete and check what is written with it."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

import attrs

from proxy.config.model import Config
from proxy.config.rules import Rule

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema of a configuration file (JSON Schema 2020-12)."""
    return {
        "$schema": DIALECT,
        "title": "The configuration of mysqlproxy",
        **_section(Config),
    }


def schema_text() -> str:
    """The same as a file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _section(cl: type[Any]) -> dict[str, Any]:
    attrs.resolve_types(cl)
    fields = attrs.fields(cl)
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    # A section whose lines are all commented out is null in YAML, and has its defaults.
    kind: str | list[str] = "object" if required else ["object", "null"]
    return {
        "type": kind,
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {field.name: _setting(field) for field in fields},
    }


def _setting(field: attrs.Attribute[Any]) -> dict[str, Any]:
    rule, doc = field.validator, field.metadata["doc"]
    if isinstance(rule, Rule):
        unit = f" In {rule.unit}." if rule.unit and rule.unit not in doc else ""
        return {"description": doc + unit, **rule.schema, **_default(field.default)}
    if get_origin(field.type) is tuple:
        items = _section(get_args(field.type)[0])
        return {"description": doc, "type": "array", "items": items}
    assert field.type is not None
    return {"description": doc, **_section(field.type)}


def _default(value: Any) -> dict[str, Any]:
    if value is attrs.NOTHING:
        return {}
    plain = getattr(value, "value", value)  # of an enum
    return {"default": [*plain] if isinstance(plain, tuple) else plain}
