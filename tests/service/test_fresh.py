"""Tests of `proxy.service.fresh`."""

from functools import partial
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from proxy.config.load import load_config
from proxy.credentials.admins import Admins
from proxy.credentials.secrets_source import SecretsSource
from proxy.credentials.static import PasswordUnreadableError
from proxy.policy.standing import OperationRefusedError
from proxy.service.assembly import assemble
from proxy.service.fresh import begin_sources, make, read_anew, wait_for_secrets
from proxy.service.tokens import UnusableError

TEXT = """
proxies:
  - name: shop
    auth: [{username: app, password_file: password}]
    target_group: {targets: [{address: db1}]}
    endpoints: [{name: main, listen: "tcp:0"}]
admin: {users: [{username: boss, password_env: BOSS_PASSWORD}]}
"""
MORE = """
  - name: store
    auth: [{auth_scheme: FILE, users_file: users.yaml}]
    target_group: {targets: [{address: db1}]}
    endpoints: [{name: main, listen: "tcp:0"}]
"""


@pytest.fixture
def world(tmp_path, shared, monkeypatch):
    """A configuration in a file, and the proxies of it."""
    monkeypatch.setenv("BOSS_PASSWORD", "boss-secret-1")
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(TEXT)
    (tmp_path / "password").write_text("first")
    (tmp_path / "password").chmod(0o600)
    fresh = make(partial(load_config, path), {}, partial(assemble, shared=shared))
    before = {"shop": assemble(fresh.config.proxies[0], shared)}
    return SimpleNamespace(path=path, shared=shared, before=before, first=fresh)


def read(world):
    """Read the configuration again."""
    assembled = partial(assemble, shared=world.shared)
    return make(partial(load_config, world.path), world.before, assembled)


def test_proxies_that_there_are_get_materials_and_new_ones_are_put_together(world):
    """Each is found by its name."""
    world.path.write_text(TEXT.replace("admin:", f"{MORE.strip(chr(10))}\nadmin:"))
    fresh = read(world)
    assert [*fresh.materials] == ["shop"]
    assert [*fresh.added] == ["store"]
    assert fresh.assembly("shop", world.before) is world.before["shop"]
    assert fresh.assembly("store", world.before) is fresh.added["store"]
    assert [*fresh.admins] == ["boss"]


def test_what_cannot_be_used_is_told(world, monkeypatch):
    """That of all proxies, before anything is made of them."""
    (world.path.parent / "password").unlink()
    with pytest.raises(UnusableError, match="password_file"):
        read(world)
    (world.path.parent / "password").write_text("first")
    monkeypatch.delenv("BOSS_PASSWORD")
    with pytest.raises(PasswordUnreadableError, match="BOSS_PASSWORD"):
        read(world)


def test_a_password_that_is_another_one_is_told_by_the_setting_that_points_to_it(
    world, monkeypatch
):
    """Although the configuration is as before."""
    admins = Admins(world.first.admins)
    config = world.first.config
    assert [*read_anew(config, read(world), world.before, admins)] == []
    (world.path.parent / "password").write_text("second")
    monkeypatch.setenv("BOSS_PASSWORD", "boss-secret-2")
    assert [*read_anew(config, read(world), world.before, admins)] == [
        "proxies[shop].auth[app].password_file",
        "admin.users[boss].password_env",
    ]


def test_an_entry_that_is_new_is_no_password_that_changed(world):
    """It is told as what it is."""
    other = world.path.parent / "other"
    other.write_text("second")
    world.path.write_text(TEXT.replace("password_file: password", "password_file: other"))
    admins = Admins(world.first.admins)
    assert [*read_anew(world.first.config, read(world), world.before, admins)] == []


def test_only_new_sources_are_begun(world, tmp_path):
    """Those that there are go on as they are."""
    (tmp_path / "more.yaml").write_text("users: [{username: late, password: x}]")
    (tmp_path / "more.yaml").chmod(0o600)
    entry = "{auth_scheme: FILE, users_file: more.yaml}"
    world.path.write_text(
        TEXT.replace("password_file: password}", f"password_file: password}}, {entry}")
    )
    fresh = read(world)
    (source,) = begin_sources(fresh, world.before)
    assert source.known("late") is not None
    source.stop()
    world.before["shop"].workshop.materials = fresh.materials["shop"]
    assert begin_sources(read(world), world.before) == []


class Secrets(SecretsSource):
    """Secrets that are read when a test says so."""

    def __init__(self, *troubles):
        self.read = Deferred()
        self._troubles = troubles

    def find(self, _user):
        """See `SecretsSource`."""
        return self.read

    def troubles(self):
        """See `SecretsSource`."""
        return iter(self._troubles)


def test_secrets_are_waited_for():
    """Nobody is a stranger for a moment."""
    secrets, done = Secrets(), []
    ensureDeferred(wait_for_secrets([object(), secrets])).addCallback(lambda _: done.append(1))
    assert not done
    secrets.read.callback(None)
    assert done


def test_a_secret_that_cannot_be_read_is_a_reason_to_change_nothing():
    """Each is named, with its trouble."""
    secrets = Secrets(("shop/app", "access is denied"), ("shop/b", "there is none"))
    waiting = ensureDeferred(wait_for_secrets([secrets]))
    secrets.read.callback(None)
    caught = []
    waiting.addErrback(lambda failure: caught.append(failure.value))
    assert isinstance(caught[0], OperationRefusedError)
    assert caught[0].why.splitlines() == [
        "secret shop/app: access is denied",
        "secret shop/b: there is none",
    ]
