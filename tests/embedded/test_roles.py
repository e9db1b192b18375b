import pymysql
import pytest

from proxy.embedded import Flavor, start_replicated
from proxy.embedded.following import status
from proxy.embedded.roles import accept_writes, promote, refuse_writes, rejoin

pytestmark = pytest.mark.live

INSERT = "INSERT INTO shop.a VALUES (1)"


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary with one replica and an application's account."""
    with start_replicated(request.param) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        servers.primary.create_user("app", "app-secret-1", grants=("ALL ON shop.*",))
        servers.wait_until_caught_up()
        yield servers


def write(server):
    with server.connect(user="app", password="app-secret-1") as connection:
        connection.cursor().execute(INSERT)


def refuses(server):
    with pytest.raises(pymysql.err.MySQLError) as refused:
        write(server)
    return refused.value.args[0] == 1290


def test_refusal_of_writes_outlives_a_restart_and_can_be_taken_back(group):
    """A read-only server refuses applications, after a restart too, until it is told."""
    refuse_writes(group.primary)
    assert refuses(group.primary)
    group.primary.kill()
    group.primary.start()
    assert refuses(group.primary)
    accept_writes(group.primary)
    write(group.primary)
    group.primary.kill()
    accept_writes(group.primary)
    refuse_writes(group.primary)
    group.primary.start()
    assert refuses(group.primary)
    accept_writes(group.primary)
    write(group.primary)


def test_promoted_replica_takes_writes_and_its_old_primary_follows(group):
    """All committed rows are on the new primary, and the old one gets what comes then."""
    old, [new] = group.primary, group.replicas
    for _ in range(20):
        write(old)
    [[before]] = old.execute("SELECT COUNT(*) FROM shop.a")
    group.wait_until_caught_up()
    old.kill()
    promote(new)
    assert status(new) == {}
    write(new)
    rejoin(old, new, group.replication_password)
    group.primary, group.replicas = new, [old]
    group.wait_until_caught_up()
    assert old.execute("SELECT COUNT(*) FROM shop.a") == ((before + 1,),)
    assert refuses(old)
    new.kill()
    new.start()
    write(new)


def test_frozen_old_primary_that_wrote_alone_starts_anew(group):
    """What only the old primary has is gone when it follows; the rest is there, once."""
    old, [new] = group.primary, group.replicas
    group.wait_until_caught_up()
    promote(new)
    write(old)
    write(new)
    write(new)
    old.freeze()
    told = []
    rejoin(old, new, group.replication_password, told.append)
    assert "lost transactions" in told[0]
    group.primary, group.replicas = new, [old]
    group.wait_until_caught_up()
    assert old.execute("SELECT COUNT(*) FROM shop.a") == new.execute(
        "SELECT COUNT(*) FROM shop.a"
    )
    assert refuses(old)
    promote(old)
    rejoin(new, old, group.replication_password, told.append)
    write(old)
    group.primary, group.replicas = old, [new]
    group.wait_until_caught_up()
    assert len(told) == 1
