"""Tests of `proxy.front.fresh`: what clients find that they have written."""

from __future__ import annotations

import pytest

from proxy.wire.constants import Command
from proxy.wire.framing import encode
from tests.support.group import answers, ask
from tests.support.replicated import Replicated
from tests.support.scripted import error

INSERT = b"INSERT INTO t VALUES (1)"
READ = b"SELECT 'x'"


@pytest.fixture(params=[False, True], ids=["mysql", "mariadb"])
def group(request):
    """A writer and a reader, which applies what a test says."""
    return Replicated("a", "b", mariadb=request.param).be_well()


@pytest.fixture
def mysql():
    """The same, of MySQL."""
    return Replicated("a", "b").be_well()


@pytest.fixture
def mariadb():
    """The same, of MariaDB."""
    return Replicated("a", "b", mariadb=True).be_well()


def both(group, **login):
    """A client that writes and one that reads."""
    return group.client(**login), group.client("reads", **login)


def test_who_has_written_nothing_waits_for_nothing(group):
    """Whatever the reader lacks."""
    _, reader = both(group)
    group.commit("a", 100)
    assert ask(reader, READ) == "b"
    assert (group.asked, group.rounds) == (0, 0)


def test_a_read_waits_for_what_the_same_user_has_written(group):
    """Over another connection; it comes from the reader when that has it."""
    writer, reader = both(group)
    assert ask(writer, INSERT) == "ok"
    assert ask(reader, READ) is None
    group.run(0.3)
    assert answers(reader) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"
    rounds = group.rounds
    assert ask(reader, READ) == "b"
    assert group.rounds == rounds


def test_another_user_does_not_wait(group):
    """Only who has written."""
    writer, _ = both(group)
    assert ask(writer, INSERT) == "ok"
    assert ask(group.client("reads", user="other"), READ) == "b"
    assert group.rounds == 0


def test_after_the_timeout_the_writer_serves_the_read(group):
    """And those that follow at once, until the reader gets on."""
    writer, reader = both(group)
    assert ask(writer, INSERT) == "ok"
    assert ask(reader, READ) is None
    group.run(1.0)
    assert answers(reader) == "a"
    for _ in range(3):
        assert ask(writer, INSERT) == "ok"
        assert ask(reader, READ) == "a"
    group.look()
    assert ask(reader, READ) == "a"
    group.apply("b")
    group.look()
    assert ask(reader, READ) == "b"


def test_where_no_look_tells_a_reader_is_tried_again_after_a_while(group):
    """It may get on although nobody can look at it."""
    writer, reader = both(group)
    ask(writer, INSERT)
    ask(reader, READ)
    group.run(1.0)
    assert answers(reader) == "a"
    group.apply("b")
    assert ask(reader, READ) == "a"
    for _ in range(6):
        group.run(1)
        group.look("a")
    assert ask(reader, READ) == "b"


@pytest.mark.parametrize("moment", ["inside", "after"])
def test_the_commit_is_what_counts(group, moment):
    """What was known of the statements of the transaction is not enough."""
    writer, reader = both(group)
    assert [ask(writer, text) for text in (b"BEGIN", INSERT)] == ["ok", "ok"]
    if moment == "inside":
        assert ask(reader, READ) == "b"
    assert ask(writer, b"COMMIT") == "ok"
    assert ask(reader, READ) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"


def test_a_transaction_on_a_reader_stays_there(group):
    """It began when the reader had all, and sees what it saw then."""
    writer, reader = both(group)
    assert [ask(reader, text) for text in (b"BEGIN", READ)] == ["ok", "b"]
    assert ask(writer, INSERT) == "ok"
    assert ask(reader, READ) == "b"
    assert ask(reader, b"COMMIT") == "ok"
    assert ask(reader, READ) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"


