"""Tests of `proxy.dialogue.reports`."""

from __future__ import annotations

import attrs
import pytest

from proxy.dialogue.reports import (
    NO_TRANSACTION,
    OF_TRANSACTIONS,
    Teller,
    for_client,
    next_transaction,
)
from proxy.wire.constants import Capability, SessionTrack, Status
from proxy.wire.primitives import lenenc_bytes
from proxy.wire.responses import Ok, parse_ok, variable_change
from proxy.wire.tracking import NOTHING, Tracking

TRACK = int(Capability.SESSION_TRACK)
READ_ONLY = b"SET TRANSACTION READ ONLY;"
EXPLICIT = b"T_______"
AUTOCOMMIT = int(Status.AUTOCOMMIT)
IN_TRANSACTION = int(Status.AUTOCOMMIT | Status.IN_TRANS)


def state(text: bytes) -> tuple[int, bytes]:
    return int(SessionTrack.TRANSACTION_STATE), lenenc_bytes(text)


STATE = state(EXPLICIT)
BY_DEFAULT = Tracking()


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
    assert next_transaction(tuple(changes)) == found


def test_a_client_hears_of_what_it_asked_for():
    """All else of the OK packet stays as the server said it."""
    told = variable_change(b"autocommit", b"OFF")
    ok = Ok(3, 400, 2, 1, b"Rows matched: 3", (told, variable_change(b"sql_mode", b""), STATE))
    heard = parse_ok(for_client(ok, Tracking(), TRACK), TRACK)
    assert heard == parse_ok(attrs.evolve(ok, changes=(told,)).encode(TRACK), TRACK)
    assert for_client(ok, NOTHING, TRACK) == attrs.evolve(ok, changes=()).encode(TRACK)


@pytest.mark.parametrize(
    ("tracking", "told"),
    [
        (Tracking(), (EXPLICIT,)),
        (Tracking(transaction_info=b"STATE"), (b"T_R_____",)),
        (Tracking(tells_explicit=False), ()),
        (NOTHING, ()),
    ],
)
def test_an_explicit_transaction_is_told_to_who_asked_for_no_states(tracking, told):
    """MySQL's clients hear of it once: who tracks states has the server's own report."""
    ok = Ok(changes=(state(b"T_R_____"), characteristics(READ_ONLY)))
    heard = for_client(ok, tracking, TRACK, explicit=EXPLICIT)
    assert heard == Ok(changes=(*map(state, told),)).encode(TRACK)


def test_a_client_without_session_tracking_hears_nothing():
    """There is no room in its OK packets, whatever it has set."""
    ok = Ok(changes=(variable_change(b"autocommit", b"OFF"),))
    assert for_client(ok, Tracking(), 0) == Ok().encode(0)


def test_transactions_are_told_by_status_bits():
    """What every transaction reports twice is kept out of what sessions absorb."""
    assert STATE[0] in OF_TRANSACTIONS
    assert characteristics(b"")[0] in OF_TRANSACTIONS
    assert SessionTrack.SYSTEM_VARIABLES not in OF_TRANSACTIONS


def hear(teller: Teller, *changes: tuple[int, bytes], before: int, tracking=BY_DEFAULT):
    """The states of transactions that a client hears of in one OK packet."""
    packet = teller.packet(Ok(changes=changes), tracking, TRACK, before)
    heard = parse_ok(packet, TRACK)
    assert isinstance(heard, Ok)
    assert {kind for kind, _ in heard.changes} <= {SessionTrack.TRANSACTION_STATE}
    return [data[1:] for _, data in heard.changes]


def test_a_client_of_mysql_hears_when_explicit_transactions_begin_and_end():
    """BEGIN and COMMIT are told, and nothing of what becomes of it between them."""
    teller = Teller()
    begin = state(EXPLICIT), characteristics(b"START TRANSACTION;")
    assert hear(teller, *begin, before=AUTOCOMMIT) == [EXPLICIT]
    assert hear(teller, state(b"T_R_____"), before=IN_TRANSACTION) == []
    assert hear(teller, variable_change(b"sql_mode", b""), before=IN_TRANSACTION) == []
    end = state(NO_TRANSACTION), characteristics(b"")
    assert hear(teller, *end, before=IN_TRANSACTION) == [NO_TRANSACTION]
    assert hear(teller, *end, before=AUTOCOMMIT) == []


def test_an_implicit_transaction_is_not_told():
    """With autocommit off the first statement begins one that nobody asked for."""
    teller = Teller()
    begin = state(b"I_R_____"), characteristics(b"")
    assert hear(teller, *begin, before=0) == []
    assert hear(teller, state(NO_TRANSACTION), before=int(Status.IN_TRANS)) == []


def test_a_transaction_behind_an_explicit_one_is_told_anew():
    """COMMIT AND CHAIN changes nothing to be told; another kind of transaction does."""
    teller = Teller()
    begin = state(EXPLICIT), characteristics(b"START TRANSACTION;")
    hear(teller, *begin, before=AUTOCOMMIT)
    assert hear(teller, *begin, before=IN_TRANSACTION) == []
    consistent = state(b"T_____S_"), characteristics(b"START TRANSACTION;")
    assert hear(teller, *consistent, before=IN_TRANSACTION) == [b"T_____S_"]


def test_an_end_that_no_report_told_is_seen_by_the_status():
    """An error or an EOF packet has no room for it; the next BEGIN is told all the same."""
    teller = Teller()
    begin = state(EXPLICIT), characteristics(b"START TRANSACTION;")
    assert hear(teller, *begin, before=AUTOCOMMIT) == [EXPLICIT]
    assert hear(teller, *begin, before=AUTOCOMMIT) == [EXPLICIT]


@pytest.mark.parametrize("report", [b"\x09x", b"\x00"])
def test_a_state_that_says_nothing_changes_nothing(report):
    """One that cannot be read, and an empty one."""
    teller = Teller()
    begin = state(EXPLICIT), characteristics(b"START TRANSACTION;")
    hear(teller, *begin, before=AUTOCOMMIT)
    odd = int(SessionTrack.TRANSACTION_STATE), report
    assert hear(teller, odd, characteristics(b""), before=IN_TRANSACTION) == []
    assert hear(teller, state(NO_TRANSACTION), before=IN_TRANSACTION) == [NO_TRANSACTION]


def test_what_one_client_wants_does_not_change_what_the_next_one_hears():
    """The beginning is remembered also while a statement of ours runs."""
    teller = Teller()
    begin = state(EXPLICIT), characteristics(b"START TRANSACTION;")
    assert hear(teller, *begin, before=AUTOCOMMIT, tracking=NOTHING) == []
    assert hear(teller, state(NO_TRANSACTION), before=IN_TRANSACTION) == [NO_TRANSACTION]
