"""JSON Schema of attrs classes: their types, and what their docstrings say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs

_PLAIN: Final[Mapping[Any, Mapping[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_SPACE: Final = re.compile(r"\s+")


class Schemas:
    """Makes schemas, and keeps those of classes for the document.

    Attributes:
        found: By the names of the classes.
    """

    def __init__(self) -> None:
        self.found: dict[str, Mapping[str, Any]] = {}

    def reference(self, kind: Any) -> Mapping[str, Any]:
        """The schema of a type; a class is only pointed at."""
        if kind in _PLAIN:
            return _PLAIN[kind]
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            return {"anyOf": [self.reference(one) for one in inner]}
        if origin is tuple:
            return {"type": "array", "items": self.reference(inner[0])}
        if origin is not None:
            values = self.reference(inner[1])
            return {"type": "object", **({"additionalProperties": values} if values else {})}
        if kind.__name__ not in self.found:
            self.found[kind.__name__] = {}  # for a class that has itself inside
            self.found[kind.__name__] = self._object(kind)
        return {"$ref": f"#/components/schemas/{kind.__name__}"}

    def _object(self, kind: type[Any]) -> Mapping[str, Any]:
        hints, said = get_type_hints(kind), descriptions(kind)
        properties = {}
        for field in attrs.fields(kind):
            schema = {**self.reference(hints[field.name])}
            choices = getattr(field.validator, "options", None)  # of attrs.validators.in_
            if choices is not None:
                schema["enum"] = [*choices]
            if field.name in said:
                schema["description"] = said[field.name]
            properties[field.name] = schema
        return {
            "type": "object",
            "description": _summary(kind),
            "properties": properties,
            "required": [
                field.name for field in attrs.fields(kind) if "may_lack" not in field.metadata
            ],
            "additionalProperties": False,
        }


def _summary(kind: type[Any]) -> str:
    text = inspect.getdoc(kind) or ""
    return _SPACE.sub(" ", text.partition("\n\n")[0])


def descriptions(kind: type[Any]) -> Mapping[str, str]:
    """What the docstring of a class says of its attributes, by their names."""
    text = inspect.getdoc(kind) or ""
    _, _, attributes = text.partition("Attributes:\n")
    return {name: _SPACE.sub(" ", words) for name, words in _ATTRIBUTE.findall(attributes)}
