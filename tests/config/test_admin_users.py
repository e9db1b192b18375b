import pytest

from proxy.config.admin_users import (
    THIS_MACHINE,
    AdminRole,
    AdminUser,
    fault_of_password,
    find_faults_in_users,
)
from proxy.config.rules import UnfitError
from proxy.config.secret import Secret

GOOD = Secret("a-long-password")


def faults(*users, served=()):
    """What is found, as texts of path and message."""
    found = find_faults_in_users(users, served)
    return [(".".join(map(str, path)), message) for path, message in found]


def test_a_user_looks_only_and_comes_from_this_machine_unless_said_otherwise():
    """The defaults give away as little as they can."""
    user = AdminUser(username="ops")
    assert user.role is AdminRole.VIEWER
    assert user.allowed_networks == THIS_MACHINE


def test_a_password_is_not_in_the_repr():
    """Neither the password nor a hint at it is printed with the user."""
    text = repr(AdminUser(username="ops", password=Secret("hunter2hunter2")))
    assert "ops" in text
    assert "hunter2" not in text
    assert "password=" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("username", ""),
        ("username", "x" * 129),
        ("password", 4711),
        ("password_file", ""),
        ("password_env", ""),
        ("role", "ROOT"),
        ("allowed_networks", ("somewhere",)),
    ],
)
def test_each_setting_has_a_rule(name, value):
    """What no user can have is refused by name."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        AdminUser(**{"username": "ops", name: value})


def test_good_users_have_no_faults():
    """Passwords of each kind, and names that no proxy has, are fine."""
    assert not faults(
        AdminUser(username="ops", password=GOOD, role=AdminRole.OPERATOR),
        AdminUser(username="eye", password_file="/run/eye"),
        AdminUser(username="ear", password_env="EAR"),
        served=[("shop", "app")],
    )


def test_a_name_is_there_once():
    """The second user of a name is named."""
    users = [AdminUser(username="ops", password=GOOD)] * 2
    assert faults(*users) == [
        ("admin.users.1.username", "'ops' stands here a second time"),
    ]


def test_a_name_is_of_no_user_of_a_proxy():
    """The error names the user and the proxy that has it."""
    [(path, message)] = faults(
        AdminUser(username="app", password=GOOD), served=[("shop", "app"), ("blog", "web")]
    )
    assert path == "admin.users.0.username"
    assert "'app'" in message
    assert "'shop'" in message


def test_a_password_is_needed_and_one_only():
    """No source is a fault, and so is a second one."""
    assert faults(AdminUser(username="ops")) == [
        ("admin.users.0", "needs one of password, password_file, password_env")
    ]
    both = AdminUser(username="ops", password=GOOD, password_env="OPS")
    assert faults(both) == [
        (
            "admin.users.0.password_env",
            "cannot stand beside password: give one of the two",
        )
    ]


@pytest.mark.parametrize("password", ["", "seven77", "x" * 256])
def test_a_password_that_is_too_short_or_long_is_refused_unseen(password):
    """The fault says how long one has to be and nothing of the password."""
    [(path, message)] = faults(AdminUser(username="ops", password=Secret(password)))
    assert path == "admin.users.0.password"
    assert message == "has to have 8 to 255 characters"
    assert fault_of_password(password) == message


@pytest.mark.parametrize("password", ["eight888", "x" * 255])
def test_the_ends_of_the_range_are_in_it(password):
    """Passwords of 8 and of 255 characters are good."""
    assert not fault_of_password(password)


def test_no_network_is_a_fault():
    """An empty list would mean everywhere to some and nowhere to others."""
    user = AdminUser(username="ops", password=GOOD, allowed_networks=())
    [(path, message)] = faults(user)
    assert path == "admin.users.0.allowed_networks"
    assert "0.0.0.0/0" in message
