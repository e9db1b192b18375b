"""Tests of `proxy.config.diff`."""

import attrs
import pytest

from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.diff import EFFECTS, Change, Effect, When, compare, effect_of
from proxy.config.load import load_text
from proxy.config.log import LogConfig
from proxy.config.reference import describe
from proxy.config.secret import Secret

TEXT = """
proxies:
  - name: shop
    auth:
      - {username: app, password: old-secret-1}
      - {auth_scheme: FILE, users_file: /etc/users.yaml}
    target_group:
      targets: [{address: db1}, {address: db2, role: READ_ONLY}]
    endpoints: [{name: main, listen: "tcp:3306"}]
"""
POOL = "proxies[shop].target_group.connection_pool_config"


def paths(old, new):
    """The paths of what differs."""
    return [change.path for change in compare(load_text(old, "old"), load_text(new, "new"))]


def test_every_setting_is_classified():
    """By itself or by a section around it; a new one without a line is noticed here."""
    for option in describe():
        if option.allowed != "a mapping":
            assert effect_of(option.key_path)


def test_the_table_names_settings_that_there_are():
    """Each line stands for a setting or a section of the model."""
    assert not {*EFFECTS} - {option.key_path for option in describe()}


def test_each_effect_is_a_sentence():
    """It is shown in the manual as it is."""
    assert all(one.says.endswith(".") for one in EFFECTS.values())


def test_what_is_unknown_is_nothing():
    """A setting that is under no line is a mistake."""
    with pytest.raises(KeyError, match=r"nothing\.at\.all"):
        effect_of("nothing.at.all")


def test_the_same_configuration_differs_in_nothing():
    """However often it is read."""
    assert paths(TEXT, TEXT) == []


def test_a_value_is_told_by_its_path():
    """With the names of the things on the way to it."""
    new = TEXT.replace("{address: db1}, ", "{address: db1, tls_server_name: one}, ").replace(
        "      targets:", "      connection_pool_config: {max_connections: 7}\n      targets:"
    )
    assert paths(TEXT, new) == [
        "proxies[shop].target_group.targets[db1].tls_server_name",
        f"{POOL}.max_connections",
    ]


def test_things_come_and_go_by_their_names():
    """What is new is told before what is gone."""
    new = TEXT.replace("address: db2", "address: db3").replace("name: main", "name: first")
    assert paths(TEXT, new) == [
        "proxies[shop].target_group.targets[db3]",
        "proxies[shop].target_group.targets[db2]",
        "proxies[shop].endpoints[first]",
        "proxies[shop].endpoints[main]",
    ]


def test_users_are_known_by_what_their_entry_has():
    """A name, a file or a secret; no password is ever shown."""
    new = TEXT.replace("old-secret-1", "new-secret-1").replace("/etc/users", "/etc/more")
    assert paths(TEXT, new) == [
        "proxies[shop].auth[app].password",
        "proxies[shop].auth[/etc/more.yaml]",
        "proxies[shop].auth[/etc/users.yaml]",
    ]
    old, new = load_text(TEXT, "old"), load_text(new, "new")
    assert "secret-1" not in repr(compare(old, new))


def test_another_order_is_a_change_of_the_list():
    """The first target is the first guess of who takes the writes."""
    new = TEXT.replace(
        "{address: db1}, {address: db2, role: READ_ONLY}",
        "{address: db2, role: READ_ONLY}, {address: db1}",
    )
    assert paths(TEXT, new) == ["proxies[shop].target_group.targets"]


def test_what_has_no_name_or_a_name_twice_has_a_number():
    """Nothing is lost where names do not tell things apart."""
    config = load_text(TEXT, "old")
    (proxy,) = config.proxies
    plain = AuthEntry(auth_scheme=AuthScheme.STATIC, password=Secret("x"))
    twice = (proxy.auth[0], attrs.evolve(proxy.auth[0], description="again"), plain)
    new = attrs.evolve(config, proxies=(attrs.evolve(proxy, auth=twice),))
    old = attrs.evolve(config, proxies=(attrs.evolve(proxy, auth=twice[:1]),))
    assert [change.path for change in compare(old, new)] == [
        "proxies[shop].auth[app #2]",
        "proxies[shop].auth[3]",
    ]


def test_a_change_says_when_it_counts():
    """By the line of the table that is nearest to it."""
    config = load_text(TEXT, "old")
    new = attrs.evolve(config, log=LogConfig(level="error", format="json"))
    table = {"log": Effect("Later.", When.RESTART), "log.level": Effect("Now.")}
    assert compare(config, new, table) == (
        Change("log.level", "log.level", When.LIVE),
        Change("log.format", "log.format", When.RESTART),
    )
