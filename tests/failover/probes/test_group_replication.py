"""Tests of `proxy.failover.probes.group_replication`."""

from __future__ import annotations

import pytest

from proxy.failover.probes import facts
from proxy.failover.probes.facts import Facts
from proxy.failover.probes.group_replication import GroupReplicationProbe, seen_of
from proxy.policy.observation import Member
from proxy.vocabulary import ServerKind
from proxy.wire.responses import Err

UUID = "09b089a3-e9d4-11f1-82c8-02fc00000001"
MODERN = {
    "version": "9.7.4",
    "server_uuid": "a",
    "gtid_mode": "ON",
    "gtid_executed": f"{UUID}:1",
}
READ_ONLY = {"read_only": "1", "super_read_only": "1"}


def member(name, state="ONLINE", role="SECONDARY"):
    """A row of replication_group_members."""
    return {
        "member_id": name,
        "member_host": f"host-{name}",
        "member_port": "3306",
        "member_state": state,
        "member_role": role,
    }


def seen(*members, applier=None, unseen=(), **values):
    """What the member `a` sees."""
    told = Facts(ServerKind.MYSQL, MODERN | values)
    return seen_of(told, list(members), applier, unseen)


def test_a_primary_with_the_majority_takes_writes():
    """The other members are seen with it."""
    one = seen(member("a", role="PRIMARY"), member("b"), member("c"))
    assert (one.writable, one.serves, one.why) == (True, True, "")
    assert str(one.position) == f"{UUID}:1"
    assert one.members == (
        Member(address="host-a:3306", writes=True),
        Member(address="host-b:3306", writes=False),
        Member(address="host-c:3306", writes=False),
    )


def test_a_secondary_serves():
    """It is read-only; and while that is off it is no primary all the same."""
    group = member("a"), member("b", role="PRIMARY"), member("c")
    one = seen(*group, **READ_ONLY)
    assert (one.writable, one.serves, one.why) == (False, True, "read_only is on")
    one = seen(*group)
    assert (one.writable, one.serves, one.why) == (False, True, "it is no primary")


def test_a_primary_elect_is_read_only():
    """It applies what the last one left, before it takes writes."""
    one = seen(member("a", role="PRIMARY"), member("b"), **READ_ONLY)
    assert (one.writable, one.serves) == (False, True)


@pytest.mark.parametrize(
    ("others", "has_quorum"),
    [
        (("ONLINE", "UNREACHABLE"), True),
        (("RECOVERING", "UNREACHABLE"), True),
        (("UNREACHABLE", "UNREACHABLE"), False),
        (("UNREACHABLE",), False),
        (("ONLINE", "ONLINE", "UNREACHABLE", "UNREACHABLE"), True),
        (("ONLINE", "UNREACHABLE", "UNREACHABLE", "UNREACHABLE"), False),
        ((), True),
    ],
)
def test_members_that_cannot_be_reached_count_against_the_quorum(others, has_quorum):
    """A primary in the smaller part is not read-only, but its writes wait for ever."""
    rows = [member(f"m{n}", state) for n, state in enumerate(others)]
    one = seen(member("a", role="PRIMARY"), *rows)
    assert (one.writable, one.serves) == (has_quorum, has_quorum)
    assert ("no majority" in one.why) is not has_quorum


@pytest.mark.parametrize("state", ["RECOVERING", "ERROR", "OFFLINE", "UNREACHABLE"])
def test_who_is_not_online_does_not_serve(state):
    """It has old data, or may have."""
    one = seen(member("a", state, "PRIMARY"), member("b"), member("c"))
    assert (one.writable, one.serves) == (False, False)
    assert one.why == f"it is {state} in its group"


@pytest.mark.parametrize("rows", [[], [member("b"), member("c")]])
def test_who_is_in_no_group_does_not_serve(rows):
    """As a server where the plugin has not been started."""
    one = seen(*rows)
    assert (one.writable, one.serves) == (False, False)
    assert one.why == "it is OFFLINE in its group"


def test_offline_mode_serves_nobody():
    """Whatever the group thinks of the member."""
    one = seen(member("a", role="PRIMARY"), offline_mode="1")
    assert (one.writable, one.serves, one.why) == (False, False, "offline_mode is on")


