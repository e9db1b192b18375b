"""Tests of `proxy.credentials.iam.verify`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from proxy.config.aws import IamVerification, TokenReuse
from proxy.credentials.iam import verify as module
from proxy.credentials.iam.document import read_policy
from proxy.credentials.iam.identity import Identity
from proxy.credentials.iam.policy import Policies
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.signature import read_token
from proxy.credentials.iam.sts import make_sts_token, read_sts_token
from proxy.credentials.iam.verify import IamSettings, TokenVerifier, looks_like_token

REGION, ACCOUNT = "eu-central-1", "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
STATEMENT = {
    "Effect": "Allow",
    "Action": "rds-db:connect",
    "Resource": f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:prx-shop/app*",
}
POLICIES = read_policy({"Statement": STATEMENT}, "policy.json")


def settings(**changes):
    """Make settings."""
    usual = {"region": REGION, "resource_id": "prx-shop", "hosts": ("proxy.example.com",)}
    return IamSettings(**(usual | changes))


def run_at_once(function, *args):
    """Stand in for threads."""
    return succeed(function(*args))


def never(*_):
    """Stand in for threads that nobody should ask."""
    raise AssertionError


def verdict_of(verifier, token, user="app", address="10.0.0.1"):
    """Say the verdict, which is there at once."""
    results = []
    verifier.verify(token, user, address).addBoth(results.append)
    return results[0]


@pytest.fixture
def by_keys(sign, lasting_key, temporary_key):
    """Make a verifier with two access keys, ten seconds after a token of now is signed."""

    def make(policies=POLICIES, **changes):
        now = read_token(sign(lasting_key)).presigned.signed_at + 10
        keys = {key.access_key_id: key for key in (lasting_key, temporary_key)}
        return TokenVerifier(settings(**changes), keys, policies, never, lambda: now)

    return make


@pytest.fixture
def sts_token(session_of, lasting_key):
    """A token for STS."""
    return make_sts_token(session_of(lasting_key), "proxy.example.com", 3306, "app", REGION)


def questions():
    """Stand in for threads whose calls the test answers: the calls, and their runner."""
    pending = []

    def run(*_):
        pending.append(Deferred())
        return pending[-1]

    return pending, run


class Sts:
    """Answers in place of STS, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def ask(self, url, headers):
        """See `proxy.credentials.iam.identity.ask`."""
        self.asked.append((url, headers))
        return self.answer


@pytest.fixture
def by_sts(sts_token, monkeypatch):
    """Make a verifier that asks a stand-in of STS."""

    def make(answer, run=run_at_once, **changes):
        sts = Sts(answer)
        monkeypatch.setattr(module, "ask", sts.ask)
        now = read_sts_token(sts_token).presigned.signed_at + 10
        asking = settings(**({"method": IamVerification.STS, "account": ACCOUNT} | changes))
        return sts, TokenVerifier(asking, {}, POLICIES, run, lambda: now)

    return make


def test_a_good_token_of_somebody_allowed_lets_in(by_keys, sign, lasting_key):
    """The verdict says who it is, and which statement allows it."""
    verdict = verdict_of(by_keys(), sign(lasting_key))
    assert verdict.allowed
    assert verdict.principal == ALICE
    assert verdict.reason == "allowed by Statement[0] of policy.json"


def test_a_temporary_key_logs_in_as_its_session(by_keys, sign, temporary_key):
    """What policies say of its role holds for it."""
    role = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/shop"}}
    policies = read_policy({"Statement": STATEMENT | role}, "p")
    verdict = verdict_of(by_keys(policies), sign(temporary_key))
    assert verdict.allowed
    assert verdict.principal == temporary_key.principal


def test_nobody_is_allowed_without_a_policy(by_keys, sign, lasting_key):
    """A good token alone is not enough."""
    verdict = verdict_of(by_keys(Policies()), sign(lasting_key))
    assert not verdict.allowed
    assert "no statement allows" in verdict.reason
    assert verdict.principal == ALICE


