"""Tests of `proxy.pool.rotation`."""

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import succeed

from proxy.config.auth import IamAuth
from proxy.credentials.source import Credential
from proxy.policy.lease import Place
from proxy.pool.rotation import TRIES, TRY_AGAIN_SECONDS
from proxy.wire.commands import QUIT
from tests.support.borrow import BARE, KEY, OTHER, borrow
from tests.support.memory import Stage
from tests.support.passwords import Passwords, credential

RETIRED = "connections of the previous password are retired"
NOT_YET = "a changed password does not work yet"


@pytest.fixture
def stage():
    """A pool whose target takes the password "old", and a connection made with it."""
    source = Passwords(credential("app", "old"), credential("other", "old"))
    stage = Stage(credentials=source, max_connections=3)
    stage.servers.passwords = {"old"}
    stage.held = borrow(stage)
    assert stage.held.leases
    return stage


def renew(stage, *passwords, taken=("new",), user="app"):
    """Change the password where it comes from, and at the target."""
    stage.credentials.there[user] = credential(user, *passwords)
    stage.servers.passwords = set(taken)


def changed(stage, user="app"):
    """Tell the pool; what was logged."""
    with capture_logs() as lines:
        stage.pool.password_changed(user)
        stage.run()
    return [line["event"] for line in lines]


def later(stage, seconds=TRY_AGAIN_SECONDS):
    """Let time pass up to the next sweep; what was logged."""
    with capture_logs() as lines:
        stage.run(seconds)
        stage.pool.sweep()
        stage.run()
    return [line["event"] for line in lines]


def give_back(stage, borrower):
    """The borrower is done."""
    stage.pool.give_back(borrower.lease, BARE)
    stage.run()


def dial_slowly(stage):
    """Ask for a lease whose dial does not come through before `arrive`."""
    stage.servers.holding = True
    waiting = borrow(stage)
    stage.servers.holding = False
    return waiting


def arrive(stage):
    """Let the dials come through that have begun."""
    for go_on in stage.servers.dials:
        go_on()
    stage.run()


def test_what_was_opened_with_the_password_before_is_closed(stage):
    """Idle connections at once, lent ones when they come back: nobody is disturbed."""
    idle = borrow(stage)
    stage.pool.give_back(idle.lease, BARE)
    renew(stage, "new", "old")
    assert RETIRED in changed(stage)
    lent, unused, trial = stage.backends
    assert unused.gone
    assert unused.side.commands[-1] == QUIT
    assert trial.gone
    assert not lent.gone
    stage.pool.give_back(stage.held.lease, BARE)
    stage.run()
    assert lent.gone
    assert stage.held.replies == []
    assert stage.ledger.total == 0


def test_the_next_connection_has_the_new_password(stage):
    """It stays, as does every other one that has."""
    renew(stage, "new", "old")
    changed(stage)
    fresh = borrow(stage)
    stage.pool.give_back(fresh.lease, BARE)
    stage.run()
    assert changed(stage) == []
    assert not stage.backends[-1].gone
    assert stage.ledger.idle_count == 1


def test_nothing_is_closed_before_the_target_takes_the_new_password(stage):
    """As long as it does not, what is there is all there is."""
    renew(stage, "new", "old", taken=("old",))
    assert RETIRED not in changed(stage)
    stage.pool.give_back(stage.held.lease, BARE)
    stage.run()
    assert not stage.backends[0].gone
    stage.servers.passwords = {"new"}
    assert RETIRED in changed(stage)
    assert stage.backends[0].gone


def test_a_target_that_takes_neither_is_logged(stage):
    """Somebody has to mend it; what is open stays open."""
    renew(stage, "new", taken=())
    assert NOT_YET in changed(stage)
    assert not stage.backends[0].gone


def test_a_login_in_passing_retires_too(stage):
    """A dial that works with the new password needs no trial before it."""
    renew(stage, "new", "old")
    with capture_logs() as lines:
        assert borrow(stage).leases
    assert RETIRED in [line["event"] for line in lines]
    stage.pool.give_back(stage.held.lease, BARE)
    stage.run()
    assert stage.backends[0].gone


