"""Tests of `proxy.session.prepared`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session.prepared import (
    FRESH_SECONDS,
    KNOWN_BYTES,
    UNKNOWN,
    Definitions,
    Held,
    Holdings,
    KnownDefinitions,
    Prepared,
    StatementKey,
    learn,
)
from proxy.session.state import State
from proxy.wire.constants import Capability, FieldType, Status
from proxy.wire.framing import encode
from proxy.wire.primitives import lenenc_bytes
from proxy.wire.responses import Eof, PrepareOk

DEPRECATE, AUTOCOMMIT = int(Capability.DEPRECATE_EOF), int(Status.AUTOCOMMIT)


def packets(payloads: list[bytes]) -> bytes:
    return b"".join(encode(payload, 1 + number) for number, payload in enumerate(payloads))


def key(text: bytes, schema: bytes = b"shop") -> StatementKey:
    return StatementKey(text, State(schema))


def definitions(
    statement_id: int, parameters: int = 1, more: bytes = b"", columns: int = 0
) -> Definitions:
    answer = encode(PrepareOk(statement_id, columns, parameters).encode(), 1)
    return Definitions(answer + more, parameters)


def column(table: bytes, name: bytes, kind: int) -> bytes:
    names = (b"def", b"shop", b"alias", table, name, b"")
    fixed = b"\x0c\x3f\x00\x0b\x00\x00\x00" + bytes((kind,)) + bytes(5)
    return b"".join(map(lenenc_bytes, names)) + fixed


NULL, LONG, TEXT, DOUBLE = UNKNOWN, b"\x03\x00", b"\xfd\x00", b"\x05\x00"
ONE_TYPE = st.sampled_from([NULL, LONG, TEXT, DOUBLE, b"\x03\x80"])


def test_the_state_at_the_time_of_the_prepare_matters():
    """The same text in another schema is another statement."""
    assert key(b"SELECT 1") == key(b"SELECT 1")
    assert key(b"SELECT 1") != key(b"SELECT 1", b"other")
    assert "SELECT" not in repr(key(b"SELECT 1"))


def test_the_statement_not_used_for_longest_is_closed():
    """Finding a statement saves it from being the next to go."""
    holdings = Holdings(2)
    assert holdings.put(key(b"a"), Held(1)) == []
    assert holdings.put(key(b"b"), Held(2)) == []
    assert holdings.find(key(b"a")) is not None
    assert holdings.put(key(b"c"), Held(3)) == [2]
    assert holdings.find(key(b"b")) is None
    assert repr(holdings) == "<Holdings 2 of 2>"


def test_a_backend_may_hold_several_statements_of_one_key():
    """One that is taken cannot serve, so that the other one does."""
    holdings = Holdings(5)
    one, other = Held(1), Held(9)
    holdings.put(key(b"a"), one)
    assert holdings.put(key(b"a"), other) == []
    assert len(holdings) == 2
    assert holdings.find(key(b"a"), taken=(one,)) is other
    assert holdings.find(key(b"a"), taken=(other,)) is one
    assert holdings.find(key(b"a"), taken=(one, other)) is None
    holdings.drop(one)
    assert holdings.find(key(b"a")) is other


def test_a_statement_that_has_learned_its_types_is_found_before_one_that_has_not():
    """The latter can still serve whoever has others."""
    holdings = Holdings(5)
    fresh, numbers, texts = Held(1), Held(2, learned=LONG), Held(3, learned=TEXT)
    for held in (fresh, numbers, texts):
        holdings.put(key(b"a"), held)
    assert holdings.find(key(b"a"), LONG) is numbers
    assert holdings.find(key(b"a"), TEXT) is texts
    assert holdings.find(key(b"a"), DOUBLE) is fresh
    assert holdings.find(key(b"a"), DOUBLE, taken=(fresh,)) is None
    assert holdings.find(key(b"a"), LONG, taken=(numbers,)) is fresh


# Types of parameters


@pytest.mark.parametrize(
    ("known", "types", "learned"),
    [
        (None, LONG + NULL, LONG + NULL),
        (LONG + NULL, NULL + TEXT, LONG + TEXT),
        (LONG + TEXT, TEXT + LONG, TEXT + LONG),
        (LONG + TEXT, NULL + NULL, LONG + TEXT),
        (None, b"", b""),
    ],
)
def test_a_null_tells_no_type(known, types, learned):
    """What a parameter was before stays true, and any other type takes its place."""
    assert learn(known, types) == learned


@given(st.lists(st.tuples(ONE_TYPE, ONE_TYPE), max_size=5))
def test_each_parameter_learns_by_itself(types):
    """Of two executes the later one counts, but for its NULLs."""
    first = b"".join(one for one, _ in types)
    second = b"".join(other for _, other in types)
    expected = b"".join(one if other == NULL else other for one, other in types)
    assert learn(first, second) == expected
    assert learn(expected, expected) == expected


@pytest.mark.parametrize(
    ("held", "learned", "rows", "suits"),
    [
        (None, LONG, True, True),
        (LONG, None, True, True),
        (LONG, LONG, True, True),
        (LONG, TEXT, True, False),
        (LONG, TEXT, False, False),
        (LONG + NULL, LONG + TEXT, True, False),
        (LONG + NULL, LONG + TEXT, None, False),
        (LONG + NULL, LONG + TEXT, False, True),
        (NULL + LONG, TEXT + NULL, False, True),
        (NULL + LONG, TEXT + TEXT, False, False),
    ],
)
def test_a_statement_suits_whoever_gets_the_same_of_it(held, learned, rows, suits):
    """A statement without columns treats a NULL alike whatever its type; None: not known."""
    defined = None if rows is None else definitions(1, columns=int(rows))
    assert Held(1, defined, learned=held).suits(learned) is suits


def test_a_backends_statement_learns_what_its_clients_bind():
    """The types bound last are those of the client; what was learned is added up."""
    held = Held(1)
    held.bind(None, None)
    assert (held.types, held.learned) == (None, None)
    held.bind(NULL + LONG, NULL + LONG)
    held.bind(TEXT + NULL, TEXT + LONG)
    assert (held.types, held.learned) == (TEXT + NULL, TEXT + LONG)
    held.bind(LONG + NULL, None)
    assert (held.types, held.learned) == (LONG + NULL, TEXT + LONG)


def test_a_clients_statement_learns_what_it_binds():
    """The same types once more tell nothing new."""
    prepared = Prepared(1, key(b"SELECT ?, ?"), 2)
    prepared.bind(LONG + NULL)
    prepared.bind(NULL + TEXT)
    assert (prepared.types, prepared.learned) == (NULL + TEXT, LONG + TEXT)
    prepared.bind(NULL + TEXT)
    assert prepared.learned == LONG + TEXT


# Holdings


def test_nothing_is_closed_while_one_is_in_use():
    """The limit waits while a cursor or long data hang on a statement."""
    holdings = Holdings(1)
    holdings.put(key(b"a"), Held(1))
    assert holdings.put(key(b"b"), Held(2), evict=False) == []
    assert holdings.put(key(b"c"), Held(3)) == [1, 2]


def test_statements_can_be_forgotten():
    """One by one, or all after a reset."""
    holdings = Holdings(5)
    holdings.put(key(b"a"), Held(1))
    holdings.put(key(b"b"), Held(2))
    first = holdings.find(key(b"a"))
    assert first is not None
    holdings.drop(first)
    assert holdings.find(key(b"a")) is None
    assert len(holdings) == 1
    holdings.clear()
    assert len(holdings) == 0
    assert holdings.find(key(b"b")) is None


def test_a_prepared_statement_is_plain_until_told_otherwise():
    """Types are unknown before the first execute, and never shown."""
    prepared = Prepared(1, key(b"SELECT ?"), 1)
    assert prepared.means.is_plain
    assert prepared.types is None
    assert prepared.learned is None
    assert prepared.held is None
    assert "types" not in repr(prepared)


@pytest.mark.parametrize(("columns", "has_columns"), [(0, False), (1, True), (256, True)])
def test_a_statement_with_columns_gives_rows(columns, has_columns):
    """The count of columns has two bytes."""
    assert definitions(1, columns=columns).has_columns is has_columns


def test_the_shape_of_a_statement_is_what_no_value_decides():
    """Names of all, types of columns of tables; packets that define nothing are left out."""
    packets = [
        column(b"", b"?", FieldType.VAR_STRING),
        b"\xfe\x00\x00\x02\x00",
        column(b"t", b"a", FieldType.LONG),
        column(b"", b"1 + ?", FieldType.DOUBLE),
    ]
    more = b"".join(encode(packet, 2 + at) for at, packet in enumerate(packets))
    assert definitions(7, columns=2, more=more).shape == (
        (b"?", 0),
        (b"a", FieldType.LONG),
        (b"1 + ?", 0),
    )
    assert definitions(7, 0).shape == ()
    cut = encode(column(b"t", b"a", FieldType.LONG)[:-8], 2)
    assert definitions(7, more=cut).shape == ()


def test_a_client_is_told_its_own_id():
    """Only the four bytes of the id differ from what the backend said."""
    for more in (b"", b"xyz"):
        told = definitions(99, more=more).for_client(7, DEPRECATE, AUTOCOMMIT)
        assert told == definitions(7, more=more).data


@given(st.integers(0, 3), st.integers(0, 3))
def test_a_client_without_deprecate_eof_is_told_the_ends_too(parameters, columns):
    """An EOF stands behind the parameters and one behind the columns, where there are any."""
    prepared = PrepareOk(7, columns, parameters).encode()
    blocks = [[column(b"", b"?", 253)] * parameters, [column(b"t", b"a", 3)] * columns]
    eof = Eof(status=AUTOCOMMIT).encode()
    today = [prepared, *blocks[0], *blocks[1]]
    before = [prepared, *(payload for block in blocks if block for payload in [*block, eof])]
    for payloads in (today, before):  # a server may be of either kind
        known = Definitions.of(packets(payloads), parameters)
        assert known.for_client(7, DEPRECATE, AUTOCOMMIT) == packets(today)
        assert known.for_client(7, 0, AUTOCOMMIT) == packets(before)


def test_definitions_are_equal_whatever_the_id():
    """Two backends number the same statement differently; its columns decide."""
    assert definitions(1) == definitions(2)
    assert hash(definitions(1)) == hash(definitions(2))
    assert definitions(1, more=b"a column") != definitions(1, more=b"another")
    assert "column" not in repr(definitions(1, more=b"a column"))


def test_what_another_client_has_prepared_is_known():
    """For some seconds, since a DDL statement beside the proxy may have changed it."""
    known = KnownDefinitions()
    assert known.find("key", 0.0) is None
    known.put("key", definitions(1), 0.0)
    assert known.find("key", FRESH_SECONDS) == definitions(1)
    assert known.find("other", 0.0) is None
    assert known.find("key", FRESH_SECONDS + 0.1) is None
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


def test_known_definitions_can_be_renewed_and_forgotten():
    """A newer answer replaces the older; a DDL statement ends all."""
    known = KnownDefinitions()
    known.put("key", definitions(1), 0.0)
    known.put("key", definitions(1, more=b"column"), FRESH_SECONDS)
    assert known.find("key", FRESH_SECONDS + 1) == definitions(1, more=b"column")
    assert repr(known) == "<KnownDefinitions 1 of 22 bytes>"
    known.clear()
    assert known.find("key", FRESH_SECONDS + 1) is None
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


def test_definitions_not_used_for_longest_make_room():
    """All of them together stay within their limit; one that is larger is not kept."""
    known = KnownDefinitions()
    third = definitions(1, more=bytes(KNOWN_BYTES // 3))
    for key_ in ("a", "b"):
        known.put(key_, third, 0.0)
    assert known.find("a", 0.0) is not None
    known.put("c", third, 0.0)
    assert [known.find(key_, 0.0) is not None for key_ in "abc"] == [True, False, True]
    known.put("d", definitions(1, more=bytes(KNOWN_BYTES)), 0.0)
    assert repr(known) == "<KnownDefinitions 0 of 0 bytes>"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "find", "clear"]),
            st.sampled_from("abc"),
            st.integers(0, 30),
            st.integers(0, 6),
        )
    )
)
def test_the_bytes_of_definitions_are_counted_right(history):
    """Whatever happens, the count is that of what is kept, and nothing too old is found."""
    known, now = KnownDefinitions(), 0.0
    for what, key_, size, seconds in history:
        now += seconds
        if what == "put":
            known.put(key_, definitions(1, more=bytes(size)), now)
        elif what == "clear":
            known.clear()
        else:
            known.find(key_, now)
        kept = [found for _, found in known._known.values()]
        assert known._bytes == sum(len(found.data) for found in kept)


@pytest.mark.parametrize("kind", [Prepared, Held])
def test_definitions_are_unknown_until_told(kind):
    """Neither a client's statement nor a backend's has any to begin with."""
    statement = Prepared(1, key(b"SELECT ?"), 1) if kind is Prepared else Held(1)
    assert statement.definitions is None


def test_what_is_prepared_anew_takes_the_place_of_the_older():
    """But not of one that has a cursor, nor of other statements."""
    holdings, taken = Holdings(10), Held(3)
    for number, held in enumerate((Held(1), Held(2), taken)):
        assert holdings.put(key(b"a"), held) == [], number
    holdings.put(key(b"b"), Held(4))
    assert holdings.renew(key(b"a"), [taken]) == [1, 2]
    assert holdings.find(key(b"a")) is taken
    assert len(holdings) == 2
    assert holdings.renew(key(b"c")) == []


def test_half_of_the_statements_can_be_given_up():
    """When a server has too many, those not used for longest go first."""
    holdings = Holdings(10)
    for number in range(5):
        holdings.put(key(b"%d" % number), Held(number))
    assert holdings.shrink() == [0, 1, 2]
    assert holdings.shrink() == [3]
    assert holdings.shrink() == [4]
    assert holdings.shrink() == []
