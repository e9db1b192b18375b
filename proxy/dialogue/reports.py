"""Session reports on their way through: which the session needs, which the client asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import Ok, parse_schema_change
from proxy.wire.tracking import Tracking

OF_TRANSACTIONS: Final = frozenset(
    (SessionTrack.TRANSACTION_STATE, SessionTrack.TRANSACTION_CHARACTERISTICS)
)
"""Kinds of reports that come with every transaction; status bits tell its state."""


def next_transaction(changes: Iterable[tuple[int, bytes]]) -> bytes | None:
    """The characteristics that hold for the next transaction only; None without a report.

    Those of an open transaction are told in the same way and are no business of the next one.
    """
    found = None
    for kind, data in changes:
        if kind == SessionTrack.TRANSACTION_CHARACTERISTICS:
            text = parse_schema_change(data)  # the same shape: one text
            if not isinstance(text, Malformed):
                found = b"" if b"START TRANSACTION" in text else text
    return found


def for_client(ok: Ok, tracking: Tracking, capabilities: int) -> bytes:
    """The OK packet with those reports that the client has asked for."""
    told = tuple(change for change in ok.changes if tracking.tells(*change))
    return attrs.evolve(ok, changes=told).encode(capabilities)
