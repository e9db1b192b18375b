"""Tests of `proxy.session.losses`."""

from __future__ import annotations

import pytest

from proxy.session import remains as left
from proxy.session.losses import lasting
from proxy.session.pins import Pin, PinReason, Pins


@pytest.mark.parametrize(
    ("reasons", "remains", "said"),
    [
        ((), 0, ""),
        ((PinReason.SAVEPOINT, PinReason.XA, PinReason.FOUND_ROWS, PinReason.CURSOR), 0, ""),
        ((), left.DIAGNOSTICS | left.INSERT_ID | left.STATUS, ""),
        ((PinReason.TEMPORARY_TABLE,), 0, "TEMPORARY_TABLE"),
        ((PinReason.ROLE, PinReason.NAMED_LOCK), 0, "NAMED_LOCK, ROLE"),
        ((PinReason.LONG_DATA,), left.TIMESTAMP, "LONG_DATA, <Remains.TIMESTAMP: 128>"),
        ((), left.USER_VARIABLES, "<Remains.USER_VARIABLES: 256>"),
    ],
)
def test_what_outlives_a_transaction_is_named(reasons, remains, said):
    """Whoever runs it again must not take the rest of the session for what it was."""
    pins = Pins()
    for reason in reasons:
        pins.add(Pin(reason, detail="one"))
        pins.add(Pin(reason, detail="other"))
    assert lasting(pins, remains) == said
