import pytest

from proxy.config.auth import AuthScheme
from proxy.config.log import LogConfig
from proxy.config.model import Config
from proxy.config.structure import MisfitsError, structure
from proxy.vocabulary import Role


def make_plain():
    return {
        "proxies": [
            {
                "name": "shop",
                "auth": [{"auth_scheme": "STATIC", "username": "app", "password": "hunter2"}],
                "target_group": {"targets": [{"address": "db1:3306"}]},
                "endpoints": [{"name": "main", "listen": "tcp:3306"}],
            }
        ]
    }


def misfits_of(value):
    with pytest.raises(MisfitsError) as caught:
        structure(value)
    return sorted(caught.value.misfits, key=str)


def test_makes_the_model():
    """Plain values become the frozen classes, enums and tuples of the model."""
    config = structure(make_plain())
    assert isinstance(config, Config)
    assert isinstance(config.proxies, tuple)
    assert config.proxies[0].auth[0].auth_scheme is AuthScheme.STATIC
    assert config.proxies[0].auth[0].password.reveal() == "hunter2"
    assert config.proxies[0].endpoints[0].target_role is Role.READ_WRITE


def test_an_empty_section_has_its_defaults():
    """A section of which everything is commented out is null, and counts as empty."""
    assert structure({**make_plain(), "log": None}).log == LogConfig()


def test_all_misfits_come_at_once():
    """Wrong, missing and unknown settings on every level are listed together."""
    plain = make_plain()
    del plain["proxies"][0]["endpoints"]
    plain["proxies"][0]["auth"].append({"username": 5, "pasword": "hunter2"})
    plain["log"] = {"level": "loud", "shape": 1}
    assert misfits_of(plain) == [
        (("log", "level"), "must be debug or info or warning or error, not 'loud'"),
        (
            ("log", "shape"),
            "is no setting; here are level, format, logins, slow_statement_time",
        ),
        (("proxies", 0, "auth", 1, "pasword"), "is no setting; did you mean password?"),
        (("proxies", 0, "auth", 1, "username"), "must be a text of 1 to 128 characters, not 5"),
        (("proxies", 0, "endpoints"), "is missing"),
    ]


@pytest.mark.parametrize(
    ("value", "misfit"),
    [
        (None, (("proxies",), "is missing")),
        ([], ((), "must be a mapping of settings, not a list")),
        ({"proxies": None}, (("proxies",), "must be a list of mappings, not null")),
        ({"proxies": "hunter2"}, (("proxies",), "must be a list of mappings, not a text")),
        (
            {"proxies": ["hunter2"]},
            (("proxies", 0), "must be a mapping of settings, not a text"),
        ),
    ],
)
def test_the_wrong_shape_is_named_and_not_quoted(value, misfit):
    """A text where a section belongs is called a text: it might be a password."""
    assert misfits_of(value) == [misfit]