@pytest.mark.parametrize(
    "changes",
    [{"resource_id": "prx-other"}, {"partition": "aws-cn"}],
)
def test_a_policy_speaks_of_one_proxy(by_keys, sign, lasting_key, changes):
    """Another resource or partition is another login."""
    verdict = verdict_of(by_keys(**changes), sign(lasting_key))
    assert "no statement allows" in verdict.reason


def test_a_principal_has_to_be_of_the_account(by_keys, sign, lasting_key):
    """Where an account is set, others stay out whatever policies say."""
    anything = read_policy({"Statement": STATEMENT | {"Resource": "*"}}, "p")
    assert verdict_of(by_keys(anything, account=ACCOUNT), sign(lasting_key)).allowed
    verdict = verdict_of(by_keys(anything, account="999999999999"), sign(lasting_key))
    assert not verdict.allowed
    assert "account 123456789012, and not of ours" in verdict.reason


def test_a_token_is_for_its_user(by_keys, sign, lasting_key):
    """The user who logs in has to be in the token."""
    verdict = verdict_of(by_keys(), sign(lasting_key, "app"), user="app2")
    assert "another user" in verdict.reason
    assert verdict.principal == ""


def test_an_unknown_signer_is_not_named(by_keys, sign, lasting_key):
    """Until the signature is good, nobody is known."""
    verdict = verdict_of(by_keys(), sign(lasting_key).replace("Expires=900", "Expires=899"))
    assert "signature of the token is wrong" in verdict.reason
    assert verdict.principal == ""


def test_only_a_token_that_passes_everything_counts_as_used(by_keys, sign, lasting_key):
    """One that is refused by a policy or for its user can be used by the right one."""
    verifier = by_keys(Policies(), token_reuse=TokenReuse.NONE)
    token = sign(lasting_key)
    assert not verdict_of(verifier, token).allowed
    verifier.renew({lasting_key.access_key_id: lasting_key}, POLICIES)
    assert not verdict_of(verifier, token, user="root").allowed
    assert verdict_of(verifier, token).allowed
    verdict = verdict_of(verifier, token)
    assert "used already" in verdict.reason
    assert verdict.principal == ALICE


def test_a_token_in_another_order_is_the_same_token(by_keys, sign, lasting_key):
    """To write it differently does not make it new."""
    verifier = by_keys(token_reuse=TokenReuse.NONE)
    token = sign(lasting_key)
    host, _, query = token.partition("/?")
    assert verdict_of(verifier, token).allowed
    for same in (
        f"{host}?{query}",
        f"{host.upper()}/?{query}",
        f"{host}/?{'&'.join(reversed(query.split('&')))}",
    ):
        assert "used already" in verdict_of(verifier, same).reason


def test_what_was_used_is_remembered_over_a_change(by_keys, sign, lasting_key):
    """New keys and policies leave the memory as it is."""
    token, verifier = sign(lasting_key), by_keys()
    assert verdict_of(verifier, token).allowed
    verifier.renew({lasting_key.access_key_id: lasting_key}, POLICIES)
    assert "another address" in verdict_of(verifier, token, address="10.0.0.2").reason


@given(token=st.text(), user=st.text(st.characters(), max_size=8))
def test_no_input_makes_it_fail(sign, lasting_key, token, user):
    """Whatever a client sends is refused, not an error."""
    good = sign(lasting_key)
    for method in IamVerification:
        verifier = TokenVerifier(
            settings(method=method, account=ACCOUNT), {}, POLICIES, never, lambda: 0.0
        )
        for text in (token, good + token, good.replace("app", token), token + good):
            assert verdict_of(verifier, text, user).allowed is False


def test_a_user_that_is_no_text_is_refused(by_keys, sign, lasting_key):
    """Bytes that are no UTF-8 may have been smuggled into a text."""
    assert verdict_of(by_keys(), sign(lasting_key), "app\udcff").reason == "the user is no text"


