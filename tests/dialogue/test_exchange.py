"""Tests of `proxy.dialogue.exchange`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialogue import exchange as module
from proxy.dialogue import rows
from proxy.dialogue.answers import Kind
from proxy.dialogue.exchange import Exchange
from proxy.wire import scan
from proxy.wire.constants import SessionTrack, Status
from proxy.wire.framing import encode
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Ok, PrepareOk, variable_change
from tests.support.answers import (
    AUTOCOMMIT,
    COLUMN,
    DEPRECATE,
    ERROR,
    TRACK,
    TRACKING,
    Answer,
    answers,
    capabilities_,
    cuts_,
    end,
    follow,
    pieces,
    result,
)

CHANGES = (
    variable_change(b"autocommit", b"OFF"),
    variable_change(b"sql_mode", b"ANSI"),
    (int(SessionTrack.SCHEMA), b"\x04shop"),
    (int(SessionTrack.STATE_CHANGE), b"\x011"),
)


@given(answers(), cuts_)
def test_any_chunking_gives_the_same_answer(answer, cuts):
    """However it is cut, the client gets every byte, and the end is found."""
    whole, _ = follow(answer, [])
    exchange, sent = follow(answer, cuts)
    assert exchange.ended
    assert not exchange.excess
    assert sent == answer.data
    assert (exchange.status, exchange.err, exchange.warnings) == (
        whole.status,
        whole.err,
        whole.warnings,
    )
    assert (exchange.row_count, exchange.rows, exchange.last_insert_id, exchange.results) == (
        whole.row_count,
        whole.rows,
        whole.last_insert_id,
        whole.results,
    )
    assert exchange.prepared == whole.prepared


@given(answers(), cuts_, st.binary(min_size=1, max_size=10))
def test_what_comes_behind_the_end_is_kept_apart(answer, cuts, more):
    """Bytes that nobody asked for never reach the client."""
    exchange = Exchange(answer.capabilities)
    exchange.begin(answer.kind, answer.capabilities)
    *first, last = pieces(answer.data, cuts)
    sent = b"".join(map(exchange.feed, [*first, last + more]))
    assert exchange.ended
    assert sent == answer.data
    assert exchange.excess == more


@given(st.sampled_from(Kind), capabilities_, st.lists(st.binary(max_size=40), max_size=8))
@settings(max_examples=2_000, deadline=None)
def test_any_bytes_end_break_or_go_on(kind, capabilities, chunks):
    """A server that sends nonsense breaks the exchange, never us, and little is kept."""
    exchange = Exchange(capabilities)
    exchange.begin(kind, 0, TRACKING)
    for chunk in chunks:
        if exchange.ended or exchange.broken or exchange.wants_file:
            break
        exchange.feed(chunk)
        assert len(exchange._carry) <= sum(map(len, chunks))


@given(cuts_, st.sampled_from([0, TRACK]), st.booleans())
def test_clients_hear_of_what_they_asked_for(cuts, client, deprecate):
    """Reports that the proxy switched on for itself are taken out of OK packets."""
    server = TRACK | (DEPRECATE if deprecate else 0)
    ok = Ok(3, 400, AUTOCOMMIT, 1, b"Rows matched: 3", CHANGES)
    answer = Answer(Kind.RESULT, server, (ok.encode(server),))
    exchange, sent = follow(answer, cuts, client)
    told = (CHANGES[0], CHANGES[2]) if client else ()
    assert sent == encode(attrs.evolve(ok, changes=told).encode(client), 1)
    assert exchange.changes == [*CHANGES]
    assert (exchange.row_count, exchange.last_insert_id) == (3, 400)
    assert exchange.status == AUTOCOMMIT


def test_an_ok_between_results_is_rewritten_in_its_place():
    """What stands before and behind it goes on as it is."""
    first = Ok(status=AUTOCOMMIT | int(Status.MORE_RESULTS), changes=CHANGES)
    second = result(TRACK, [lenenc_bytes(b"x")])
    answer = Answer(Kind.RESULT, TRACK, (first.encode(TRACK), *second))
    exchange, sent = follow(answer, [], 0)
    assert exchange.ended
    assert exchange.results == 2
    assert sent == Answer(Kind.RESULT, 0, (first.encode(0), *second)).data


def test_an_info_without_reports_is_left_alone():
    """An OK with a text but no report is the same for every client."""
    ok = Ok(300, 0, AUTOCOMMIT, 0, b"Records: 300")
    answer = Answer(Kind.RESULT, TRACK, (ok.encode(TRACK),))
    exchange, sent = follow(answer, [], 0)
    assert sent == answer.data
    assert exchange.row_count == 300


def test_a_prepare_answer_is_remembered():
    """Its first packet has the server's id."""
    answer = Answer(Kind.PREPARE, DEPRECATE, (PrepareOk(99, 0, 1).encode(), COLUMN))
    exchange, sent = follow(answer, [*range(len(answer.data))])
    assert exchange.ended
    assert exchange.prepared == PrepareOk(99, 0, 1)
    assert sent == answer.data


