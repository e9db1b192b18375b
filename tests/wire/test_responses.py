import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.constants import UNSIGNED, Capability, FieldType, SessionTrack, Status
from proxy.wire.primitives import Malformed, lenenc_bytes
from proxy.wire.responses import (
    Column,
    Eof,
    Err,
    Ok,
    PrepareOk,
    encode_changes,
    parse_column,
    parse_column_count,
    parse_column_names,
    parse_eof,
    parse_err,
    parse_gtids,
    parse_ok,
    parse_prepare_ok,
    parse_schema_change,
    parse_text_row,
    parse_variable_change,
    schema_change,
    variable_change,
)

TRACK = int(Capability.SESSION_TRACK)
CHANGED = int(Status.SESSION_STATE_CHANGED)

# Sent by MySQL 9.7 and MariaDB 10.11 alike, byte for byte.
USE_OTHER = bytes.fromhex("00 00 00 02 40 00 00 00 08 01 06 05 6f 74 68 65 72")
AUTOCOMMIT_OFF = bytes.fromhex(
    "00 00 00 00 40 00 00 00 11 00 0f 0a 61 75 74 6f 63 6f 6d 6d 69 74 03 4f 46 46"
)
UPDATED = b"\x00\x03\x00\x22\x00\x00\x00(Rows matched: 3  Changed: 3  Warnings: 0"
UPDATED_INFO = UPDATED[8:]

numbers = st.integers(0, 2**64 - 1)
shorts = st.integers(0, 0xFFFF)
changes = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=5)


@st.composite
def oks(draw, *, tracked):
    """OK packets as a receiver with or without session tracking may get them."""
    block = tuple(draw(changes)) if tracked else ()
    return Ok(
        draw(numbers),
        draw(numbers),
        (draw(shorts) & ~CHANGED) | (CHANGED if block else 0),
        draw(shorts),
        draw(st.binary(max_size=300)),
        block,
        draw(st.sampled_from((0x00, 0xFE))),
    )


@pytest.mark.parametrize("capabilities", [0, TRACK])
def test_a_plain_ok_has_seven_bytes(capabilities):
    """An OK with nothing to add is the same for every receiver."""
    assert Ok().encode(capabilities) == b"\x00\x00\x00\x02\x00\x00\x00"
    assert parse_ok(b"\x00\x00\x00\x02\x00\x00\x00", capabilities) == Ok()


@pytest.mark.parametrize("capabilities", [0, TRACK])
def test_the_info_text_has_its_length_in_front(capabilities):
    """Both servers send a length with and without session tracking."""
    ok = Ok(affected_rows=3, status=0x22, info=UPDATED_INFO)
    assert parse_ok(UPDATED, capabilities) == ok
    assert ok.encode(capabilities) == UPDATED


def test_a_change_of_schema_is_reported():
    """What both servers answer to USE, cut into its parts."""
    ok = parse_ok(USE_OTHER, TRACK)
    assert ok == Ok(
        status=CHANGED | Status.AUTOCOMMIT, changes=((SessionTrack.SCHEMA, b"\x05other"),)
    )
    assert parse_schema_change(ok.changes[0][1]) == b"other"
    assert ok.changes[0] == schema_change(b"other")
    assert ok.encode(TRACK) == USE_OTHER


def test_a_change_of_a_variable_is_reported():
    """What both servers answer to SET autocommit=0, cut into its parts."""
    ok = parse_ok(AUTOCOMMIT_OFF, TRACK)
    assert ok.changes == (variable_change(b"autocommit", b"OFF"),)
    assert parse_variable_change(ok.changes[0][1]) == ((b"autocommit", b"OFF"),)
    assert ok.encode(TRACK) == AUTOCOMMIT_OFF


def test_a_receiver_without_tracking_gets_no_reports():
    """Neither the block nor the status bit goes to who did not ask; the info text stays."""
    ok = Ok(status=CHANGED, info=b"a", changes=((1, b"\x01b"),))
    assert ok.encode(0) == b"\x00\x00\x00\x00\x00\x00\x00\x01a"


def test_a_sender_without_tracking_has_no_reports():
    """What stands behind the info text is a block only where tracking was negotiated."""
    ok = parse_ok(USE_OTHER, 0)
    assert ok == Ok(status=CHANGED | Status.AUTOCOMMIT)


def test_the_status_bit_says_whether_there_is_a_block():
    """The bit without a block is taken back, and a block is read only with the bit."""
    assert Ok(status=CHANGED).encode(TRACK) == Ok(status=0).encode(TRACK)
    assert parse_ok(b"\x00\x00\x00\x00\x40\x00\x00\x00", TRACK) == Ok(status=CHANGED)
    assert parse_ok(b"\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\x00", TRACK) == Ok(status=0)


