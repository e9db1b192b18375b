"""Tests of `proxy.failover.probes.galera`."""

from __future__ import annotations

import pytest

from proxy.failover.probes.facts import Facts
from proxy.failover.probes.galera import GaleraProbe, seen_of
from proxy.policy.observation import Member
from proxy.vocabulary import ServerKind

STATE = "8ad6cbfe-2e0c-11f1-9a7b-4a3f2b1c0d9e"
VARIABLES = {
    "version": "11.4.2-MariaDB-log",
    "server_id": "1",
    "hostname": "node-1",
    "port": "3306",
    "read_only": "OFF",
    "innodb_read_only": "OFF",
    "wsrep_on": "ON",
    "wsrep_desync": "OFF",
    "wsrep_reject_queries": "NONE",
    "wsrep_sst_donor_rejects_queries": "OFF",
}
STATUS = {
    "wsrep_local_state": "4",
    "wsrep_local_state_comment": "Synced",
    "wsrep_cluster_status": "Primary",
    "wsrep_ready": "ON",
    "wsrep_cluster_state_uuid": STATE,
    "wsrep_last_committed": "120",
    "wsrep_incoming_addresses": "10.0.0.1:3306,10.0.0.2:3306,,AUTO,[2001:db8::3]:3306,unix:/x",
}


def seen(status=None, **variables):
    """What a node's words come to."""
    return seen_of(Facts(ServerKind.MARIADB, VARIABLES | variables), STATUS | (status or {}))


def test_a_node_in_step_takes_writes():
    """So do all the others: which one shall is decided elsewhere."""
    one = seen()
    assert (one.server, one.version) == ("node-1:3306/1", "11.4.2-MariaDB-log")
    assert (one.writable, one.serves, one.why) == (True, True, "")
    assert str(one.position) == f"{STATE}:1-120"
    assert one.lag_seconds is None


def test_members_are_those_that_take_clients():
    """An arbitrator has an empty address, a node that has not told it yet AUTO."""
    assert seen().members == (
        Member(address="10.0.0.1:3306"),
        Member(address="10.0.0.2:3306"),
        Member(address="[2001:db8::3]:3306"),
    )
    assert seen({"wsrep_incoming_addresses": "no address/,"}).members == ()


def test_a_read_only_node_serves():
    """read_only is for ordinary users as elsewhere."""
    one = seen(read_only="ON")
    assert (one.writable, one.serves, one.why) == (False, True, "read_only is on")


@pytest.mark.parametrize(
    ("status", "variables", "why"),
    [
        ({}, {"offline_mode": "ON"}, "offline_mode is on"),
        ({}, {"wsrep_on": "OFF"}, "it is in no cluster: wsrep_on is off"),
        (
            {"wsrep_cluster_status": "non-Primary"},
            {},
            "its part of the cluster is non-Primary, not Primary",
        ),
        (
            {"wsrep_cluster_status": ""},
            {},
            "its part of the cluster is none, not Primary",
        ),
        ({"wsrep_ready": "OFF"}, {}, "wsrep_ready is off"),
        (
            {"wsrep_local_state": "3", "wsrep_local_state_comment": "Joined"},
            {},
            "it is Joined, not Synced",
        ),
        (
            {"wsrep_local_state": "1", "wsrep_local_state_comment": ""},
            {},
            "it is in state 1, not Synced",
        ),
        ({"wsrep_local_state": "2"}, {"wsrep_desync": "ON"}, "wsrep_desync is on"),
        (
            {"wsrep_local_state": "2"},
            {"wsrep_sst_donor_rejects_queries": "ON"},
            "it is a donor, and wsrep_sst_donor_rejects_queries is on",
        ),
        ({}, {"wsrep_reject_queries": "ALL"}, "wsrep_reject_queries is set"),
        ({}, {"pxc_maint_mode": "MAINTENANCE"}, "pxc_maint_mode is MAINTENANCE"),
    ],
)
def test_a_node_out_of_step_does_not_serve(status, variables, why):
    """Nor does one that its operator takes out."""
    one = seen(status, **variables)
    assert (one.writable, one.serves, one.why) == (False, False, why)


def test_a_donor_that_serves_goes_on():
    """A backup taken for a node that joins does not stop its donor."""
    one = seen({"wsrep_local_state": "2"}, pxc_maint_mode="DISABLED")
    assert (one.writable, one.serves) == (True, True)


@pytest.mark.parametrize(
    "status",
    [
        {"wsrep_last_committed": "0"},
        {"wsrep_last_committed": ""},
        {"wsrep_cluster_state_uuid": ""},
    ],
)
def test_before_its_first_transaction_a_cluster_has_no_position(status):
    """Nor one whose id is not told."""
    assert seen(status).position is None


def test_all_is_asked_by_show(target):
    """A node outside its cluster answers nothing else, and no right is needed."""
    pairs = [
        [{"Variable_name": name, "Value": value} for name, value in told.items()]
        for told in (VARIABLES, STATUS)
    ]
    answers = {b"SHOW GLOBAL VARIABLES": pairs[0], b"SHOW GLOBAL STATUS": pairs[1]}
    server = target(answers, VARIABLES["version"])
    assert server.look(GaleraProbe()) == seen()
    assert len(server.asked) == 2