def test_other_users_keep_their_connections(stage):
    """A rotation is one user's."""
    other = borrow(stage, OTHER)
    stage.pool.give_back(other.lease, BARE)
    renew(stage, "new", "old", taken=("new", "old"))
    changed(stage)
    assert not stage.backends[1].gone
    assert stage.ledger.idle_count == 1


@pytest.mark.parametrize("user", ["other", "nobody"])
def test_a_user_without_connections_is_not_tried(stage, user):
    """Its next login finds the new password by itself."""
    renew(stage, "new", user=user)
    before = len(stage.backends)
    assert changed(stage, user) == []
    assert len(stage.backends) == before


def test_a_user_whose_connections_are_gone_is_not_tried(stage):
    """There is nothing to leave behind."""
    stage.backends[0].die()
    stage.run()
    renew(stage, "new")
    assert changed(stage) == []
    assert len(stage.backends) == 1


def test_a_password_that_is_the_same_is_not_tried(stage):
    """A secret may change in other ways, such as in its previous password."""
    stage.credentials.there["app"] = credential("app", "old", "older")
    assert changed(stage) == []
    assert len(stage.backends) == 1


def test_a_user_who_is_gone_is_not_tried(stage):
    """Its connections end with its clients."""
    stage.credentials.there.clear()
    assert changed(stage) == []
    assert len(stage.backends) == 1


def test_tokens_are_no_passwords_that_rotate():
    """Each connection has another one, and all of them stay."""

    class TokenMaker:
        made = 0

        def token(self, user):
            self.made += 1
            return succeed(f"{user}-{self.made}")

        def forget(self, user):
            raise AssertionError(user)

    source = Passwords(Credential("app", (), iam_auth=IamAuth.REQUIRED))
    stage = Stage(credentials=source)
    stage.pool.accounts.tokens = TokenMaker()
    first, second = borrow(stage, KEY), borrow(stage, KEY)
    assert first.leases
    assert second.leases
    assert changed(stage) == []
    for borrower in (first, second):
        stage.pool.give_back(borrower.lease, BARE)
    stage.run()
    assert not any(backend.gone for backend in stage.backends)


def test_a_connection_that_is_dialed_is_not_looked_at(stage):
    """It has no password yet; the one it gets is the newest."""
    waiting = dial_slowly(stage)
    renew(stage, "new", "old")
    assert RETIRED in changed(stage)
    arrive(stage)
    assert not waiting.replies


@pytest.mark.parametrize("waits", [True, False])
def test_a_dial_that_was_under_way_with_the_old_password_is_used_once_at_most(stage, waits):
    """It comes through after the new one has worked, while the target takes both."""
    waiting = dial_slowly(stage)
    renew(stage, "new", "old", taken=("new", "old"))
    assert RETIRED in changed(stage)
    if not waits:
        stage.pool.withdraw(waiting.waiter)
    arrive(stage)
    late = stage.backends[-1]
    assert not late.gone
    if waits:
        give_back(stage, waiting)
    else:
        later(stage, 1)
    assert late.gone


def test_a_target_that_is_set_back_keeps_its_connections(stage):
    """What was dialed when the new password had ceased to work is all there is."""
    renew(stage, "new", "old")
    assert RETIRED in changed(stage)
    give_back(stage, stage.held)
    stage.servers.passwords = {"old"}
    stage.run(1)
    for _ in range(3):
        held = borrow(stage)
        give_back(stage, held)
        assert later(stage, 1) == []
    assert not stage.backends[-1].gone
    assert stage.ledger.idle_count == 1
    stage.servers.passwords = {"new"}
    assert RETIRED in later(stage)
    assert stage.ledger.total == 0


@pytest.mark.parametrize("by", ["a dial", "word", "time"])
def test_a_target_that_is_behind_at_first_is_left_behind_later(by):
    """The first login is by the previous password, and the newest works some time after."""
    stage = Stage(credentials=Passwords(credential("app", "new", "old")), max_connections=3)
    stage.servers.passwords = {"old"}
    held = borrow(stage)
    stage.servers.passwords = {"new"}
    if by == "a dial":
        borrow(stage)
    elif by == "word":
        assert RETIRED in changed(stage)
    else:
        assert RETIRED not in later(stage, TRY_AGAIN_SECONDS - 1)
        assert RETIRED in later(stage, 1)
    old = stage.backends[1]
    assert not old.gone
    give_back(stage, held)
    assert old.gone