def test_sts_says_who_it_is(by_sts, sts_token):
    """It is asked with the header that binds the token, and its answer goes to the policies."""
    sts, verifier = by_sts(Identity(ALICE, ACCOUNT))
    verdict = verdict_of(verifier, sts_token)
    assert verdict.allowed
    assert verdict.principal == ALICE
    ((url, headers),) = sts.asked
    assert url == f"https://{sts_token.partition('#')[0]}"
    assert headers == {"x-mysqlproxy-login": "proxy.example.com:3306/app"}


def test_sts_is_not_asked_about_what_is_refused_anyway(by_sts, sts_token, sign, lasting_key):
    """Cheap checks come first."""
    sts, verifier = by_sts(Identity(ALICE, ACCOUNT))
    assert "not a token" in verdict_of(verifier, "hunter2").reason
    assert "no parameter Version" in verdict_of(verifier, sign(lasting_key)).reason
    evil = "evil.example" + sts_token[sts_token.index("/") :]
    assert "none of the endpoints" in verdict_of(verifier, evil).reason
    assert sts.asked == []


def test_what_sts_refuses_is_refused(by_sts, sts_token):
    """With its reason."""
    _, verifier = by_sts(Refused("STS refuses the token: status 403"))
    verdict = verdict_of(verifier, sts_token)
    assert (verdict.allowed, verdict.reason) == (False, "STS refuses the token: status 403")


def test_whoever_has_another_account_stays_out(by_sts, sts_token):
    """AWS knows everybody, so that an account has to be set to ask it at all."""
    stranger = Identity("arn:aws:iam::999999999999:user/alice", "999999999999")
    _, verifier = by_sts(stranger)
    assert "account 999999999999" in verdict_of(verifier, sts_token).reason
    with pytest.raises(ValueError, match="an account has to be set"):
        by_sts(stranger, account=None)


def test_a_failure_to_ask_is_a_refusal_without_its_text(by_sts, sts_token):
    """It may quote the token."""
    for run in (lambda *args: fail(RuntimeError(repr(args))), never):
        _, verifier = by_sts(None, run)
        verdict = verdict_of(verifier, sts_token)
        assert not verdict.allowed
        assert verdict.is_our_fault
        assert verdict.reason in {
            "STS was not asked: RuntimeError",
            "STS was not asked: AssertionError",
        }


def test_sts_is_asked_so_many_questions_at_once(by_sts, sts_token):
    """More are refused, which is no fault of theirs, until some have been answered."""
    pending, later = questions()
    _, verifier = by_sts(None, later, token_reuse=TokenReuse.ANY)
    verdicts = []
    for number in range(module.MOST_QUESTIONS):
        verifier.verify(sts_token, "app", f"10.0.0.{number // 10}").addBoth(verdicts.append)
    refused = verdict_of(verifier, sts_token, address="10.0.1.1")
    assert "100 questions" in refused.reason
    assert refused.is_our_fault
    pending.pop().callback(Identity(ALICE, ACCOUNT))
    assert [verdict.allowed for verdict in verdicts] == [True]
    one_more = verifier.verify(sts_token, "app", "10.0.1.1")
    assert len(pending) == module.MOST_QUESTIONS
    assert not one_more.called


def test_one_address_leaves_room_for_others(by_sts, sts_token):
    """It has a few questions at once, in whichever form it is written."""
    pending, later = questions()
    _, verifier = by_sts(None, later, token_reuse=TokenReuse.ANY)
    first = verifier.verify(sts_token, "app", "10.0.0.1")
    for _ in range(module.MOST_QUESTIONS_OF_ONE - 1):
        verifier.verify(sts_token, "app", "::ffff:10.0.0.1")
    refused = verdict_of(verifier, sts_token, address="10.0.0.1")
    assert "10 questions for this address" in refused.reason
    assert refused.is_our_fault
    assert not verifier.verify(sts_token, "app", "10.0.0.2").called
    pending[0].callback(Identity(ALICE, ACCOUNT))
    assert first.result.allowed
    assert not verifier.verify(sts_token, "app", "10.0.0.1").called
    for asked in pending[1:]:
        asked.callback(Refused("no"))
    assert not verifier._questions


