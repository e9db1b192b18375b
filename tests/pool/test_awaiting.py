"""Tests of `proxy.pool.awaiting`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from proxy.observe.log import get_logger
from proxy.policy.gtids import Position, parse
from proxy.pool.awaiting import ROUND_SECONDS, TRUST_SECONDS, ReaderLine
from tests.support.host import UUID
from tests.support.replicated import WAITING, Replicated
from tests.support.scripted import error


@pytest.fixture
def group():
    """A writer and a reader with five transactions."""
    return Replicated("a", "b").be_well()


@pytest.fixture
def line(group):
    """The line of the reader."""
    return ReaderLine(group.pool("b"), group.clock, get_logger())


def wait(line, last, seconds=1.0, *, user="app", first=None):
    """Wait for these transactions; a list that gets whether they came."""
    ended = []
    wanted = parse(f"{UUID}:{first or last}-{last}")
    waiting = Deferred.fromCoroutine(line.wait(user, wanted, seconds))
    waiting.addCallbacks(ended.append, lambda failure: ended.append(failure.value))
    return ended


def answer(group, *payloads):
    """Answer what the reader was asked over its line."""
    (backend,) = [one for one in group.host("b").servers.backends if one.asked and not one.gone]
    backend.answer(*(payloads or backend.side.rows([(b"0", f"{UUID}:1-9".encode())])))
    group.run()


def be_silent(group):
    """Let the test answer for the reader."""
    group.host("b").servers.routines[WAITING[False]] = lambda _: None


def test_what_is_there_is_found_at_once(group, line):
    """By one question, and from then on it is known."""
    ended = wait(line, 5)
    group.run()
    assert ended == [True]
    assert line.has == parse(f"{UUID}:1-5")
    assert repr(line) == "<ReaderLine of db:3306: 0 waiting>"


def test_what_comes_is_waited_for_in_rounds(group, line):
    """Whoever comes meanwhile and wants less is served in the next one."""
    late = wait(line, 8)
    group.run(0)
    soon = wait(line, 6)
    group.commit("b")
    group.run(ROUND_SECONDS)
    assert (soon, late) == ([True], [])
    group.commit("b", 2)
    group.run(ROUND_SECONDS)
    assert late == [True]
    assert group.connections("b") == 1


def test_all_who_want_what_is_there_are_served_together(group, line):
    """One question is enough."""
    group.apply("b", 9)
    ended = [wait(line, n) for n in (6, 9, 7)]
    group.run()
    assert ended == [[True]] * 3
    assert group.rounds <= 2


def test_who_has_waited_long_enough_waits_no_more(group, line):
    """The reader is passed by until it gets on, or for some seconds."""
    ended = wait(line, 6, seconds=0.25)
    assert not line.is_passed_by
    for _ in range(3):
        group.run(ROUND_SECONDS)
    assert ended == [False]
    assert line.is_passed_by
    group.run(TRUST_SECONDS - 0.1)
    assert line.is_passed_by
    group.run(0.2)
    assert not line.is_passed_by


def test_a_look_that_shows_that_it_gets_on_ends_that(group, line):
    """One that shows the same as before does not."""
    line.saw(parse(f"{UUID}:1-5"))
    wait(line, 9, seconds=0.05)
    group.run(0.05)
    line.saw(parse(f"{UUID}:1-5"))
    assert line.is_passed_by
    line.saw(parse(f"{UUID}:1-6"))
    assert not line.is_passed_by
    assert line.has == parse(f"{UUID}:1-6")


def test_a_look_at_mariadb_shows_no_more_than_that_it_gets_on(line):
    """What it has logged cannot be read until a moment later."""
    line.saw(parse("0-1-7"))
    assert line.has == Position()


@pytest.mark.parametrize(
    "rows",
    [
        [(b"0", b"no position")],
        [(b"0", None)],
        [(b"0",)],
        [],
    ],
)
def test_a_reader_whose_words_make_no_sense_is_passed_by(group, line, rows):
    """At once, and its connection is closed."""
    be_silent(group)
    ended = wait(line, 9)
    group.run()
    (backend,) = group.host("b").servers.backends
    answer(group, *backend.side.rows(rows))
    group.run()
    assert ended == [False]
    assert line.is_passed_by
    assert group.connections("b") == 0


def test_a_reader_that_cannot_wait_is_passed_by(group, line):
    """It is not asked again and again: it has not got them, and says so at once."""
    group.prompt = True
    ended = wait(line, 9)
    group.run()
    assert ended == [False]
    assert group.rounds == 1


def test_a_reader_that_refuses_is_passed_by(group, line):
    """It has no GTIDs, say."""
    be_silent(group)
    ended = wait(line, 9)
    group.run()
    answer(group, error(3111).encode())
    group.run()
    assert (ended, group.connections("b")) == ([False], 0)


def test_a_reader_that_is_not_there_is_passed_by(group, line):
    """Whoever comes later tries again."""
    group.host("b").kill()
    ended = wait(line, 5)
    group.run()
    assert ended == [False]
    group.host("b").start()
    ended = wait(line, 5)
    group.run()
    assert ended == [True]


def test_a_user_that_the_reader_does_not_know_is_no_harm_to_the_next_one(group, line):
    """The connection is that of whoever is the first to wait."""
    group.host("b").servers.refusal = error(1045, "28000")
    ended = wait(line, 5, user="other")
    group.run()
    assert ended == [False]
    group.host("b").servers.refusal = None
    ended = wait(line, 5)
    group.run()
    assert ended == [True]


def test_a_connection_that_was_lost_is_opened_again(group, line):
    """While it is asked, and while it is not."""
    wait(line, 5)
    group.run()
    group.host("b").cut()
    group.run()
    be_silent(group)
    ended = wait(line, 9)
    group.run()
    group.host("b").cut()
    group.run()
    assert ended == [False]
    ended = wait(line, 9)
    group.run()
    answer(group)
    assert ended == [True]
    assert group.connections("b") == 1


def test_a_reader_that_has_frozen_is_given_up(group, line):
    """Whoever waits does so no longer than it wants, the question no longer than a login."""
    be_silent(group)
    ended = wait(line, 9)
    group.run()
    group.run(1.0)
    assert ended == [False]
    assert group.connections("b") == 1
    group.run(4.1)
    group.run()
    assert group.connections("b") == 0
    assert not [one for one in group.clock.calls if one.func == line._give_up]


@pytest.mark.parametrize("moment", ["connecting", "logging in", "asking", "idle"])
def test_nothing_is_left_when_it_ends(group, line, moment):
    """Whatever it does then."""
    servers = group.host("b").servers
    if moment == "connecting":
        servers.holding = True
    elif moment == "logging in":
        servers.silent = True
    elif moment == "asking":
        be_silent(group)
    ended = wait(line, 5)
    group.run()
    line.stop()
    for let_be in servers.dials:
        let_be()
    group.run(10)
    assert ended == [moment == "idle"]
    assert group.connections("b") == 0
    assert not [one for one in group.clock.calls if one.func == line._give_up]


def test_a_password_that_is_looked_up_when_it_ends_is_not_used(group, line):
    """Nobody logs in any more."""
    looking = Deferred()
    group.pool("b").accounts._credentials = SlowSource(looking)
    ended = wait(line, 5)
    line.stop()
    assert ended == [False]
    assert looking.called
    group.run(10)
    assert group.connections("b") == 0


class SlowSource:
    """Looks a password up for as long as a test says."""

    def __init__(self, looking):
        self.looking = looking

    async def find(self, _):
        """See `CredentialSource`."""
        return await self.looking

    refresh = find
