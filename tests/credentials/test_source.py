"""Tests of `proxy.credentials.source`."""

from proxy.credentials.source import Credential


def test_a_credential_does_not_show_its_passwords():
    """The repr has the user and the plugin, and no password."""
    credential = Credential("app", ("hunter2", "hunter1"), "mysql_native_password")
    assert "hunter" not in repr(credential)
    assert "'app'" in repr(credential)


def test_no_plugin_means_what_suits_the_target():
    """Without a plugin the field is empty, which the login reads as the target's own."""
    assert Credential("app", ("x",)).plugin == ""
