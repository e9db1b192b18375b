"""Tests of `proxy.sql.dialect`."""

from __future__ import annotations

import pytest

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect


def test_equal_settings_are_one_key():
    """Dialects of the same settings are equal and hash alike, so what was kept is found."""
    assert Dialect() == DEFAULT_DIALECT
    assert hash(Dialect(ansi_quotes=True)) == hash(Dialect(ansi_quotes=True))
    assert Dialect(mariadb=True) != DEFAULT_DIALECT


@pytest.mark.parametrize(
    ("opening", "mysql", "mariadb"),
    [
        ("/*!", True, True),
        ("/*!40101", True, True),
        ("/*!50700", True, False),
        ("/*!99999", False, False),
        ("/*!101106", None, True),
        ("/*!120000", None, False),
        ("/*M!", False, True),
        ("/*M!101106", False, True),
        ("/*M!50701", False, True),
        ("/*M!120000", False, False),
    ],
)
def test_comments_that_are_executed(opening, mysql, mariadb):
    """The version decides, and MariaDB leaves the newer comments of MySQL alone."""
    assert Dialect(version=90704).executes(opening) is mysql
    assert Dialect(mariadb=True, version=101119).executes(opening) is mariadb


def test_nobody_knows_what_an_unknown_version_executes():
    """Only a comment without a version is sure to run."""
    assert Dialect().executes("/*!40101") is None
    assert Dialect().executes("/*!") is True
