import pymysql._auth
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from proxy.credentials.rsa import GeneratedRsaKey
from proxy.wire.auth.caching_sha2 import (
    CachingSha2Prover,
    CachingSha2Verifier,
    scramble,
)
from proxy.wire.auth.steps import Accepted, Denied, Impossible, Send, Shown, Wait

NONCE = b"abcdefghijklmnopqrst"
KNOWN, REQUEST, FULL = b"\x03", b"\x02", b"\x04"

passwords = st.text(st.characters(min_codepoint=1), max_size=30).filter(
    lambda text: all(not 0xD800 <= ord(letter) < 0xE000 for letter in text)
)
nonces = st.binary(min_size=20, max_size=20)


@pytest.fixture(scope="module")
def key():
    """Give a key pair, made once."""
    return GeneratedRsaKey()


def verifier(*known, key=None, secure=False, shows=False):
    """A verifier of the challenge NONCE."""
    return CachingSha2Verifier(known, NONCE, key=key, secure=secure, shows=shows)


def prover(password, *, secure=False):
    """A prover that has sent its scramble of NONCE."""
    found = CachingSha2Prover(password, secure=secure)
    found.begin(NONCE)
    return found


def test_a_known_answer():
    """The scramble of a password and a challenge, as another implementation has it."""
    expected = "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809"
    assert scramble("secret", NONCE).hex() == expected


@given(password=passwords, nonce=nonces)
def test_pymysql_scrambles_alike(password, nonce):
    """Any password and challenge give what a client that is not ours would send."""
    theirs = pymysql._auth.scramble_caching_sha2(password.encode(), nonce)
    assert scramble(password, nonce) == theirs


@given(password=passwords.filter(bool), others=st.lists(passwords, max_size=2))
def test_the_scramble_lets_a_client_in(password, others):
    """Any of the passwords is enough: the client hears so before the OK."""
    proof = CachingSha2Prover(password, secure=False).begin(NONCE)
    assert verifier(*others, password).receive(proof) == Send(KNOWN, final=True)


@pytest.mark.parametrize("proof", [b"", b"\x00"])
def test_an_empty_password_is_proved_by_nothing(proof):
    """No byte, or a lone NUL, proves the empty password and no other."""
    assert CachingSha2Prover("", secure=False).begin(NONCE) == b""
    assert verifier("secret", "", secure=True).receive(proof) == Accepted()
    assert verifier("secret", secure=True).receive(proof) == Denied()
    assert verifier(secure=True).receive(proof) == Denied()


def test_a_prover_that_is_known_waits():
    """The server knows the scramble: its OK comes next."""
    assert prover("secret").receive(KNOWN) == Wait()


def test_the_password_itself_goes_over_a_safe_line_only():
    """Asked for the password, a prover sends it, or asks for a key to hide it with."""
    assert prover("secret", secure=True).receive(FULL) == Send(b"secret\x00")
    assert prover("secret", secure=False).receive(FULL) == Send(REQUEST)


@pytest.mark.parametrize("proof", [b"x" * 32, b"x", b"secret\x00"])
def test_a_wrong_scramble_is_asked_for_the_password_over_a_safe_line(proof):
    """As a server does with those it has not in its cache."""
    found = verifier("secret", secure=True)
    assert found.receive(proof) == Send(FULL)
    assert found.receive(b"secret\x00") == Accepted()


@pytest.mark.parametrize("password", [b"wrong\x00", b"", b"\x00", b"secret\x00\x00"])
def test_a_wrong_password_over_a_safe_line_is_denied(password):
    """The password must be equal up to its one NUL."""
    found = verifier("secret", secure=True)
    found.receive(b"wrong")
    assert found.receive(password) == Denied()


def test_a_wrong_scramble_is_denied_where_nothing_more_can_be_asked():
    """Without a safe line and without a key the scramble decides."""
    assert verifier("secret").receive(b"x" * 32) == Denied()


def test_a_password_in_clear_is_not_taken_over_an_open_line(key):
    """A client that sends it bare all the same is denied."""
    found = verifier("secret", key=key)
    assert found.receive(b"wrong") == Send(FULL)
    assert found.receive(b"secret\x00") == Denied()


@given(password=st.text("abcä€😀", min_size=1, max_size=20))
def test_full_authentication_by_key(key, password):
    """A prover and a verifier come to terms over an open line with the verifier's key."""
    left, right = prover(password), verifier(password, key=key)
    assert right.receive(b"an old scramble") == Send(FULL)
    assert left.receive(FULL) == Send(REQUEST)
    assert right.receive(REQUEST) == Send(key.public_pem)
    hidden = left.receive(key.public_pem)
    assert isinstance(hidden, Send)
    assert len(hidden.data) == 2048 // 8
    assert right.receive(hidden.data) == Accepted()


def test_pymysql_gets_in_by_key(key):
    """A password hidden by a client that is not ours is the password, a wrong one is not."""
    for password, verdict in ((b"secret", Accepted()), (b"wrong", Denied())):
        found = verifier("secret", key=key)
        found.receive(b"wrong")
        hidden = pymysql._auth.sha2_rsa_encrypt(password, NONCE, key.public_pem)
        assert found.receive(hidden) == verdict


