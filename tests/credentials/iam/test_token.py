"""Tests of `proxy.credentials.iam.token`."""

import pytest
from botocore.exceptions import NoCredentialsError
from twisted.internet.defer import CancelledError, Deferred, succeed

from proxy.credentials.aws import RENEWAL_PAUSE_SECONDS
from proxy.credentials.iam.signature import read_token
from proxy.credentials.iam.token import (
    RENEW_SECONDS,
    RenewingSigner,
    TokenMaker,
    make_token,
)


def failure_of(deferred):
    """Take the failure of a Deferred."""
    failures = []
    deferred.addErrback(failures.append)
    return failures[0]


class Threads:
    """Runs at once, or when it is told."""

    def __init__(self, *, at_once):
        self.at_once = at_once
        self.waiting = []

    def run(self, function, *args):
        """Take a call."""
        if self.at_once:
            return succeed(function(*args))
        result = Deferred()
        self.waiting.append((result, function, args))
        return result

    def turn(self):
        """Make all calls that wait."""
        waiting, self.waiting = self.waiting, []
        for result, function, args in waiting:
            result.callback(function(*args))


class Maker:
    """A maker of tokens that counts them, and a time that stands still."""

    def __init__(self, *, at_once=True, **options):
        self.time = 1000.0
        self.made = []
        self.threads = Threads(at_once=at_once)
        self.maker = TokenMaker(self.make, self.threads.run, lambda: self.time, **options)

    def make(self, user):
        """Make a token."""
        self.made.append(user)
        return f"secret-{user}-{len(self.made)}"

    def ask(self, user):
        """List what an asker has got so far."""
        results = []
        self.maker.token(user).addBoth(results.append)
        return results


def test_a_token_is_made_by_a_session(session_of, lasting_key):
    """It is for the place, the user and the region that were asked for."""
    session = session_of(lasting_key)
    token = read_token(make_token(session, "db.example.com", 3306, "app", "eu-west-1"))
    assert (token.host, token.port, token.user) == ("db.example.com", 3306, "app")
    assert token.presigned.region == "eu-west-1"


def test_without_credentials_there_is_no_token(bare_session, monkeypatch):
    """The error is that of botocore."""
    monkeypatch.setattr(bare_session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentialsError):
        make_token(bare_session, "db.example.com", 3306, "app", "eu-west-1")


def test_a_token_is_used_until_its_time_is_over():
    """Then the next login gets a new one, as it does after the clock went back."""
    it = Maker()
    assert it.ask("app") == ["secret-app-1"]
    it.time += RENEW_SECONDS - 1
    assert it.ask("app") == ["secret-app-1"]
    it.time += 1
    assert it.ask("app") == ["secret-app-2"]
    it.time -= 1
    assert it.ask("app") == ["secret-app-3"]


def test_the_age_of_a_token_counts_from_before_it_was_made():
    """A thread that had to wait does not make a token younger than it is."""
    it = Maker(at_once=False)
    it.ask("app")
    it.time += RENEW_SECONDS
    it.threads.turn()
    it.ask("app")
    assert len(it.threads.waiting) == 1


def test_each_user_has_a_token():
    """Nobody gets that of another."""
    it = Maker()
    assert it.ask("app") == ["secret-app-1"]
    assert it.ask("batch") == ["secret-batch-2"]
    assert it.ask("app") == ["secret-app-1"]
    assert repr(it.maker) == "<TokenMaker: 2 tokens>"


def test_a_token_is_made_once_for_all_who_wait():
    """Those who ask meanwhile get the same, each user's its own."""
    it = Maker(at_once=False)
    first, second, other = it.ask("app"), it.ask("app"), it.ask("batch")
    assert first == second == other == []
    it.threads.turn()
    assert first == second == ["secret-app-1"]
    assert other == ["secret-batch-2"]
    assert it.made == ["app", "batch"]


def test_one_who_gives_up_does_not_take_the_others_along():
    """The token is made all the same, and kept."""
    it = Maker(at_once=False)
    impatient = it.maker.token("app")
    patient = it.ask("app")
    impatient.cancel()
    assert failure_of(impatient).check(CancelledError)
    it.threads.turn()
    assert patient == ["secret-app-1"]
    assert it.ask("app") == ["secret-app-1"]


def test_a_failure_is_told_and_not_kept():
    """All who wait hear of it, and the next one asks anew."""
    it = Maker(at_once=False)
    waiting = [it.ask("app"), it.ask("app")]
    ((making, _, _),) = it.threads.waiting
    making.errback(NoCredentialsError())
    for (failure,) in waiting:
        assert failure.check(NoCredentialsError)
    it.threads.at_once = True
    assert it.ask("app") == ["secret-app-1"]


def test_threads_that_are_gone_are_a_failure():
    """What a stopped pool of threads raises reaches who asked."""

    def stopped(*_):
        raise RuntimeError("stopped")

    failure = failure_of(TokenMaker(str, stopped, float).token("app"))
    assert failure.check(RuntimeError)


def test_a_token_that_was_refused_is_forgotten():
    """A database that refuses one gets a new one next time."""
    it = Maker()
    it.ask("app")
    it.maker.forget("app")
    it.maker.forget("nobody")
    assert it.ask("app") == ["secret-app-2"]


def test_a_refusal_is_told_to_what_signs():
    """The credentials behind the token may be the reason."""
    told = []
    Maker(renew=lambda: told.append("renew")).maker.forget("app")
    assert told == ["renew"]


class Sessions:
    """Sessions that are numbered, and a time that stands still."""

    def __init__(self):
        self.time = 0.0
        self.begun = 0
        self.away = False
        self.signer = RenewingSigner(self.begin, lambda: self.time)

    def begin(self):
        """Make a signer of a new session."""
        if self.away:
            raise NoCredentialsError
        self.begun += 1
        number = self.begun
        return lambda user: f"secret-{user}-of-{number}"


def test_a_session_is_made_when_it_is_needed_and_kept():
    """Not at the start, when there may be no credentials yet."""
    it = Sessions()
    assert repr(it.signer) == "<RenewingSigner: no session>"
    it.away = True
    with pytest.raises(NoCredentialsError):
        it.signer.sign("app")
    it.away = False
    assert it.signer.sign("app") == "secret-app-of-1"
    assert it.signer.sign("batch") == "secret-batch-of-1"
    assert repr(it.signer) == "<RenewingSigner: a session>"


def test_a_refusal_makes_a_new_session_now_and_then():
    """A user whom the database never takes does not cost one with each login."""
    it = Sessions()
    it.signer.sign("app")
    it.signer.renew()
    assert it.signer.sign("app") == "secret-app-of-2"
    it.time += RENEWAL_PAUSE_SECONDS - 1
    it.signer.renew()
    assert it.signer.sign("app") == "secret-app-of-2"
    it.time += 1
    it.signer.renew()
    assert it.signer.sign("app") == "secret-app-of-3"


def test_the_tokens_of_few_users_are_kept():
    """The one that was used least recently makes room."""
    it = Maker(most_users=2)
    for user in ("a", "b", "a", "c", "a"):
        it.ask(user)
    assert it.made == ["a", "b", "c"]
    it.ask("b")
    assert it.made == ["a", "b", "c", "b"]


def test_a_maker_shows_no_token():
    """Neither does what it keeps."""
    it = Maker()
    it.ask("app")
    assert "secret" not in repr(it.maker) + repr(it.maker._made)
