"""Readers that linger, come and go, and another writer: what clients find of their writes."""

from __future__ import annotations

import pytest

from tests.support.group import answers, ask
from tests.support.replicated import Replicated

INSERT = b"INSERT INTO t VALUES (1)"
READ = b"SELECT 'x'"


@pytest.fixture(params=[False, True], ids=["mysql", "mariadb"])
def group(request):
    """A writer and a reader, which applies what a test says."""
    return Replicated("a", "b", mariadb=request.param).be_well()


def both(group):
    """A client that writes and one that reads."""
    return group.client(), group.client("reads")


# A reader that lingers


def lingering(group, reader):
    """Let the client keep its reader: the last statement has left a warning there."""
    b = group.host("b")
    b.answers[READ[:8]] = lambda side: side.rows([(b"b",)], warnings=1)
    assert ask(reader, READ) == "b"
    del b.answers[READ[:8]]
    assert reader.client.lease is not None


def test_a_reader_that_lingers_has_to_be_fresh_too(group):
    """It stays with its client when it is."""
    writer, reader = both(group)
    lingering(group, reader)
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    group.apply("b")
    group.run(0.1)
    assert answers(reader) == "b"


def test_the_client_parts_from_one_that_does_not_get_on(group):
    """What only that one knew comes along."""
    writer, reader = both(group)
    lingering(group, reader)
    ask(writer, INSERT)
    assert ask(reader, b"SHOW WARNINGS") is None
    group.run(1.0)
    assert b"\x05Error\x041146\x02no" in reader.payloads()
    assert ask(reader, READ) == "a"


def test_one_that_fails_meanwhile_costs_its_client_nothing(group):
    """It is asked for what it knows, and has gone: the writer serves the read."""
    writer, reader = both(group)
    lingering(group, reader)
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    b = group.host("b")
    b.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    group.run(1.0)
    b.cut()
    group.run(0.1)
    assert answers(reader) == "a"


def test_one_that_fails_with_something_of_the_sessions_is_told(group):
    """A user variable that nobody else knows is lost."""
    group.client("reads")
    writer, reader = both(group)
    reader.client.session.remains |= 256
    b = group.host("b")
    lingering(group, reader)
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    b.servers.routines[b"SHOW WARNINGS"] = lambda _: None
    reader.client.session.remains |= 256
    group.run(1.0)
    b.cut()
    group.run(0.1)
    assert answers(reader)[0] == 2013


def test_one_that_goes_while_it_is_waited_for_is_left(group):
    """Its client has another one by then."""
    writer, reader = both(group)
    lingering(group, reader)
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    group.host("b").kill()
    group.look(times=3)
    group.run(1)
    assert answers(reader) == "a"


def test_who_is_pinned_to_a_reader_waits_and_stays(group):
    """It cannot part from it, so that it reads there what there is."""
    writer, reader = both(group)
    b = group.host("b")
    b.servers.routines[b"CREATE TEMPORARY"] = lambda side: [side.ok()]
    assert ask(reader, b"CREATE TEMPORARY TABLE u (a INT)") == "ok"
    assert ask(reader, READ) == "b"
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    group.run(1.0)
    assert answers(reader) == "b"


# Readers that come and go


def test_who_waits_at_a_reader_that_goes_waits_at_the_next():
    """It was moved there."""
    group = Replicated("a", "b", "c").be_well()
    writer = group.client()
    reader = group.client("reads")
    place = ask(reader, READ)
    other = {"b": "c", "c": "b"}[place]
    group.apply(other, 6)
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    group.host(place).lag_seconds = 30
    group.look()
    group.run(0.1)
    assert answers(reader) == other


@pytest.mark.parametrize("text", [READ, b"SELECT 'x', @y"], ids=["express", "conductor"])
def test_who_is_lent_another_reader_while_it_waits_looks_again(text):
    """In the queue of a reader that was fresh, it was moved to one that is not."""
    group = Replicated("a", "b", "c", pool={"max_connections": 1}).be_well()
    writer = group.client()
    first, *waiting = [group.client("reads") for _ in range(3)]
    place = ask(first, READ)
    other = {"b": "c", "c": "b"}[place]
    assert ask(first, b"BEGIN") == "ok"
    ask(writer, INSERT)
    group.apply(place)
    group.look()
    second = next(one for one in waiting if one.client.pool is first.client.pool)
    assert ask(second, text) is None
    group.host(place).lag_seconds = 30
    group.look()
    group.run(0.1)
    assert answers(second) is None
    group.apply(other)
    group.run(0.1)
    assert answers(second) == other


def test_without_a_reader_those_wait_who_may_not_use_the_writer():
    """Also those who have written; they hear that none came free."""
    group = Replicated("a", "b", fall_back_to_writer=False).be_well()
    writer, reader = both(group)
    ask(writer, INSERT)
    group.apply("b")
    group.host("b").kill()
    group.look(times=3)
    assert ask(reader, READ) is None
    group.run(5)
    assert answers(reader) is None
    group.host("b").start()
    group.look(times=2)
    assert answers(reader) == "b"
    group.host("b").kill()
    group.look(times=3)
    assert ask(reader, READ) is None
    group.run(61)
    assert answers(reader)[0] == 9501


# Another writer


def promote(group, name):
    """Another host takes the writes; what it has is what it has."""
    group.host("a").kill()
    host = group.host(name)
    host.read_only, host.sources, host.replicates = False, (), None
    for other in group.hosts.values():
        if other is not host and other.alive:
            other.sources = (host.name,)
    group.look(times=4)
    assert group.writer == name


@pytest.mark.parametrize("mariadb", [False, True])
def test_what_the_new_writer_lacks_is_not_waited_for(mariadb):
    """It is lost; what the new one has is waited for."""
    group = Replicated("a", "b", "c", mariadb=mariadb).be_well()
    writer, reader = both(group)
    ask(writer, INSERT)
    promote(group, "b")
    assert ask(reader, READ) == "c"
    ask(writer, INSERT)
    assert ask(reader, READ) is None
    group.apply("c")
    group.run(0.1)
    assert answers(reader) == "c"


def test_what_an_old_writer_reports_is_asked_of_the_new_one():
    """A commit whose answer came when the writer was another one already."""
    mysql = Replicated("a", "b").be_well()
    writer, reader = both(mysql)
    assert [ask(writer, text) for text in (b"BEGIN", INSERT)] == ["ok", "ok"]
    a, b = mysql.host("a"), mysql.host("b")
    a.read_only, a.sources, a.replicates = True, ("b",), True
    b.read_only, b.sources, b.replicates = False, (), None
    mysql.look(times=2)
    assert mysql.writer == "b"
    assert ask(writer, b"COMMIT") == "ok"
    mysql.apply("b", 6)
    mysql.pass_time(3)
    assert ask(reader, READ) in ("a", "b")
    assert mysql.asked == 1


def test_who_waits_for_a_reader_and_is_given_the_writer_finds_all_there():
    """The last reader is gone meanwhile."""
    group = Replicated("a", "b", pool={"max_connections": 1}).be_well()
    _, reader = both(group)
    other = group.client("reads")
    assert ask(other, b"BEGIN") == "ok"
    assert ask(reader, b"SELECT 'x', @y") is None
    group.host("b").kill()
    group.look(times=3)
    assert answers(reader) == "a"
