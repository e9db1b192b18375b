"""Every setting is in the model, in the manual and in the full example, and nothing else is."""

import itertools
import runpy
from pathlib import Path

import pytest
import yaml

from proxy.config.load import load_config
from proxy.config.model import Config
from proxy.config.reference import describe

ROOT = Path(__file__).resolve().parent.parent
FULL = ROOT / "etc" / "mysqlproxy-full.yaml"
PAGE = ROOT / "docs" / "configuration.rst"
EXAMPLES = sorted((ROOT / "etc").glob("mysqlproxy*.yaml"))
OPTIONS = {option.key_path: option for option in describe()}
# What has to be given to be shown: an entry of a list, and one source of a password.
GIVEN_IN_THE_EXAMPLE = {
    "proxies[].auth[]",
    "proxies[].auth[].username",
    "proxies[].auth[].password_file",
    "proxies[].tls.certificates[]",
    "proxies[].target_group.target_sets[]",
    "admin.tokens[]",
    "admin.tokens[].token_file",
    "admin.users[]",
    "admin.users[].password_file",
}


def settings_of(value, path=""):
    """Give the key path and the value of every setting in a parsed file."""
    if isinstance(value, list):
        for item in value:
            yield from settings_of(item, f"{path}[]")
    if isinstance(value, dict):
        for key, inner in value.items():
            inner_path = f"{path}.{key}" if path else key
            is_list_of_sections = isinstance(inner, list) and f"{inner_path}[]" in OPTIONS
            yield f"{inner_path}[]" if is_list_of_sections else inner_path, inner
            yield from settings_of(inner, inner_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_load(example):
    """Every configuration in etc/ is one that the proxy takes."""
    assert isinstance(load_config(example), Config)


def test_the_full_example_has_every_setting_and_no_other():
    """What the model has is in the full example, and what is there is in the model."""
    found = [path for path, _ in settings_of(yaml.safe_load(FULL.read_text()))]
    assert sorted(found) == sorted(OPTIONS)


def test_the_full_example_shows_the_defaults():
    """A setting with a default has it in the full example."""
    values = dict(settings_of(yaml.safe_load(FULL.read_text())))
    for path, option in OPTIONS.items():
        if option.default not in {None, "{}"} and path not in GIVEN_IN_THE_EXAMPLE:
            assert values[path] == yaml.safe_load(option.default), path


def test_the_full_example_explains_every_setting():
    """Each line with a setting stands under a comment."""
    lines = FULL.read_text().splitlines()
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if ":" in line
        and not line.strip().startswith("#")
        and not above.strip().startswith("#")
    ]
    assert bare == []


def test_the_manual_has_the_reference_of_the_model():
    """The page of the manual is what `make reference` writes today."""
    write_reference = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))
    page = PAGE.read_text()
    assert page == write_reference["rewritten"](page), "run `make reference`"
    for option in OPTIONS.values():
        assert f"``{option.name}``\n    {option.doc}\n" in page
