"""Tests of `proxy.pool.own_writes`; what clients see is in `tests/front/test_fresh.py`."""

from __future__ import annotations

import attrs
import pytest
from twisted.internet.defer import CancelledError, Deferred

from proxy.errors import StatementRefusedError
from proxy.policy.gtids import Position, parse
from proxy.session.outcome import Outcome
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import lenenc_bytes
from tests.support.borrow import BARE, KEY, OTHER
from tests.support.group import Group, answers, ask
from tests.support.host import UUID
from tests.support.replicated import Replicated

INSERT = b"INSERT INTO t VALUES (1)"
READ = b"SELECT 'x'"


@pytest.fixture
def group():
    """A writer and a reader, and a client of each that has been served once."""
    group = Replicated("a", "b").be_well()
    group.writing, group.reading = group.client(), group.client("reads")
    assert [ask(one, READ) for one in (group.writing, group.reading)] == ["a", "b"]
    return group


def begin(coroutine):
    """Begin; a list that gets the result or the error."""
    ended = []
    task = Deferred.fromCoroutine(coroutine)
    task.addCallbacks(ended.append, lambda failure: ended.append(failure.value))
    return task, ended


def told(*texts):
    """An answer that reports commits."""
    changes = [
        (int(SessionTrack.GTIDS), b"\x00" + lenenc_bytes(text.encode())) for text in texts
    ]
    return Outcome(2, [(int(SessionTrack.STATE_CHANGE), b"\x011"), *changes])


def wrote(group, outcome, *, pool="a", reads_only=False):
    """The client's statement has run."""
    session, pool = group.writing.client.session, group.pool(pool)
    group.own_writes.wrote(session, pool, outcome, reads_only=reads_only)


def needed(group, key=KEY):
    """What the user has written."""
    _, ended = begin(group.own_writes.needed(key, BARE))
    group.run()
    return ended


# What is written


def test_what_is_reported_is_needed(group):
    """Nothing is asked then, and nothing is needed of another user's."""
    wrote(group, told(f"{UUID}:6", f"{UUID}:8"))
    wrote(group, told(f"{UUID}:9"))
    assert needed(group) == [parse(f"{UUID}:6:8-9")]
    assert needed(group, OTHER) == [Position()]
    assert group.asked == 0
    assert repr(group.own_writes) == "<OwnWrites of 1 users, 1 readers>"


def test_what_a_reading_statement_commits_is_needed_too(group):
    """A function may write, of which its text tells nothing."""
    wrote(group, told(f"{UUID}:6"), reads_only=True)
    assert needed(group) == [parse(f"{UUID}:6")]


@pytest.mark.parametrize(
    "outcome",
    [
        told("no GTID"),
        Outcome(2, [(int(SessionTrack.GTIDS), b"\x01")]),
        attrs.evolve(told(f"{UUID}:5"), failed=True),
        Outcome(2, []),
    ],
)
def test_what_is_not_told_is_asked_for(group, outcome):
    """A report that makes no sense, an error, none before the first one: the writer knows."""
    wrote(group, outcome)
    assert needed(group) == [parse(f"{UUID}:1-5")]
    assert group.asked == 1
    assert needed(group)[0].contains(parse(f"{UUID}:1-5"))
    assert group.asked == 1


def test_after_the_first_report_silence_means_that_nothing_was_committed(group):
    """As of a statement that found no rows."""
    wrote(group, told(f"{UUID}:5"))
    wrote(group, Outcome(2, []))
    assert needed(group) == [parse(f"{UUID}:5")]
    assert group.own_writes.is_told(group.writing.client.session)


def test_a_writer_whose_transactions_have_no_numbers_any_more_tells_nothing(group):
    """A look shows it."""
    wrote(group, told(f"{UUID}:5"))
    group.own_writes.saw(group.pool("a"), None)
    assert not group.own_writes.is_told(group.writing.client.session)
    group.own_writes.saw(group.pool("b"), None)
    assert group.own_writes.is_met("app", group.pool("a"))


def test_where_transactions_have_no_numbers_the_writer_serves_who_has_written(group):
    """Nobody can wait for them."""
    group.reports = group.numbers = False
    assert ask(group.writing, INSERT) == "ok"
    assert ask(group.reading, READ) == "a"
    assert needed(group) == [None]
    assert ask(group.client("reads", user="other"), READ) == "b"


def test_who_reads_from_the_writer_anyway_asks_nothing(group):
    """Everything is there."""
    group.host("b").kill()
    group.look(times=3)
    group.own_writes.doubt("app")
    assert ask(group.reading, READ) == "a"
    assert ask(group.reading, b"SELECT 'x', @y") == "a"
    assert group.asked == 0


