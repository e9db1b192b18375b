from pathlib import Path

import pytest

from proxy.embedded import launch
from proxy.embedded.certificates import CertificateFiles
from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import EmbeddedError, ServerFailedError, ServerNotFoundError
from proxy.embedded.launch import (
    Way,
    chosen_ways,
    find_programs,
    start_local_server,
    start_server,
)

PROGRAMS = Distribution(Flavor.MYSQL, "9.7.4", "/usr/sbin/mysqld")
FILES = CertificateFiles(Path("/ca.pem"), Path("/certificate.pem"), Path("/key.pem"))


@pytest.fixture
def ways(monkeypatch):
    """All three ways, none of which leads anywhere; gives what was tried and told."""
    tried = []

    def none_installed(*_):
        tried.append("system")

    def no_packages(*_):
        tried.append("debian")
        raise EmbeddedError("no mirror")

    def no_engine(*_, **__):
        tried.append("container")
        raise EmbeddedError("no engine")

    monkeypatch.setattr(launch, "installed", none_installed)
    monkeypatch.setattr(launch.debian, "server", no_packages)
    monkeypatch.setattr(launch, "start_container", no_engine)
    monkeypatch.delenv("MYSQLPROXY_SERVERS", raising=False)
    return tried


def test_every_way_is_tried_in_order_and_the_advice_names_them(ways):
    """Without a server one sentence says what to install and why each way failed."""
    told = []
    with pytest.raises(ServerNotFoundError) as missing:
        start_server(Flavor.MYSQL, progress=told.append)
    assert ways == ["system", "debian", "container"]
    assert told == ["no mirror", "no engine"]
    assert str(missing.value) == (
        "There is no MySQL server to start here: install mysql-community-server (or "
        "mysql-server), version 8.0.23 or newer, so that its server is on PATH, or start a "
        "container engine and install mysqlproxy[containers] (tried system: none is "
        "installed; debian: no mirror; container: no engine)"
    )


def test_first_way_that_works_is_the_last_that_is_tried(ways, monkeypatch):
    """An installed server is started, and nothing is downloaded."""
    monkeypatch.setattr(launch, "installed", lambda *_: PROGRAMS)
    monkeypatch.setattr(launch, "start_local", lambda programs, *_, **__: programs)
    assert start_server(Flavor.MYSQL, progress=print) is PROGRAMS
    assert ways == []


def test_installed_server_that_does_not_start_is_not_the_end(ways, monkeypatch):
    """A server that the system forbids to start here leaves the other ways open."""

    def forbidden(*_, **__):
        raise ServerFailedError("permission denied")

    monkeypatch.setattr(launch, "installed", lambda *_: PROGRAMS)
    monkeypatch.setattr(launch, "start_local", forbidden)
    with pytest.raises(ServerNotFoundError, match="system: permission denied; debian"):
        start_server(Flavor.MYSQL, progress=print)
    assert ways == ["debian", "container"]


def test_certificate_reaches_the_local_server(ways, monkeypatch):
    """The files go to the way that can use them."""
    given = []
    monkeypatch.setattr(launch, "installed", lambda *_: PROGRAMS)
    monkeypatch.setattr(launch, "start_local", lambda *_, tls, **__: given.append(tls))
    start_server(Flavor.MYSQL, progress=print, tls=FILES)
    assert given == [FILES]
    assert ways == []


def test_container_with_a_certificate_is_refused(ways):
    """No container is started without the certificate that was asked for."""
    with pytest.raises(ServerNotFoundError, match=r"container: A server in a container cannot"):
        start_server(Flavor.MYSQL, ways=[Way.CONTAINER], progress=print, tls=FILES)
    assert ways == []


def test_settings_reach_the_local_server_and_no_container(ways, monkeypatch):
    """Options of one's own go to the way that can use them, or nowhere."""
    given = []
    monkeypatch.setattr(
        launch, "start_local", lambda *_, settings, **__: given.append(settings)
    )
    wanted = {"skip-networking": "OFF"}
    with pytest.raises(ServerNotFoundError, match="cannot be given settings"):
        start_server(Flavor.MYSQL, progress=print, settings=wanted)
    assert ways == ["system", "debian"]
    monkeypatch.setattr(launch, "installed", lambda *_: PROGRAMS)
    start_server(Flavor.MYSQL, progress=print, settings=wanted)
    assert given == [wanted]


def test_programs_are_found_without_starting_them(ways, monkeypatch):
    """Whoever starts servers by itself gets the programs, or the usual advice."""
    told = []
    with pytest.raises(ServerNotFoundError, match=r"system: no programs; debian: no mirror"):
        find_programs(Flavor.MYSQL, progress=told.append)
    assert (ways, told) == (["system", "debian"], ["no mirror"])
    monkeypatch.setattr(launch, "installed", lambda *_: PROGRAMS)
    assert find_programs(Flavor.MYSQL, progress=print) is PROGRAMS


def test_local_server_is_not_looked_for_in_containers(ways):
    """Replicas need processes of this machine: containers are left out."""
    with pytest.raises(ServerNotFoundError):
        start_local_server(Flavor.MARIADB, progress=print)
    assert ways == ["system", "debian"]


def test_environment_chooses_ways_in_its_order():
    """The variable lists ways by name; without it all are tried."""
    chosen = chosen_ways({"MYSQLPROXY_SERVERS": "debian, system"})
    assert chosen == (Way.DEBIAN, Way.SYSTEM)
    assert chosen_ways({}) == tuple(Way)


def test_unknown_way_is_refused_with_the_known_ones():
    """A misspelt way does not silently mean another."""
    with pytest.raises(EmbeddedError, match="it may name system, debian, container"):
        chosen_ways({"MYSQLPROXY_SERVERS": "docker"})


def test_progress_goes_to_standard_error(capsys):
    """A program's output is not mixed with progress."""
    launch.tell("downloading")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "mysqlproxy: downloading\n"
