"""What is wrong with a configuration, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import attrs

# The way from the top to a setting: keys of mappings and positions in lists.
KeyPath: TypeAlias = tuple[str | int, ...]

# The path of the setting to change, and a sentence that goes on from it.
Finding: TypeAlias = tuple[KeyPath, str]

_BEYOND_A_KEY = re.compile(r"(?s:[^\w-].*)")


def format_path(path: KeyPath) -> str:
    """Write a path as `proxies[0].target_group`.

    A key that looks like none is cut off where it stops looking like one: without the space
    after its colon, `{password:secret}` is a key as a whole.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        key = _BEYOND_A_KEY.sub("...", step)
        text += f".{key}" if text else key
    return text


def repeated(named: Iterable[tuple[KeyPath, str]]) -> Iterator[Finding]:
    """Find values that stand there already, each with the path of the later one."""
    seen = set()
    for path, value in named:
        if value in seen:
            yield path, f"{value!r} stands here a second time"
        seen.add(value)


@attrs.frozen
class Problem:
    """One thing to mend: where it is and what it is.

    `line` counts from 1; it is None when the file could not be read.  `key_path` is empty when
    the text is no YAML.
    """

    file: str
    line: int | None
    key_path: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key_path, self.message) if part)


class ConfigError(Exception):
    """A configuration that cannot be used: everything that is wrong with it, by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda problem: (problem.line or 0, problem.key_path))
        )
        super().__init__("\n".join(map(str, self.problems)))