def test_a_reader_that_is_passed_by_is_not_waited_for(group):
    """Nor is the writer asked."""
    wrote(group, told(f"{UUID}:6"))
    task = begin(group.own_writes.comes(KEY, BARE, group.pool("b")))
    group.run()
    group.run(1)
    asked = group.asked
    again = begin(group.own_writes.comes(KEY, BARE, group.pool("b")))
    assert (task[1], again[1], group.asked) == ([False], [False], asked)


# Asking the writer


def test_one_answer_serves_all_who_had_written_by_then(group):
    """Of all users; who writes later is not among them."""
    own_writes = group.own_writes
    own_writes.doubt("app")
    own_writes.doubt("other")
    assert needed(group) == [parse(f"{UUID}:1-5")]
    assert needed(group, OTHER) == [parse(f"{UUID}:1-5")]
    assert group.asked == 1
    own_writes.doubt("app")
    needed(group, OTHER)
    assert group.asked == 1
    needed(group)
    assert group.asked == 2


def test_who_waits_for_a_connection_profits_from_another_ones_answer():
    """There is but one connection, and one question."""
    group = Replicated("a", "b", pool={"max_connections": 1}).be_well()
    group.client("main").query(READ)
    group.own_writes.doubt("app")
    tasks = [begin(group.own_writes.needed(KEY, BARE)) for _ in range(3)]
    group.run()
    assert [ended for _, ended in tasks] == [[parse(f"{UUID}:1-5")]] * 3
    assert group.asked == 1


def silence(group, name="a"):
    """Let the writer not say how far it is."""
    routines = group.host(name).servers.routines
    for beginning in [one for one in routines if one.startswith(b"SELECT CAST(IF(")]:
        routines[beginning] = lambda _: None


def test_a_write_while_the_writer_is_asked_is_asked_for_again(group):
    """Whether the answer has it nobody knows; who asked before does not need it."""
    silence(group)
    group.own_writes.doubt("app")
    _, ended = begin(group.own_writes.needed(KEY, BARE))
    group.run()
    group.own_writes.doubt("app")
    (backend,) = [one for one in group.host("a").servers.backends if one.asked]
    backend.answer(*backend.side.rows([(f"{UUID}:1-9".encode(),)]))
    group.run()
    assert ended == [parse(f"{UUID}:1-9")]
    assert not group.own_writes.is_met("app", group.pool("b"))


@pytest.mark.parametrize("end", ["lost", "refused", "nonsense", "too much"])
def test_a_writer_that_does_not_answer_serves_the_read_itself(group, end):
    """If it can; its connection is given up where it is of no use."""
    from tests.support.scripted import error

    silence(group)
    group.own_writes.doubt("app")
    _, ended = begin(group.own_writes.needed(KEY, BARE))
    group.run()
    (backend,) = [one for one in group.host("a").servers.backends if one.asked]
    if end == "lost":
        backend.die()
    elif end == "refused":
        backend.answer(error(1193).encode())
    else:
        row = (b"x",) if end == "nonsense" else (b"", b"")
        backend.answer(*backend.side.rows([row]))
    group.run()
    assert ended == [None]
    assert not group.pool("a").ledger.lent


def test_who_leaves_while_the_writer_is_asked_leaves_nothing_behind(group):
    """Neither a lease nor a mistake."""
    silence(group)
    group.own_writes.doubt("app")
    group.reading.query(READ)
    assert len(group.pool("a").ledger.lent) == 1
    group.reading.leave()
    group.run()
    assert not group.pool("a").ledger.lent
    assert len(group.clients) == 1


def test_without_a_connection_to_the_writer_a_read_is_refused_in_time():
    """Once, and not once more for the read itself."""
    group = Replicated("a", "b", pool={"connection_borrow_timeout": 8}).be_well()
    reader = group.client("reads")
    group.own_writes.doubt("app")
    group.pool("a").hold()
    assert ask(reader, READ) is None
    group.run(8)
    group.run(1)
    assert answers(reader)[0] == 9501
    _, ended = begin(group.own_writes.needed(KEY, BARE))
    group.run(9)
    assert isinstance(ended[0], StatementRefusedError)


# Another writer


def test_what_the_new_writer_was_seen_to_have_is_needed_still(group):
    """All else is asked for again: it may have it by now, or never get it."""
    own_writes = group.own_writes
    wrote(group, told(f"{UUID}:5"))
    own_writes.writer_changed(parse(f"{UUID}:1-5"))
    assert needed(group) == [parse(f"{UUID}:5")]
    assert group.asked == 0
    own_writes.writer_changed(parse(f"{UUID}:1-4"))
    assert needed(group) == [parse(f"{UUID}:1-5")]
    own_writes.writer_changed(None)
    needed(group)
    assert group.asked == 2


