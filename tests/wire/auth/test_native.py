import pymysql._auth
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.auth.native import NativeProver, NativeVerifier, scramble
from proxy.wire.auth.steps import Accepted, Denied, Impossible

NONCE = b"abcdefghijklmnopqrst"

passwords = st.text(st.characters(min_codepoint=1), max_size=30).filter(
    lambda text: all(not 0xD800 <= ord(letter) < 0xE000 for letter in text)
)
nonces = st.binary(min_size=20, max_size=20)


def test_a_known_answer():
    """The scramble of a password and a challenge, as another implementation has it."""
    expected = "8817c50fa779daef010ee7577825b0847df9842e"
    assert scramble("secret", NONCE).hex() == expected


@given(password=passwords, nonce=nonces)
def test_pymysql_scrambles_alike(password, nonce):
    """Any password and challenge give what a client that is not ours would send."""
    theirs = pymysql._auth.scramble_native_password(password.encode(), nonce)
    assert scramble(password, nonce) == theirs


def test_an_empty_password_is_proved_by_nothing():
    """The proof of no password is no byte."""
    assert scramble("", NONCE) == b""
    assert isinstance(NativeVerifier(("",), NONCE).receive(b""), Accepted)
    assert isinstance(NativeVerifier(("secret",), NONCE).receive(b""), Denied)
    assert isinstance(NativeVerifier(("",), NONCE).receive(b"\x00"), Denied)


@given(password=passwords, others=st.lists(passwords, max_size=2), nonce=nonces)
def test_a_verifier_accepts_what_a_prover_sends(password, others, nonce):
    """Any of the passwords lets a client in, wherever it stands among them."""
    proof = NativeProver(password).begin(nonce)
    for known in ((password, *others), (*others, password)):
        assert isinstance(NativeVerifier(known, nonce).receive(proof), Accepted)


@given(password=passwords, other=passwords, nonce=nonces)
def test_another_password_is_denied(password, other, nonce):
    """Only an equal password proves itself."""
    verdict = NativeVerifier((other,), nonce).receive(NativeProver(password).begin(nonce))
    assert isinstance(verdict, Accepted if password == other else Denied)


@given(proof=st.binary(max_size=40))
def test_no_chance_proof_is_accepted(proof):
    """Bytes of any length are denied, and so is everything where no password is known."""
    assert isinstance(NativeVerifier(("secret",), NONCE).receive(proof), Denied)
    assert isinstance(NativeVerifier((), NONCE).receive(proof), Denied)


def test_a_proof_that_was_denied_can_be_compared_again():
    """A password that was renewed meanwhile fits what the client has sent, another does not."""
    verifier = NativeVerifier(("old",), NONCE)
    assert verifier.receive(NativeProver("new").begin(NONCE)) == Denied()
    assert verifier.matches(("newer", "new"))
    assert not verifier.matches(("newer", "old", ""))
    assert not verifier.matches(())


def test_a_client_that_has_sent_nothing_has_proved_nothing():
    """Nothing at all is not the proof of an empty password."""
    assert not NativeVerifier(("secret",), NONCE).matches(("",))


@pytest.mark.parametrize("data", [b"", b"\x03"])
def test_a_server_that_wants_more_gets_nothing(data):
    """The plugin has one step: more data from the server ends the login."""
    step = NativeProver("secret").receive(data)
    assert step == Impossible(f"{len(data)} bytes more than mysql_native_password has to say")