def test_a_cursor_has_no_rows_in_its_first_answer():
    """The EOF behind the columns ends it when a cursor is open."""
    status = AUTOCOMMIT | int(Status.CURSOR_EXISTS)
    answer = Answer(Kind.RESULT, 0, (lenenc_int(1), COLUMN, Eof(0, status).encode()))
    exchange, sent = follow(answer, [])
    assert exchange.ended
    assert exchange.status == status
    assert sent == answer.data


def test_out_parameters_are_followed_by_an_ok_that_mysql_does_not_announce():
    """The EOF behind their row lacks the flag that the EOF before it had."""
    status = AUTOCOMMIT | int(Status.MORE_RESULTS | Status.PS_OUT_PARAMS)
    payloads = (
        lenenc_int(1),
        COLUMN,
        Eof(0, status).encode(),
        lenenc_bytes(b"x"),
        Eof(0, AUTOCOMMIT).encode(),
        Ok().encode(0),
    )
    exchange, sent = follow(Answer(Kind.RESULT, 0, payloads), [])
    assert exchange.ended
    assert not exchange.excess
    assert sent == Answer(Kind.RESULT, 0, payloads).data


def test_a_file_is_asked_for_and_its_verdict_awaited():
    """LOCAL INFILE: the request goes to the client, the OK comes after the file."""
    exchange = Exchange(0)
    exchange.begin(Kind.RESULT, 0)
    request = encode(b"\xfbdata.txt", 1)
    assert exchange.feed(request) == request
    assert exchange.wants_file
    assert not exchange.ended
    exchange.file_sent()
    assert exchange.feed(encode(Ok(5).encode(0), 3))
    assert exchange.ended
    assert exchange.row_count == 5


def test_a_result_may_have_more_columns_than_a_byte_counts():
    """Their number takes three bytes then."""
    exchange = Exchange(DEPRECATE)
    exchange.begin(Kind.RESULT, DEPRECATE)
    payloads = [lenenc_int(300), *[COLUMN] * 300, b"\x011" * 300, end(DEPRECATE, AUTOCOMMIT)]
    data = b"".join(encode(payload, 1 + number) for number, payload in enumerate(payloads))
    assert exchange.feed(data) == data
    assert exchange.ended
    assert exchange.rows == 1


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.SIMPLE, b"\x01"),
        (Kind.PREPARE, b"\x00\x01"),
        (Kind.RESULT, b"\xfe\x00\x00\x00\x00\x00\x00\x00\x00"),
        (Kind.RESULT, b"\x00\xfc"),
        (Kind.RESULT, b"\xfc"),
        (Kind.SIMPLE, b"\xff"),
        (Kind.SIMPLE, b""),
    ],
)
def test_nonsense_breaks_it(kind, payload):
    """What is no answer of this kind is said to be none."""
    exchange = Exchange(0)
    exchange.begin(kind, 0)
    exchange.feed(encode(payload, 1))
    assert exchange.broken
    assert exchange.why


def test_an_end_that_would_be_endless_breaks_it():
    """No more than a megabyte is ever held back."""
    exchange = Exchange(0)
    exchange.begin(Kind.SIMPLE, 0)
    exchange.feed((module.LARGEST_END + 1).to_bytes(3, "little") + b"\x01\x00")
    assert exchange.broken


