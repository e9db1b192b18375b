"""Tests of `proxy.dialogue.reports`."""

from __future__ import annotations

import attrs
import pytest

from proxy.dialogue.reports import OF_TRANSACTIONS, for_client, next_transaction
from proxy.wire.constants import Capability, SessionTrack
from proxy.wire.primitives import lenenc_bytes
from proxy.wire.responses import Ok, parse_ok, variable_change
from proxy.wire.tracking import NOTHING, Tracking

TRACK = int(Capability.SESSION_TRACK)
READ_ONLY = b"SET TRANSACTION READ ONLY;"
STATE = (int(SessionTrack.TRANSACTION_STATE), b"\x08T_______")


def characteristics(text: bytes) -> tuple[int, bytes]:
    return int(SessionTrack.TRANSACTION_CHARACTERISTICS), lenenc_bytes(text)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([], None),
        ([STATE, variable_change(b"autocommit", b"ON")], None),
        ([characteristics(READ_ONLY)], READ_ONLY),
        ([characteristics(b"")], b""),
        ([characteristics(READ_ONLY), STATE, characteristics(b"")], b""),
        ([characteristics(READ_ONLY + b" START TRANSACTION;")], b""),
        ([characteristics(b"START TRANSACTION WITH CONSISTENT SNAPSHOT;")], b""),
        ([(int(SessionTrack.TRANSACTION_CHARACTERISTICS), b"\x09x")], None),
        ([characteristics(READ_ONLY), (4, b"\x09x")], READ_ONLY),
    ],
)
def test_characteristics_of_the_next_transaction_are_told(changes, found):
    """The last readable report counts; those of an open transaction say: none for the next."""
    assert next_transaction(changes) == found


def test_a_client_hears_of_what_it_asked_for():
    """All else of the OK packet stays as the server said it."""
    told = variable_change(b"autocommit", b"OFF")
    ok = Ok(3, 400, 2, 1, b"Rows matched: 3", (told, variable_change(b"sql_mode", b""), STATE))
    heard = parse_ok(for_client(ok, Tracking(), TRACK), TRACK)
    assert heard == parse_ok(attrs.evolve(ok, changes=(told, STATE)).encode(TRACK), TRACK)
    assert for_client(ok, NOTHING, TRACK) == attrs.evolve(ok, changes=()).encode(TRACK)


def test_a_client_without_session_tracking_hears_nothing():
    """There is no room in its OK packets, whatever it has set."""
    ok = Ok(changes=(variable_change(b"autocommit", b"OFF"),))
    assert for_client(ok, Tracking(), 0) == Ok().encode(0)


def test_transactions_are_told_by_status_bits():
    """What every transaction reports twice is kept out of what sessions absorb."""
    assert STATE[0] in OF_TRANSACTIONS
    assert characteristics(b"")[0] in OF_TRANSACTIONS
    assert SessionTrack.SYSTEM_VARIABLES not in OF_TRANSACTIONS
