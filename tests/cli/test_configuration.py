"""Tests of `proxy.cli.configuration`."""

import click
import pytest

from proxy.cli.configuration import explained, load
from proxy.service.tokens import UnusableError
from tests.cli.test_main import GOOD


def test_a_good_file_is_loaded(tmp_path):
    """What it points to is for others to read."""
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(GOOD)
    assert load(path).proxies[0].name == "shop"


def test_faults_of_the_file_end_the_command(tmp_path):
    """Each with file, line and key path."""
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(GOOD.replace("name: shop", "nmae: shop", 1))
    with pytest.raises(click.ClickException, match=r"mysqlproxy\.yaml:3: proxies\[0\]"):
        load(path)


def test_what_cannot_be_used_ends_the_command():
    """The sentence is what the user sees, and no traceback."""
    with pytest.raises(click.ClickException, match="no such thing"), explained():
        raise UnusableError("no such thing")