@given(cuts_, st.integers(0, 3), st.sampled_from([b"\xff", b"\xfe", b"\x00", b"a"]))
def test_a_row_in_several_packets_may_go_on_with_any_byte(cuts, full, byte):
    """A continuation is never taken for an end, also when it is empty."""
    with pytest.MonkeyPatch.context() as patch:
        for place in (module, rows, scan):
            patch.setattr(place, "MAX_PACKET", 20)
        row = b"\x13" + b"x" * 19
        packets = [
            b"\x01\x00\x00\x01\x01",
            encode(COLUMN, 2),
            encode(Eof().encode(), 3),
            *([b"\x14\x00\x00\x04" + row] + [b"\x14\x00\x00\x05" + byte * 20] * full),
            (b"\x03\x00\x00\x06" + byte * 3) if full % 2 else b"\x00\x00\x00\x06",
            encode(Eof().encode(), 7),
        ]
        data = b"".join(packets)
        exchange = Exchange(0)
        exchange.begin(Kind.RESULT, 0)
        sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    assert exchange.ended
    assert exchange.rows == 1
    assert not exchange.excess
    assert sent == data


def test_reports_that_cannot_be_read_are_not_passed_on():
    """A client hears nothing of a malformed report."""
    ok = Ok(changes=((int(SessionTrack.SYSTEM_VARIABLES), b"\x09x"),))
    answer = Answer(Kind.RESULT, TRACK, (ok.encode(TRACK),))
    _, sent = follow(answer, [], TRACK)
    assert sent == encode(Ok().encode(TRACK), 1)


def test_repr_says_what_kind_of_answer_and_how_far():
    """An operator sees the shape and the state."""
    exchange = Exchange(0)
    assert repr(exchange) == "<Exchange SIMPLE in ENDED>"
    exchange.begin(Kind.RESULT, 0)
    assert repr(exchange) == "<Exchange RESULT in FIRST>"
    assert not exchange.started
    exchange.feed(b"\x01")
    assert exchange.started


@pytest.mark.parametrize("payload", [b"Uptime: 5  Threads: 1", ERROR])
def test_statistics_are_one_packet_of_any_text(payload):
    """COM_STATISTICS is answered by a bare text, or by an ERR."""
    exchange, sent = follow(Answer(Kind.TEXT, 0, (payload,)), [])
    assert exchange.ended
    assert sent == encode(payload, 1)
    assert (exchange.err is not None) == (payload == ERROR)


@pytest.mark.parametrize("kind", [Kind.FIELDS, Kind.ROWS, Kind.PREPARE, Kind.SIMPLE])
@pytest.mark.parametrize("capabilities", [0, DEPRECATE])
def test_each_kind_of_answer_ends(kind, capabilities):
    """Definitions, rows and prepare answers with what ends each."""
    payloads = {
        Kind.FIELDS: (COLUMN, end(capabilities)),
        Kind.ROWS: (lenenc_bytes(b"x"), end(capabilities)),
        Kind.PREPARE: (PrepareOk(7, 0, 0).encode(),),
        Kind.SIMPLE: (end(capabilities),),
    }
    exchange, sent = follow(answer := Answer(kind, capabilities, payloads[kind]), [])
    assert exchange.ended
    assert sent == answer.data


@given(cuts_)
def test_reports_of_transactions_are_kept_apart(cuts):
    """Sessions absorb the others; of these, what holds for the next transaction counts."""
    text = b"SET TRANSACTION READ ONLY;"
    characteristics = (int(SessionTrack.TRANSACTION_CHARACTERISTICS), lenenc_bytes(text))
    state = (int(SessionTrack.TRANSACTION_STATE), b"\x08________")
    ok = Ok(changes=(characteristics, state, CHANGES[0]))
    exchange, sent = follow(Answer(Kind.RESULT, TRACK, (ok.encode(TRACK),)), cuts, TRACK)
    assert exchange.changes == [CHANGES[0]]
    assert exchange.next_transaction == text
    assert sent == encode(Ok(changes=(CHANGES[0],)).encode(TRACK), 1)
    exchange.begin(Kind.RESULT, TRACK)
    assert exchange.next_transaction is None
    assert exchange.changes == []