def test_in_multi_primary_mode_all_take_writes():
    """MySQL 5.7 tells of one primary, or of none where all are."""
    assert seen(member("a", role="PRIMARY"), member("b", role="PRIMARY")).writable
    rows = [member("a") | {"primary_id": ""}, member("b") | {"primary_id": ""}]
    assert all(one.writes for one in seen(*rows).members)
    rows = [member("a") | {"primary_id": "b"}, member("b") | {"primary_id": "b"}]
    assert [one.writes for one in seen(*rows).members] == [False, True]
    assert seen(*rows).writable is False


def test_without_the_right_to_see_the_group_a_writer_is_not_known():
    """But a member that is read-only takes no writes in any case."""
    told = Facts(ServerKind.MYSQL, MODERN)
    one = seen_of(told, None, None, ["the group"])
    assert (one.writable, one.serves, one.unseen) == (None, True, ("the group",))
    told = Facts(ServerKind.MYSQL, MODERN | READ_ONLY)
    assert seen_of(told, None, None, ()).writable is False


@pytest.mark.parametrize(
    ("waiting", "age", "lag"),
    [
        ("0", None, 0.0),
        ("5", "3.25", 3.25),
        ("0", "-1.5", 0.0),
        ("5", None, None),
        (None, None, None),
    ],
)
def test_the_lag_is_the_age_of_what_is_being_applied(waiting, age, lag):
    """None where transactions wait and nothing tells how old they are."""
    one = seen(member("a"), applier=[{"waiting": waiting, "age": age}], **READ_ONLY)
    assert one.lag_seconds == lag


def answers(version, role, **values):
    """What a member answers."""
    told = MODERN | {"version": version} | values
    group = [member("a", role=role), member("b")]
    return {
        b"SELECT @@global": [{f"@@global.{name}": told.get(name, "0") for name in facts.MYSQL}],
        b"SELECT MEMBER_ID": group,
        b"SELECT (SELECT COUNT": [{"WAITING": "1", "AGE": "2"}],
    }


def test_a_primary_is_asked_two_things_a_secondary_three(target):
    """How far it is behind only a secondary is asked, and only where versions know."""
    server = target(answers("9.7.4", "PRIMARY"))
    assert server.look(GroupReplicationProbe()).writable
    assert len(server.asked) == 2
    server = target(answers("9.7.4", "SECONDARY", **READ_ONLY))
    assert server.look(GroupReplicationProbe()).lag_seconds == 2.0
    assert len(server.asked) == 3
    server = target(answers("5.7.44", "SECONDARY", **READ_ONLY))
    assert server.look(GroupReplicationProbe()).lag_seconds is None
    assert b"MEMBER_ROLE" not in server.asked[1]
    assert len(server.asked) == 2


def test_a_missing_right_is_told_of_the_group_or_of_the_lag(target):
    """The rest is seen."""
    refused = Err(1142, "42000", b"SELECT command denied")
    secondary = answers("9.7.4", "SECONDARY", **READ_ONLY)
    server = target(secondary | {b"SELECT (SELECT COUNT": refused})
    one = server.look(GroupReplicationProbe())
    assert (one.writable, one.serves, one.lag_seconds) == (False, True, None)
    assert one.unseen[0].startswith("how far it is behind")
    server = target(secondary | {b"SELECT MEMBER_ID": refused})
    one = server.look(GroupReplicationProbe())
    assert (one.writable, one.serves, one.members) == (False, True, ())
    assert one.unseen[0].startswith("the members of its group")


def test_a_server_that_knows_of_no_groups_is_in_none(target):
    """As MariaDB: it says so, instead of that a right is missing."""
    absent = Err(1146, "42S02", b"no such table")
    server = target(answers("9.7.4", "PRIMARY") | {b"SELECT MEMBER_ID": absent})
    one = server.look(GroupReplicationProbe())
    assert (one.writable, one.serves, one.unseen) == (False, False, ())
    assert one.why == "it is OFFLINE in its group"


def test_a_member_without_an_address_is_not_told():
    """Nobody can go to it, but it has its vote."""
    nowhere = member("b", "UNREACHABLE") | {"member_host": "", "member_port": None}
    one = seen(member("a", role="PRIMARY"), nowhere)
    assert [other.address for other in one.members] == ["host-a:3306"]
    assert not one.serves