@given(ok=oks(tracked=True))
def test_ok_is_read_back_with_tracking(ok):
    """parse(encode(x)) is x where session tracking was negotiated."""
    assert parse_ok(ok.encode(TRACK), TRACK) == ok


@given(ok=oks(tracked=False))
def test_ok_is_read_back_without_tracking(ok):
    """parse(encode(x)) is x where it was not."""
    assert parse_ok(ok.encode(0), 0) == ok


@given(ok=oks(tracked=True))
def test_an_end_of_rows_is_never_taken_for_an_eof(ok):
    """An OK has seven bytes or more, an EOF five: a reader can tell 0xFE from 0xFE."""
    assert len(ok.encode(TRACK)) >= 7


@given(block=changes)
def test_reports_are_cut_as_they_were_joined(block):
    """The session-state block falls into its entries, whatever their kinds."""
    payload = b"\x00\x00\x00\x00\x40\x00\x00\x00" + lenenc_bytes(encode_changes(tuple(block)))
    ok = parse_ok(payload, TRACK)
    assert isinstance(ok, Ok)
    assert ok.changes == tuple(block)


@given(pairs=st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=300)), max_size=4))
def test_variables_of_one_report_come_in_pairs(pairs):
    """One entry may name several variables."""
    data = b"".join(variable_change(name, value)[1] for name, value in pairs)
    assert parse_variable_change(data) == tuple(pairs)


def test_err_in_bytes():
    """Code, mark, SQLSTATE, message, as a server sends them."""
    payload = b"\xff\x7a\x04#42S02Table 'test.nosuch' doesn't exist"
    err = Err(1146, "42S02", b"Table 'test.nosuch' doesn't exist")
    assert parse_err(payload) == err
    assert err.encode() == payload
    assert err.text == "Table 'test.nosuch' doesn't exist"


def test_err_text_is_for_people():
    """Bytes of another charset do not keep a message from being shown."""
    assert Err(1, "HY000", b"n\xf6").text == "n\ufffd"


@pytest.mark.parametrize(
    ("message", "err"),
    [
        (b"Host is blocked", Err(1129, "HY000", b"Host is blocked")),
        (b"", Err(1129, "HY000", b"")),
        (b"#4200", Err(1129, "HY000", b"#4200")),
        (b"#08S01", Err(1129, "08S01", b"")),
        (b"#08S0\xb2x", Err(1129, "HY000", b"x")),
        (b"#08 01x", Err(1129, "HY000", b"x")),
    ],
)
def test_err_without_a_good_sqlstate_has_the_general_one(message, err):
    """Before the greeting there is none, and a strange one would not go out again."""
    assert parse_err(b"\xff\x69\x04" + message) == err


@given(
    code=shorts,
    state=st.text("ABCXYZ0123456789", min_size=5, max_size=5),
    message=st.binary(max_size=50),
)
def test_err_is_read_back(code, state, message):
    """parse(encode(x)) is x."""
    err = Err(code, state, message)
    assert parse_err(err.encode()) == err


@given(warnings=shorts, status=shorts)
def test_eof_is_read_back(warnings, status):
    """parse(encode(x)) is x, in five bytes."""
    eof = Eof(warnings, status)
    assert len(eof.encode()) == 5
    assert parse_eof(eof.encode()) == eof


def test_eof_in_bytes():
    """Warnings come before the status, other than in an OK."""
    assert Eof(warnings=1, status=0x42).encode() == b"\xfe\x01\x00\x42\x00"


@given(statement=st.integers(0, 2**32 - 1), columns=shorts, parameters=shorts, warnings=shorts)
def test_prepare_ok_is_read_back(statement, columns, parameters, warnings):
    """parse(encode(x)) is x, in twelve bytes."""
    prepared = PrepareOk(statement, columns, parameters, warnings)
    assert len(prepared.encode()) == 12
    assert parse_prepare_ok(prepared.encode()) == prepared


def test_prepare_ok_of_old_servers_has_no_warnings():
    """Before 5.0 the packet ended at the number of parameters."""
    payload = bytes.fromhex("00 01 00 00 00 02 00 03 00")
    assert parse_prepare_ok(payload) == PrepareOk(1, columns=2, parameters=3)


@given(values=st.lists(st.none() | st.binary(max_size=300)))
def test_a_text_row_is_cut_into_its_values(values):
    """NULL and the empty string stay apart."""
    payload = b"".join(b"\xfb" if value is None else lenenc_bytes(value) for value in values)
    assert parse_text_row(payload) == tuple(values)


