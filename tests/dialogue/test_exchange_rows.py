"""Tests of `proxy.dialogue.exchange`: rows are counted, and values put into the first one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.dialogue.answers import Kind
from proxy.dialogue.exchange import Exchange
from proxy.dialogue.rows import PATCHED_BYTES
from proxy.wire.constants import Status
from proxy.wire.framing import encode
from proxy.wire.patch import Patch
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Ok
from tests.support.answers import (
    AUTOCOMMIT,
    COLUMN,
    DEPRECATE,
    ERROR,
    Answer,
    capabilities_,
    cuts_,
    end,
    follow,
    pieces,
    result,
    rows_,
)

MORE = AUTOCOMMIT | int(Status.MORE_RESULTS)


PATCHES = (Patch(0, 1234567890),)
PATCHED = lenenc_bytes(b"1234567890")


@given(rows_, capabilities_, cuts_)
def test_rows_are_counted_however_they_are_cut(rows, capabilities, cuts):
    """A result with columns changed no row and gave so many: ROW_COUNT() is -1 after it."""
    exchange, _ = follow(
        Answer(Kind.RESULT, capabilities, (*result(capabilities, rows),)), cuts
    )
    assert exchange.rows == len(rows)
    assert exchange.row_count == -1


@given(rows_, rows_, capabilities_, cuts_)
def test_the_last_result_with_columns_is_counted(first, second, capabilities, cuts):
    """FOUND_ROWS() speaks of one statement; what it changed is told by the last OK."""
    payloads = (
        *result(capabilities, first, MORE),
        *result(capabilities, second, MORE),
        Ok(7).encode(capabilities),
    )
    exchange, _ = follow(Answer(Kind.RESULT, capabilities, payloads), cuts)
    assert exchange.rows == len(second)
    assert exchange.row_count == 7


@given(rows_, capabilities_, cuts_)
def test_a_result_that_breaks_off_in_an_error_counts_for_nothing(rows, capabilities, cuts):
    """Rows before an ERR packet were no result."""
    payloads = (*result(capabilities, rows)[:-1], ERROR)
    exchange, _ = follow(Answer(Kind.RESULT, capabilities, payloads), cuts)
    assert exchange.rows is None


@given(rows_, capabilities_, cuts_)
def test_fetched_rows_are_counted(rows, capabilities, cuts):
    """COM_STMT_FETCH is answered by rows at once, without columns before them."""
    exchange, _ = follow(Answer(Kind.ROWS, capabilities, (*rows, end(capabilities))), cuts)
    assert exchange.ended
    assert exchange.rows == len(rows)


def test_without_columns_no_rows_are_counted():
    """An INSERT gives no result: FOUND_ROWS() stays what it was."""
    exchange, _ = follow(Answer(Kind.RESULT, 0, (Ok(3).encode(0),)), [])
    assert exchange.rows is None
    assert exchange.row_count == 3


@given(rows_, capabilities_, cuts_)
def test_only_the_first_row_is_patched(rows, capabilities, cuts):
    """A number of ours takes a column of the first row; nothing else of the answer differs."""
    rows = [b"\x01a", *rows]
    whole = Answer(Kind.RESULT, capabilities, (*result(capabilities, rows),))
    exchange, sent = follow(whole, cuts, patches=PATCHES)
    changed = [PATCHED, *rows[1:]]
    assert sent == Answer(Kind.RESULT, capabilities, (*result(capabilities, changed),)).data
    assert exchange.rows == len(rows)
    assert exchange.ended


@given(capabilities_, cuts_)
def test_without_a_row_nothing_is_patched(capabilities, cuts):
    """A result without rows goes on as it is."""
    whole = Answer(Kind.RESULT, capabilities, (*result(capabilities, []),))
    exchange, sent = follow(whole, cuts, patches=PATCHES)
    assert sent == whole.data
    assert exchange.rows == 0


@given(capabilities_, cuts_)
def test_an_answer_that_fails_is_not_patched(capabilities, cuts):
    """An ERR packet in the place of the first row goes on as it is."""
    whole = Answer(Kind.RESULT, capabilities, (*result(capabilities, [])[:-1], ERROR))
    exchange, sent = follow(whole, cuts, patches=PATCHES)
    assert sent == whole.data
    assert exchange.err is not None


def test_a_patch_serves_one_answer():
    """The next answer on the same backend is left alone."""
    answer = Answer(Kind.RESULT, 0, (*result(0, [b"\x01a"]),))
    exchange, _ = follow(answer, [], patches=PATCHES)
    exchange.begin(Kind.RESULT, 0)
    assert exchange.feed(answer.data) == answer.data


@given(st.sampled_from([0, PATCHED_BYTES + 1, 0xFFFFFF]), cuts_)
def test_a_row_that_is_no_number_is_not_held_back(length, cuts):
    """A row without a byte, or of megabytes, goes on as it comes."""
    exchange = Exchange(DEPRECATE)
    exchange.begin(Kind.RESULT, DEPRECATE, patches=PATCHES)
    data = encode(lenenc_int(1), 1) + encode(COLUMN, 2) + length.to_bytes(3, "little")
    data += b"\x03" + bytes(length or 1)
    sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    assert sent[: len(data) - 1] == data[: len(data) - 1]
    assert not exchange.broken


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_may_come_where_a_row_is_patched(chunks):
    """A server that sends nonsense breaks the exchange, never us."""
    exchange = Exchange(0)
    exchange.begin(Kind.RESULT, 0, patches=PATCHES)
    exchange.feed(encode(lenenc_int(1), 1) + encode(COLUMN, 2) + encode(Eof().encode(), 3))
    for chunk in chunks:
        if not (exchange.ended or exchange.broken):
            exchange.feed(chunk)
    assert exchange.ended or exchange.broken or not exchange.excess
