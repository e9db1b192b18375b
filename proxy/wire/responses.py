"""OK, ERR, EOF, text rows, prepare answers, the session-state block.

Source: MySQL internals manual, "Generic Response Packets", "Text Resultset", "COM_STMT_PREPARE
Response"; the session-state block as in "OK_Packet: Session State Information".
"""

from __future__ import annotations

from typing import Final

import attrs

from proxy.wire.constants import Capability, SessionTrack, Status
from proxy.wire.primitives import PacketError, Reader, lenenc_bytes, lenenc_int, total

# Plain numbers: `&` with an IntFlag takes a microsecond.
_SESSION_TRACK: Final = int(Capability.SESSION_TRACK)
_CHANGED: Final = int(Status.SESSION_STATE_CHANGED)
_AUTOCOMMIT: Final = int(Status.AUTOCOMMIT)


@attrs.frozen(cache_hash=True)
class Ok:
    """An OK packet; with header 0xFE it ends a result set (CLIENT_DEPRECATE_EOF)."""

    affected_rows: int = 0
    last_insert_id: int = 0
    status: int = _AUTOCOMMIT
    warnings: int = 0
    info: bytes = b""
    changes: tuple[tuple[int, bytes], ...] = ()
    header: int = 0x00

    def encode(self, capabilities: int) -> bytes:
        """The payload for a receiver of these capabilities.

        The state block and its status bit go only to who negotiated CLIENT_SESSION_TRACK.  The
        info text is length-encoded in either case, as both servers send it; the manual has
        "the rest of the packet" for those who did not negotiate.
        """
        tracks = capabilities & _SESSION_TRACK
        status = self.status & ~_CHANGED
        if tracks and self.changes:
            status |= _CHANGED
        pieces = [
            bytes((self.header,)),
            lenenc_int(self.affected_rows),
            lenenc_int(self.last_insert_id),
            status.to_bytes(2, "little"),
            self.warnings.to_bytes(2, "little"),
        ]
        if tracks and self.changes:
            pieces.append(lenenc_bytes(self.info))
            pieces.append(lenenc_bytes(encode_changes(self.changes)))
        elif self.info:
            pieces.append(lenenc_bytes(self.info))
        return b"".join(pieces)


@total
def parse_ok(payload: bytes, capabilities: int) -> Ok:
    """An OK packet (header 0x00 or 0xFE) as sent under these capabilities."""
    reader = Reader(payload)
    header = reader.integer(1)
    affected, insert_id = reader.lenenc_int(), reader.lenenc_int()
    status, warnings = reader.integer(2), reader.integer(2)
    info: bytes = b""
    changes: tuple[tuple[int, bytes], ...] = ()
    if reader.left:
        info = reader.lenenc_bytes()
        if capabilities & _SESSION_TRACK and status & _CHANGED and reader.left:
            changes = _changes(reader.lenenc_bytes())
    return Ok(affected, insert_id, status, warnings, info, changes, header)


def _changes(block: bytes) -> tuple[tuple[int, bytes], ...]:
    """The session-state block cut into (kind, data); kinds as in `SessionTrack`."""
    reader = Reader(block)
    entries = []
    while reader.left:
        kind = reader.integer(1)
        entries.append((kind, reader.lenenc_bytes()))
    return tuple(entries)


def encode_changes(changes: tuple[tuple[int, bytes], ...]) -> bytes:
    """The session-state block of these (kind, data) entries."""
    return b"".join(bytes((kind,)) + lenenc_bytes(data) for kind, data in changes)


