"""Tests of `proxy.config.admin`."""

from __future__ import annotations

import pytest

from proxy.config.admin import (
    MOST_PATH_BYTES,
    AdminConfig,
    AdminPort,
    AdminSocket,
    AdminTls,
    AdminToken,
    parse_admin_listen,
)
from proxy.config.admin_users import AdminRole
from proxy.config.rules import UnfitError
from proxy.config.secret import Secret


def test_nobody_is_listened_to_by_default():
    """Who wants the admin API says so."""
    config = AdminConfig()
    assert config.listen is None
    assert config.place is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("unix:/run/mysqlproxy/admin.sock", AdminSocket("/run/mysqlproxy/admin.sock", 0o660)),
        ("unix:/a/b:mode=600", AdminSocket("/a/b", 0o600)),
        ("unix:/a/b:mode=0666", AdminSocket("/a/b", 0o666)),
        ("tcp:8033:interface=127.0.0.1", AdminPort(8033)),
        ("tcp:1:interface=127.9.9.9", AdminPort(1, "127.9.9.9")),
        ("tcp:65535:interface=::1", AdminPort(65535, "::1")),
        ("tcp:8033:interface=0.0.0.0", AdminPort(8033, "0.0.0.0")),
        ("tcp:8033:interface=10.0.0.7", AdminPort(8033, "10.0.0.7")),
        (r"tcp:65535:interface=\:\:1", AdminPort(65535, "::1")),
    ],
)
def test_reads_each_form(text, place):
    """Unix sockets with or without a mode, and ports of an address."""
    assert parse_admin_listen(text) == place
    assert AdminConfig(listen=text).place == place


def test_there_may_be_several_places():
    """The first is where commands on this machine call."""
    config = AdminConfig(listen=("unix:/a", "tcp:1:interface=10.0.0.7"))
    assert config.places == (AdminSocket("/a"), AdminPort(1, "10.0.0.7"))
    assert config.place == AdminSocket("/a")
    assert AdminConfig(listen=()).place is None


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.7", False)],
)
def test_a_port_says_whether_others_reach_it(host, is_loopback):
    """By its address: there is no name in it that could change its meaning."""
    assert AdminPort(1, host).is_loopback is is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "tcp:8033",
        "tcp:8033:interface=localhost",
        "tcp:8033:interface=fe80::1%eth0",
        "tcp:8033:interface=",
        "tcp:8033:interface=127.0.0.1:backlog=5",
        "tcp6:8033:interface=::1",
        "ssl:8033",
        "systemd:domain=INET:index=0",
        "localhost:8033",
        "",
    ],
)
def test_what_names_no_address_is_refused(text):
    """The error says how to name all of them."""
    with pytest.raises(UnfitError, match=r"^listen must be unix:/path, .*0\.0\.0\.0"):
        AdminConfig(listen=text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unix:admin.sock", "absolute"),
        ("unix:/", "absolute"),
        ("unix:/a:mode=abc", "octal"),
        ("unix:/a:mode=060", "octal"),
        ("unix:/a/b:lockfile=0", "no colon"),
        ("unix:/" + "a" * MOST_PATH_BYTES, "more than 107 bytes"),
        ("tcp:0:interface=127.0.0.1", "from 1 to 65535"),
        ("tcp:65536:interface=127.0.0.1", "from 1 to 65535"),
        (8033, "not 8033"),
    ],
)
def test_what_makes_no_sense_is_refused(text, why):
    """Relative and long paths, modes that nobody could use, and ports that nobody finds."""
    with pytest.raises(UnfitError, match=why):
        AdminConfig(listen=text)


@pytest.mark.parametrize("text", ["unix:/a/b", "tcp:8033:interface=127.0.0.1"])
def test_places_are_written_as_they_are_read(text):
    """The text of a place gives the same place."""
    assert str(parse_admin_listen(text)) == text


TOKEN = "0123456789abcdef"


def test_tokens_are_shown_to_nobody():
    """Neither by the entry, nor by what it says of one that is none."""
    entry = AdminToken(name="ci", token=Secret(TOKEN))
    assert TOKEN not in repr(entry)
    assert entry.role is AdminRole.VIEWER
    with pytest.raises(UnfitError, match="token must be 16 to 512") as caught:
        AdminToken(name="ci", token=Secret("too short"))
    assert "too short" not in str(caught.value)


@pytest.mark.parametrize("token", [TOKEN[1:], f"{TOKEN} ", f"{TOKEN}\n", "ä" * 16, "a" * 513])
def test_tokens_are_long_and_fit_in_a_header(token):
    """So that nobody guesses one, and each client can send it."""
    with pytest.raises(UnfitError):
        AdminToken(name="ci", token=Secret(token))
    assert AdminToken(name="ci", token=Secret(f"{TOKEN}-._~+/==")).token is not None


def test_places_that_others_reach_are_told_apart():
    """Neither unix sockets nor addresses of the loopback interface are."""
    places = ("unix:/a", "tcp:1:interface=127.0.0.2", "tcp:2:interface=::1")
    assert AdminConfig(listen=places).reached == ()
    config = AdminConfig(listen=(*places, "tcp:3:interface=::", "tcp:4:interface=10.0.0.1"))
    assert [place.port for place in config.reached] == [3, 4]


@pytest.mark.parametrize(
    ("settings", "asks"),
    [
        ({}, False),
        ({"tokens": (AdminToken(name="ci", token=Secret(TOKEN)),)}, True),
        ({"tls": AdminTls(client_ca="ca.pem")}, True),
        ({"tls": AdminTls(certificate="a", private_key="b")}, False),
    ],
)
def test_who_calls_is_asked_for_where_there_is_something_to_show(settings, asks):
    """A token, or a certificate of the caller's."""
    assert AdminConfig(**settings).asks_who is asks
