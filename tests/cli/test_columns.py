"""Tests of `proxy.cli.columns`."""

from __future__ import annotations

import attrs
import pytest

from proxy.cli import columns
from tests.cli.canned import (
    CLIENT,
    CONNECTION,
    DIGEST,
    LOST,
    PIN,
    POOL,
    TARGET,
    WAITING,
    WORKERS,
)

ROWS = {
    "TARGETS": (TARGET, LOST),
    "POOLS": (POOL,),
    "CLIENTS": (CLIENT, WAITING),
    "CONNECTIONS": (CONNECTION,),
    "PINS": (PIN,),
    "DIGESTS": (DIGEST,),
    "WORKERS": WORKERS,
}


@pytest.mark.parametrize("name", ROWS)
def test_every_cell_has_a_text(name):
    """Each column reads a field that the admin API has."""
    for row in ROWS[name]:
        texts = [column.cell(attrs.asdict(row)) for column in getattr(columns, name)]
        assert all(texts)


@pytest.mark.parametrize("name", ROWS)
def test_what_matters_fits_80_columns(name):
    """What is never left out has room on a usual terminal."""
    kept = [column for column in getattr(columns, name) if not column.rank]
    rows = [attrs.asdict(row) for row in ROWS[name]]
    widths = [
        min(
            max(len(text) for text in (column.head, *(column.cell(row) for row in rows))),
            column.least or 99,
        )
        for column in kept
    ]
    assert sum(widths) + 2 * (len(widths) - 1) <= 80


def test_a_client_without_a_connection_has_a_dash():
    """One with a connection that is being opened has a question mark for its number."""
    (cell,) = [one.cell for one in columns.CLIENTS if one.head == "CONNECTION"]
    assert cell(attrs.asdict(WAITING)) == "-"
    assert cell(attrs.asdict(attrs.evolve(CLIENT, connection=None))).endswith(" #?")


def test_the_worker_is_shown_where_there_are_several():
    """Behind all others; the proxy likewise in front."""
    first, other = attrs.asdict(CLIENT), attrs.asdict(attrs.evolve(CLIENT, worker=2))
    heads = [column.head for column in columns.for_several(columns.CLIENTS, [first, other])]
    assert (heads[0], heads[-1]) == ("CLIENT", "WORKER")
    heads = [column.head for column in columns.for_several(columns.CLIENTS, [first, first])]
    assert "WORKER" not in heads
    bank = {**first, "proxy": "bank"}
    heads = [column.head for column in columns.for_several(columns.CLIENTS, [first, bank])]
    assert (heads[0], heads[-1]) == ("PROXY", "TLS")
