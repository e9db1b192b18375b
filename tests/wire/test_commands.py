import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire import commands
from proxy.wire.commands import (
    PARAMETER_COUNT_AVAILABLE,
    Execute,
    parse_execute,
    query,
    query_text_start,
)
from proxy.wire.constants import Capability
from proxy.wire.primitives import Malformed, lenenc_bytes, lenenc_int

ATTRIBUTES = int(Capability.QUERY_ATTRIBUTES)
STRING = b"\xfe\x00"
LONGLONG = b"\x08\x80"

names = st.binary(max_size=20)
strings = st.binary(max_size=300).map(lenenc_bytes)
values = st.one_of(
    st.tuples(st.sampled_from([b"\x01\x00", b"\x01\x80"]), st.binary(min_size=1, max_size=1)),
    st.tuples(st.just(b"\x02\x00"), st.binary(min_size=2, max_size=2)),
    st.tuples(st.sampled_from([b"\x03\x00", b"\x04\x00"]), st.binary(min_size=4, max_size=4)),
    st.tuples(st.sampled_from([LONGLONG, b"\x05\x00"]), st.binary(min_size=8, max_size=8)),
    st.tuples(
        st.sampled_from([b"\x07\x00", b"\x0a\x00", b"\x0b\x00", b"\x0c\x00"]),
        st.sampled_from([0, 4, 7, 8, 11, 12, 13]).map(lambda size: lenenc_bytes(bytes(size))),
    ),
    st.tuples(st.sampled_from([STRING, b"\xfc\x00", b"\x10\x00", b"\xf5\x00"]), strings),
    st.tuples(st.sampled_from([STRING, LONGLONG, b"\x06\x00"]), st.none()),
)


def bitmap(found):
    """NULL bits of values, the first one lowest."""
    bits = sum(1 << at for at, (_, value) in enumerate(found) if value is None)
    return bits.to_bytes((len(found) + 7) // 8, "little")


def with_attributes(found, text):
    """A COM_QUERY with these attributes, each a name and its (type, value)."""
    head = b"\x03" + lenenc_int(len(found)) + b"\x01"
    if not found:
        return head + text
    pairs = [pair for _, pair in found]
    types = b"".join(kind + lenenc_bytes(name) for name, (kind, _) in found)
    return head + bitmap(pairs) + b"\x01" + types + b"".join(v or b"" for _, v in pairs) + text


def test_a_query_is_a_byte_and_its_text():
    """Without query attributes the text begins behind the command byte."""
    assert query(b"SELECT 1") == b"\x03SELECT 1"
    assert query_text_start(b"\x03SELECT 1", 0) == 1


def test_a_query_with_room_for_attributes_has_none_of_them():
    """Where attributes were negotiated, their count and the number of sets come first."""
    assert query(b"SELECT 1", ATTRIBUTES) == b"\x03\x00\x01SELECT 1"
    assert query_text_start(b"\x03\x00\x01SELECT 1", ATTRIBUTES) == 3


@given(found=st.lists(st.tuples(names, values), max_size=20), text=st.binary(max_size=20))
def test_the_text_begins_behind_all_attributes(found, text):
    """Whatever attributes a query has, what is left is its text."""
    payload = with_attributes(found, text)
    start = query_text_start(payload, ATTRIBUTES)
    assert isinstance(start, int)
    assert payload[start:] == text


@pytest.mark.parametrize(
    ("kind", "used"),
    [
        *((number, 3) for number in (0, 6, 9, 13, 15, 16, 0x20, 242, 245, 252, 254, 255)),
        *((number, 3) for number in (0x0101, 0x0108, 0x4003)),
        *(
            (number | flag, size)
            for number, size in ((1, 1), (2, 2), (3, 4))
            for flag in (0, 0x8000)
        ),
        *((number, 4) for number in (3, 4)),
        *((number, 8) for number in (5, 8)),
    ],
)
def test_values_end_where_a_server_sees_their_end(kind, used):
    """As MySQL 9.7 answers for each type: what is no number of fixed size has a length.

    The text behind would otherwise be read here and run there as two different statements.
    """
    value = b"\x02abcdefgh"
    payload = b"\x03\x01\x01\x00\x01" + kind.to_bytes(2, "little") + b"\x01n" + value
    start = query_text_start(payload, ATTRIBUTES)
    assert isinstance(start, int)
    assert payload[start:] == value[used:]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x03",
        b"\x03\x00",
        b"\x03\x00\x00SELECT 5",
        b"\x03\x00\x02SELECT 5",
        b"\x03\x01\x02\x00\x01\xfe\x00\x01a\x03xyzSELECT 5",
        b"\x03\x01\x01\x00\x00SELECT 5",
        b"\x03\x01\x01\x00\x01\xfe\x00\xfb\x03xyzSELECT 5",
        b"\x03\xfd\xff\xff\xff\x01SELECT 5",
        b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01SELECT 5",
    ],
)
def test_what_a_server_calls_malformed_is_malformed(payload):
    """Each of these gets ER_MALFORMED_PACKET from MySQL 9.7."""
    assert isinstance(query_text_start(payload, ATTRIBUTES), Malformed)