def test_transactions_that_were_asked_for_are_told_over_several_answers():
    """The answer to BEGIN tells of one, later ones do not, and that to COMMIT of its end."""
    exchange = Exchange(TRACK)
    begun, ended = (
        (int(SessionTrack.TRANSACTION_STATE), lenenc_bytes(state))
        for state in (b"T_______", b"________")
    )
    begins = (int(SessionTrack.TRANSACTION_CHARACTERISTICS), b"\x12START TRANSACTION;")
    in_transaction = AUTOCOMMIT | int(Status.IN_TRANS)
    for status, changes, told in (
        (in_transaction, (begun, begins), (begun,)),
        (in_transaction, (begun,), ()),
        (AUTOCOMMIT, (ended,), (ended,)),
        (AUTOCOMMIT, (ended,), ()),
    ):
        exchange.begin(Kind.SIMPLE, TRACK, TRACKING)
        sent = exchange.feed(encode(Ok(status=status, changes=changes).encode(TRACK), 1))
        assert sent == encode(Ok(status=status, changes=told).encode(TRACK), 1)
        assert exchange.status == status


@given(capabilities_, cuts_)
def test_a_client_may_be_told_more_status_bits(capabilities, cuts):
    """They are added to the server's, in every packet that tells any."""
    more = int(Status.IN_TRANS)
    payloads = (*result(capabilities, [b"\x01a"], AUTOCOMMIT | int(Status.MORE_RESULTS)),)
    ends = (*payloads, Ok().encode(capabilities))
    exchange = Exchange(capabilities)
    exchange.begin(Kind.RESULT, capabilities, extra_status=more)
    data = Answer(Kind.RESULT, capabilities, ends).data
    sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    told = AUTOCOMMIT | int(Status.MORE_RESULTS) | more
    expected = (
        *result(capabilities, [b"\x01a"], told),
        Ok(status=AUTOCOMMIT | more).encode(capabilities),
    )
    assert exchange.ended
    assert exchange.status == AUTOCOMMIT
    assert sent == Answer(Kind.RESULT, capabilities, expected).data


REPORTS = int(Status.SESSION_STATE_CHANGED)


@given(cuts_, st.sampled_from([0, int(Status.IN_TRANS)]))
def test_no_client_hears_of_reports_that_are_none(cuts, more):
    """A short OK may announce reports by a bit and have none."""
    changed = AUTOCOMMIT | REPORTS | int(Status.MORE_RESULTS)
    row = result(DEPRECATE, [b"\x01a"])[:-1]
    payloads = [*row, b"\xfe\x00\x00" + changed.to_bytes(2, "little") + b"\x00\x00"]
    payloads.append(
        b"\x00\x01\x02" + (AUTOCOMMIT | REPORTS).to_bytes(2, "little") + b"\x03\x00"
    )
    exchange = Exchange(DEPRECATE)
    exchange.begin(Kind.RESULT, DEPRECATE, TRACKING, extra_status=more)
    data = Answer(Kind.RESULT, DEPRECATE, (*payloads,)).data
    sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    assert exchange.ended
    assert exchange.status == AUTOCOMMIT
    assert (exchange.row_count, exchange.last_insert_id, exchange.warnings) == (1, 2, 3)
    told = (
        *row,
        end(DEPRECATE, changed & ~REPORTS | more),
        Ok(1, 2, AUTOCOMMIT | more, 3).encode(0),
    )
    assert sent == Answer(Kind.RESULT, DEPRECATE, told).data


@given(cuts_)
def test_more_status_bits_are_told_in_a_long_ok_too(cuts):
    """One with an info text has them as well."""
    ok = Ok(300, 0, AUTOCOMMIT, 0, b"Records: 300")
    exchange = Exchange(TRACK)
    exchange.begin(Kind.RESULT, TRACK, extra_status=int(Status.IN_TRANS))
    data = encode(ok.encode(TRACK), 1)
    sent = b"".join(map(exchange.feed, pieces(data, cuts)))
    told = attrs.evolve(ok, status=AUTOCOMMIT | int(Status.IN_TRANS))
    assert sent == encode(told.encode(TRACK), 1)


@given(cuts_)
def test_a_long_ok_that_announces_reports_and_has_none_is_told_without(cuts):
    """What is left of it is a packet like any other, and the session has nothing to absorb."""
    ok = Ok(300, 0, AUTOCOMMIT, 0, b"Records: 300")
    payload = bytearray(ok.encode(TRACK))
    payload[6] |= REPORTS >> 8  # behind the first byte, four of a number and one, and a status
    answer = Answer(Kind.RESULT, TRACK, (bytes(payload) + b"\x00",))
    exchange, sent = follow(answer, cuts, TRACK)
    assert exchange.ended
    assert exchange.changes == []
    assert exchange.status == AUTOCOMMIT
    assert sent == encode(ok.encode(TRACK), 1)
