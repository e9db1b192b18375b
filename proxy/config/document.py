"""YAML text to plain Python values, with the line of everything.

PyYAML composes the nodes; this module turns them into values itself, because only nodes know
their lines, because a key given twice must not win in silence, and because what a text costs
has to be bounded before it is built.

A message of PyYAML may quote the text, and the text may hold a password, so quotations are cut
out of what is passed on.
"""

from __future__ import annotations

import re
from typing import Any

import attrs
import yaml

from proxy.config.problem import KeyPath

# Far more than a configuration needs (each level of the model counts two), and little enough
# that no text can exhaust Python's stack.
MAX_DEPTH = 40
# A thousand proxies with every setting stay below; an alias of an alias of an alias does not.
MAX_VALUES = 100_000

_TAG = "tag:yaml.org,2002:"
# What YAML 1.1 makes dates and merge keys of is text here.
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge"))
_TAGGED = "has a tag, and tags (!name) mean nothing here"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_SCALARS = {
    _TAG + "null": _CONSTRUCTOR.construct_yaml_null,
    _TAG + "bool": _CONSTRUCTOR.construct_yaml_bool,
    _TAG + "int": _CONSTRUCTOR.construct_yaml_int,
    _TAG + "float": _CONSTRUCTOR.construct_yaml_float,
}


class UnreadableError(Exception):
    """The text as a whole makes no sense; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@attrs.frozen
class Document:
    """What a text says.

    `lines` has the line of each value, counted from 1.  A fault is a path, a line, a sentence.
    """

    value: object = attrs.field(repr=False)  # passwords may be in it
    lines: dict[KeyPath, int]
    faults: list[tuple[KeyPath, int, str]]

    def line_of(self, path: KeyPath) -> int:
        """The line of a setting, or of the nearest section around one that is not there."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses to nest them without end."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError(_line(self.get_mark()), "is nested too deeply")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_document(text: str) -> Document:
    """Read one YAML document.

    Raises:
        UnreadableError: it is no YAML, or more than we are willing to build.
    """
    try:
        root = _compose(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(line, "a character that YAML does not allow") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(_line(mark), _sentence(error)) from None
    if root is None:
        return Document(None, {(): 1}, [])
    builder = _Builder()
    value = builder.build(root, (), _line(root.start_mark))
    return Document(value, builder.lines, builder.faults)


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    except (ValueError, OverflowError):
        # PyYAML hands escapes and version numbers to chr() and int() as they are.
        line = _line(loader.get_mark())
        raise UnreadableError(line, "not YAML: a number or an escape out of range") from None
    finally:
        loader.dispose()
    return node


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def _sentence(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's sentences without what they quote, but for names of tokens: `'<scalar>'`."""
    parts = [part for part in (error.context, error.problem) if part]
    return "not YAML: " + re.sub(r""" (?:'(?!<)[^']*'|"[^"]*")""", "", ", ".join(parts))


class _Builder:
    """Turns nodes into values and keeps their lines."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.faults: list[tuple[KeyPath, int, str]] = []

    def build(self, node: yaml.Node, path: KeyPath, line: int) -> object:
        """Make the value of a node; `line` is where its key stands, or else where it begins."""
        self.lines[path] = line
        if len(self.lines) > MAX_VALUES or len(path) > MAX_DEPTH:
            raise UnreadableError(line, "has too many values: an alias may be repeating itself")
        match node:
            case yaml.MappingNode(tag=tag) if tag == _TAG + "map":
                return self._mapping(node, path)
            case yaml.SequenceNode(tag=tag) if tag == _TAG + "seq":
                return [
                    self.build(child, (*path, i), _line(child.start_mark))
                    for i, child in enumerate(node.value)
                ]
        if not isinstance(node, yaml.ScalarNode):
            self.faults.append((path, line, _TAGGED))
            return None
        return self._scalar(node, path, line)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> object:
        construct = _SCALARS.get(node.tag)
        if construct is not None:
            try:
                return construct(node)
            except (ValueError, LookupError, ArithmeticError):
                self.faults.append((path, line, "is tagged as something that it is not"))
        elif node.tag not in _TEXT_TAGS:
            self.faults.append((path, line, _TAGGED))
        elif _SURROGATE.search(node.value):
            self.faults.append((path, line, "has an escape that is half a character"))
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = _line(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append((path, line, "has a key that is no text"))
                continue
            place = (*path, key_node.value)
            if place in self.lines:
                first = self.lines[place]
                self.faults.append((place, line, f"stands here again, after line {first}"))
                continue
            mapping[key_node.value] = self.build(value_node, place, line)
        return mapping