def test_a_client_that_leaves_is_no_refusal(by_sts, sts_token):
    """Whoever gives up waiting hears that it did, and its question counts no more."""
    pending, later = questions()
    _, verifier = by_sts(None, later)
    asking = verifier.verify(sts_token, "app", "10.0.0.1")
    failures = []
    asking.addErrback(failures.append)
    asking.cancel()
    assert [failure.type for failure in failures] == [CancelledError]
    assert pending[0].called
    assert not verifier._questions


def test_sts_is_not_asked_where_no_policy_could_allow_it(by_sts, sts_token):
    """Whoever it is, this user is not for anybody."""
    sts, verifier = by_sts(Identity(ALICE, ACCOUNT))
    verifier.renew({}, read_policy({"Statement": STATEMENT | {"Effect": "Deny"}}, "p"))
    verdict = verdict_of(verifier, sts_token)
    assert "no statement allows" in verdict.reason
    assert not verdict.is_our_fault
    assert sts.asked == []


def test_what_sts_answers_is_judged_by_the_policies_of_now(by_sts, sts_token):
    """A statement that was taken away while it was asked lets nobody in."""
    pending, later = questions()
    _, verifier = by_sts(None, later)
    asking = verifier.verify(sts_token, "app", "10.0.0.1")
    verifier.renew({}, Policies())
    pending[0].callback(Identity(ALICE, ACCOUNT))
    assert "no statement allows" in asking.result.reason


def test_a_refusal_is_our_fault_only_where_the_token_was_not_checked(by_sts, sts_token):
    """As the answer says it is."""
    for ours in (False, True):
        _, verifier = by_sts(Refused("why", is_our_fault=ours))
        assert verdict_of(verifier, sts_token).is_our_fault is ours
    _, verifier = by_sts(Identity(ALICE, ACCOUNT))
    assert not verdict_of(verifier, sts_token).is_our_fault
    assert not verdict_of(verifier, "hunter2").is_our_fault


def test_a_token_that_two_bring_at_once_is_used_by_one(by_sts, sts_token):
    """Who is in is decided when STS has answered."""
    pending, later = questions()
    _, verifier = by_sts(None, later, token_reuse=TokenReuse.NONE)
    verdicts = []
    for _ in range(2):
        verifier.verify(sts_token, "app", "x").addBoth(verdicts.append)
    for asked in pending:
        asked.callback(Identity(ALICE, ACCOUNT))
    assert [verdict.allowed for verdict in verdicts] == [True, False]


@pytest.mark.parametrize("changes", [{"hosts": ("a b",)}, {"sts_endpoint": "sts.example"}])
def test_settings_that_make_no_sense_are_an_error(by_keys, changes):
    """They are found when the verifier is made, and not at a login."""
    with pytest.raises(ValueError, match=r"host|endpoint"):
        by_keys(**changes)


def test_tokens_are_told_from_passwords(sign, lasting_key, sts_token):
    """Both kinds of tokens look like tokens, and a password with a question mark does not."""
    assert looks_like_token(sign(lasting_key))
    assert looks_like_token(sts_token)
    assert not looks_like_token("is it /?Action=connect&")
    assert not looks_like_token("")


def test_nothing_secret_is_ever_shown(by_keys, by_sts, sign, sts_token, temporary_key):
    """Neither the verifier nor any verdict has a token, a signature or a key in it."""
    token = sign(temporary_key)
    shown = []
    _, asking = by_sts(Refused("x"))
    for verifier in (by_keys(), by_keys(Policies()), by_keys(region="us-east-1"), asking):
        shown.append(repr(verifier))
        for text in (token, token[:-1], token + "x", sts_token, sts_token + "x"):
            shown += [repr(verdict_of(verifier, text, user)) for user in ("app", "root")]
    secrets = [token, sts_token, temporary_key.access_key_id]
    secrets += [text.partition("Signature=")[2][:64] for text in (token, sts_token)]
    secrets += [
        temporary_key.session_token.reveal(),
        temporary_key.secret_access_key.reveal(),
    ]
    assert not [secret for secret in secrets if secret in json.dumps(shown)]