@pytest.mark.parametrize(("payload", "count"), [(b"\x01", 1), (b"\xfc\xff\xff", 65535)])
def test_columns_are_counted(payload, count):
    """From one column to as many as a prepare answer can tell."""
    assert parse_column_count(payload) == count


@pytest.mark.parametrize("payload", [b"\x00", b"\xfd\x00\x00\x01", b"\xfe" + b"\xff" * 8])
def test_no_server_has_so_many_columns(payload):
    """No columns at all, or more than 65535, are not believed."""
    assert isinstance(parse_column_count(payload), Malformed)


@pytest.mark.parametrize(
    ("fixed", "column"),
    [
        ("0c 3f 00 15 00 00 00 08 80 00 00 00 00", Column(FieldType.LONGLONG, 0x80, 21)),
        (
            "0c 3f 00 15 00 00 00 08 a0 00 00 00 00",
            Column(FieldType.LONGLONG, 0x80 | UNSIGNED, 21),
        ),
        (
            "0c ff 00 ff ff ff ff fb 10 01 1f 00 00",
            Column(FieldType.LONG_BLOB, 0x110, 0xFFFFFFFF),
        ),
    ],
)
def test_a_column_tells_the_type_of_its_values(fixed, column):
    """Behind six names of any length stand charset, length, type and flags."""
    for name in (b"", b"@a", b"n" * 300):
        words = b"\x03def" + lenenc_bytes(name) * 5
        assert parse_column(words + bytes.fromhex(fixed)) == column


@pytest.mark.parametrize("payload", [b"", b"\x03def", b"\x00" * 6 + b"\x0c\x3f\x00"])
def test_a_column_that_is_cut_off_is_none(payload):
    """A definition without its type is malformed."""
    assert isinstance(parse_column(payload), Malformed)


@given(st.lists(st.binary(max_size=300), min_size=6, max_size=6), st.binary(max_size=13))
def test_a_column_tells_its_table_and_its_name(names, rest):
    """The table is the one that it stands in, the name is the one that the statement gives."""
    words = b"".join(map(lenenc_bytes, names))
    assert parse_column_names(words + rest) == (names[3], names[4])


@pytest.mark.parametrize("payload", [b"", b"\x03def", b"\x00" * 5, b"\x00" * 5 + b"\x01"])
def test_names_that_are_cut_off_are_none(payload):
    """A definition has six of them."""
    assert isinstance(parse_column_names(payload), Malformed)


PARSERS = [
    lambda payload: parse_ok(payload, 0),
    lambda payload: parse_ok(payload, TRACK),
    parse_err,
    parse_eof,
    parse_prepare_ok,
    parse_text_row,
    parse_column,
    parse_column_count,
    parse_column_names,
    parse_variable_change,
    parse_schema_change,
]


@given(payload=st.binary(max_size=80))
def test_arbitrary_bytes_never_raise(payload):
    """Whatever a server sends, each parser answers with a value or with Malformed."""
    for parse in PARSERS:
        assert parse(payload) is not None


@given(payload=st.binary(max_size=40), ok=oks(tracked=True), cut=st.integers(0, 40))
def test_a_cut_ok_never_raises(payload, ok, cut):
    """An OK that ends too early, or in something else, is a value or Malformed."""
    damaged = ok.encode(TRACK)[:cut] + payload
    assert isinstance(parse_ok(damaged, TRACK), Ok | Malformed)


def test_an_error_before_the_greeting_has_no_sqlstate():
    """What a server says in place of its greeting is code and message alone."""
    err = Err(1040, "08004", b"Too many connections")
    assert err.encode_early() == b"\xff\x10\x04Too many connections"
    assert parse_err(err.encode_early()) == Err(1040, "HY000", b"Too many connections")


def test_gtids_are_read():
    """As MySQL sends them: the way in which they are written, then their text."""
    text = b"09b089a3-e9d4-11f1-82c8-02fc00000001:7"
    assert parse_gtids(b"\x00" + lenenc_bytes(text)) == text.decode()


@pytest.mark.parametrize("data", [b"", b"\x01\x011", b"\x00", b"\x00\x05ab"])
def test_gtids_that_are_cut_or_written_in_another_way_are_not(data):
    """Whoever wants to know has to ask."""
    assert isinstance(parse_gtids(data), Malformed)


def test_gtids_are_text_whatever_is_in_them():
    """It is for whoever reads the text to say that it makes no sense."""
    assert parse_gtids(b"\x00\x02\xff1") == "\ufffd1"
