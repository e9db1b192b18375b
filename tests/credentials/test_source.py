"""Tests of `proxy.credentials.source`."""

import ipaddress

import pytest

from proxy.config.auth import AuthEntry, ClientPasswordAuthType, IamAuth
from proxy.config.secret import Secret
from proxy.credentials.source import Credential, credential_maker
from proxy.wire.auth import CACHING_SHA2, NATIVE


def test_a_credential_does_not_show_its_passwords():
    """The repr has the user and the plugin, and no password."""
    credential = Credential("app", ("hunter2", "hunter1"), "mysql_native_password")
    assert "hunter" not in repr(credential)
    assert "'app'" in repr(credential)


def test_no_plugin_means_what_suits_the_target():
    """Without a plugin the field is empty, which the login reads as the target's own."""
    assert Credential("app", ("x",)).plugin == ""


def test_a_user_may_come_from_anywhere_with_a_password_unless_said_otherwise():
    """Neither a network nor a token is needed."""
    credential = Credential("app", ("x",))
    assert credential.iam_auth is IamAuth.DISABLED
    assert credential.networks == ()
    assert not credential.for_monitor


def test_an_entry_says_what_its_users_have_in_common():
    """Names and passwords come from elsewhere: a file, a secret, the entry itself."""
    entry = AuthEntry(
        username="app",
        password=Secret("of the entry"),
        iam_auth=IamAuth.ENABLED,
        client_password_auth_type=ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD,
        allowed_networks=("10.0.0.0/8", "::1"),
    )
    networks = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
    make = credential_maker(entry)
    for user in ("one", "two"):
        assert make(user, ("new", "old")) == Credential(
            user, ("new", "old"), NATIVE, IamAuth.ENABLED, networks
        )


def test_users_of_monitors_are_marked():
    """By their entry, wherever their names and passwords come from."""
    make = credential_maker(AuthEntry(users_file="a", for_monitor=True))
    assert make("monitor", ("x",)) == Credential("monitor", ("x",), for_monitor=True)


@pytest.mark.parametrize(
    ("kind", "plugin"),
    [
        (None, ""),
        (ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD, NATIVE),
        (ClientPasswordAuthType.MYSQL_CACHING_SHA2_PASSWORD, CACHING_SHA2),
    ],
)
def test_each_way_to_prove_a_password_has_its_plugin(kind, plugin):
    """What a configuration calls by RDS Proxy's name has another one in the protocol."""
    make = credential_maker(AuthEntry(client_password_auth_type=kind))
    assert make("app", ("x",)).plugin == plugin
