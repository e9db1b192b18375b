"""What the pages for those who come from elsewhere call ours is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from proxy.admin.console_orders import ORDERS
from proxy.admin.console_shows import SAME, VIEWS
from proxy.cli.main import main
from proxy.config.reference import describe
from proxy.observe.metrics import ProxyCollector, make_registry

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(DOCS.glob("coming-from-*.rst"))

OPTIONS = tuple(describe())


def tables(text):
    """Each list-table as lists of cells, of each the first paragraph."""
    for table in re.split(r"^\.\. list-table::\n", text, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^   \* (- .*\n(?:(?:     .*)?\n)*)", table, re.MULTILINE)
        yield [
            [
                cell.partition("\n\n")[0].strip()
                for cell in re.split(r"^ *- ", row, flags=re.MULTILINE)[1:]
            ]
            for row in rows
        ]


def ours():
    """Name what stands in the column "Here" of any page."""
    for page in PAGES:
        for titles, *rows in tables(page.read_text()):
            place = titles.index("Here")
            for row in rows:
                assert len(row) == len(titles), row
                for text in re.findall(r"``(.+?)``", row[place]):
                    yield page.stem, text


def is_setting(text):
    """Whether a path of a setting ends so; a value behind it has to be one that it may have."""
    name, _, value = text.replace("[]", "").partition(": ")
    return any(
        f".{option.key_path}".replace("[]", "").endswith(f".{name}")
        and (not value or value in option.allowed.split())
        for option in OPTIONS
    )


def is_command(text):
    """Whether `mysqlproxy` has this command."""
    program, _, name = text.partition(" ")
    assert isinstance(main, click.Group)
    return program == "mysqlproxy" and name in main.list_commands(click.Context(main))


def is_series(text):
    """Whether a scrape has it."""
    return text in {
        family.name + ("_total" if family.type == "counter" else "")
        for family in make_registry(ProxyCollector()).collect()
    }


def is_statement(text):
    """Whether the console takes it."""
    first, *rest = text.split()
    if first == "SHOW":
        return tuple(rest) in {*VIEWS, *SAME}
    return (first, *rest) in ORDERS


def is_ours(text):
    """Whether it is any of these."""
    return is_setting(text) or is_command(text) or is_series(text) or is_statement(text)


@pytest.mark.parametrize(("page", "text"), sorted(set(ours())))
def test_what_is_called_ours_is_there(page, text):
    """A setting, a command, a series or a statement of the console."""
    assert is_ours(text), page


def test_each_page_is_about_settings():
    """A column that was renamed would make all of this pass."""
    assert len(PAGES) == 3
    for page in PAGES:
        names = {text for stem, text in ours() if stem == page.stem}
        assert sum(map(is_setting, names)) > 15
        assert any(map(is_statement, names)) or any(map(is_command, names))


@pytest.mark.parametrize(
    "text", ["max_conections", "topology: RING", "mysqlproxy stop", "SHOW TABLES", "PAUSES"]
)
def test_what_is_not_there_is_found(text):
    """A misspelt name fails."""
    assert not is_ours(text)
