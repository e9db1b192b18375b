"""Tests of `proxy.credentials.iam.signature`."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.secret import Secret
from proxy.credentials.iam.hosts import AcceptedHosts, read_hosts
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.signature import (
    Terms,
    Token,
    check_token,
    find_signer,
    read_token,
)

REGION = "eu-central-1"
TERMS = Terms(REGION, read_hosts(["proxy.example.com:3306"]))


def login(text, keys, user="app", terms=TERMS, after=10.0):
    """Check a token so many seconds after it was signed; the key, or why not."""
    token = read_token(text)
    if isinstance(token, Refused):
        return token
    unfit = check_token(token, user, terms, token.presigned.signed_at + after)
    return unfit or find_signer(token, {key.access_key_id: key for key in keys})


def test_a_token_of_botocore_is_good(sign, lasting_key):
    """Read, checked and signed again, it is what the SDK made of the same key."""
    token = read_token(sign(lasting_key))
    assert (token.host, token.port, token.user) == ("proxy.example.com", 3306, "app")
    assert login(sign(lasting_key), [lasting_key]) is lasting_key


def test_a_token_of_a_temporary_key_is_good(sign, temporary_key, lasting_key):
    """The session token is part of what is signed."""
    keys = [lasting_key, temporary_key]
    assert login(sign(temporary_key), keys) is temporary_key


@pytest.mark.parametrize(
    "user",
    ["app user", "100%", "a+b", "a/b", "a&b=c", "größe", "用户", "", "%41", "~-_.", "a#b?c:d"],
)
def test_any_user_may_be_signed_for(sign, lasting_key, user):
    """Whatever has to be encoded comes back as it was."""
    assert login(sign(lasting_key, user), [lasting_key], user=user) is lasting_key


@given(user=st.text(max_size=32))
def test_every_user_name_verifies_and_no_other(sign, lasting_key, user):
    """A token lets in the user that it was made for, and nobody whose name is longer."""
    text = sign(lasting_key, user)
    assert login(text, [lasting_key], user=user) is lasting_key
    assert "another user" in login(text, [lasting_key], user=user + "x").reason


@pytest.mark.parametrize(
    ("host", "port"),
    [("Proxy.EXAMPLE.com", 3306), ("proxy.example.com", 443), ("[::1]", 3306)],
)
def test_the_host_is_signed_as_sdks_write_it(sign, lasting_key, host, port):
    """They write it in lower case, and leave out the port of https."""
    text = sign(lasting_key, host=host, port=port)
    assert login(text, [lasting_key], terms=Terms(REGION)) is lasting_key


def others(sign, key, temporary):
    """Tokens that are no good, with a part of the reason."""
    good, late = sign(key), sign(temporary)
    session = late.partition("&X-Amz-Security-Token=")[2].partition("&")[0]
    return [
        ("not a token", "hunter2"),
        ("algorithm", good.replace("HMAC-SHA256", "HMAC-SHA512")),
        ("no parameter X-Amz-Date", good.replace("&X-Amz-Date=", "&X-Amz-Data=")),
        ("twice", good + "&DBUser=app"),
        ("does not belong", good + "&Other=1"),
        ("not encoded as AWS does it", good.replace("%2F", "%2f")),
        ("not for Action=connect", good.replace("=connect", "=disconnect")),
        ("service rds-db", good.replace("rds-db", "rds")),
        ("end with aws4_request", good.replace("aws4_request", "aws5_request")),
        ("not that of its date", good.replace("X-Amz-Date=20", "X-Amz-Date=19")),
        ("1 to 900 seconds", good.replace("Expires=900", "Expires=901")),
        ("signed headers", good.replace("SignedHeaders=host", "SignedHeaders=date")),
        ("a host without a port", good.replace(":3306/", "/")),
        ("a host without a port", good.replace(":3306/", ":65536/")),
        ("a host without a port", good.replace("proxy.example.com:3306", "[::1]")),
        ("region us-east-1, and not for eu-central-1", sign(key, region="us-east-1")),
        ("other.example.com:3306, which is not our", sign(key, host="other.example.com")),
        ("proxy.example.com:3307, which is not our", sign(key, port=3307)),
        ("another user", sign(key, "root")),
        ("another user", sign(key, "App")),
        ("access key AKIA...OTHR is not known", good.replace("MPLE%2F", "OTHR%2F")),
        ("no session token", late.replace(f"&X-Amz-Security-Token={session}", "")),
        ("not that of the access key", late.replace(session, session + "A")),
        ("its access key has none", good + "&X-Amz-Security-Token=A"),
        ("the signature of the token is wrong", good.replace("Expires=900", "Expires=899")),
        ("longer than", good + "x" * 20_000),
    ]


def test_each_bad_token_is_refused_with_its_own_reason(sign, lasting_key, temporary_key):
    """More than two dozen kinds, and no reason has anything secret in it."""
    keys = [lasting_key, temporary_key]
    for reason, text in others(sign, lasting_key, temporary_key):
        refused = login(text, keys)
        assert isinstance(refused, Refused), reason
        assert reason in refused.reason
        signature = text.rpartition("=")[2]
        for secret in (signature, lasting_key.access_key_id, lasting_key.principal):
            assert secret not in refused.reason
        for key in keys:
            assert key.secret_access_key.reveal() not in refused.reason


def test_a_token_has_its_time(sign, lasting_key):
    """It is good from five minutes before its date to fifteen minutes after."""
    text, keys = sign(lasting_key), [lasting_key]
    assert login(text, keys, after=899) is lasting_key
    assert "expired" in login(text, keys, after=900).reason
    assert login(text, keys, after=-300) is lasting_key
    assert "future" in login(text, keys, after=-301).reason
    strict = Terms(REGION, AcceptedHosts(), clock_skew_seconds=0)
    assert "future" in login(text, keys, terms=strict, after=-1).reason


def test_another_secret_makes_another_signature(sign, lasting_key):
    """Whoever knows only the id of an access key cannot sign."""
    forger = attrs.evolve(lasting_key, secret_access_key=Secret("guessed"))
    assert "signature" in login(sign(lasting_key), [forger]).reason


@given(data=st.data())
def test_no_character_of_a_token_can_be_changed(sign, lasting_key, temporary_key, data):
    """But for the case of the host, which names are without, each one counts."""
    key = data.draw(st.sampled_from([lasting_key, temporary_key]))
    text = sign(key, "app user/ü")
    assert login(text, [key], user="app user/ü") is key
    position = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(max_codepoint=0x17F))
    changed = text[:position] + character + text[position + 1 :]
    if position < text.index("/") and changed.lower() == text.lower():
        return
    keys = [lasting_key, temporary_key]
    for terms in (TERMS, Terms(REGION)):
        found = login(changed, keys, user="app user/ü", terms=terms)
        assert changed == text or isinstance(found, Refused)


def test_a_token_shows_nothing_that_would_let_somebody_in(sign, temporary_key):
    """The repr of a token has its host and user, and neither signature nor session token."""
    text = sign(temporary_key)
    token = read_token(text)
    assert isinstance(token, Token)
    shown = repr(token)
    assert "'app'" in shown
    assert "proxy.example.com" in shown
    hidden = [text, token.presigned.signature, temporary_key.access_key_id]
    hidden += [temporary_key.session_token.reveal(), temporary_key.secret_access_key.reveal()]
    assert not [secret for secret in hidden if secret in shown]
