import pymysql
import pytest

from proxy.embedded import Flavor, ServerFailedError, start_replicated
from proxy.embedded import replication as replication_module
from proxy.embedded.following import wait_until_caught_up

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary with two replicas and an application's account; each test leaves them whole."""
    with start_replicated(request.param, replicas=2) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        servers.primary.create_user("app", "app-secret-1", grants=("ALL ON shop.*",))
        servers.wait_until_caught_up()
        yield servers


def insert(server, number):
    with server.connect(user="app", password="app-secret-1") as connection:
        connection.cursor().execute(f"INSERT INTO shop.a VALUES ({number})")


def rows_of(server):
    return server.execute("SELECT i FROM shop.a ORDER BY i")


def stop_receiving(replica):
    word = "REPLICA" if replica.flavor is Flavor.MYSQL else "SLAVE"
    replica.execute(f"STOP {word} IO_THREAD")


def assert_whole(group):
    """All three are there, have the same rows, and the replicas alone refuse writes."""
    assert len(set(group.servers)) == 3
    assert len(group.replicas) == 2
    insert(group.primary, 999)
    group.wait_until_caught_up()
    for replica in group.replicas:
        assert rows_of(replica) == rows_of(group.primary)
        with pytest.raises(pymysql.err.MySQLError) as refused:
            insert(replica, 0)
        assert refused.value.args[0] == 1290


def test_replica_has_what_its_primary_committed_and_keeps_following(group):
    """After the wait rows are on the replica, also after its restart."""
    assert group.servers == (group.primary, *group.replicas)
    insert(group.primary, 1)
    group.wait_until_caught_up()
    assert rows_of(group.replicas[0]) == ((1,),)
    group.replicas[0].stop()
    group.replicas[0].start()
    assert_whole(group)


def test_after_a_kill_the_most_advanced_replica_is_promoted(group):
    """The replica that received the last rows leads, and the other one gets them from it."""
    behind, ahead = group.replicas
    stop_receiving(behind)
    for number in range(20):
        insert(group.primary, number)
    wait_until_caught_up(ahead, group.primary)
    before = rows_of(ahead)
    old = group.primary
    old.kill()
    assert group.promote() is ahead
    assert (group.primary, group.replicas, group.apart) == (ahead, [behind], [old])
    assert rows_of(ahead) == before
    insert(ahead, 20)
    group.wait_until_caught_up()
    assert rows_of(behind) == rows_of(ahead)
    group.rejoin(old)
    assert_whole(group)


def test_replica_that_lacks_rows_takes_the_others_along(group):
    """Whoever has more than the promoted replica starts anew without it."""
    lacking, ahead = group.replicas
    stop_receiving(lacking)
    insert(group.primary, 5000)
    wait_until_caught_up(ahead, group.primary)
    old = group.primary
    old.freeze()
    group.promote(lacking)
    assert group.replicas == [ahead]
    old.thaw()
    group.rejoin(old)
    assert_whole(group)
    assert (5000,) not in rows_of(old)


def test_planned_switchover_keeps_every_row(group):
    """A replica and the primary change places, and the third follows the new one."""
    old, new, third = group.servers
    insert(old, 6000)
    assert group.switch_over() is new
    assert (group.primary, group.replicas) == (new, [third, old])
    assert (6000,) in rows_of(new)
    assert_whole(group)


def test_switchover_that_takes_too_long_is_called_off(group):
    """When the replica cannot catch up the primary takes writes as before."""
    old, replica, _ = group.servers
    stop_receiving(replica)
    insert(old, 7000)
    with pytest.raises(ServerFailedError, match="did not catch up"):
        group.switch_over(replica, limit_seconds=1)
    assert group.primary is old
    replica.stop()
    replica.start()
    assert_whole(group)


def test_dead_and_frozen_replicas_are_passed_over(group):
    """Promotion needs one replica that lives; the others come back later."""
    old, frozen, alive = group.servers
    frozen.freeze()
    assert group.promote() is alive
    assert group.apart == [old, frozen]
    with pytest.raises(ServerFailedError, match="No replica is alive"):
        group.promote()
    group.rejoin(frozen)
    group.rejoin(old)
    assert_whole(group)


def test_replica_that_stopped_following_is_told_with_its_own_error(group):
    """A row that the replica has already stops it, and the wait tells its words."""
    replica = group.replicas[0]
    row = "INSERT INTO shop.twice VALUES (77)"
    group.primary.execute("CREATE TABLE shop.twice (i INT PRIMARY KEY)")
    group.wait_until_caught_up()
    replica.execute("SET GLOBAL read_only = OFF")
    replica.execute("SET SESSION sql_log_bin = 0", row)
    group.primary.execute(row)
    with pytest.raises(ServerFailedError, match=r"did not catch up.*(twice|Worker 1 failed)"):
        wait_until_caught_up(replica, group.primary, limit_seconds=1)
    group.close()
    assert [server.is_running() for server in group.servers] == [False] * 3


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
