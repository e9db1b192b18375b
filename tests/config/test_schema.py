"""Tests of `proxy.config.schema`: the loader takes what fits it, and refuses the rest."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from proxy.config.reference import describe
from proxy.config.schema import schema, schema_text

ETC = Path(__file__).resolve().parents[2] / "etc"


@pytest.fixture(scope="module")
def validator():
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize(
    "path", sorted(ETC.glob("mysqlproxy*.yaml")), ids=lambda path: path.name
)
def test_every_example_fits(validator, path):
    """An editor finds nothing wrong with what is in etc/."""
    validator.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("log", {"level": "loud"}),
        ("log", {"levle": "info"}),
        ("drain_timeout", -1),
        ("drain_timeout", "long"),
        ("proxies", {}),
        ("proxies", [{"name": "shop"}]),
        ("proxies", None),
    ],
)
def test_what_is_wrong_does_not_fit(validator, section, wrong):
    """A word that is none, a key that is none, a number out of its range, what is missing."""
    plain = yaml.safe_load((ETC / "mysqlproxy.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**plain, section: wrong})


def test_sections_may_be_empty(validator):
    """All lines of one may be commented out."""
    plain = yaml.safe_load((ETC / "mysqlproxy.yaml").read_text())
    validator.validate({**plain, "log": None})


def test_words_may_be_written_small(validator):
    """As the loader takes them."""
    plain = yaml.safe_load((ETC / "mysqlproxy.yaml").read_text())
    plain["proxies"][0]["engine_family"] = "mysql"
    validator.validate(plain)


def test_every_setting_has_its_words_and_its_default():
    """What an editor shows is what the manual has."""
    made = schema()
    for option in describe():
        at = made
        for step in option.key_path.split("."):
            at = at["properties"][step.removesuffix("[]")]
            inner = at.get("items", {})
            at = at if not step.endswith("[]") else {**inner, "description": at["description"]}
        assert at["description"].startswith(option.doc)


def test_the_file_for_editors_is_that_of_the_model():
    """It is what `make reference` writes today."""
    assert (ETC / "mysqlproxy.schema.json").read_text() == schema_text()
