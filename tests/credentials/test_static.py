"""Tests of `proxy.credentials.static`."""

import attrs
import pytest
from structlog.testing import capture_logs

from proxy.config.auth import AuthEntry, ClientPasswordAuthType
from proxy.config.secret import Secret
from proxy.credentials.static import (
    PASSWORD_FILE_LIMIT,
    PasswordUnreadableError,
    load_static,
)
from proxy.wire.auth import CACHING_SHA2, NATIVE


def load(tmp_path, *entries, **environment):
    """Load entries, whose files are in this folder, and an environment."""
    placed = [
        attrs.evolve(entry, password_file=str(tmp_path / entry.password_file))
        if entry.password_file
        else entry
        for entry in entries
    ]
    return load_static(tuple(placed), environment)


def password(source, user="app"):
    """Say the passwords of a user, that are known at once."""
    return source.find(user).result.passwords


def test_a_password_may_stand_in_the_configuration(tmp_path):
    """The plain form needs nothing else."""
    source = load(tmp_path, AuthEntry(username="app", password=Secret("pass word")))
    assert password(source) == ("pass word",)


def test_a_user_may_be_for_monitors(tmp_path):
    """Its entry says so, and its password is known like any other."""
    monitor = AuthEntry(username="monitor", password=Secret("x"), for_monitor=True)
    source = load(tmp_path, AuthEntry(username="app", password=Secret("y")), monitor)
    assert password(source, "monitor") == ("x",)
    assert [source.known(user).for_monitor for user in source.users()] == [False, True]


def test_a_password_may_come_from_the_environment(tmp_path):
    """The variable named by password_env is read."""
    entry = AuthEntry(username="app", password_env="APP_PASSWORD")
    assert password(load(tmp_path, entry, APP_PASSWORD="secret")) == ("secret",)


@pytest.mark.parametrize("environment", [{}, {"APP_PASSWORD": ""}])
def test_a_variable_that_is_missing_or_empty_is_an_error(tmp_path, environment):
    """The error names user and variable: an account without a password is no accident."""
    entry = AuthEntry(username="app", password_env="APP_PASSWORD")
    with pytest.raises(PasswordUnreadableError, match=r"'app'.*'APP_PASSWORD'"):
        load(tmp_path, entry, **environment)


def test_an_empty_password_has_to_be_written_out(tmp_path):
    """Whoever sets it in the configuration itself means it."""
    source = load(tmp_path, AuthEntry(username="app", password=Secret("")))
    assert password(source) == ("",)


@pytest.mark.parametrize(
    "content", ["secret", "secret\n", "secret\r\n", "secret\nsecond line\n"]
)
def test_a_password_may_be_the_first_line_of_a_file(tmp_path, content):
    """Only the first line counts, without its end; a relative path starts at the folder."""
    (tmp_path / "app.password").write_bytes(content.encode())
    source = load(tmp_path, AuthEntry(username="app", password_file="app.password"))
    assert password(source) == ("secret",)


def test_spaces_belong_to_a_password(tmp_path):
    """Nothing but the end of the line is cut off."""
    (tmp_path / "app.password").write_text(" secret \n")
    source = load(tmp_path, AuthEntry(username="app", password_file="app.password"))
    assert password(source) == (" secret ",)


def test_an_absolute_path_is_taken_as_it_is(tmp_path):
    """A file elsewhere is named by its whole path."""
    file = tmp_path / "elsewhere"
    file.write_text("secret")
    entry = AuthEntry(username="app", password_file=str(file))
    assert password(load(tmp_path / "not-here", entry)) == ("secret",)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"", b"\n", b"\r\nsecret"])
def test_a_file_without_a_password_is_an_error(tmp_path, content):
    """Missing, no text, or an empty first line: the error names user and file."""
    if content is not None:
        (tmp_path / "app.password").write_bytes(content)
    with pytest.raises(PasswordUnreadableError, match=r"'app'.*app\.password"):
        load(tmp_path, AuthEntry(username="app", password_file="app.password"))


def test_a_password_has_a_length_at_most(tmp_path):
    """A file of another kind, named by mistake, is neither taken whole nor cut short."""
    entry = AuthEntry(username="app", password_file="app.password")
    (tmp_path / "app.password").write_bytes(b"x" * PASSWORD_FILE_LIMIT)
    assert password(load(tmp_path, entry)) == ("x" * PASSWORD_FILE_LIMIT,)
    (tmp_path / "app.password").write_bytes(b"x" * (PASSWORD_FILE_LIMIT + 1))
    with pytest.raises(PasswordUnreadableError, match="first line is longer than 4,096 bytes"):
        load(tmp_path, entry)


def test_a_password_file_that_others_may_read_is_told(tmp_path):
    """Once, with its name."""
    path = tmp_path / "app.password"
    path.write_text("secret")
    for mode, told in ((0o644, [str(path)]), (0o640, [])):
        path.chmod(mode)
        with capture_logs() as lines:
            load(tmp_path, AuthEntry(username="app", password_file="app.password"))
        assert [line["file"] for line in lines] == told


def test_the_plugin_follows_the_setting(tmp_path):
    """Each type has its plugin, and none means what suits the target."""
    kinds = {
        None: "",
        ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD: NATIVE,
        ClientPasswordAuthType.MYSQL_CACHING_SHA2_PASSWORD: CACHING_SHA2,
    }
    for kind, plugin in kinds.items():
        entry = AuthEntry(username="app", password=Secret("x"), client_password_auth_type=kind)
        assert load(tmp_path, entry).find("app").result.plugin == plugin


def test_unknown_users_have_no_credential(tmp_path):
    """Only users of the configuration are known, and listed in its order."""
    source = load(
        tmp_path,
        AuthEntry(username="b", password=Secret("x")),
        AuthEntry(username="a", password=Secret("y")),
    )
    assert source.find("root").result is None
    assert source.users() == ("b", "a")
    assert [source.claims(user) for user in ("a", "root")] == [True, False]
    assert repr(source) == "<StaticSource of 2 users>"
