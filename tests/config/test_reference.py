import pytest

from proxy.config.model import Config
from proxy.config.reference import describe
from proxy.config.structure import structure


@pytest.fixture(scope="module")
def options():
    return {option.key_path: option for option in describe()}


def test_sections_come_before_their_settings(options):
    """The order is that of the model, each section first."""
    paths = list(options)
    assert paths[0] == "proxies[]"
    for i, path in enumerate(paths):
        parent = path.rpartition(".")[0]
        assert parent == "" or parent in paths[:i]


def test_an_option_says_everything_about_a_setting(options):
    """What it may be, its default as in YAML, its unit and what it is for."""
    option = options["proxies[].idle_client_timeout"]
    assert option.allowed == "a number of seconds from 1 to 28800"
    assert option.default == "1800"
    assert option.unit == "seconds"
    assert option.doc.startswith("A client that sends nothing")
    assert option.name == "idle_client_timeout"


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("proxies[]", None),
        ("proxies[].name", None),
        ("proxies[].auth[].password", "null"),
        ("proxies[].auth[].client_password_auth_type", "null"),
        ("proxies[].target_group", None),
        ("proxies[].target_group.connection_pool_config", "{}"),
        ("proxies[].target_group.connection_pool_config.session_pinning_filters", "[]"),
        ("proxies[].max_clients", "10000"),
        ("log.level", "info"),
        ("drain_timeout", "30"),
    ],
)
def test_defaults_are_written_as_in_yaml(options, path, default):
    """None means that the setting has to be given."""
    assert options[path].default == default


def test_the_name_of_a_list_has_no_brackets(options):
    """The name of an option is the key that a file has."""
    assert options["proxies[].auth[]"].name == "auth"


def test_every_setting_of_the_top_is_there(options):
    """No field of the model is left out, and every text is a sentence."""
    assert {path.partition(".")[0].removesuffix("[]") for path in options} == {
        field.name for field in Config.__attrs_attrs__
    }
    assert all(option.doc.endswith((".", "null.")) for option in options.values())


def test_works_before_and_after_loading():
    """Reading a configuration in between changes nothing in the description."""
    before = list(describe())
    structure(
        {
            "proxies": [
                {
                    "name": "a",
                    "auth": [{"username": "u"}],
                    "target_group": {"targets": []},
                    "endpoints": [],
                }
            ]
        }
    )
    assert list(describe()) == before
