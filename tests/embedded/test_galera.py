import pytest

from proxy.embedded import Flavor, ServerFailedError
from proxy.embedded import debian as debian_module
from proxy.embedded import galera as galera_module
from proxy.embedded.distribution import Distribution
from proxy.embedded.galera import start_galera


@pytest.fixture(scope="module")
def cluster():
    """Three members, a table, and an application's account."""
    with start_galera() as servers:
        first = servers.members[0]
        first.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT PRIMARY KEY)")
        first.create_user("app", "app-secret-1", grants=("ALL ON shop.*",))
        yield servers


def insert(server, number):
    with server.connect(user="app", password="app-secret-1") as connection:
        connection.cursor().execute(f"INSERT INTO shop.a VALUES ({number})")


def rows_of(server):
    rows = server.execute("SET SESSION wsrep_sync_wait = 1", "SELECT i FROM shop.a ORDER BY i")
    return [number for (number,) in rows]


@pytest.mark.live
def test_every_member_takes_writes_and_has_those_of_the_others(cluster):
    """A row written anywhere is everywhere, and the accounts are too."""
    assert cluster.ready() == cluster.members
    for number, member in enumerate(cluster.members):
        insert(member, number)
    assert [rows_of(member) for member in cluster.members] == [[0, 1, 2]] * 3


@pytest.mark.live
def test_killed_member_is_dropped_and_comes_back_with_what_it_missed(cluster):
    """The others write on after a moment, and the killed one gets their data."""
    killed, second, third = cluster.members
    killed.kill()
    insert(second, 10)
    cluster.wait_until_ready([second, third])
    assert cluster.ready() == [second, third]
    with pytest.raises(ServerFailedError, match="not ready within 0 s"):
        cluster.wait_until_ready(limit_seconds=0)
    cluster.rejoin(killed)
    assert rows_of(killed) == rows_of(second)
    insert(killed, 11)
    assert rows_of(third)[-1] == 11


@pytest.mark.live
def test_stopped_member_comes_back_with_its_own_data(cluster):
    """After an orderly stop only what was missed is sent."""
    stopped, second, _ = cluster.members
    stopped.stop()
    insert(second, 20)
    cluster.rejoin(stopped)
    assert rows_of(stopped)[-1] == 20


@pytest.mark.live
def test_frozen_member_is_dropped_and_comes_back_once_thawed(cluster):
    """A write elsewhere waits until the frozen member is dropped; thawed, it gets the row."""
    frozen, second, _ = cluster.members
    frozen.freeze()
    insert(second, 30)
    assert frozen not in cluster.ready()
    cluster.rejoin(frozen)
    assert rows_of(frozen)[-1] == 30


@pytest.mark.live
def test_cluster_whose_members_all_died_begins_anew(cluster):
    """One member begins, the others rejoin, and every row is there."""
    before = rows_of(cluster.members[1])
    for member in cluster.members:
        member.kill()
    assert cluster.ready() == []
    cluster.bootstrap(cluster.members[1])
    cluster.rejoin(cluster.members[0])
    assert rows_of(cluster.members[0]) == before


def test_installed_server_uses_the_installed_library(monkeypatch, tmp_path):
    """The library comes from where the server comes from, or is unpacked."""
    library = tmp_path / "libgalera_smm.so"
    monkeypatch.setattr(galera_module, "_INSTALLED", (str(library),))
    monkeypatch.setattr(debian_module, "galera_library", lambda _progress: "unpacked")
    installed = Distribution(Flavor.MARIADB, "11.4.2", tmp_path / "mariadbd")
    unpacked = Distribution(Flavor.MARIADB, "11.4.2", tmp_path / "mariadbd", ("ld.so",))
    assert galera_module._library(installed, print) == "unpacked"
    library.touch()
    assert galera_module._library(installed, print) == library
    assert galera_module._library(unpacked, print) == "unpacked"
