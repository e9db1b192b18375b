import pymysql
import pytest

from proxy.embedded import ServerFailedError
from proxy.embedded.group import start_group

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def group():
    """Three members, a table, and an application's account."""
    with start_group() as servers:
        first = servers.wait_for_primary()
        first.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT PRIMARY KEY)")
        first.create_user("app", "app-secret-1", grants=("ALL ON shop.*",))
        yield servers


def insert(server, number):
    with server.connect(user="app", password="app-secret-1") as connection:
        connection.cursor().execute(f"INSERT INTO shop.a VALUES ({number})")


def test_one_member_leads_and_the_others_refuse_writes(group):
    """The group has three members, of which the first takes writes at the beginning."""
    assert group.primary() is group.members[0]
    assert len(group.members) == 3
    for member in group.members[1:]:
        with pytest.raises(pymysql.err.MySQLError) as refused:
            member.execute("INSERT INTO shop.a VALUES (0)")
        assert refused.value.args[0] == 1290


def test_killed_primary_is_replaced_and_comes_back(group):
    """The others elect one that has every row, and the old one gets what it missed."""
    old = group.primary()
    for number in range(20):
        insert(old, number)
    old.kill()
    new = group.wait_for_primary(old)
    assert new.execute("SELECT COUNT(*) FROM shop.a") == ((20,),)
    insert(new, 20)
    old.start()
    with pytest.raises(pymysql.err.MySQLError) as refused:
        insert(old, 21)
    assert refused.value.args[0] == 1290
    group.rejoin(old)
    assert old.execute("SELECT COUNT(*) FROM shop.a") == ((21,),)
    group.set_primary(old)
    assert group.wait_for_primary(new) is old
    insert(old, 21)


def test_frozen_members_are_not_asked_and_a_minority_elects_nobody(group):
    """Without two of three members there is no primary, and the wait for one ends."""
    frozen = group.members[:2]
    for member in frozen:
        member.freeze()
    with pytest.raises(ServerFailedError, match="elected no primary within 0 s"):
        group.wait_for_primary(group.members[0], limit_seconds=0)
    for member in group.members:
        member.kill()
    assert group.primary() is None


def test_group_whose_members_all_died_begins_anew(group):
    """One member begins, the others rejoin, and every row is there."""
    *_, last = group.members
    last.start()
    with pytest.raises(ServerFailedError, match=r"not back in the group.*OFFLINE"):
        group.rejoin(last, limit_seconds=0)
    group.bootstrap(last)
    assert group.primary() is last
    insert(last, 100)
    group.rejoin(group.members[0])
    assert group.members[0].execute("SELECT MAX(i) FROM shop.a") == ((100,),)