def test_small_commands_in_bytes():
    """The commands that the proxy makes itself."""
    assert commands.init_db(b"shop") == b"\x02shop"
    assert commands.set_multi_statements(on=True) == b"\x1b\x00\x00"
    assert commands.set_multi_statements(on=False) == b"\x1b\x01\x00"
    assert commands.prepare(b"SELECT ?") == b"\x16SELECT ?"
    assert commands.close_statement(0x01020304) == b"\x19\x04\x03\x02\x01"
    assert commands.RESET_CONNECTION == b"\x1f"
    assert commands.PING == b"\x0e"
    assert commands.QUIT == b"\x01"


@given(number=st.integers(0, 2**32 - 1), tail=st.binary(max_size=9))
def test_ids_are_read_back(number, tail):
    """The four bytes behind the command's are the id, whatever follows them."""
    payload = commands.close_statement(number) + tail
    assert commands.statement_id(payload) == number
    assert commands.process_id(b"\x0c" + payload[1:]) == number


@pytest.mark.parametrize("parse", [commands.statement_id, commands.process_id])
def test_ids_need_four_bytes(parse):
    """A command that ends inside its id is malformed."""
    assert isinstance(parse(b"\x17\x01\x00\x00"), Malformed)


@pytest.mark.parametrize("on", [True, False])
def test_multi_statements_are_read_back(on):
    """What COM_SET_OPTION asks for is what it was made for."""
    assert commands.multi_statements_option(commands.set_multi_statements(on)) is on


@pytest.mark.parametrize("payload", [b"\x1b", b"\x1b\x00", b"\x1b\x02\x00"])
def test_other_options_are_malformed(payload):
    """There are two options, in two bytes."""
    assert isinstance(commands.multi_statements_option(payload), Malformed)


HEAD = b"\x17\x07\x00\x00\x00"
ONCE = b"\x01\x00\x00\x00"


def head(flags=0):
    """The first ten bytes of an execute of statement 7."""
    return HEAD + bytes((flags,)) + ONCE


def test_an_execute_without_parameters_ends_behind_its_head():
    """There are no types to look for, and none are put in."""
    parsed = parse_execute(head(), 0, 0)
    assert parsed == Execute(7, cursor=False, types_at=0, types=None)
    assert parsed.rewrite(head(), 9, STRING) == b"\x17\x09\x00\x00\x00\x00" + ONCE


@pytest.mark.parametrize(("flags", "cursor"), [(0, False), (1, True), (2, True), (8, False)])
def test_an_execute_may_ask_for_a_cursor(flags, cursor):
    """The flag of query attributes is no cursor's."""
    parsed = parse_execute(head(flags), 0, 0)
    assert isinstance(parsed, Execute)
    assert parsed.cursor is cursor


def test_an_execute_that_binds_types_keeps_them():
    """The types are cut out, and only the id changes when it goes on."""
    payload = head() + b"\x00\x01" + LONGLONG + STRING + bytes(8) + b"\x02ab"
    parsed = parse_execute(payload, 2, 0)
    assert parsed == Execute(7, False, 11, LONGLONG + STRING, count=2)
    assert parsed.rewrite(payload, 9, STRING * 2) == payload.replace(
        HEAD, b"\x17\x09\x00\x00\x00"
    )


def test_an_execute_that_binds_nothing_gets_the_types_of_an_earlier_one():
    """For a backend that has not seen them, the types are put in and the byte before is set."""
    payload = head() + b"\x00\x00" + bytes(8) + b"\x02ab"
    parsed = parse_execute(payload, 2, 0)
    assert parsed == Execute(7, False, 11, None, count=2)
    assert parsed.rewrite(payload, 7, None) == payload
    bound = parsed.rewrite(payload, 7, LONGLONG + STRING)
    assert bound == head() + b"\x00\x01" + LONGLONG + STRING + bytes(8) + b"\x02ab"
    assert parse_execute(bound, 2, 0) == Execute(7, False, 11, LONGLONG + STRING, count=2)


