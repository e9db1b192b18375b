"""Tests of `proxy.net.answer`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.net.answer import Answer
from proxy.wire.constants import Capability, FieldType
from proxy.wire.responses import Column, Ok
from tests.support.scripted import column, packets, result, row

SHAPES = [0, int(Capability.DEPRECATE_EOF)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=["EOF", "OK"])


def answer(payloads, shape=0, sequence=1):
    return Answer(2, 0, -1, (), packets(payloads, sequence), bool(shape))


@shapes
def test_a_result_is_taken_apart(shape):
    """Values, the columns that tell their types, and the payloads of both."""
    rows = [(b"1", None), (b"", b"x")]
    found = answer(result(rows, shape, columns=[b"a", b"b"]), shape)
    assert found.rows == ((b"1", None), (b"", b"x"))
    assert found.row_payloads == tuple(map(row, rows))
    assert found.head == (b"\x02", column(b"a"), column(b"b"))
    assert found.columns == (Column(FieldType.VAR_STRING, 0),) * 2


@shapes
def test_a_result_may_have_no_rows(shape):
    """Its columns are there nevertheless."""
    found = answer(result([], shape), shape)
    assert found.rows == ()
    assert found.row_payloads == ()
    assert len(found.columns) == 1


@shapes
@pytest.mark.parametrize("payloads", [[Ok(4).encode(0)], []])
def test_an_ok_has_neither_columns_nor_rows(shape, payloads):
    """What a SET is answered by, and what nobody answered."""
    found = answer(payloads, shape)
    assert (found.head, found.columns, found.rows, found.row_payloads) == ((), (), (), ())


def test_what_cannot_be_read_is_left_out():
    """A row or a column whose lengths do not fit is none."""
    payloads = result([(b"1",), (b"2",)], 0)
    payloads[1], payloads[3] = b"\x03de", b"\x05x"
    found = answer(payloads)
    assert found.columns == ()
    assert found.rows == ((b"2",),)


def test_a_server_that_counts_wrongly_is_not_read():
    """Packets with other sequence numbers than theirs are none."""
    assert answer(result([(b"1",)], 0), sequence=5).rows == ()


def test_rows_stay_out_of_logs():
    """An answer may have data of clients in it: its repr has none."""
    assert "secret" not in repr(answer(result([(b"secret",)], 0)))


@given(st.lists(st.binary(max_size=12), max_size=5), st.sampled_from(SHAPES))
def test_any_packets_give_an_answer(payloads, shape):
    """Whatever a server answers to a statement of ours, looking at it raises nothing."""
    found = answer(payloads, shape)
    assert len(found.rows) <= len(found.row_payloads)
    assert len(found.columns) <= len(found.head)


def test_an_empty_packet_is_no_result():
    """A first packet without a byte has no column count."""
    assert answer([b"", row((b"1",))]).rows == ()