def test_a_transaction_begins_where_its_user_finds_its_writes(group):
    """All of it runs on the writer then, and is recorded as written there."""
    writer, reader = both(group)
    ask(writer, INSERT)
    assert ask(reader, b"BEGIN") is None
    group.run(1.0)
    assert answers(reader) == "ok"
    assert [ask(reader, text) for text in (READ, INSERT, b"COMMIT")] == ["a", "ok", "ok"]
    group.apply("b", 6)
    group.look()
    assert ask(reader, READ) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"


def test_writes_of_those_who_fall_back_to_the_writer_count(group):
    """A READ_ONLY endpoint without a reader leads there; later the reader is back."""
    _, reader = both(group)
    group.host("b").kill()
    group.look(times=3)
    assert ask(reader, INSERT) == "ok"
    assert ask(reader, READ) == "a"
    group.host("b").start()
    group.look(times=2)
    assert ask(reader, READ) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"


def test_a_write_at_a_reader_gets_the_servers_own_error(group):
    """Nothing of it runs on the writer."""
    _, reader = both(group)
    assert ask(reader, INSERT) == (1290, "HY000")
    assert group.host("a").ran == []


def test_reads_on_the_writer_are_express(group):
    """Statements that may write are not, where nobody would tell what they commit."""
    writer = group.client()
    express = group.counters.endpoint("main")
    for text in (READ, INSERT, READ):
        writer.query(text)
        assert answers(writer) is not None
    group_is_told = not group.mariadb
    assert express.query_requests_express == 2
    assert ask(writer, INSERT) == "ok"
    assert express.query_requests_express == 2 + group_is_told


def test_a_command_that_cannot_be_read_is_for_the_slow_lane(group):
    """Its client hears what is wrong with it."""
    from tests.support.scripted import CLIENT_CAPABILITIES

    both(group)  # from here on it is known that the targets take attributes
    attributes = 1 << 27
    writer = group.client(capabilities=CLIENT_CAPABILITIES | attributes)
    writer.send(encode(bytes((Command.QUERY,)) + b"\xfe"))
    code, _ = answers(writer)
    assert code == 1835


def test_prepared_statements_wait_as_well(group):
    """And those that write are known to have written."""
    writer, reader = both(group)
    for host in group.hosts.values():
        host.servers.routines[b"\x16"] = lambda _: [
            b"\x00\x01\x00\x00\x00" + b"\x00\x00" * 2 + b"\x00" + b"\x00\x00"
        ]
    a, b = group.host("a"), group.host("b")
    a.servers.routines[b"\x17"] = lambda side: group._done(a, side)
    b.servers.routines[b"\x17"] = lambda side: side.rows([(b"b",)])
    for client, text in ((writer, INSERT), (reader, READ)):
        client.send(encode(b"\x16" + text))
        client.payloads()
    run = encode(b"\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00")
    for _ in range(2):
        writer.send(run)
        assert answers(writer) == "ok"
        reader.send(run)
        assert answers(reader) is None
        group.apply("b")
        group.run(0.1)
        assert answers(reader) == "b"


def test_who_changes_its_user_reads_as_that_one(group):
    """What the user before has written is nothing to it."""
    writer, reader = both(group)
    ask(writer, INSERT)
    reader.change_user(user=b"other")
    assert answers(reader) == "ok"
    assert ask(reader, READ) == "b"
    reader.change_user(user=b"app")
    assert answers(reader) == "ok"
    assert ask(reader, READ) is None


def test_a_statement_that_failed_may_have_committed(mysql):
    """The writer is asked how far it is then: an error has no room for reports."""
    writer, reader = both(mysql)
    ask(writer, INSERT)
    mysql.apply("b")
    mysql.look()
    assert ask(reader, READ) == "b"
    a = mysql.host("a")
    a.servers.routines[b"CALL"] = lambda _: [error(1062, "23000").encode()]
    assert ask(writer, b"CALL p()") == (1062, "23000")
    mysql.commit("a")
    assert ask(reader, READ) is None
    assert mysql.asked == 1
    mysql.apply("b")
    mysql.run(0.1)
    assert answers(reader) == "b"


