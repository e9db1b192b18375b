"""Tests of `proxy.pool.accounts`."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from proxy.config.auth import IamAuth
from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.credentials.source import Credential
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.pool.accounts import Accounts
from tests.support.passwords import Passwords, credential

DENIED = BackendRefusedError(1045, "28000", "Access denied for user 'app'")
SHAPE = 4


class Target:
    """A target that takes some passwords, and notes what it was shown."""

    def __init__(self, *taken, refusal=DENIED):
        self.taken = taken
        self.refusal = refusal
        self.shown = []

    def connect(self, account):
        """Give the account where its password is taken."""
        assert (account.user, account.shape) == ("app", SHAPE)
        self.shown.append(account.password)
        return succeed(account) if account.password in self.taken else fail(self.refusal)


class TokenMaker:
    """Makes a new token each time one was refused."""

    def __init__(self):
        self.number = 1
        self.failure = None

    def token(self, user):
        """See `proxy.pool.accounts.Tokens`."""
        if self.failure is not None:
            return fail(self.failure)
        return succeed(f"token-{self.number}-{user}")

    def forget(self, user):
        """See `proxy.pool.accounts.Tokens`."""
        assert user == "app"
        self.number += 1


def log_in(accounts, target, user="app"):
    """What a login comes to: the password that was taken, or the error."""
    got = []
    logging_in = Deferred.fromCoroutine(accounts.log_in(user, SHAPE, target.connect))
    logging_in.addCallbacks(
        lambda account: got.append(account.password), lambda failure: got.append(failure.value)
    )
    (outcome,) = got
    return outcome


def test_the_newest_password_is_tried_first():
    """One that is taken is the end of it: nothing is looked up anew."""
    source, target = Passwords(credential("app", "new", "old")), Target("new", "old")
    assert log_in(Accounts(source), target) == "new"
    assert target.shown == ["new"]
    assert source.asked == [("find", "app")]


def test_a_target_that_is_behind_gets_the_password_before():
    """While a password rotates the target may have the new one later than we do."""
    source, target = Passwords(credential("app", "new", "old")), Target("old")
    assert log_in(Accounts(source), target) == "old"
    assert target.shown == ["new", "old"]


def test_a_target_that_is_ahead_makes_us_look_anew():
    """Each password is shown once, for wrong ones lock accounts."""
    source, target = Passwords(credential("app", "old", "older")), Target("new")
    source.fresh["app"] = credential("app", "new", "old")
    assert log_in(Accounts(source), target) == "new"
    assert target.shown == ["old", "older", "new"]
    assert source.asked == [("find", "app"), ("refresh", "app")]


def test_when_no_password_is_taken_the_first_refusal_counts():
    """It is about the newest password that was known."""
    source, target = Passwords(credential("app", "new", "old")), Target()
    assert log_in(Accounts(source), target) is DENIED
    assert target.shown == ["new", "old"]


def test_another_refusal_is_no_matter_of_passwords():
    """A target that is full, or has locked the account, is not asked again."""
    full = BackendRefusedError(1040, "08004", "Too many connections")
    source, target = Passwords(credential("app", "new", "old")), Target(refusal=full)
    assert log_in(Accounts(source), target) is full
    assert target.shown == ["new"]
    assert source.asked == [("find", "app")]


def test_a_user_who_is_not_known_is_not_logged_in():
    """Nor one who has gone when the passwords are looked up anew."""
    target = Target()
    lost = log_in(Accounts(Passwords()), target)
    assert type(lost) is BackendLostError
    assert str(lost) == "no password is known for user 'app'"
    assert target.shown == []
    source = Passwords(credential("app", "old"))
    source.fresh["app"] = None
    assert type(log_in(Accounts(source), target)) is BackendLostError


def test_a_user_without_a_password_needs_tokens():
    """Where nobody makes them the error says what is missing."""
    source = Passwords(Credential("app", (), iam_auth=IamAuth.REQUIRED))
    lost = log_in(Accounts(source), Target())
    assert str(lost) == "there is no password for user 'app'"


def test_tokens_stand_in_for_passwords():
    """The token of the user is shown like a password."""
    source = Passwords(Credential("app", (), iam_auth=IamAuth.REQUIRED))
    target = Target("token-1-app")
    assert log_in(Accounts(source, TokenMaker()), target) == "token-1-app"


def test_a_token_that_is_refused_is_made_anew_once():
    """It may have expired in between; a second one that is refused is the end."""
    source = Passwords(Credential("app", (), iam_auth=IamAuth.REQUIRED))
    target = Target("token-2-app")
    assert log_in(Accounts(source, TokenMaker()), target) == "token-2-app"
    assert target.shown == ["token-1-app", "token-2-app"]
    target = Target()
    assert log_in(Accounts(source, TokenMaker()), target) is DENIED
    assert len(target.shown) == 2


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (AwsUnavailableError("AWS cannot be reached", Trouble.UNREACHABLE), "AWS cannot"),
        (RuntimeError("hunter2"), "botocore refused: RuntimeError"),
    ],
)
def test_a_token_that_cannot_be_made_is_a_lost_backend(failure, why):
    """The dial fails like any other, and nothing of the error's own text is told."""
    tokens = TokenMaker()
    tokens.failure = failure
    source = Passwords(Credential("app", (), iam_auth=IamAuth.REQUIRED))
    lost = log_in(Accounts(source, tokens), Target())
    assert isinstance(lost, BackendLostError)
    assert str(lost).startswith(f"no IAM token for user 'app': {why}")
    assert "hunter2" not in str(lost)


def test_the_newest_password_is_known_without_asking():
    """None of a stranger, and none of a user who logs in with tokens."""
    source = Passwords(credential("app", "new", "old"), Credential("iam", ()))
    accounts = Accounts(source)
    assert accounts.newest("app") == "new"
    assert accounts.newest("iam") is None
    assert accounts.newest("nobody") is None
    assert source.asked == []