def test_an_answer_of_a_writer_that_is_none_any_more_counts_for_nothing(group):
    """The new one is asked."""
    silence(group)
    group.own_writes.doubt("app")
    _, ended = begin(group.own_writes.needed(KEY, BARE))
    group.run()
    (backend,) = [one for one in group.host("a").servers.backends if one.asked]
    group.steward.change_writer("b:3306")
    group.apply("b", 7)
    backend.answer(*backend.side.rows([(f"{UUID}:1-9".encode(),)]))
    group.run()
    assert ended == [parse(f"{UUID}:1-7")]


def test_a_reader_that_becomes_the_writer_is_asked_for_nothing(group):
    """The connection over which it was has gone."""
    ask(group.writing, INSERT)
    group.apply("b")
    ask(group.reading, READ)
    before = group.connections("b")
    group.steward.change_writer("b:3306")
    group.own_writes.saw(group.pool("b"), parse(f"{UUID}:1-6"))
    group.run(1)
    assert group.connections("b") < before
    assert group.own_writes.is_met("app", group.pool("b"))


# Readers


def test_each_reader_has_one_connection_whoever_waits():
    """Beside those of its pool; it goes with the reader, and at the end."""
    group = Replicated("a", "b").be_well()
    group.client("main", user="other")
    writers = [group.client(user=user) for user in ("app", "other")]
    readers = [group.client("reads", user=user) for user in ("app", "other") * 3]
    for writer in writers:
        assert ask(writer, INSERT) == "ok"
    for reader in readers:
        assert ask(reader, READ) is None
    leases = [*group.pool("b").ledger.leases()]
    assert group.connections("b") == len(leases) + 1
    assert group.pool("b").ledger.borrowed == 0
    group.apply("b")
    group.run(0.1)
    group.run(0.1)
    assert {answers(reader) for reader in readers} == {"b"}
    group.steward.stop()
    group.run(1)
    leases = [*group.pool("b").ledger.leases()]
    assert group.connections("b") == len(leases)
    group.stop()


def test_after_the_end_nobody_waits(group):
    """The writer serves what a client still asks while the proxy drains."""
    group.steward.stop()
    assert ask(group.writing, INSERT) == "ok"
    assert ask(group.reading, READ) == "a"
    group.own_writes.saw(group.pool("b"), parse(f"{UUID}:1-6"))
    assert group.rounds == 0
    group.stop()


def test_with_no_time_to_wait_what_looks_have_shown_decides():
    """The reader is not asked."""
    group = Replicated("a", "b", timeout=0).be_well()
    writer, reader = group.client(), group.client("reads")
    ask(writer, INSERT)
    assert ask(reader, READ) == "a"
    group.apply("b")
    group.look()
    assert ask(reader, READ) == "b"
    assert group.rounds == 0


def test_what_never_comes_is_waited_for_once(group):
    """A number that is lost everywhere: the writer is asked what there is."""
    wrote(group, told(f"{UUID}:100"))
    assert ask(group.reading, READ) is None
    group.run(1.0)
    assert answers(group.reading) == "a"
    group.commit("a")
    group.apply("b")
    group.look()
    assert ask(group.reading, READ) == "b"
    assert group.asked == 1


def test_two_who_wait_in_vain_are_one_reason_to_ask(group):
    """The second one takes nothing back of what the first has begun."""
    wrote(group, told(f"{UUID}:100"))
    readers = [group.reading, group.client("reads")]
    assert [ask(reader, READ) for reader in readers] == [None, None]
    group.run(1.0)
    assert [answers(reader) for reader in readers] == ["a", "a"]
    assert needed(group) == [parse(f"{UUID}:1-5")]


def test_who_is_cancelled_while_it_waits_is_forgotten(group):
    """The others wait on."""
    wrote(group, told(f"{UUID}:6"))
    task, ended = begin(group.own_writes.comes(KEY, BARE, group.pool("b")))
    group.run()
    task.cancel()
    assert isinstance(ended[0], CancelledError)
    group.run(2)


def test_only_readers_are_known(group):
    """A group whose readers nobody was seen to be has none."""
    assert Group("a").steward.sharing.route.own_writes is None
    group.own_writes.forget(group.pool("a"))
    assert repr(group.own_writes) == "<OwnWrites of 0 users, 1 readers>"


def test_another_patience_is_for_who_begins_to_wait_then():
    """Not to wait at all, for instance."""
    group = Replicated("a", "b").be_well()
    group.own_writes.change_timeout(0)
    group.client().query(b"INSERT INTO t VALUES (1)")
    group.run()
    reader = group.client("reads")
    reader.query(b"SELECT 'a'")
    group.run()
    assert answers(reader) == "a"
