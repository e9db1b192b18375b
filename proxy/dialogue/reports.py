"""Session reports on their way through: which the session needs, which the client asked for."""

from __future__ import annotations

import functools
from typing import Final

import attrs

from proxy.wire.constants import SessionTrack, Status
from proxy.wire.primitives import Malformed, lenenc_bytes
from proxy.wire.responses import Ok, parse_schema_change
from proxy.wire.tracking import Tracking

_IN_TRANSACTION: Final = int(Status.IN_TRANS)

OF_TRANSACTIONS: Final = frozenset(
    (SessionTrack.TRANSACTION_STATE, SessionTrack.TRANSACTION_CHARACTERISTICS)
)
"""Kinds of reports that come with every transaction; status bits tell its state."""


REMEMBERED: Final = 256
"""OK packets of which it is remembered what they come to: transactions bring the same few again
and again.  The longest, with every session variable, have 32 KiB: 8 MiB of them at most."""

NO_TRANSACTION: Final = b"________"
"""What a transaction state report says when there is none."""


@functools.lru_cache(REMEMBERED)
def next_transaction(changes: tuple[tuple[int, bytes], ...]) -> bytes | None:
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


def for_client(
    ok: Ok, tracking: Tracking, capabilities: int, *, explicit: bytes | None = None
) -> bytes:
    """The OK packet with those reports that the client has asked for.

    Args:
        ok: The packet.
        tracking: What the client asked for.
        capabilities: What it has negotiated.
        explicit: What is told of a transaction that was asked for, when it begins or ends.
    """
    told = [change for change in ok.changes if tracking.tells(*change)]
    if explicit is not None and tracking.tells_explicit and tracking.transaction_info == b"OFF":
        told.append((SessionTrack.TRANSACTION_STATE, lenenc_bytes(explicit)))
    return attrs.evolve(ok, changes=tuple(told)).encode(capabilities)


class Teller:
    """What the client of a backend hears of its reports.

    MySQL tells a client that does not track transactions all the same when one begins that was
    asked for (BEGIN, XA START), and when it ends; so that is remembered.
    """

    __slots__ = ("_explicit",)

    def __init__(self) -> None:
        self._explicit = NO_TRANSACTION

    def packet(self, ok: Ok, tracking: Tracking, capabilities: int, status: int) -> bytes:
        """The OK packet for the client.

        Args:
            ok: The packet.
            tracking: What the client asked for.
            capabilities: What it has negotiated.
            status: Status bits of the answer before: no transaction was open, none was told.
        """
        before = self._explicit if status & _IN_TRANSACTION else NO_TRANSACTION
        told, self._explicit = _tell(ok, tracking, capabilities, before)
        return told


@functools.lru_cache(REMEMBERED)
def _tell(ok: Ok, tracking: Tracking, capabilities: int, before: bytes) -> tuple[bytes, bytes]:
    """The packet for the client, and what it has heard of its transaction by then."""
    reports = dict(ok.changes)
    state = parse_schema_change(reports.get(SessionTrack.TRANSACTION_STATE, b"\0"))
    now = before
    if isinstance(state, bytes) and state[:1] in (b"_", b"I"):
        now = NO_TRANSACTION
    elif isinstance(state, bytes) and SessionTrack.TRANSACTION_CHARACTERISTICS in reports:
        now = state or before
    explicit = now if now != before else None
    return for_client(ok, tracking, capabilities, explicit=explicit), now