@total
def parse_variable_change(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """A SYSTEM_VARIABLES entry: names and values in turn, of one variable as a rule."""
    reader = Reader(data)
    pairs = []
    while reader.left:
        name = reader.lenenc_bytes()
        pairs.append((name, reader.lenenc_bytes()))
    return tuple(pairs)


def variable_change(name: bytes, value: bytes) -> tuple[int, bytes]:
    """A SYSTEM_VARIABLES entry of one variable."""
    return SessionTrack.SYSTEM_VARIABLES, lenenc_bytes(name) + lenenc_bytes(value)


def schema_change(name: bytes) -> tuple[int, bytes]:
    """A SCHEMA entry: the new default schema, empty for none."""
    return SessionTrack.SCHEMA, lenenc_bytes(name)


@total
def parse_gtids(data: bytes) -> str:
    """A GTIDS entry: how it is written (0, the only way there is), and the GTIDs."""
    reader = Reader(data)
    if reader.integer(1) != 0:
        raise PacketError("GTIDs are written in a way that is not known")
    return reader.lenenc_bytes().decode("ascii", "replace")


@total
def parse_schema_change(data: bytes) -> bytes:
    """A SCHEMA entry: the new default schema, empty for none."""
    return Reader(data).lenenc_bytes()


@attrs.frozen
class Err:
    """An ERR packet."""

    code: int
    sqlstate: str
    message: bytes

    def encode(self) -> bytes:
        """The payload: 0xFF, code, '#', SQLSTATE, message."""
        state = self.sqlstate.encode("ascii")
        return b"\xff" + self.code.to_bytes(2, "little") + b"#" + state + self.message

    def encode_early(self) -> bytes:
        """The payload in place of a greeting: MySQL's client expects no SQLSTATE there."""
        return b"\xff" + self.code.to_bytes(2, "little") + self.message

    @property
    def text(self) -> str:
        """The message as text for people."""
        return self.message.decode("utf-8", "replace")


@total
def parse_err(payload: bytes) -> Err:
    """An ERR packet; one sent before the greeting has no SQLSTATE (then HY000).

    A SQLSTATE that is no five letters and digits becomes HY000 too: what was parsed can be
    encoded again.
    """
    reader = Reader(payload, 1)
    code = reader.integer(2)
    message = reader.rest()
    if message[:1] != b"#" or len(message) < 6:
        return Err(code, "HY000", message)
    state = message[1:6]
    return Err(code, state.decode("ascii") if state.isalnum() else "HY000", message[6:])


EOF_BYTES: Final = 5
"""The length of an EOF packet's payload: no other packet that begins with 0xFE is as short."""


@attrs.frozen
class Eof:
    """An EOF packet: 0xFE, warnings, status."""

    warnings: int = 0
    status: int = _AUTOCOMMIT

    def encode(self) -> bytes:
        """The payload, five bytes."""
        return b"\xfe" + self.warnings.to_bytes(2, "little") + self.status.to_bytes(2, "little")


@total
def parse_eof(payload: bytes) -> Eof:
    """An EOF packet."""
    reader = Reader(payload, 1)
    return Eof(reader.integer(2), reader.integer(2))


@attrs.frozen
class PrepareOk:
    """First packet of the answer to COM_STMT_PREPARE: 12 bytes."""

    statement_id: int
    columns: int
    parameters: int
    warnings: int = 0

    def encode(self) -> bytes:
        """The payload."""
        return (
            b"\x00"
            + self.statement_id.to_bytes(4, "little")
            + self.columns.to_bytes(2, "little")
            + self.parameters.to_bytes(2, "little")
            + b"\x00"
            + self.warnings.to_bytes(2, "little")
        )


@total
def parse_prepare_ok(payload: bytes) -> PrepareOk:
    """First packet of the answer to COM_STMT_PREPARE."""
    reader = Reader(payload, 1)
    statement_id = reader.integer(4)
    columns, parameters = reader.integer(2), reader.integer(2)
    warnings = 0
    if reader.left >= 3:
        reader.take(1)
        warnings = reader.integer(2)
    return PrepareOk(statement_id, columns, parameters, warnings)


@total
def parse_text_row(payload: bytes) -> tuple[bytes | None, ...]:
    """A row of the text protocol: its values as bytes, None for NULL."""
    reader = Reader(payload)
    values = []
    while reader.left:
        values.append(reader.nullable_bytes())
    return tuple(values)


@total
def parse_column_count(payload: bytes) -> int:
    """First packet of a result set: how many column definitions follow."""
    count = Reader(payload).lenenc_int()
    if not 0 < count <= 65535:
        raise PacketError(f"{count} columns announced")
    return count


@attrs.frozen
class Column:
    """What of a column definition tells the type of its values.

    Attributes:
        length: The longest value, in bytes.
        type: A `FieldType`.
        flags: `UNSIGNED` and others.
    """

    type: int
    flags: int
    length: int = 0


@total
def parse_column_names(payload: bytes) -> tuple[bytes, bytes]:
    """Of a column definition the table that the column stands in, empty for none; its name."""
    reader = Reader(payload)
    _, _, _, table, name, _ = (reader.lenenc_bytes() for _ in range(6))
    return table, name


@total
def parse_column(payload: bytes) -> Column:
    """A column definition (ColumnDefinition41).

    Six texts, then twelve bytes behind their length: charset (2), length (4), type (1), flags
    (2), decimals (1), filler (2).
    """
    reader = Reader(payload)
    for _ in range(6):
        reader.lenenc_bytes()
    reader.take(3)
    length, kind, flags = reader.integer(4), reader.integer(1), reader.integer(2)
    return Column(kind, flags, length)
