"""Tests of `proxy.dialogue.classic`: answers for clients without CLIENT_DEPRECATE_EOF."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialogue.answers import Kind
from proxy.dialogue.classic import Classic
from proxy.dialogue.exchange import Exchange
from proxy.wire import scan
from proxy.wire.constants import SessionTrack, Status
from proxy.wire.framing import encode
from proxy.wire.patch import Patch
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Ok
from tests.support.answers import (
    AUTOCOMMIT,
    COLUMN,
    DEPRECATE,
    ERROR,
    TRACK,
    Answer,
    cuts_,
    end,
    follow,
    pieces,
    result,
    rows_,
)

SERVER = TRACK | DEPRECATE
MORE = AUTOCOMMIT | int(Status.MORE_RESULTS)
CURSOR = AUTOCOMMIT | int(Status.CURSOR_EXISTS)
CHANGES = ((int(SessionTrack.SCHEMA), b"\x04shop"),)


def payloads_of(data: bytes) -> list[bytes]:
    """The payloads of packets that are numbered from 1 on without a gap."""
    found, position = [], 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 3], "little")
        assert data[position + 3] == (len(found) + 1) % 256
        found.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    return found


def without_status(payloads: list[bytes]) -> list[bytes]:
    """The EOF behind columns says of the status what is known when it goes out."""
    return [
        payload[:3] if before == COLUMN and payload[:1] == b"\xfe" else payload
        for before, payload in zip([b"", *payloads], payloads, strict=False)
    ]


@st.composite
def both(draw: st.DrawFn) -> tuple[Answer, list[bytes]]:
    """An answer as a server gives it, and its payloads as they were before."""
    today: list[bytes] = []
    before: list[bytes] = []
    for _ in range(draw(st.integers(0, 2))):
        rows = draw(rows_)
        today += result(SERVER, rows, MORE)
        before += result(0, rows, MORE)
    rows, last = draw(rows_), Ok(3, 0, changes=draw(st.sampled_from([(), CHANGES])))
    kind = draw(st.sampled_from(["rows", "ok", "error", "error in rows", "cursor", "long ok"]))
    if kind in ("rows", "error in rows"):
        cut = slice(None if kind == "rows" else -1)
        today += result(SERVER, rows)[cut]
        before += result(0, rows)[cut]
    elif kind == "cursor":
        today += [lenenc_int(1), COLUMN, end(SERVER, CURSOR)]
        before += [lenenc_int(1), COLUMN, end(0, CURSOR)]
    elif kind == "long ok":
        today += [*result(SERVER, rows)[:-1], Ok(changes=CHANGES, header=0xFE).encode(SERVER)]
        before += result(0, rows)
    else:
        today.append(ERROR if kind == "error" else last.encode(SERVER))
        before.append(ERROR if kind == "error" else last.encode(0))
    if kind.startswith("error in"):
        today.append(ERROR)
        before.append(ERROR)
    return Answer(Kind.RESULT, SERVER, tuple(today)), before


@given(both(), cuts_)
def test_a_client_gets_what_servers_used_to_send(answers, cuts):
    """However it is cut: EOF packets where they belong, and no gap in the packets' numbers."""
    answer, before = answers
    exchange, sent = follow(answer, cuts, 0)
    whole, _ = follow(answer, [])
    assert exchange.ended
    assert without_status(payloads_of(sent)) == without_status(before)
    assert (exchange.changes, exchange.rows, exchange.row_count, exchange.status) == (
        whole.changes,
        whole.rows,
        whole.row_count,
        whole.status,
    )


@given(both(), cuts_)
def test_one_exchange_serves_clients_of_both_kinds(answers, cuts):
    """What one answer changes does nothing to the next."""
    answer, before = answers
    exchange = Exchange(SERVER)
    for capabilities in (0, SERVER, 0):
        exchange.begin(Kind.RESULT, capabilities)
        sent = b"".join(map(exchange.feed, pieces(answer.data, cuts)))
        assert exchange.ended
        if not capabilities:
            assert without_status(payloads_of(sent)) == without_status(before)


def test_what_the_end_says_is_said_behind_the_columns_too():
    """As long as it is in the same chunk: in a transaction, parameters of a CALL, and so on."""
    status = MORE | int(Status.IN_TRANS | Status.PS_OUT_PARAMS | Status.LAST_ROW_SENT)
    rows = result(SERVER, [b"\x01a"], status)
    answer = Answer(Kind.RESULT, SERVER, (*rows, Ok().encode(SERVER)))
    _, sent = follow(answer, [], 0)
    between = payloads_of(sent)[2]
    assert between == Eof(0, status & ~int(Status.LAST_ROW_SENT)).encode()