def test_a_statement_that_was_lost_may_have_committed(mysql):
    """Its client is not told what became of it, and looks for that itself."""
    writer, reader = both(mysql)
    ask(writer, INSERT)
    mysql.apply("b")
    mysql.look()
    assert ask(reader, READ) == "b"
    a = mysql.host("a")
    del a.answers[b"INSERT"]
    a.servers.routines[b"INSERT"] = lambda _: None
    writer.query(INSERT)
    mysql.commit("a")
    a.cut()
    mysql.run()
    assert answers(writer)[1] == "08007"
    assert ask(reader, READ) is None
    assert mysql.asked == 1


def test_a_read_that_was_lost_says_nothing_of_writes(mysql):
    """It runs again, and the writer is not asked."""
    _, reader = both(mysql)
    b = mysql.host("b")
    ask(reader, READ)
    b.answers[READ[:8]] = lambda _: None
    reader.query(READ)
    del b.answers[READ[:8]]
    b.cut()
    mysql.run()
    assert answers(reader) == "b"
    assert mysql.own_writes.is_met("app", mysql.pool("b"))


def test_what_a_statement_has_committed_is_not_lost_with_what_is_asked_behind_it(mysql):
    """It set what its client wants to be told, which ended a transaction."""
    writer, reader = both(mysql)
    a = mysql.host("a")
    a.answers |= {b"SET autocommit": a.answers[b"INSERT"]}
    a.servers.routines[b"SET autocommit"] = a.servers.routines[b"CALL"]
    a.servers.routines[b"SELECT CAST(@@session_track_schema"] = lambda _: None
    assert ask(writer, INSERT) == "ok"
    mysql.apply("b")
    assert ask(reader, READ) == "b"
    writer.query(b"SET autocommit = 1, session_track_schema = 0")
    mysql.run()
    a.cut()
    mysql.run()
    assert not mysql.own_writes.is_met("app", mysql.pool("b"))


# By way of other workers


class Announced:
    """Stands for `Elsewhere`: what was announced and noted, and what its client was sent."""

    def __init__(self, group):
        self.told = []
        group.own_writes._elsewhere = self
        self.client = group.client()
        write = self.client.wire.write

        def heard(data):
            self.told.append("heard")
            write(data)

        self.client.wire.write = heard

    def announce(self, user, who):
        """See `Elsewhere`."""
        del who
        self.told.append(f"announced of {user}")

    def note(self, user, position, who):
        """See `Elsewhere`."""
        del position, who
        self.told.append(f"noted of {user}")

    def slot(self, user):
        """See `Elsewhere`."""
        del user
        return 7

    def is_news(self, slot):
        """See `Elsewhere`."""
        return slot != 7

    def forget_positions(self):
        """See `Elsewhere`."""

    def take(self):
        """What was told since."""
        told, self.told[:] = [*self.told], []
        return told


def test_others_know_that_something_was_written_before_its_client_hears(group):
    """Who hears it may read by way of another worker in the next moment."""
    elsewhere = Announced(group)
    for _ in range(2):
        assert ask(elsewhere.client, INSERT) == "ok"
        assert elsewhere.take() == ["announced of app", "heard", "noted of app"]


def test_what_only_reads_is_not_announced(group):
    """At the writer or at a reader, in either lane, once writers have been seen to report."""
    elsewhere, reader = Announced(group), group.client("reads")
    ask(elsewhere.client, INSERT)
    elsewhere.take()
    for text in (READ, b"SELECT 'x' -- y"):
        assert ask(elsewhere.client, text) == "a"
    group.apply("b")
    assert ask(reader, READ) is not None
    assert {*elsewhere.take()} == {"heard"}


def test_an_error_is_announced(mysql):
    """What came before it may be committed."""
    elsewhere = Announced(mysql)
    ask(elsewhere.client, INSERT)
    elsewhere.take()
    mysql.host("a").answers[b"INSERT"] = error(1062, "23000")
    assert ask(elsewhere.client, INSERT) == (1062, "23000")
    assert elsewhere.take() == ["announced of app", "heard", "noted of app"]
