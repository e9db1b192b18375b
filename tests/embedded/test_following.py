import pytest

from proxy.embedded import Flavor, ServerFailedError, start_replicated
from proxy.embedded.following import (
    delay,
    follow,
    has_more,
    status,
    stop_following,
    wait_until_caught_up,
)

pytestmark = pytest.mark.live

ROWS = "SELECT COUNT(*) FROM shop.a"


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary with one replica; each test leaves it as it was."""
    with start_replicated(request.param) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        yield servers


@pytest.fixture
def replica(group):
    """The replica, with the table, which is empty."""
    group.primary.execute("DELETE FROM shop.a")
    group.wait_until_caught_up()
    return group.replicas[0]


def test_delayed_replica_has_what_it_does_not_show_yet(group, replica):
    """A row is received and not applied until the delay ends."""
    delay(replica, 3600)
    group.primary.execute("INSERT INTO shop.a VALUES (1)")
    with pytest.raises(ServerFailedError, match="did not catch up within 1 s"):
        wait_until_caught_up(replica, group.primary, limit_seconds=1)
    assert replica.execute(ROWS) == ((0,),)
    delay(replica, 0)
    group.wait_until_caught_up()
    assert replica.execute(ROWS) == ((1,),)


def test_stopping_applies_what_a_delay_held_back(group, replica):
    """A replica that stops following has every row that it had received."""
    delay(replica, 3600 if group.primary.flavor is Flavor.MYSQL else 2)
    group.primary.execute(*["INSERT INTO shop.a VALUES (1)"] * 20)
    name = "Retrieved_Gtid_Set" if group.primary.flavor is Flavor.MYSQL else "Gtid_IO_Pos"
    own = "gtid_executed" if group.primary.flavor is Flavor.MYSQL else "gtid_binlog_pos"
    [[position]] = group.primary.execute(f"SELECT @@GLOBAL.{own}")
    last = position.rpartition("-")[2]
    while last not in status(replica)[name]:
        pass
    stop_following(replica)
    assert replica.execute(ROWS) == ((20,),)
    assert status(replica) == {}
    stop_following(replica)
    follow(replica, group.primary, group.replication_password)
    group.primary.execute("INSERT INTO shop.a VALUES (2)")
    group.wait_until_caught_up()
    assert replica.execute(ROWS) == ((21,),)


def test_server_that_lags_has_nothing_more(group, replica):
    """Being behind is no obstacle to following, being ahead is one."""
    stop_following(replica)
    group.primary.execute("INSERT INTO shop.a VALUES (1)")
    assert not has_more(replica, group.primary)
    assert has_more(group.primary, replica)
    follow(replica, group.primary, group.replication_password)
    group.wait_until_caught_up()
    assert not has_more(group.primary, replica)


def test_replica_whose_primary_died_and_came_back_follows_again(group, replica):
    """A restarted primary is found again without being told."""
    group.primary.kill()
    group.primary.start()
    group.primary.execute("INSERT INTO shop.a VALUES (1)")
    group.wait_until_caught_up()
    assert replica.execute(ROWS) == ((1,),)


def test_server_with_a_history_of_its_own_has_more(group, replica):
    """As many transactions are not the same ones: each server wrote one after the parting."""
    stop_following(replica)
    replica.execute("SET GLOBAL read_only = OFF")
    for server in group.servers:
        server.execute("INSERT INTO shop.a VALUES (1)")
    assert has_more(replica, group.primary)
    assert has_more(group.primary, replica)
    # The only test that cannot leave the group as it was, so it is the last.
    group.close()
