"""Tests of `proxy.cli.trial_config`."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest

from proxy.cli.trial_config import Trial
from proxy.cli.trial_servers import TrialServers
from proxy.config.admin import AdminPort
from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.aws import AwsConfig
from proxy.config.checks import find_faults
from proxy.config.failover import Topology
from proxy.embedded import ReplicatedServers
from proxy.embedded.certificates import CertificateFiles


class Server:
    """Notes what it is told."""

    def __init__(self, port):
        self.host, self.port = "127.0.0.1", port
        self.statements = []
        self.users = []

    def execute(self, *statements):
        self.statements += statements

    def create_user(self, name, password, grants=("ALL PRIVILEGES ON *.*",)):
        self.users.append((name, password, grants))


def trial_of(folder, *servers, secret=None):
    """A trial of these servers, the first of which leads."""
    files = CertificateFiles(*(folder / name for name in ("ca", "certificate", "key")))
    first, *others = servers
    group = ReplicatedServers(first, others, "secret") if others else None
    return Trial(TrialServers(first, group), folder, files, 3306, 7, secret=secret)


def test_a_pair_is_watched_as_replication(tmp_path):
    """Both are targets, and monitors have a user of their own."""
    trial = trial_of(tmp_path, Server(1), Server(2))
    config = trial.config("warning")
    assert [*find_faults(config)] == []
    (proxy,) = config.proxies
    assert proxy.target_group.topology is Topology.REPLICATION
    assert [one.address for one in proxy.target_group.targets] == ["127.0.0.1:1", "127.0.0.1:2"]
    assert proxy.target_group.connection_pool_config.max_connections == 7
    assert [(one.username, one.for_monitor) for one in proxy.auth] == [
        ("app", False),
        ("monitor", True),
    ]
    assert proxy.target_group.failover.monitor_username == "monitor"
    assert proxy.endpoints[0].listen == "tcp:3306:interface=127.0.0.1"
    assert config.log.level == "warning"


def test_one_server_is_the_writer_for_good(tmp_path):
    """There is nothing to choose."""
    config = trial_of(tmp_path, Server(1)).config("error")
    assert [*find_faults(config)] == []
    assert config.proxies[0].target_group.topology is Topology.STATIC


def test_commands_reach_the_proxy_by_a_socket_of_this_user(tmp_path):
    """It is in the folder of the trial, and nobody else may open it."""
    trial = trial_of(tmp_path, Server(1))
    place = trial.config("error").admin.place
    assert place == trial.admin
    assert (place.path, place.mode) == (f"{tmp_path}/admin.sock", 0o600)


def test_the_dashboard_is_for_whoever_has_its_address(tmp_path):
    """A port of this machine, and a token that may act; nothing is there without a port."""
    trial = attrs.evolve(trial_of(tmp_path, Server(1)), dashboard_port=8033)
    admin = trial.config("error").admin
    assert [*find_faults(trial.config("error"))] == []
    assert admin.places == (trial.admin, AdminPort(8033))
    (token,) = admin.tokens
    assert (token.role.value, token.token.reveal()) == ("OPERATOR", trial.token)
    assert trial.dashboard == f"http://127.0.0.1:8033/#token={trial.token}"
    assert trial_of(tmp_path, Server(1)).config("error").admin.tokens == ()


def test_a_password_may_be_in_a_secret(tmp_path):
    """Then it does not stand in the configuration."""
    secret = SimpleNamespace(
        entry=lambda: AuthEntry(auth_scheme=AuthScheme.SECRETS, secret_arn="show/app"),
        reach=lambda: AwsConfig(region="eu-central-1"),
    )
    config = trial_of(tmp_path, Server(1), Server(2), secret=secret).config("error")
    assert [*find_faults(config)] == []
    (proxy,) = config.proxies
    assert proxy.auth[0].secret_arn == "show/app"
    assert proxy.aws.region == "eu-central-1"


@pytest.mark.parametrize("count", [1, 2])
def test_the_application_may_not_write_to_what_is_read_only(tmp_path, count, monkeypatch):
    """It has all rights on databases and none on the server; the replica has the users too."""
    waits = []

    def wait(group):
        waits.append(group)

    monkeypatch.setattr(ReplicatedServers, "wait_until_caught_up", wait)
    servers = [Server(number) for number in range(count)]
    trial = trial_of(tmp_path, *servers)
    trial.make_users()
    assert servers[0].statements == ["CREATE DATABASE IF NOT EXISTS shop"]
    assert servers[0].users == [
        ("app", trial.password, ("ALL PRIVILEGES ON `%`.*",)),
        ("monitor", trial.monitor_password, ("ALL PRIVILEGES ON *.*",)),
    ]
    assert len(waits) == count - 1


def test_passwords_are_not_shown(tmp_path):
    """Nor are they those of another trial."""
    trial, other = trial_of(tmp_path, Server(1)), trial_of(tmp_path, Server(1))
    assert trial.password not in repr(trial)
    assert trial.monitor_password not in repr(trial)
    assert trial.token not in repr(trial)
    assert trial.password != other.password
