"""Command packets that the proxy reads or makes itself.

Source: MySQL internals manual, "Command Phase".

A command's payload begins with its byte (`Command`); what a parser gets includes that byte.
"""

from __future__ import annotations

from typing import Final

import attrs

from proxy.wire.constants import Capability, Command, FieldType
from proxy.wire.framing import encode
from proxy.wire.primitives import Malformed, PacketError, Reader, total

PARAMETER_COUNT_AVAILABLE = 0x08
"""Flag of COM_STMT_EXECUTE: query attributes stand among the parameters."""

CURSOR_FLAGS = 0x07
"""Flags of COM_STMT_EXECUTE that ask for a cursor."""

_UNSIGNED = 0x8000
"""Flag beside a parameter's type: all other bits of its two bytes are the type."""

# Plain numbers: `&` with an IntFlag takes a microsecond.
_QUERY_ATTRIBUTES: Final = int(Capability.QUERY_ATTRIBUTES)

# As a server reads them, and it must be so to the byte: where values end, a statement begins.
# Measured on MySQL 9.7: INT24 and YEAR too have a length in front, like all that is not here.
_FIXED_SIZES: Final[dict[int, int]] = {
    FieldType.TINY: 1,
    FieldType.SHORT: 2,
    FieldType.LONG: 4,
    FieldType.FLOAT: 4,
    FieldType.DOUBLE: 8,
    FieldType.LONGLONG: 8,
}


def query(text: bytes, capabilities: int = 0) -> bytes:
    """COM_QUERY; where query attributes were negotiated, with none of them."""
    if capabilities & _QUERY_ATTRIBUTES:
        return b"\x03\x00\x01" + text
    return b"\x03" + text


@total
def query_text_start(payload: bytes, capabilities: int) -> int:
    """Where the text of a COM_QUERY begins: behind its query attributes, where there are any.

    Attributes: count, number of sets (1), NULL bitmap, bound flag (1), then type, flags and
    name of each, then their values.
    """
    if not capabilities & _QUERY_ATTRIBUTES:
        return 1
    reader = Reader(payload, 1)
    count, sets = reader.lenenc_int(), reader.lenenc_int()
    if sets != 1:
        raise PacketError(f"{sets} sets of query attributes")
    if count:
        nulls = reader.take((count + 7) // 8)
        if not reader.integer(1):
            raise PacketError("query attributes without their types")
        _skip_values(reader, nulls, _types(reader, count, named=True))
    return reader.position


def _types(reader: Reader, count: int, *, named: bool) -> list[int]:
    """Read `count` parameter types of two bytes, each with a name where `named`."""
    types = []
    for _ in range(count):
        types.append(reader.integer(2) & ~_UNSIGNED)
        if named:
            reader.lenenc_bytes()
    return types


def _skip_values(reader: Reader, nulls: bytes, types: list[int]) -> None:
    """Read past binary values; NULL ones have no bytes."""
    for index, kind in enumerate(types):
        if nulls[index // 8] >> (index % 8) & 1:
            continue
        size = _FIXED_SIZES.get(kind)
        reader.take(reader.lenenc_int() if size is None else size)


def init_db(schema: bytes) -> bytes:
    """COM_INIT_DB: the session's default schema."""
    return bytes((Command.INIT_DB,)) + schema


def set_multi_statements(on: bool) -> bytes:  # noqa: FBT001 - the packet is this one flag
    """COM_SET_OPTION: 0 switches multi-statements on, 1 off."""
    return bytes((Command.SET_OPTION, 0 if on else 1, 0))


def prepare(text: bytes) -> bytes:
    """COM_STMT_PREPARE."""
    return bytes((Command.STMT_PREPARE,)) + text


def close_statement(statement_id: int) -> bytes:
    """COM_STMT_CLOSE: has no answer."""
    return bytes((Command.STMT_CLOSE,)) + statement_id.to_bytes(4, "little")


RESET_CONNECTION = bytes((Command.RESET_CONNECTION,))
PING = bytes((Command.PING,))
QUIT = bytes((Command.QUIT,))
QUIT_PACKET: Final = encode(QUIT)


@total
def statement_id(payload: bytes) -> int:
    """The id in bytes 1 to 4 of EXECUTE, SEND_LONG_DATA, CLOSE, RESET and FETCH."""
    return Reader(payload, 1).integer(4)


@total
def process_id(payload: bytes) -> int:
    """The thread id of COM_PROCESS_KILL."""
    return Reader(payload, 1).integer(4)


@total
def multi_statements_option(payload: bytes) -> bool:
    """What COM_SET_OPTION asks for: True switches multi-statements on."""
    option = Reader(payload, 1).integer(2)
    if option > 1:
        raise PacketError(f"option {option} of COM_SET_OPTION")
    return option == 0


@attrs.frozen
class Execute:
    """A COM_STMT_EXECUTE: where its parts are, and the parameter types it sends.

    Attributes:
        statement_id: The id in it.
        cursor: Whether it asks for a cursor.
        types_at: Offset of the byte "new parameters are bound"; 0 where there are none.
        types: The block behind that byte (two bytes a parameter, with its name where query
            attributes were negotiated), or None when the packet relies on an earlier one's.
        count: Parameters and query attributes in the packet.
        named: Whether names stand among the types.
    """

    statement_id: int
    cursor: bool
    types_at: int
    types: bytes | None
    count: int = 0
    named: bool = False

    def rewrite(self, payload: bytes, statement_id: int, types: bytes | None) -> bytes:
        """The same packet for another statement id, with `types` put in where it has none.

        An earlier packet may have had more query attributes: their types are left out.  Where
        it had fewer parameters, its types would make nonsense of this one's values: the packet
        stays as it is and the server says what it lacks.
        """
        identified = payload[:1] + statement_id.to_bytes(4, "little")
        if types is None or self.types is not None or not self.types_at:
            return identified + payload[5:]
        end = _end_of_types(types, self.count, named=self.named)
        if isinstance(end, Malformed):
            return identified + payload[5:]
        at = self.types_at
        return identified + payload[5:at] + b"\x01" + types[:end] + payload[at + 1 :]


@total
def _end_of_types(block: bytes, count: int, *, named: bool) -> int:
    """Where the first `count` types of a block end."""
    reader = Reader(block)
    _types(reader, count, named=named)
    return reader.position


@total
def parse_execute(payload: bytes, parameters: int, capabilities: int) -> Execute:
    """COM_STMT_EXECUTE of a statement with `parameters` placeholders.

    Where query attributes were negotiated, a count and names stand in the packet as soon as
    there is any parameter: the flag matters only to a statement without placeholders (MySQL
    9.7, `Protocol_classic::parse_packet`).
    """
    reader = Reader(payload, 1)
    identifier = reader.integer(4)
    flags = reader.integer(1)
    reader.take(4)
    cursor = bool(flags & CURSOR_FLAGS)
    named = bool(capabilities & _QUERY_ATTRIBUTES)
    count = parameters
    if named and (parameters or flags & PARAMETER_COUNT_AVAILABLE):
        count = reader.lenenc_int()
    if not count:
        return Execute(identifier, cursor, 0, None)
    reader.take((count + 7) // 8)
    types_at = reader.position
    bound = reader.integer(1)
    if not bound:
        return Execute(identifier, cursor, types_at, None, count, named)
    start = reader.position
    _types(reader, count, named=named)
    types = payload[start : reader.position]
    return Execute(identifier, cursor, types_at, types, count, named)
