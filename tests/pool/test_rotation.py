"""Tests of `proxy.pool.rotation`."""

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import succeed

from proxy.config.auth import IamAuth
from proxy.credentials.source import Credential
from proxy.wire.commands import QUIT
from tests.support.borrow import BARE, KEY, OTHER, borrow
from tests.support.memory import Stage
from tests.support.passwords import Passwords, credential

RETIRED = "connections of the previous password are retired"


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
    assert "a changed password does not work yet" in changed(stage)
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
    stage.pool.accounts._tokens = TokenMaker()
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
    stage.servers.holding = True
    waiting = borrow(stage)
    stage.servers.holding = False
    renew(stage, "new", "old")
    assert RETIRED in changed(stage)
    for go_on in stage.servers.dials:
        go_on()
    stage.run()
    assert not waiting.replies
