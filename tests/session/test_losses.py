"""Tests of `proxy.session.losses`."""

from __future__ import annotations

import pytest

from proxy.session import remains as left
from proxy.session.losses import everything, lasting
from proxy.session.pins import Pin, PinReason, Pins


@pytest.mark.parametrize(
    ("reasons", "remains", "said"),
    [
        ((), 0, ""),
        ((PinReason.SAVEPOINT, PinReason.XA, PinReason.FOUND_ROWS, PinReason.CURSOR), 0, ""),
        ((), left.DIAGNOSTICS | left.INSERT_ID | left.STATUS, ""),
        ((PinReason.TEMPORARY_TABLE,), 0, "temporary table"),
        ((PinReason.ROLE, PinReason.NAMED_LOCK), 0, "named lock, role"),
        ((PinReason.LONG_DATA,), left.TIMESTAMP, "long data, timestamp"),
        ((), left.USER_VARIABLES, "user variables"),
    ],
)
def test_what_outlives_a_transaction_is_named(reasons, remains, said):
    """Whoever runs it again must not take the rest of the session for what it was."""
    pins = Pins()
    for reason in reasons:
        pins.add(Pin(reason, detail="one"))
        pins.add(Pin(reason, detail="other"))
    assert lasting(pins, remains) == said


@pytest.mark.parametrize(
    ("reasons", "remains", "said"),
    [
        ((), left.DIAGNOSTICS | left.STATUS, ""),
        ((PinReason.CURSOR, PinReason.XA), left.USER_VARIABLES, "cursor, xa"),
        ((), left.USER_VARIABLES | left.INSERT_ID, "insert id, user variables"),
    ],
)
def test_all_that_is_lost_is_named(reasons, remains, said):
    """What pinned the session, or else what only its backend knew."""
    pins = Pins()
    for reason in reasons:
        pins.add(Pin(reason))
    assert everything(pins, remains) == said
