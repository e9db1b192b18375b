"""Every setting as data: what the manual and its test go through."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs

from proxy.config.model import Config
from proxy.config.rules import Rule


@attrs.frozen(kw_only=True)
class Option:
    """One setting, or one section.

    `key_path` leads from the top, with `[]` for each list: `proxies[].auth[].username`.
    `allowed` says what it may be.  `default` is written as in YAML; None means that it has to
    be given.  `unit` is empty where there is none.
    """

    key_path: str
    allowed: str
    default: str | None
    unit: str
    doc: str

    @property
    def name(self) -> str:
        """The key itself."""
        return self.key_path.rpartition(".")[2].removesuffix("[]")


def describe() -> Iterator[Option]:
    """All settings, each section before what is in it, in the order of the model."""
    yield from _section(Config, "")


def _section(cl: type[Any], path: str) -> Iterator[Option]:
    attrs.resolve_types(cl)
    for field in attrs.fields(cl):
        key_path = f"{path}.{field.name}" if path else field.name
        rule = field.validator
        if isinstance(rule, Rule):
            yield _option(field, key_path, rule.expects, unit=rule.unit)
        elif get_origin(field.type) is tuple:
            yield _option(field, f"{key_path}[]", "a list of mappings")
            yield from _section(get_args(field.type)[0], f"{key_path}[]")
        else:
            yield _option(field, key_path, "a mapping")
            yield from _section(field.type, key_path)


def _option(
    field: attrs.Attribute[Any], key_path: str, allowed: str, *, unit: str = ""
) -> Option:
    return Option(
        key_path=key_path,
        allowed=allowed,
        default=_default(field.default),
        unit=unit,
        doc=field.metadata["doc"],
    )


def _default(value: object) -> str | None:
    """Write a default the way YAML does."""
    match value:
        case attrs.NOTHING:
            return None
        case None:
            return "null"
        case enum.Enum():
            return str(value.value)
        case tuple():
            return json.dumps(value)
        case float():
            return str(value).removesuffix(".0")
        case int() | str():
            return str(value)
    # What is left is the factory of a section: all settings in it have defaults.
    return "{}"
