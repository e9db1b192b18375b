"""Tests of `proxy.config.admin`."""

from __future__ import annotations

import pytest

from proxy.config.admin import (
    MOST_PATH_BYTES,
    AdminConfig,
    AdminPort,
    AdminSocket,
    parse_admin_listen,
)
from proxy.config.rules import UnfitError


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
        (r"tcp:65535:interface=\:\:1", AdminPort(65535, "::1")),
    ],
)
def test_reads_each_form(text, place):
    """Unix sockets with or without a mode, and ports of the loopback interface."""
    assert parse_admin_listen(text) == place
    assert AdminConfig(listen=text).place == place


@pytest.mark.parametrize(
    "text",
    [
        "tcp:8033",
        "tcp:8033:interface=0.0.0.0",
        "tcp:8033:interface=10.0.0.7",
        "tcp:8033:interface=localhost",
        "tcp:8033:interface=",
        "tcp:8033:interface=127.0.0.1:backlog=5",
        "tcp6:8033:interface=::1",
        "ssl:8033",
        "systemd:domain=INET:index=0",
        "localhost:8033",
        "",
    ],
)
def test_what_others_could_reach_is_refused(text):
    """Nobody is asked for a token, and the error says that this is why."""
    with pytest.raises(UnfitError, match=r"^listen must be unix:/path, .*no token"):
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
