"""Values as JSON has them: what the admin API sends, and nothing that is secret."""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping
from typing import Any

import attrs

from proxy.config.secret import Secret

MASK = "***"

_PLACES = 6
"""Decimal places of seconds: a statement may take some 100 microseconds."""


@functools.cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))


def json_form(value: Any) -> Any:
    """The same as dicts, lists, texts and numbers; an attrs value becomes a dict.

    `attrs.asdict` takes some times longer, and thousands of clients are asked for at once.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return round(value, _PLACES)
        case Secret():
            return MASK
        case Mapping():
            return {str(key): json_form(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [json_form(inner) for inner in value]
        case enum.Enum():
            return json_form(value.value)
    kind = type(value)
    if attrs.has(kind):
        return {name: json_form(getattr(value, name)) for name in _names(kind)}
    return str(value)


def json_text(value: Any) -> str:
    """As it is sent.

    Raises:
        ValueError: a number in it is none.
    """
    return json.dumps(json_form(value), allow_nan=False)
