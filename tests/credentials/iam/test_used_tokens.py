"""Tests of `proxy.credentials.iam.used_tokens`."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.config.aws import TokenReuse
from proxy.credentials.iam.used_tokens import UsedTokens

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32


def test_a_token_may_be_used_at_will():
    """ANY remembers nothing."""
    used = UsedTokens(TokenReuse.ANY, limit=0)
    assert used.use(A, "10.0.0.1", 900, now=0) is None
    assert used.use(A, "10.0.0.2", 900, now=0) is None
    assert repr(used) == "<UsedTokens ANY: 0 of 0>"


def test_a_token_may_be_used_again_from_where_it_was_used_first():
    """SAME_ADDRESS binds each token to the first address."""
    used = UsedTokens(TokenReuse.SAME_ADDRESS)
    assert used.use(A, "10.0.0.1", 900, now=0) is None
    assert used.use(A, "10.0.0.1", 900, now=899) is None
    assert "another address" in used.use(A, "10.0.0.2", 900, now=1).reason
    assert used.use(B, "10.0.0.2", 900, now=1) is None


def test_a_token_may_be_used_once():
    """NONE refuses it from the same address, too."""
    used = UsedTokens(TokenReuse.NONE)
    assert used.use(A, "10.0.0.1", 900, now=0) is None
    assert "used already" in used.use(A, "10.0.0.1", 900, now=1).reason


def test_what_has_expired_is_forgotten():
    """Its place is free for another token."""
    used = UsedTokens(TokenReuse.NONE, limit=2)
    assert used.use(A, "x", 900, now=0) is None
    assert used.use(B, "x", 500, now=0) is None
    assert repr(used) == "<UsedTokens NONE: 2 of 2>"
    assert used.use(C, "x", 1400, now=500) is None
    assert used.use(A, "x", 900, now=500) is not None


def test_no_new_token_is_let_in_when_the_memory_is_full():
    """Those that are remembered are treated as before."""
    used = UsedTokens(TokenReuse.SAME_ADDRESS, limit=1)
    assert used.use(A, "x", 900, now=0) is None
    assert "no room" in used.use(B, "x", 901, now=899).reason
    assert used.use(A, "x", 900, now=899) is None
    assert used.use(B, "x", 901, now=900) is None


def test_a_clock_that_goes_back_lets_no_token_in_again():
    """What may have been forgotten as expired is refused, and later tokens are not."""
    used = UsedTokens(TokenReuse.NONE)
    assert used.use(A, "x", 900, now=0) is None
    assert used.use(B, "x", 2000, now=1500) is None
    assert "clock went back" in used.use(A, "x", 900, now=100).reason
    assert used.use(C, "x", 901, now=100) is None


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(-5, 20)), max_size=60),
    st.integers(1, 4),
)
def test_no_history_lets_a_token_in_from_two_addresses(steps, limit):
    """Whatever the clock does and however small the memory is, which is never exceeded."""
    used, now, first = UsedTokens(TokenReuse.SAME_ADDRESS, limit), 100, {}
    for number, address, passed in steps:
        now += passed
        expires = 90 + number * 20
        digest = bytes([number]) * 32
        if expires > now and used.use(digest, str(address), expires, now) is None:
            assert first.setdefault(number, address) == address
        assert len(used._uses) <= limit
        assert len(used._by_expiry) == len(used._uses)


def test_an_address_has_one_form():
    """What is mapped into IPv6 is the same client, whatever listener it came to."""
    used = UsedTokens(TokenReuse.SAME_ADDRESS)
    assert used.use(A, "10.0.0.1", 900, now=0) is None
    assert used.use(A, "::ffff:10.0.0.1", 900, now=1) is None
    assert used.use(B, "::ffff:10.0.0.1", 900, now=1) is None
    assert used.use(B, "10.0.0.1", 900, now=1) is None
    assert "another address" in used.use(A, "::ffff:10.0.0.2", 900, now=1).reason


def test_a_lack_of_room_is_our_fault():
    """What was used already is not."""
    used = UsedTokens(TokenReuse.NONE, limit=1)
    assert used.use(A, "x", 900, now=0) is None
    assert used.use(B, "x", 900, now=0).is_our_fault
    assert not used.use(A, "x", 900, now=0).is_our_fault