def test_an_execute_is_not_given_too_few_types():
    """Types of fewer parameters would make nonsense of the values: the packet stays."""
    payload = head() + b"\x00\x00" + bytes(8) + b"\x02ab"
    parsed = parse_execute(payload, 2, 0)
    assert isinstance(parsed, Execute)
    assert parsed.rewrite(payload, 7, LONGLONG) == payload


@pytest.mark.parametrize("flags", [0, PARAMETER_COUNT_AVAILABLE])
def test_query_attributes_bring_a_count_and_names(flags):
    """With a placeholder they are there whatever the flag says, as MySQL 9.7 wants it."""
    types = LONGLONG + b"\x00" + STRING + b"\x01a"
    payload = head(flags) + b"\x02\x00\x01" + types + bytes(8) + b"\x03xyz"
    assert parse_execute(payload, 1, ATTRIBUTES) == Execute(7, False, 12, types, 2, named=True)


def test_query_attributes_of_a_statement_without_placeholders_need_the_flag():
    """Only the flag says that there is a count."""
    types = STRING + b"\x01a"
    tail = b"\x01\x00\x01" + types + b"\x03xyz"
    without = parse_execute(head() + tail, 0, ATTRIBUTES)
    assert without == Execute(7, cursor=False, types_at=0, types=None)
    flagged = parse_execute(head(PARAMETER_COUNT_AVAILABLE) + tail, 0, ATTRIBUTES)
    assert flagged == Execute(7, False, 12, types, 1, named=True)
    none = parse_execute(head(PARAMETER_COUNT_AVAILABLE) + b"\x00", 0, ATTRIBUTES)
    assert none == Execute(7, cursor=False, types_at=0, types=None)


def test_types_of_attributes_that_are_not_there_are_left_out():
    """An execute without attributes after one with them gets its parameters' types alone."""
    payload = head() + b"\x01\x00\x00" + bytes(8)
    parsed = parse_execute(payload, 1, ATTRIBUTES)
    assert isinstance(parsed, Execute)
    earlier = LONGLONG + b"\x00" + STRING + b"\x01a"
    bound = head() + b"\x01\x00\x01" + LONGLONG + b"\x00" + bytes(8)
    assert parsed.rewrite(payload, 7, earlier) == bound


@given(
    found=st.lists(st.tuples(names, values), min_size=1, max_size=20),
    number=st.integers(0, 2**32 - 1),
    named=st.booleans(),
)
def test_types_may_come_earlier(found, number, named):
    """A packet without its types, and the types, make the packet that has them."""
    pairs = [pair for _, pair in found]
    types = b"".join(kind + (lenenc_bytes(name) if named else b"") for name, (kind, _) in found)
    before = head() + (lenenc_int(len(found)) if named else b"") + bitmap(pairs)
    data = b"".join(value or b"" for _, value in pairs)
    whole = before + b"\x01" + types + data
    capabilities = ATTRIBUTES if named else 0
    parsed = parse_execute(whole, len(found), capabilities)
    assert isinstance(parsed, Execute)
    assert (parsed.types, parsed.types_at) == (types, len(before))
    short = before + b"\x00" + data
    relying = parse_execute(short, len(found), capabilities)
    assert isinstance(relying, Execute)
    assert relying.types is None
    expected = parsed.rewrite(whole, number, None)
    assert relying.rewrite(short, number, types) == expected
    assert commands.statement_id(expected) == number


@given(
    payload=st.binary(max_size=60),
    parameters=st.integers(0, 0xFFFF),
    capabilities=st.sampled_from([0, ATTRIBUTES]),
    types=st.none() | st.binary(max_size=9),
)
def test_arbitrary_bytes_never_raise(payload, parameters, capabilities, types):
    """Whatever a client sends, each parser answers with a value or with Malformed."""
    start = query_text_start(payload, capabilities)
    assert isinstance(start, Malformed) or start <= max(len(payload), 1)
    for parse in (commands.statement_id, commands.process_id, commands.multi_statements_option):
        assert isinstance(parse(payload), int | Malformed)
    parsed = parse_execute(payload, parameters, capabilities)
    assert isinstance(parsed, Execute | Malformed)
    if isinstance(parsed, Execute):
        assert parsed.rewrite(payload, 1, types)[:5] == payload[:1] + b"\x01\x00\x00\x00"
