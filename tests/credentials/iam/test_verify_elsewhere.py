"""Tests of `proxy.credentials.iam.verify`: somebody else remembers which tokens were used."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from proxy.config.aws import TokenReuse
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.signature import read_token
from proxy.credentials.iam.verify import TokenVerifier
from tests.credentials.iam.test_verify import ALICE, POLICIES, never, settings


class Elsewhere:
    """Stands in for who remembers tokens elsewhere; the test answers."""

    def __init__(self):
        self.asked = []
        self.answer = Deferred()

    def use(self, *asked):
        """See `TokenMemory`."""
        self.asked.append(asked)
        return self.answer


@pytest.fixture
def elsewhere():
    """Somebody else."""
    return Elsewhere()


@pytest.fixture
def token(sign, lasting_key):
    """A good token."""
    return sign(lasting_key)


@pytest.fixture
def make(token, lasting_key):
    """Make a verifier, ten seconds after the token was signed."""
    now = read_token(token).presigned.signed_at + 10

    def make(used, **changes):
        keys = {lasting_key.access_key_id: lasting_key}
        return TokenVerifier(settings(**changes), keys, POLICIES, never, lambda: now, used)

    return make


def test_who_remembers_elsewhere_is_asked_last(make, elsewhere, token):
    """It hears a digest, and of tokens only that are good in every other way."""
    verifier = make(elsewhere)
    for text, user in ((token, "app2"), (token.replace("=900", "=899"), "app")):
        assert not verifier.verify(text, user, "10.0.0.1").result.allowed
    assert elsewhere.asked == []
    asking = verifier.verify(token, "app", "10.0.0.1")
    presigned = read_token(token).presigned
    ((digest, address, expires, now),) = elsewhere.asked
    assert (digest, address) == (presigned.digest, "10.0.0.1")
    assert (expires, now) == (presigned.expires, presigned.signed_at + 10)
    assert not asking.called
    elsewhere.answer.callback(None)
    assert asking.result.allowed
    assert asking.result.principal == ALICE


def test_what_is_refused_elsewhere_is_refused(make, elsewhere, token):
    """Whosever fault it is."""
    asking = make(elsewhere).verify(token, "app", "10.0.0.1")
    elsewhere.answer.callback(Refused("nobody knows", is_our_fault=True))
    verdict = asking.result
    assert (verdict.allowed, verdict.reason) == (False, "nobody knows")
    assert verdict.is_our_fault
    assert verdict.principal == ALICE


def test_what_others_have_found_good_is_used_here(make, token):
    """It counts as any other use."""
    verifier = make(None, token_reuse=TokenReuse.NONE)
    presigned = read_token(token).presigned
    use = (presigned.digest, "10.0.0.1", presigned.expires)
    assert verifier.use(*use).result is None
    assert "used already" in verifier.use(*use).result.reason
    assert "used already" in verifier.verify(token, "app", "10.0.0.1").result.reason
