import pymysql
import pytest

from proxy.embedded import Flavor, ServerFailedError, start_replicated
from proxy.embedded import replication as replication_module
from proxy.embedded.replication import wait_until_caught_up

pytestmark = pytest.mark.live


@pytest.fixture(params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary with one replica and an application's account."""
    with start_replicated(request.param) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        servers.primary.create_user("app", "app-secret-1", grants=("ALL ON shop.*",))
        servers.wait_until_caught_up()
        yield servers


def test_replica_has_what_its_primary_committed_and_keeps_following(group):
    """After the wait rows are on the replica, also after its restart."""
    [replica] = group.replicas
    assert group.servers == (group.primary, replica)
    group.primary.execute("INSERT INTO shop.a VALUES (1)")
    group.wait_until_caught_up()
    assert replica.execute("SELECT i FROM shop.a") == ((1,),)
    replica.stop()
    replica.start()
    group.primary.execute("INSERT INTO shop.a VALUES (2)")
    group.wait_until_caught_up()
    assert replica.execute("SELECT i FROM shop.a ORDER BY i") == ((1,), (2,))
    with (
        replica.connect(user="app", password="app-secret-1") as connection,
        pytest.raises(pymysql.err.MySQLError) as refused,
    ):
        connection.cursor().execute("INSERT INTO shop.a VALUES (3)")
    assert refused.value.args[0] == 1290


def test_replica_that_stopped_following_is_told_with_its_own_error(group):
    """A row that the replica has already stops it, and the wait tells its words."""
    [replica] = group.replicas
    row = "INSERT INTO shop.twice VALUES (77)"
    group.primary.execute("CREATE TABLE shop.twice (i INT PRIMARY KEY)")
    group.wait_until_caught_up()
    replica.execute("SET GLOBAL read_only = OFF")
    replica.execute("SET SESSION sql_log_bin = 0", row)
    group.primary.execute(row)
    with pytest.raises(ServerFailedError, match=r"did not catch up.*(twice|Worker 1 failed)"):
        wait_until_caught_up(replica, group.primary, limit_seconds=2)


def test_failed_start_leaves_no_server(monkeypatch):
    """When a replica cannot follow, the primary is ended as well."""
    started = []

    def fail(replica, primary, _password):
        started.extend([replica, primary])
        raise ServerFailedError("no way")

    monkeypatch.setattr(replication_module, "follow", fail)
    with pytest.raises(ServerFailedError, match="no way"):
        start_replicated(Flavor.MARIADB)
    assert [server.is_running() for server in started] == [False, False]
