"""Tests of `bench.upgrading`."""

from collections import Counter

import pytest

from bench.failover.clients import LOST, Attempt, Kind, What
from bench.upgrading import Loner, is_outside, report


@pytest.mark.parametrize(
    ("kind", "what", "outside"),
    [
        (Kind.LEDGER, What.WRITE, True),
        (Kind.SHORT, What.BEGIN, True),
        (Kind.SHORT, What.CONNECT, True),
        (Kind.SHORT, What.WRITE, False),
        (Kind.LEDGER_TRANSACTIONS, What.COMMIT, False),
    ],
)
def test_what_is_outside_a_transaction(kind, what, outside):
    """Its beginning is, and a login."""
    assert is_outside(Loner(1, kind), Attempt(what, 0, 1)) is outside


def test_all_is_well_where_each_row_is_there_once():
    """Those that were acknowledged."""
    client = Loner(1, attempts=[Attempt(What.WRITE, 0, 1, number=number) for number in (1, 2)])
    assert report([client], [], Counter({(1, 1): 1, (1, 2): 1}))
    assert not report([client], [], Counter({(1, 1): 1}))
    assert not report([client], [], Counter({(1, 1): 1, (1, 2): 2}))


def test_an_error_counts_outside_transactions_only(capsys):
    """Inside of one it is told all the same."""
    trouble = Attempt(What.WRITE, 0, 0.25, "1105/40001", "rolled back", 1)
    assert report([Loner(1, Kind.SHORT, [trouble])], [], Counter())
    assert not report([Loner(1, attempts=[trouble])], [], Counter())
    assert not report([], [Loner(0, attempts=[Attempt(What.CONNECT, 0, 1, LOST)])], Counter())
    told = capsys.readouterr().out
    assert "inside transactions: 1 times 1105/40001 for a write" in told
    assert "slowest statement" in told