def test_what_is_not_known_behind_the_columns_is_what_held_before():
    """When the end is in another chunk the answer before it speaks."""
    exchange = Exchange(SERVER)
    before = AUTOCOMMIT | int(Status.IN_TRANS)
    exchange.begin(Kind.SIMPLE, 0)
    exchange.feed(encode(Ok(status=before).encode(SERVER), 1))
    exchange.begin(Kind.RESULT, 0)
    data = Answer(Kind.RESULT, SERVER, tuple(result(SERVER, [b"\x01a"]))).data
    sent = exchange.feed(data[:-8]) + exchange.feed(data[-8:])
    assert payloads_of(sent)[2] == Eof(0, before).encode()


@pytest.mark.parametrize(
    ("kind", "rest"),
    [(Kind.FIELDS, [COLUMN]), (Kind.ROWS, [b"\x01a"]), (Kind.ROWS, []), (Kind.SIMPLE, [])],
)
@given(cuts=cuts_)
def test_other_answers_end_in_an_eof_as_well(kind, rest, cuts):
    """COM_FIELD_LIST, COM_STMT_FETCH, and what COM_SET_OPTION is answered."""
    last = int(Status.LAST_ROW_SENT)
    answer = Answer(kind, SERVER, (*rest, end(SERVER, AUTOCOMMIT | last, 2)))
    exchange, sent = follow(answer, cuts, 0)
    assert exchange.ended
    assert payloads_of(sent) == [*rest, Eof(2, AUTOCOMMIT | last).encode()]


@given(cuts_)
def test_an_error_may_come_right_behind_the_columns(cuts):
    """The EOF packet that belongs before it is put in."""
    answer = Answer(Kind.RESULT, SERVER, (*result(SERVER, [])[:-1], ERROR))
    exchange, sent = follow(answer, cuts, 0)
    assert exchange.err is not None
    assert payloads_of(sent) == [*result(0, [])[:-1], ERROR]


@given(cuts_)
def test_a_client_may_be_told_more_status_bits(cuts):
    """Both EOF packets have them."""
    exchange = Exchange(SERVER)
    more = int(Status.METADATA_CHANGED)
    exchange.begin(Kind.RESULT, 0, extra_status=more)
    data = Answer(Kind.RESULT, SERVER, tuple(result(SERVER, []))).data
    sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    assert payloads_of(sent)[2:] == [Eof(0, AUTOCOMMIT | more).encode()] * 2


@given(cuts_, rows_)
def test_a_row_may_be_patched(cuts, rows):
    """A value of ours and the packets of before do not get in each other's way."""
    answer = Answer(Kind.RESULT, SERVER, tuple(result(SERVER, [b"\x01a", *rows])))
    _, sent = follow(answer, cuts, 0, patches=(Patch(0, 12),))
    assert payloads_of(sent) == result(0, [b"\x0212", *rows])


@given(cuts_, st.integers(1, 3))
def test_the_packets_of_a_long_row_are_numbered(cuts, full):
    """Each physical packet has a number of its own, also one that is empty."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("exchange", "rows"):
            patch.setattr(f"proxy.dialogue.{place}.MAX_PACKET", 20)
        patch.setattr(scan, "MAX_PACKET", 20)
        pieces_of_row = [b"\x13" + b"x" * 19, *[b"\xfe" * 20] * (full - 1), b""]
        payloads = (lenenc_int(1), b"a", *pieces_of_row, end(SERVER))
        exchange = Exchange(SERVER)
        exchange.begin(Kind.RESULT, 0)
        data = Answer(Kind.RESULT, SERVER, payloads).data
        sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    assert exchange.ended
    assert exchange.rows == 1
    eof = Eof().encode()
    assert payloads_of(sent) == [lenenc_int(1), b"a", eof, *pieces_of_row, eof]


@pytest.mark.parametrize("before", [[], result(SERVER, [b"\x01a"], MORE)])
def test_packets_behind_a_file_go_on_from_its_last(before):
    """The client counts its own packets, of which the server has seen fewer before the file."""
    exchange = Exchange(SERVER)
    exchange.begin(Kind.RESULT, 0)
    asked = Answer(Kind.RESULT, SERVER, (*before, b"\xfbdata.txt")).data
    sent = exchange.feed(asked)
    assert exchange.wants_file
    assert exchange.file_sequence == len(before) + 2
    exchange.file_sent()
    heard = payloads_of(sent)
    verdict = exchange.feed(encode(Ok(5).encode(SERVER), len(before) + 2 + 3))
    assert verdict == encode(Ok(5).encode(0), len(heard) + 1 + 3)


def test_reports_are_told_in_an_ok_alone():
    """A client that asked for them in answers without rows gets them there."""
    exchange = Exchange(SERVER)
    exchange.begin(Kind.RESULT, TRACK)
    payload = lenenc_bytes(b"x")
    rows = [*result(SERVER, [payload])[:-1], Ok(changes=CHANGES, header=0xFE).encode(SERVER)]
    sent = exchange.feed(Answer(Kind.RESULT, SERVER, tuple(rows)).data)
    assert payloads_of(sent) == result(0, [payload])
    assert exchange.changes == [*CHANGES]


def test_repr_says_how_far():
    """An operator sees which packet comes next."""
    assert repr(Classic()) == "<Classic answer, packet -1>"
