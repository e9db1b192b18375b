"""The whole answer to a statement of our own: small enough to be kept and taken apart."""

from __future__ import annotations

from functools import cached_property

import attrs

from proxy.errors import BackendLostError
from proxy.wire.framing import Packet, PacketReader
from proxy.wire.primitives import Malformed
from proxy.wire.responses import (
    Column,
    parse_column,
    parse_column_count,
    parse_text_row,
)

ANSWER_LIMIT = 1 << 24
"""Bytes of an answer to a command of our own: the longest defines 4,096 columns, with names of
64 characters in five places, and 65,535 parameters."""


@attrs.frozen
class Answer:
    """A complete answer that was no error.

    Attributes:
        status: Status bits of its last packet.
        warnings: Its warning count.
        row_count: Rows that were changed, -1 for a result with rows.
        changes: Session reports.
        data: All of its packets.
        deprecate_eof: Its results end in OK packets, and nothing stands behind the columns.
    """

    status: int
    warnings: int
    row_count: int
    changes: tuple[tuple[int, bytes], ...]
    data: bytes = attrs.field(repr=False)
    deprecate_eof: bool

    @cached_property
    def _payloads(self) -> tuple[bytes, ...]:
        reader = PacketReader(ANSWER_LIMIT, 1)
        reader.feed(self.data)
        payloads = []
        while isinstance(packet := reader.next_packet(), Packet):
            payloads.append(packet.payload)
        return tuple(payloads)

    @cached_property
    def head(self) -> tuple[bytes, ...]:
        """The payloads of the column count and the column definitions; none for an OK."""
        payloads = self._payloads
        # An OK begins like a count of 0, and there is no result without columns.
        count = parse_column_count(payloads[0]) if payloads else Malformed("")
        return () if isinstance(count, Malformed) else payloads[: 1 + count]

    @property
    def row_payloads(self) -> tuple[bytes, ...]:
        """The payloads of the rows."""
        if not self.head:
            return ()
        start = len(self.head) + (0 if self.deprecate_eof else 1)
        return self._payloads[start:-1]

    def row(self, size: int = 1) -> tuple[bytes | None, ...]:
        """Its only row, of so many columns.

        Raises:
            BackendLostError: it has another form: who says so is no server that we know.
        """
        if len(self.rows) != 1 or len(self.rows[0]) != size:
            raise BackendLostError("the server's answer to a statement of ours makes no sense")
        return self.rows[0]

    def number(self) -> int:
        """Its only value, a whole number.

        Raises:
            BackendLostError: it is none.
        """
        (value,) = self.row()
        if not value or not value.isdigit():
            raise BackendLostError("the server gives no number where one belongs")
        return int(value)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The column definitions."""
        found = (parse_column(payload) for payload in self.head[1:])
        return tuple(column for column in found if not isinstance(column, Malformed))

    @property
    def rows(self) -> tuple[tuple[bytes | None, ...], ...]:
        """The values of the rows, None for NULL."""
        found = (parse_text_row(payload) for payload in self.row_payloads)
        return tuple(row for row in found if not isinstance(row, Malformed))