def test_a_dial_of_the_old_password_that_nothing_else_tells_of_is_left_behind(stage):
    """At the word of the change there was no connection, and then there is one."""
    stage.backends[0].die()
    waiting = dial_slowly(stage)
    renew(stage, "new", "old", taken=("new", "old"))
    assert changed(stage) == []
    arrive(stage)
    assert waiting.leases
    assert RETIRED in later(stage)
    give_back(stage, waiting)
    assert stage.backends[1].gone


def test_a_target_that_is_away_for_a_moment_is_tried_again(stage):
    """The word of the change comes only once."""
    renew(stage, "new")
    stage.servers.down = True
    assert NOT_YET in changed(stage)
    assert later(stage, TRY_AGAIN_SECONDS - 1) == []
    assert NOT_YET in later(stage, 1)
    stage.servers.down = False
    assert RETIRED in later(stage)
    assert later(stage) == []
    give_back(stage, stage.held)
    assert stage.backends[0].gone


@pytest.mark.parametrize("away", [True, False])
def test_it_is_not_tried_for_ever(stage, away):
    """Neither one that stays away nor one that stays with the old password."""
    renew(stage, "new", "old", taken=("old",))
    stage.servers.down = away
    seen = changed(stage)
    for _ in range(2 * TRIES):
        seen += later(stage)
    assert seen == [NOT_YET] * TRIES
    stage.servers.down = False
    borrow(stage)
    assert later(stage) == []
    stage.servers.passwords = {"new"}
    borrow(stage)
    give_back(stage, stage.held)
    assert stage.backends[0].gone


def test_what_is_refused_is_not_tried_again(stage):
    """Wrong passwords lock accounts; a login that works some time later is enough."""
    renew(stage, "new", taken=())
    assert NOT_YET in changed(stage)
    before = len(stage.backends)
    assert later(stage) == []
    assert len(stage.backends) == before
    stage.servers.passwords = {"new"}
    borrow(stage)
    give_back(stage, stage.held)
    assert stage.backends[0].gone


def test_there_is_no_other_try_while_one_is_under_way(stage):
    """Nor when nothing is left to be left behind."""
    renew(stage, "new")
    stage.servers.silent = True
    stage.pool.password_changed("app")
    stage.run()
    assert len(stage.backends) == 2
    stage.pool.sweep()
    stage.run()
    assert len(stage.backends) == 2
    assert NOT_YET in later(stage, stage.pool.dialer.connector.timeout_seconds)
    stage.backends[0].die()
    assert later(stage)[1:] == []
    assert len(stage.backends) == 2
    assert later(stage) == []


def test_a_try_that_is_behind_itself_is_no_news(stage):
    """It began with the old password, and a dial with the new one was through before it."""
    stage.credentials.there["app"] = credential("app", "older", "old")
    stage.servers.holding = True
    stage.pool.password_changed("app")
    stage.run()
    stage.servers.holding = False
    renew(stage, "new", "older", taken=("new", "older"))
    with capture_logs() as lines:
        borrow(stage)
        arrive(stage)
    assert [line["event"] for line in lines].count(RETIRED) == 1
    assert NOT_YET not in [line["event"] for line in lines]
    assert later(stage) == []


def test_what_is_retired_during_its_reset_is_not_lent_after_it(stage):
    """It is closed like what stands idle."""
    wire = stage.held.lease.backend.transport
    wire.stuck = True
    stage.pool.give_back(stage.held.lease, None)
    renew(stage, "new", "old")
    assert RETIRED in changed(stage)
    assert stage.held.lease.place is Place.RESETTING
    wire.stuck, data, wire.dataBuffer = False, wire.dataBuffer, b""
    wire.write(data)
    stage.run()
    assert stage.backends[0].gone
    assert stage.ledger.total == 0


def test_a_pool_that_closes_tries_nothing_any_more(stage):
    """Its connections end anyway."""
    renew(stage, "new")
    stage.servers.down = True
    assert NOT_YET in changed(stage)
    stage.pool.close()
    assert later(stage) == []
