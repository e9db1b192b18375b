import pytest

from proxy.config.auth import AuthEntry, AuthScheme, ClientPasswordAuthType, IamAuth
from proxy.config.rules import UnfitError
from proxy.config.secret import Secret


def test_an_entry_is_of_a_user_with_a_password_unless_said_otherwise():
    """The scheme is STATIC, tokens are not taken, and clients may come from anywhere."""
    entry = AuthEntry()
    assert entry.auth_scheme is AuthScheme.STATIC
    assert entry.iam_auth is IamAuth.DISABLED
    assert entry.client_password_auth_type is None
    assert entry.allowed_networks == ()
    assert entry.for_monitor is False


def test_a_password_is_not_in_the_repr():
    """Neither the password nor a hint at it is printed with the user."""
    text = repr(AuthEntry(username="app", password=Secret("hunter2")))
    assert "app" in text
    assert "hunter2" not in text
    assert "password=" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth_scheme", "LDAP"),
        ("username", ""),
        ("username", "x" * 129),
        ("username", "a\0b"),
        ("password", 4711),
        ("password_file", ""),
        ("users_file", ""),
        ("secret_arn", ""),
        ("iam_auth", "SOMETIMES"),
        ("client_password_auth_type", "POSTGRES_MD5"),
        ("allowed_networks", ("somewhere",)),
        ("for_monitor", "yes"),
    ],
)
def test_each_setting_has_a_rule(name, value):
    """What no user can have is refused by name."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        AuthEntry(**{name: value})


@pytest.mark.parametrize("name", ["a", "x" * 128, "j\xf6rg", "with space", "it's"])
def test_names_are_what_servers_take(name):
    """Up to 128 characters, and almost any of them."""
    assert AuthEntry(username=name).username == name


def test_words_are_those_of_rds_proxy():
    """Schemes and methods have the names that its API has."""
    assert {one.value for one in IamAuth} == {"DISABLED", "ENABLED", "REQUIRED"}
    assert {one.value for one in ClientPasswordAuthType} == {
        "MYSQL_NATIVE_PASSWORD",
        "MYSQL_CACHING_SHA2_PASSWORD",
    }
    assert {one.value for one in AuthScheme} == {"STATIC", "FILE", "SECRETS"}
