"""Tests of `proxy.cli.trial_servers`."""

from __future__ import annotations

import pytest

from proxy.cli import trial_servers
from proxy.cli.trial_servers import TrialServers, address_of, start_trial_servers
from proxy.embedded import Flavor, ReplicatedServers, ServerFailedError, ServerNotFoundError


class Server:
    """Notes that it was closed."""

    def __init__(self, port):
        self.host = "127.0.0.1"
        self.port = port
        self.is_closed = False

    def close(self):
        self.is_closed = True


def test_a_pair_is_started_that_keeps_what_was_acknowledged(monkeypatch):
    """The primary is the first; after a change of roles it is another one; both are closed."""
    one, other = Server(1), Server(2)
    asked = []

    def start(flavor, *, semi_sync):
        asked.append((flavor, semi_sync))
        return ReplicatedServers(one, [other], "secret", semi_sync)

    monkeypatch.setattr(trial_servers, "start_replicated", start)
    with start_trial_servers(Flavor.MARIADB) as servers:
        assert servers.first is servers.primary is one
        assert servers.all == (one, other)
        servers.group.primary, servers.group.replicas = other, [one]
        assert servers.first is one
        assert servers.primary is other
    assert asked == [(Flavor.MARIADB, True)]
    assert one.is_closed
    assert other.is_closed


def test_one_server_does_where_there_is_no_pair(monkeypatch, capsys):
    """As in a container; why is said."""

    def fail(flavor, *, semi_sync):  # noqa: ARG001 - as it is called
        raise ServerFailedError("a container has no replica")

    one = Server(1)
    monkeypatch.setattr(trial_servers, "start_replicated", fail)
    monkeypatch.setattr(trial_servers, "start_server", lambda _: one)
    with start_trial_servers(Flavor.MYSQL) as servers:
        assert servers.group is None
        assert servers.primary is one
        assert servers.all == (one,)
    assert one.is_closed
    assert capsys.readouterr().err == (
        "There is one server only, and no failover: a container has no replica\n"
    )


def test_without_any_server_it_is_said_what_to_install(monkeypatch):
    """The advice is that of whoever looked for servers."""

    def fail(*_, **__):
        raise ServerNotFoundError("install one")

    monkeypatch.setattr(trial_servers, "start_replicated", fail)
    monkeypatch.setattr(trial_servers, "start_server", fail)
    with pytest.raises(ServerNotFoundError, match="install one"):
        start_trial_servers(Flavor.MYSQL)


def test_an_address_is_that_of_the_configuration():
    """Host and port."""
    assert address_of(TrialServers(Server(3307)).first) == "127.0.0.1:3307"
