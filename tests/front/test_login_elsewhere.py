"""Logins at a pool that has not served their user yet: after a failover, or at a reader."""

from tests.support.group import Group, ask


def test_who_was_known_before_a_failover_can_log_in_after_it():
    """Also where another user has been there already, and this one has not."""
    group = Group("a", "b").be_well()
    for user in ("app", "other"):
        group.client(user=user)
    group.host("a").kill()
    host = group.host("b")
    host.read_only, host.sources, host.replicates = False, (), None
    group.look(times=4)
    assert group.writer == "b"
    assert ask(group.client(user="app"), b"INSERT INTO t VALUES (1)") == "ok"
    assert ask(group.client(user="other"), b"INSERT INTO t VALUES (2)") == "ok"
    assert host.ran == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]
