import ipaddress

import pytest
from structlog.testing import capture_logs

from proxy.config.admin_users import AdminRole, AdminUser
from proxy.config.secret import Secret
from proxy.credentials.admins import Admin, Admins, AdminsFirst, load_admins
from proxy.credentials.source import Credential
from proxy.credentials.static import PasswordUnreadableError
from proxy.observe.log import get_logger
from tests.support.passwords import Passwords, credential

HERE = ipaddress.ip_network("127.0.0.0/8")
OPS = Admin(Credential("ops", ("a-long-password",), networks=(HERE,)), AdminRole.OPERATOR)


def load(*users, **environment):
    """Read the passwords of these users."""
    return load_admins(users, environment, get_logger())


def test_each_way_to_give_a_password_works(tmp_path):
    """In the configuration, in a file, in the environment."""
    file = tmp_path / "password"
    file.write_text("from-the-file\n")
    file.chmod(0o600)
    admins = load(
        AdminUser(username="a", password=Secret("from-the-configuration")),
        AdminUser(username="b", password_file=str(file), role=AdminRole.OPERATOR),
        AdminUser(username="c", password_env="WORD"),
        WORD="from-the-environment",
    )
    assert {name: one.credential.passwords for name, one in admins.items()} == {
        "a": ("from-the-configuration",),
        "b": ("from-the-file",),
        "c": ("from-the-environment",),
    }
    assert [one.role for one in admins.values()] == [
        AdminRole.VIEWER,
        AdminRole.OPERATOR,
        AdminRole.VIEWER,
    ]
    assert admins["a"].credential.networks == (HERE, ipaddress.ip_network("::1/128"))


def test_a_password_that_is_not_there_is_an_error():
    """It says whose it is and where it was looked for."""
    with pytest.raises(PasswordUnreadableError, match=r"'ops'.*'WORD'"):
        load(AdminUser(username="ops", password_env="WORD"))


def test_a_short_password_from_elsewhere_is_an_error_too():
    """It says whose, and nothing of the password."""
    with pytest.raises(PasswordUnreadableError) as caught:
        load(AdminUser(username="ops", password_env="WORD"), WORD="secret")
    assert str(caught.value) == (
        "admin user 'ops': its password has to have 8 to 255 characters"
    )


def test_a_file_that_everybody_can_read_is_warned_of(tmp_path):
    """As it is for the passwords of other users."""
    file = tmp_path / "password"
    file.write_text("from-the-file\n")
    file.chmod(0o644)
    with capture_logs() as lines:
        load(AdminUser(username="ops", password_file=str(file)))
    assert [line["file"] for line in lines] == [str(file)]


def test_admins_know_who_is_one():
    """By name: the credential, the role, and from where anybody may come."""
    admins = Admins({"ops": OPS})
    assert "ops" in admins
    assert "app" not in admins
    assert admins.credential("ops") is OPS.credential
    assert admins.credential("app") is None
    assert admins.role("ops") is AdminRole.OPERATOR
    assert admins.role("app") is None
    assert admins.networks() == (HERE,)
    assert repr(admins) == "<Admins: 1>"


def test_admins_can_be_others_later():
    """After a reload only the new ones are there."""
    admins = Admins({"ops": OPS})
    admins.replace({"eye": OPS})
    assert "ops" not in admins
    assert "eye" in admins


def test_admin_users_come_before_the_users_of_a_proxy():
    """Each is found whichever way is asked."""
    users = Passwords(credential("app"))
    both = AdminsFirst(Admins({"ops": OPS}), users)
    assert both.known("ops") is OPS.credential
    assert both.known("app") is users.there["app"]
    assert both.known("stranger") is None
    for ask in (both.find, both.refresh):
        for name, found in (("ops", OPS.credential), ("app", users.there["app"])):
            answers = []
            ask(name).addCallback(answers.append)
            assert answers == [found]
    assert "Admins: 1" in repr(both)


def test_a_new_look_takes_as_long_for_an_admin_user():
    """The users of the proxy are looked up for it too, so that the time tells nothing."""
    users = Passwords()
    AdminsFirst(Admins({"ops": OPS}), users).refresh("ops")
    assert users.asked == [("refresh", "ops")]


def test_no_target_is_looked_at_as_an_admin_user():
    """Targets do not know them."""
    both = AdminsFirst(Admins({"ops": OPS}), Passwords(credential("app")))
    assert both.users() == ("app",)
