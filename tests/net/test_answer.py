"""Tests of `proxy.net.answer`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BackendLostError
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
    assert found.columns == (Column(FieldType.VAR_STRING, 0, 256),) * 2


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


@shapes
def test_the_only_row_is_given(shape):
    """As many values as were asked for, NULL among them."""
    assert answer(result([(b"1", None)], shape), shape).row(2) == (b"1", None)
    assert answer(result([(b"",)], shape), shape).row() == (b"",)


@pytest.mark.parametrize("rows", [[], [(b"1",), (b"2",)], [(b"1", b"2")]])
def test_an_answer_of_another_form_is_a_loss(rows):
    """Nobody knows a server that answers a statement of ours so."""
    found = answer(result(rows, 0))
    with pytest.raises(BackendLostError, match="makes no sense"):
        found.row()
    with pytest.raises(BackendLostError, match="makes no sense"):
        found.number()


def test_an_ok_is_no_row():
    """A server that says OK where a value belongs is not understood either."""
    with pytest.raises(BackendLostError, match="makes no sense"):
        answer([Ok(4).encode(0)]).row()


def test_the_only_value_is_a_number():
    """Of any size."""
    assert answer(result([(b"0",)], 0)).number() == 0
    assert answer(result([(b"18446744073709551615",)], 0)).number() == 2**64 - 1


@pytest.mark.parametrize("value", [None, b"", b"many", b"-1", b"1.5", "\u0661".encode()])
def test_a_value_that_is_no_number_is_a_loss(value):
    """What goes on to be counted with has to be digits."""
    with pytest.raises(BackendLostError, match="no number"):
        answer(result([(value,)], 0)).number()


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
