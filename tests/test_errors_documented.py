"""The page about errors has every error that the proxy gives to clients."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import get_type_hints

import attrs
import pytest

from proxy import errors
from proxy.errors import ErrorReply

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.rst"

SAMPLES = {"int": 424242, "float": 424242.0, "bool": True, "str": "424242"}
"""What functions are called with: it is found again in the text, where the page has dots."""


@attrs.frozen
class Row:
    """One error as the page has it."""

    code: int
    sqlstate: str
    text: str


def rows():
    """All rows of tables that begin with a code."""
    page = PAGE.read_text()
    # Behind the text: when, a line without anything, and what to do.
    cells = re.findall(
        r"^   \* - (\d+) (\w{5})\n     - ``(.+)``\n"
        r"     - \S.*\n(?:       .*\n)*\n       \S.*\n",
        page,
        re.MULTILINE,
    )
    assert len(cells) == len(re.findall(r"^   \* - \d+ ", page, re.MULTILINE))
    return [Row(int(code), sqlstate, text) for code, sqlstate, text in cells]


def makers():
    """The functions that make an error."""
    for name, function in inspect.getmembers(errors, inspect.isfunction):
        if get_type_hints(function)["return"] is ErrorReply:
            yield name, function


def sample(function):
    """An error that it makes, with dots for all that it was told."""
    given = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is parameter.empty:
            given[parameter.name] = SAMPLES.get(parameter.annotation, ("424242",))
    reply = function(**given)
    return Row(reply.code, reply.sqlstate, reply.message.replace("424242", "..."))


def without_dots(row):
    """The same, where dots of the page and those of a sentence look alike."""
    return attrs.evolve(row, text=row.text.rstrip("."))


@pytest.mark.parametrize("function", [pytest.param(made, id=name) for name, made in makers()])
def test_each_error_is_on_the_page(function):
    """With its code, its SQLSTATE and its text."""
    assert without_dots(sample(function)) in {without_dots(row) for row in rows()}


def test_the_page_has_no_error_that_is_gone():
    """What the table of a section has is made by a function, or by the console."""
    there = {(row.code, row.sqlstate) for row in map(sample, dict(makers()).values())}
    there |= set(made_elsewhere())
    assert {(row.code, row.sqlstate) for row in rows()} - there == set()


def made_elsewhere():
    """Codes and SQLSTATEs of errors that other modules make: the console's."""
    for path in (ROOT / "proxy").rglob("*.py"):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="ErrorReply"),
                    args=[ast.Constant(value=int(code)), ast.Constant(value=str(state)), *_],
                ):
                    yield code, state


def test_errors_of_the_console_are_on_the_page():
    """Whatever the console answers with has a row."""
    elsewhere = set(made_elsewhere())
    assert (1227, "42000") in elsewhere
    assert elsewhere <= {(row.code, row.sqlstate) for row in rows()}
