"""Plain values to the model, with the path of everything that does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from proxy.config.model import Config
from proxy.config.problem import KeyPath
from proxy.config.rules import Rule, UnfitError, shown

Misfit = tuple[KeyPath, str]


class MisfitsError(Exception):
    """What does not fit the model: paths and sentences."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__(misfits)
        self.misfits = misfits


def structure(value: object) -> Config:
    """Make the configuration of plain values.

    Raises:
        MisfitsError: something is missing, unknown or against its rule; all of it is listed.
    """
    try:
        return _CONVERTER.structure(value, Config)
    except (cattrs.BaseValidationError, UnfitError) as error:
        misfits = list(_flatten(error, ()))
    raise MisfitsError(misfits)


def _flatten(error: Exception, path: KeyPath) -> Iterator[Misfit]:
    match error:
        case cattrs.BaseValidationError():
            for inner in error.exceptions:
                yield from _flatten(inner, path + _step_of(inner))
        case cattrs.ForbiddenExtraKeysError():
            known = [field.name for field in attrs.fields(error.cl)]
            for key in sorted(error.extra_fields):
                yield (*path, key), _unknown(key, known)
        case KeyError():
            yield path, "is missing"
        case _:
            yield path, str(error)


def _step_of(error: Exception) -> KeyPath:
    """The step that cattrs noted on an error on its way up."""
    return tuple(
        note.name if isinstance(note, cattrs.AttributeValidationNote) else note.index
        for note in getattr(error, "__notes__", ())
        if isinstance(note, cattrs.AttributeValidationNote | cattrs.IterableValidationNote)
    )


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"is no setting; did you mean {close[0]}?"
    return f"is no setting; here are {', '.join(known)}"


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)

    def section(cl: type[Any]) -> Callable[[Any, Any], Any]:
        hooks: dict[str, Any] = {
            field.name: override(struct_hook=_reader(field, converter))
            for field in attrs.fields(cl)
        }
        inner = make_dict_structure_fn(cl, converter, _cattrs_forbid_extra_keys=True, **hooks)

        def read(raw: object, _type: Any) -> Any:
            # A section whose lines are all commented out is null in YAML: it has its defaults.
            given = {} if raw is None else raw
            if not isinstance(given, dict):
                raise UnfitError(f"must be a mapping of settings, not {_sort_of(raw)}")
            return inner(given, cl)

        return read

    converter.register_structure_hook_factory(attrs.has, section)
    return converter


def _reader(
    field: attrs.Attribute[Any], converter: cattrs.Converter
) -> Callable[[Any, Any], Any]:
    """How the value of a field is read: by its rule, or as a section, or as a list of them."""
    rule = field.validator
    if isinstance(rule, Rule):
        return lambda raw, _type: rule.read(raw)

    def read(raw: object, wanted: Any) -> Any:
        if not attrs.has(wanted) and not isinstance(raw, list):
            raise UnfitError(f"must be a list of mappings, not {_sort_of(raw)}")
        return converter.structure(raw, wanted)

    return read


def _sort_of(raw: object) -> str:
    """Name a value that stands where a section belongs; a text might be a password."""
    return "a text" if isinstance(raw, str) else shown(raw)


_CONVERTER = _make_converter()
