from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.auth.clear import ClearProver, ClearVerifier
from proxy.wire.auth.steps import Denied, Impossible, Shown

NONCE = b"abcdefghijklmnopqrst"


def test_the_password_goes_as_it_is_with_a_nul():
    """The protocol has a text that ends so, whatever the challenge is."""
    assert ClearProver("p\xe4ss").begin(NONCE) == b"p\xc3\xa4ss\x00"
    assert ClearProver("").begin(b"") == b"\x00"


def test_a_server_that_wants_more_gets_nothing():
    """The plugin has one step: more data from the server ends the login."""
    step = ClearProver("secret").receive(b"\x03")
    assert step == Impossible("1 bytes more than mysql_clear_password has to say")


@given(st.text(st.characters(codec="utf-8", min_codepoint=1), min_size=1, max_size=50))
def test_a_verifier_gives_out_what_a_prover_shows(text):
    """Any text that is not empty arrives; whether it is good, others find out."""
    assert ClearVerifier().receive(ClearProver(text).begin(NONCE)) == Shown(text)


def test_bytes_that_are_no_utf8_and_a_missing_nul_do_no_harm():
    """Nothing is lost of what a client sends, and some leave the NUL out."""
    assert ClearVerifier().receive(b"tok\xffen") == Shown("tok\udcffen")
    assert ClearVerifier().receive(b"one\x00\x00") == Shown("one\x00")


def test_who_shows_nothing_is_denied():
    """An empty text is neither a password nor a token."""
    assert ClearVerifier().receive(b"") == Denied()
    assert ClearVerifier().receive(b"\x00") == Denied()


def test_nothing_is_compared():
    """What was shown has been given out: only who got it may compare it."""
    verifier = ClearVerifier()
    verifier.receive(b"secret\x00")
    assert not verifier.matches(("secret",))
