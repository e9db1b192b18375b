"""From a YAML file to the model: the only module of the package that reads a file."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from proxy.config.checks import find_faults
from proxy.config.document import UnreadableError, read_document
from proxy.config.model import AuthEntry, Config
from proxy.config.problem import ConfigError, Problem, format_path
from proxy.config.structure import MisfitsError, structure

# A configuration of hundreds of proxies is smaller; what is larger is the wrong file, and one
# that PyYAML would be long busy with.
MAX_FILE_BYTES = 1024 * 1024


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration file; relative password files start at its folder.

    Raises:
        ConfigError: it cannot be read or used; every problem is in it.
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
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(name, line, "is not UTF-8 text") from None
    return _anchored(load_text(text, name), file.absolute().parent)


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


def _anchored(config: Config, folder: Path) -> Config:
    """The same configuration with absolute paths of password files."""

    def anchor(entry: AuthEntry) -> AuthEntry:
        if entry.password_file is None:
            return entry
        return attrs.evolve(entry, password_file=str(folder / entry.password_file))

    return attrs.evolve(
        config,
        proxies=tuple(
            attrs.evolve(proxy, auth=tuple(map(anchor, proxy.auth))) for proxy in config.proxies
        ),
    )
