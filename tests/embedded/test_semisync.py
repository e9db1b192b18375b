import contextlib
import threading

import pymysql
import pytest

from proxy.embedded import Flavor, start_replicated
from proxy.embedded.semisync import semi_sync_settings, wait_for_replicas

QUIET_SECONDS = 0.5


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def group(request):
    """A primary whose commits wait for its replica."""
    with start_replicated(request.param, semi_sync=True) as servers:
        servers.primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
        yield servers


def commit(server, number):
    """Inserts a row in a thread of its own, which ends when the commit is acknowledged."""
    thread = threading.Thread(
        target=server.execute, args=(f"INSERT INTO shop.a VALUES ({number})",), daemon=True
    )
    thread.start()
    return thread


def test_settings_alone_make_no_server_wait():
    """A server without replicas would wait in vain, so that only a call makes it."""
    for flavor in Flavor:
        names = semi_sync_settings(flavor)
        assert not [
            name for name in names if name.endswith(("source-enabled", "master-enabled"))
        ]


@pytest.mark.live
def test_commit_is_not_acknowledged_before_a_replica_has_it(group):
    """While the replica is frozen a commit waits, and it ends when the replica is back."""
    [replica] = group.replicas
    replica.freeze()
    waiting = commit(group.primary, 1)
    waiting.join(QUIET_SECONDS)
    assert waiting.is_alive()
    replica.thaw()
    waiting.join(30)
    assert not waiting.is_alive()


@pytest.mark.live
def test_waiting_outlives_a_restart_and_ends_by_a_call(group):
    """A restarted primary waits again; told not to, it acknowledges without a replica."""
    group.primary.kill()
    group.primary.start()
    [replica] = group.replicas
    group.wait_until_caught_up()
    replica.freeze()
    waiting = commit(group.primary, 2)
    waiting.join(QUIET_SECONDS)
    assert waiting.is_alive()
    wait_for_replicas(group.primary, wanted=False)
    waiting.join(30)
    assert not waiting.is_alive()
    replica.thaw()
    group.wait_until_caught_up()
    wait_for_replicas(group.primary, wanted=True)


@pytest.mark.live
def test_acknowledged_rows_outlive_the_primary(group):
    """Each row acknowledged before a kill under load is on the promoted replica, once."""
    done = []

    def load():
        number = 1000
        with (
            contextlib.suppress(pymysql.err.MySQLError),
            group.primary.connect() as connection,
            connection.cursor() as cursor,
        ):
            while True:
                cursor.execute(f"INSERT INTO shop.a VALUES ({number})")
                done.append(number)
                number += 1

    old = group.primary
    loader = threading.Thread(target=load)
    loader.start()
    while len(done) < 100:
        pass
    old.kill()
    loader.join(30)
    new = group.promote()
    rows = [i for (i,) in new.execute("SELECT i FROM shop.a WHERE i >= 1000 ORDER BY i")]
    assert rows[: len(done)] == done
    new.execute("INSERT INTO shop.a VALUES (3)")
    group.rejoin(old)
    group.wait_until_caught_up()
    assert old.execute("SELECT COUNT(*) FROM shop.a") == new.execute(
        "SELECT COUNT(*) FROM shop.a"
    )
    old.freeze()
    waiting = commit(new, 4)
    waiting.join(QUIET_SECONDS)
    assert waiting.is_alive()
    old.thaw()
    waiting.join(30)
    assert not waiting.is_alive()
