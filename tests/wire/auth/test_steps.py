import pymysql._auth
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.auth.steps import Accepted, Denied, Impossible, Send, Shown, Wait, mask


@given(data=st.binary(max_size=100), nonce=st.binary(min_size=1, max_size=30))
def test_masking_twice_gives_the_data(data, nonce):
    """The mask is as long as the data and takes itself back."""
    hidden = mask(data, nonce)
    assert len(hidden) == len(data)
    assert mask(hidden, nonce) == data


@given(password=st.binary(max_size=60), nonce=st.binary(min_size=20, max_size=20))
def test_pymysql_masks_alike(password, nonce):
    """A client that is not ours hides its password in the same way."""
    assert mask(password, nonce) == bytes(pymysql._auth._xor_password(password, nonce))


def test_an_empty_challenge_hides_nothing():
    """A password is not sent bare because the other side sent no challenge."""
    with pytest.raises(ValueError, match="challenge is empty"):
        mask(b"secret", b"")


def test_steps_show_no_proof():
    """What is sent may be a password: it stays out of logs."""
    assert repr(Send(b"hunter2")) == "Send(final=False)"
    assert repr(Shown("hunter2")) == "Shown()"


def test_steps_are_values():
    """Steps of one kind are equal, and no two kinds are."""
    assert Wait() == Wait()
    kinds = {Wait(), Accepted(), Denied(), Impossible("why"), Send(b""), Shown("")}
    assert len(kinds) == 6
