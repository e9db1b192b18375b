"""From a YAML file to the model: the only module of the package that reads a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import attrs

from proxy.config.checks import find_faults
from proxy.config.document import UnreadableError, read_document
from proxy.config.model import Config
from proxy.config.problem import ConfigError, Problem, format_path
from proxy.config.rules import FilePath, ListOf, OrNull, Rule
from proxy.config.structure import MisfitsError, structure

# A configuration of hundreds of proxies is smaller; what is larger is the wrong file, and one
# that PyYAML would be long busy with.
MAX_FILE_BYTES = 1024 * 1024

Section = TypeVar("Section", bound=Any)


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration file; relative paths in it start at its folder.

    Raises:
        ConfigError: it cannot be read or used; every problem is in it.
    """
    return load_config_text(read_config(path), path)


def read_config(path: str | os.PathLike[str]) -> str:
    """The text of a configuration file.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    file = Path(path)
    name = os.fspath(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _refused(name, None, f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise _refused(name, None, f"is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(name, line, "is not UTF-8 text") from None


def load_config_text(text: str, path: str | os.PathLike[str]) -> Config:
    """Make a configuration of the text of a file, whatever that has in it by now.

    Raises:
        ConfigError: it cannot be used; every problem is in it.
    """
    return _anchored(load_text(text, os.fspath(path)), Path(path).absolute().parent)


def load_text(text: str, name: str) -> Config:
    """Make a configuration of YAML text; `name` is what errors call it.

    Raises:
        ConfigError: it cannot be used; every problem is in it.
    """
    try:
        document = read_document(text)
    except UnreadableError as error:
        raise _refused(name, error.line, error.message) from None
    problems = [
        Problem(name, line, format_path(path), message)
        for path, line, message in document.faults
    ]
    config = None
    try:
        config = structure(document.value)
        findings = list(find_faults(config))
    except MisfitsError as error:
        findings = error.misfits
    problems += [
        Problem(name, document.line_of(path), format_path(path), message)
        for path, message in findings
    ]
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _refused(name: str, line: int | None, message: str) -> ConfigError:
    return ConfigError([Problem(name, line, "", message)])


def _anchored(section: Section, folder: Path) -> Section:
    """The same settings with absolute paths of files."""
    changes: dict[str, Any] = {}
    for field in attrs.fields(type(section)):
        value = getattr(section, field.name)
        rule: Any = field.validator
        rule = rule.rule if isinstance(rule, OrNull) else rule
        if value is None:
            continue
        if isinstance(rule, FilePath):
            changes[field.name] = str(folder / value)
        elif isinstance(rule, ListOf) and isinstance(rule.item, FilePath):
            changes[field.name] = tuple(str(folder / path) for path in value)
        elif attrs.has(type(value)):
            changes[field.name] = _anchored(value, folder)
        elif isinstance(value, tuple) and not isinstance(rule, Rule):
            changes[field.name] = tuple(_anchored(item, folder) for item in value)
    return attrs.evolve(section, **changes)
