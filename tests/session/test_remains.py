"""Tests of `proxy.session.remains`."""

from __future__ import annotations

from proxy.session import remains
from proxy.session.remains import TO_BE_READ, Remains


def test_each_member_has_its_plain_number():
    """The numbers that the hot path works with are those of the members of the same name."""
    for one in Remains:
        number = getattr(remains, str(one.name))
        assert number == one.value
        assert type(number) is int


def test_all_members_are_different_bits():
    """One bit each, none used twice."""
    assert sum(Remains) == (1 << len(Remains)) - 1


def test_what_is_only_read_can_be_lost_without_harm():
    """Warnings and FOUND_ROWS() are answers of the past; all else belongs to the session."""
    assert Remains(TO_BE_READ) == Remains.DIAGNOSTICS | Remains.FOUND_ROWS
