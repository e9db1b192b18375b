"""Tests of `proxy.pool.opening`: targets in trouble."""

import pytest
from structlog.testing import capture_logs
from twisted.internet.error import ConnectError
from twisted.internet.error import TimeoutError as ConnectTimeoutError

from proxy.errors import BackendLostError
from proxy.policy.observation import Failure
from proxy.pool.borrower import PoolKey
from proxy.pool.opening import ROTATION_SECONDS, failure_of
from tests.support.borrow import OTHER, borrow
from tests.support.losses import Watcher
from tests.support.memory import Stage
from tests.support.passwords import Passwords, credential
from tests.support.scripted import error


def test_a_target_that_is_down_is_tried_again_and_recovers_by_itself(stage):
    """Waiters stay in the queue and are served when the target is back."""
    stage.servers.down = True
    waiting = [borrow(stage) for _ in range(3)]
    for _ in range(3):
        stage.run(1)
    assert stage.counters.database_connections_setup_failed >= 3
    assert "refused" in stage.pool.opening.last_failure
    stage.servers.down = False
    stage.run(1)
    assert [len(borrower.leases) for borrower in waiting] == [1, 1, 0]
    assert stage.pool.opening.last_failure == ""


def test_a_target_that_stays_down_ends_in_9501_with_the_reason_in_the_log(stage):
    """The log line has the last failure of a dial."""
    stage.servers.down = True
    waiting = borrow(stage)
    with capture_logs() as lines:
        for _ in range(9):
            stage.run(1)
    assert [reply.code for reply in waiting.replies] == [9501]
    (line,) = [line for line in lines if "waited too long" in line["event"]]
    assert "cannot connect to db:3306" in line["last_failure"]


def test_pauses_between_dials_grow_to_a_second(stage):
    """A target that is away is asked about once a second."""
    stage.servers.down = True
    borrow(stage)
    for _ in range(70):
        stage.run(0.1)
    assert 7 <= stage.counters.database_connection_requests <= 12


def test_a_target_that_refuses_the_account_is_not_waited_for(stage):
    """Another try would not mend it, so who waits hears the server's words; others do not."""
    stage.servers.holding = True
    mine, others = borrow(stage), borrow(stage, OTHER)
    stage.servers.refusal = error(1045, "28000", b"Access denied")
    stage.servers.dials.pop()()
    stage.run()
    assert [reply.code for reply in mine.replies] == [1045]
    assert others.replies == []
    assert len(stage.ledger.waiting) == 1


def test_a_target_that_refuses_a_user_answers(stage):
    """Which says that it is there; one that cannot be reached is not."""
    opening = stage.pool.opening
    assert not opening.answers
    stage.servers.refusal = error(1045, "28000", b"Access denied")
    borrow(stage)
    stage.run()
    assert (opening.answers, bool(opening.last_failure)) == (True, True)
    stage.servers.down = True
    borrow(stage)
    stage.run(1)
    assert not opening.answers
    stage.servers.refusal, stage.servers.down = None, False
    borrow(stage)
    stage.run(2)
    assert (opening.answers, opening.last_failure) == (True, "")


def test_a_target_that_is_full_is_waited_for(stage):
    """Too many connections at the target passes, so the waiter stays."""
    stage.servers.refusal = error(1040, "08004", b"Too many connections")
    waiting = borrow(stage)
    assert waiting.replies == []
    stage.servers.refusal = None
    stage.run(1)
    assert waiting.leases


def test_a_user_whose_password_is_gone_has_no_connections(stage):
    """The dial fails without a word to the target."""
    borrow(stage, PoolKey("nobody", 0))
    assert stage.backends == []
    assert stage.pool.opening.last_failure == "no password is known for user 'nobody'"


def test_dials_that_fail_together_are_tried_again_together():
    """One timer for all of them, so that a target that is away is not stormed."""
    stage = Stage(max_connections=3)
    borrow(stage)
    stage.servers.holding = True
    waiting = [borrow(stage), borrow(stage)]
    stage.servers.down = True
    for go_on in stage.servers.dials:
        go_on()
    stage.run()
    assert stage.counters.database_connections_setup_failed == 2
    stage.servers.holding = stage.servers.down = False
    stage.run(1)
    assert stage.counters.database_connection_requests == 5
    assert all(borrower.leases for borrower in waiting)


# A password that has just ceased to work


def rotating():
    """A pool that has logged in once; the target has another password now."""
    source = Passwords(credential("app", "old"), credential("other", "old"))
    stage = Stage(credentials=source, max_connections=3, connection_borrow_timeout=60.0)
    stage.servers.passwords = {"old"}
    borrow(stage)
    stage.servers.passwords = {"new"}
    return stage


