import pytest

from proxy.embedded.distribution import Flavor
from proxy.embedded.find import installed

TEXTS = {
    "new": "mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)",
    "old": "mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))",
    "maria": "mysqld  Ver 11.8.2-MariaDB for debian-linux-gnu on x86_64",
    "broken": "no such library",
}


@pytest.fixture
def folders(tmp_path):
    """One folder for each kind of server, by the name of the kind."""
    made = {}
    for kind, text in TEXTS.items():
        made[kind] = tmp_path / kind / "sbin"
        made[kind].mkdir(parents=True)
        program = made[kind] / "mysqld"
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o755)
    return made


def look(flavor, *folders):
    told = []
    return installed(flavor, told.append, [str(folder) for folder in folders]), told


def test_first_usable_server_wins(folders):
    """Servers of the other flavor are passed over without a word."""
    found, told = look(Flavor.MYSQL, folders["maria"], folders["new"])
    assert found.server == folders["new"] / "mysqld"
    assert told == []


def test_mariadb_is_found_under_the_name_of_mysqld(folders):
    """A MariaDB that is installed as mysqld only is found."""
    found, _ = look(Flavor.MARIADB, folders["new"], folders["maria"])
    assert found.version == "11.8.2"


def test_server_that_is_too_old_is_passed_over_and_named(folders):
    """MySQL 5.7 is not used, and the reader learns why."""
    found, told = look(Flavor.MYSQL, folders["old"])
    assert found is None
    said = f"MySQL 5.7.44 ({folders['old']}/mysqld) is too old"
    assert told == [f"{said}: 8.0.23 is the oldest that can be used."]


def test_server_that_does_not_run_is_passed_over_and_named(folders):
    """A broken program does not hide a good one behind it."""
    found, told = look(Flavor.MYSQL, folders["broken"], folders["new"])
    assert found.version == "9.7.4"
    assert "no such library" in told[0]


def test_link_to_a_server_seen_before_is_not_asked_again(folders, tmp_path):
    """One program under two paths is examined once."""
    (tmp_path / "link").symlink_to(folders["broken"])
    _, told = look(Flavor.MYSQL, folders["broken"], tmp_path / "link")
    assert len(told) == 1


def test_path_is_searched_by_default(folders, monkeypatch):
    """Without folders given, those of PATH come first."""
    monkeypatch.setenv("PATH", str(folders["new"]))
    found = installed(Flavor.MYSQL, print)
    assert found.server == folders["new"] / "mysqld"