def test_a_password_hidden_with_another_challenge_is_denied(key):
    """A block that was overheard on another connection is of no use."""
    found = verifier("secret", key=key)
    found.receive(b"wrong")
    hidden = pymysql._auth.sha2_rsa_encrypt(b"secret", NONCE[::-1], key.public_pem)
    assert found.receive(hidden) == Denied()


@pytest.mark.parametrize("by", ["scramble", "line", "key"])
def test_what_was_denied_can_be_compared_again(key, by):
    """A password that was renewed meanwhile fits what the client has sent, in each way."""
    found = verifier("old", key=key if by == "key" else None, secure=by == "line")
    step = found.receive(scramble("new", NONCE))
    if by != "scramble":
        assert step == Send(FULL)
        hidden = pymysql._auth.sha2_rsa_encrypt(b"new", NONCE, key.public_pem)
        step = found.receive(hidden if by == "key" else b"new\x00")
    assert step == Denied()
    assert found.matches(("newer", "new"))
    assert not found.matches(("newer", "old", ""))
    assert not found.matches(())


def test_a_client_that_has_sent_nothing_has_proved_nothing():
    """Nothing at all is not the proof of an empty password."""
    assert not verifier("secret").matches(("",))


def test_a_text_that_is_no_password_is_given_out_where_it_may_be_a_token():
    """Full authentication shows it, without its NUL; a password is accepted as ever."""
    found = verifier("secret", secure=True, shows=True)
    assert found.receive(b"a scramble of a token") == Send(FULL)
    assert found.receive(b"tok\xffen\x00") == Shown("tok\udcffen")
    found = verifier("secret", secure=True, shows=True)
    found.receive(b"an old scramble")
    assert found.receive(b"secret\x00") == Accepted()


@pytest.mark.parametrize("clear", [b"", b"\x00"])
def test_an_empty_text_is_no_token(clear):
    """Who shows nothing is denied."""
    found = verifier("secret", secure=True, shows=True)
    found.receive(b"a scramble")
    assert found.receive(clear) == Denied()


def test_no_token_is_taken_where_others_read_along(key):
    """What was hidden with the key may be a password, but is never given out."""
    found = verifier("secret", key=key, shows=True)
    found.receive(b"a scramble")
    hidden = pymysql._auth.sha2_rsa_encrypt(b"token", NONCE, key.public_pem)
    assert found.receive(hidden) == Denied()


def test_a_key_that_is_gone_denies():
    """Full authentication that began cannot end without a key."""
    found = verifier("secret")
    found.in_full = True
    assert found.receive(REQUEST) == Denied()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_a_block_that_is_none_of_ours_is_denied(key, size):
    """Bytes that were not made with the public key have nothing in them."""
    assert key.decrypt(b"\x01" * size) is None
    found = verifier("secret", key=key)
    found.receive(b"wrong")
    assert found.receive(b"\x01" * size) == Denied()


def test_keys_end_with_a_nul_at_some_servers(key):
    """A NUL behind the key does no harm."""
    assert isinstance(prover("secret").receive(key.public_pem + b"\x00"), Send)


def test_a_key_of_another_kind_is_refused():
    """Only RSA hides passwords here."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    step = prover("secret").receive(pem)
    assert step == Impossible("the server's public key is not an RSA key")


def test_a_password_that_the_key_cannot_hold_is_impossible(key):
    """A block of 2048 bits has room for 214 bytes."""
    step = prover("x" * 214).receive(key.public_pem)
    assert isinstance(step, Impossible)
    assert "does not serve" in step.why
    assert isinstance(prover("x" * 213).receive(key.public_pem), Send)


def test_a_server_without_a_challenge_gets_no_password(key):
    """With an empty challenge the password would be hidden by the key alone."""
    found = CachingSha2Prover("secret", secure=False)
    found.begin(b"")
    assert found.receive(key.public_pem) == Impossible(
        "the server's public key does not serve: the challenge is empty"
    )


@given(
    data=st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=60).map(lambda tail: b"-----BEGIN" + tail),
        st.text("ABCDEFGH+/=\n", max_size=90).map(
            lambda text: (
                f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----".encode()
            )
        ),
    ).filter(lambda data: data not in (KNOWN, FULL))
)
def test_arbitrary_bytes_never_raise(data):
    """Whatever a server says, a prover knows an answer or says that there is none."""
    assert isinstance(prover("secret").receive(data), Impossible)


@given(steps=st.lists(st.binary(max_size=40), min_size=1, max_size=4), secure=st.booleans())
def test_arbitrary_clients_are_not_let_in(key, steps, secure):
    """Whatever a client sends, a verifier asks on or denies."""
    found = verifier("a password that is longer than any of these", key=key, secure=secure)
    for data in steps:
        step = found.receive(data)
        assert step == Denied() or (isinstance(step, Send) and not step.final)