def test_a_password_that_worked_before_is_waited_for():
    """The new one is on the way: who waits is served when it has come, and heard nothing."""
    stage = rotating()
    waiting = borrow(stage)
    stage.run(ROTATION_SECONDS / 2)
    assert (waiting.leases, waiting.replies) == ([], [])
    stage.credentials.fresh["app"] = credential("app", "new", "old")
    stage.run(1)
    assert waiting.leases
    assert waiting.replies == []


def test_nobody_waits_for_a_password_without_end():
    """After its time the target's refusal goes to all who wait, and to later ones at once."""
    stage = rotating()
    waiting = borrow(stage)
    for _ in range(int(ROTATION_SECONDS) - 1):
        stage.run(1)
    assert waiting.replies == []
    for _ in range(2):
        stage.run(1)
    assert [reply.code for reply in waiting.replies] == [1045]
    assert [reply.code for reply in borrow(stage).replies] == [1045]


def test_a_password_that_works_again_is_trusted_again():
    """The next rotation has all of its time too."""
    stage = rotating()
    waiting = borrow(stage)
    for _ in range(int(ROTATION_SECONDS) + 1):
        stage.run(1)
    stage.servers.passwords = {"old"}
    again = borrow(stage)
    assert again.leases
    stage.servers.passwords = {"new"}
    third = borrow(stage)
    stage.run(ROTATION_SECONDS / 2)
    assert third.replies == []
    assert len(waiting.replies) == 1


def test_patience_is_for_the_user_whose_password_worked():
    """One who never got in hears the refusal at once, whoever else waits."""
    stage = rotating()
    mine, other = borrow(stage), borrow(stage, OTHER)
    stage.run(1)
    assert [reply.code for reply in other.replies] == [1045]
    assert mine.replies == []


def test_other_refusals_are_final_for_everybody():
    """A locked account does not come back by a new password."""
    stage = rotating()
    stage.servers.refusal = error(3118, "HY000", b"Account is locked")
    assert [reply.code for reply in borrow(stage).replies] == [3118]


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [
        (error(1045, "28000"), Failure.DENIED),
        (error(1130), Failure.DENIED),
        (error(1040, "08004"), Failure.FULL),
        (error(1203, "42000"), Failure.FULL),
        (error(1053, "08S01"), Failure.STOPPING),
        (error(3032), Failure.STOPPING),
        (error(1105), Failure.ODD),
    ],
)
def test_a_refused_login_is_told_to_who_watches(stage, refusal, failure):
    """The server's code says what kind of trouble it is."""
    watcher = Watcher(stage)
    stage.servers.refusal = refusal
    borrow(stage)
    assert watcher.failures == [failure]
    assert watcher.told[0][2].startswith(f"{refusal.code} (")


def test_a_refused_connection_is_told_to_who_watches(stage):
    """Nobody listens there any more; those who wait may be held by that."""
    watcher = Watcher(stage)
    watcher.act = stage.pool.hold
    stage.servers.down = True
    borrow(stage)
    stage.run(5)
    assert watcher.failures == [Failure.REFUSED]


def test_a_silent_target_is_told_to_who_watches(stage):
    """It lets itself be connected to, and says nothing."""
    watcher = Watcher(stage)
    stage.servers.silent = True
    borrow(stage)
    stage.run(5)
    assert watcher.failures == [Failure.SILENT]


@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (TimeoutError(), Failure.SILENT),
        (ConnectTimeoutError(), Failure.SILENT),
        (ConnectionRefusedError(), Failure.REFUSED),
        (ConnectError(), Failure.REFUSED),
        (None, Failure.LOST),
    ],
)
def test_the_cause_says_what_kind_of_trouble_it_is(cause, failure):
    """No answer to the first packet is silence; a connection that ends is a loss."""
    error = BackendLostError("cannot connect to db:3306")
    error.__cause__ = cause
    assert failure_of(error) is failure


def test_a_mistake_of_ours_is_no_trouble_of_the_targets(stage, monkeypatch):
    """Nobody is told of it."""
    watcher = Watcher(stage)

    def mistaken(*_):
        raise ValueError

    monkeypatch.setattr(stage.pool.opening._accounts, "log_in", mistaken)
    borrow(stage)
    assert watcher.told == []


def test_dials_that_fail_together_lengthen_the_pause_once():
    """Ten of one moment say no more than one does."""
    stage = Stage(max_connections=10)
    stage.servers.down = True
    for _ in range(10):
        borrow(stage)
    with capture_logs() as lines:
        stage.run(0.1)
    pauses = {line["retry_in_seconds"] for line in lines if "retry_in_seconds" in line}
    assert pauses <= {0.1, 0.2}


def test_a_target_that_was_seen_again_is_dialed_at_once(stage):
    """Whoever releases it has seen it: nobody waits for the end of a pause."""
    stage.servers.down = True
    waiting = borrow(stage)
    stage.run(4)
    stage.pool.hold()
    stage.servers.down = False
    stage.run(0.5)
    assert waiting.leases == []
    stage.pool.release()
    stage.run()
    assert len(waiting.leases) == 1
