"""One command and its whole answer, followed byte by byte without being taken apart.

The answer goes on to the client as it comes, in the chunks in which it comes.  Held back are
only bytes that must be seen whole: a header cut in two and the small packets that begin and end
a result.  What changes on the way are OK packets with session reports that the client did not
ask for, and the statement id of a prepare answer.
"""

from __future__ import annotations

from proxy.dialogue.answers import Kind, State
from proxy.dialogue.edits import Edit, Patch, edited, patched
from proxy.dialogue.reports import OF_TRANSACTIONS, Teller, next_transaction
from proxy.wire.constants import HEADER, MAX_PACKET, Capability, Status
from proxy.wire.primitives import Malformed
from proxy.wire.responses import (
    Err,
    Ok,
    PrepareOk,
    parse_column_count,
    parse_err,
    parse_ok,
    parse_prepare_ok,
)
from proxy.wire.scan import skip_packets, skip_rows
from proxy.wire.tracking import NOTHING, Tracking

LARGEST_END = 1 << 20
"""Payload bytes of a packet that must be seen whole: OK packets with every session variable in
their state block stay under 32 KiB, so more is not an answer but a fault."""

_FIRST, _COLUMNS, _COLUMNS_END, _ROWS, _BLOCKS, _FILE, _ENDED, _BROKEN = (
    int(state) for state in State
)
_START = {Kind.ROWS: _ROWS, Kind.FIELDS: _ROWS}
_MORE = int(Status.MORE_RESULTS)
_CURSOR = int(Status.CURSOR_EXISTS)
_MORE_OUT = int(Status.PS_OUT_PARAMS | Status.MORE_RESULTS)
_REPORTS = int(Status.SESSION_STATE_CHANGED)


class Exchange:
    """The state of one answer; one object serves a backend's exchanges one after the other.

    Attributes:
        started: Whether any byte of the answer has come.
        ended: Whether the whole answer has come; what follows is true from then on.
        status: Status bits of its last OK or EOF packet; unchanged by an ERR.
        warnings: Warning count of the last OK or EOF.
        ok: The last OK packet that was more than seven plain bytes, else None.
        err: The ERR packet that ended it, or None.
        changes: Session reports of all its packets, (kind, data) each, but for those of
            transactions: status bits tell their state.
        next_transaction: The characteristics reported last of a transaction that has not begun;
            None without a report.
        rows: Rows of the last result, or part of one, that ended; None without one.
        row_count: Rows that the last result changed; -1 where it gave rows.
        prepared: The first packet of a prepare answer, with the server's own id.
        results: Results that ended with rows or an OK.
        excess: Bytes that came behind the end.
    """

    __slots__ = (
        "_after_file",
        "_carry",
        "_continues",
        "_counted",
        "_edits",
        "_left",
        "_more_due",
        "_skip",
        "_teller",
        "changes",
        "client_capabilities",
        "client_statement_id",
        "deprecate_eof",
        "ended",
        "err",
        "excess",
        "extra_status",
        "kind",
        "last_insert_id",
        "next_transaction",
        "ok",
        "patches",
        "prepared",
        "results",
        "row_count",
        "rows",
        "server_capabilities",
        "started",
        "state",
        "status",
        "tracking",
        "warnings",
        "why",
    )

    def __init__(self, server_capabilities: int) -> None:
        self.server_capabilities = server_capabilities
        self.deprecate_eof = bool(server_capabilities & Capability.DEPRECATE_EOF)
        self.client_capabilities = server_capabilities
        self.status = int(Status.AUTOCOMMIT)
        self._teller = Teller()
        self.kind = Kind.SIMPLE
        self.tracking = NOTHING
        self.why = ""
        self.begin(Kind.SIMPLE, server_capabilities)
        self.state = _ENDED
        self.ended = True

    def __repr__(self) -> str:
        """What an operator would ask: what kind of answer, how far."""
        return f"<Exchange {self.kind.name} in {State(self.state).name}>"

    def begin(
        self,
        kind: Kind,
        client_capabilities: int,
        tracking: Tracking = NOTHING,
        client_statement_id: int = 0,
        patches: tuple[Patch, ...] = (),
        extra_status: int = 0,
    ) -> None:
        """Expect the answer to a command.

        Args:
            kind: Shape of the answer.
            client_capabilities: What whoever gets the answer has negotiated.
            tracking: Which session reports the client hears of.
            client_statement_id: For PREPARE: the id that the client shall know.
            patches: Values that the first row shall have instead of the server's.
            extra_status: Status bits for the client beside the server's.
        """
        self.kind = kind
        self.client_capabilities = client_capabilities
        self.tracking = tracking
        self.patches = patches
        self.extra_status = extra_status
        self.client_statement_id = client_statement_id
        self.state = _START.get(kind, _FIRST)
        self._carry = b""
        self._skip = 0
        self._left = 0
        self._continues = False
        self._counted = 0
        self._after_file = False
        self._more_due = False
        self._edits: list[Edit] = []
        self.started = False
        self.ended = False
        self.row_count = 0
        self.rows: int | None = None
        self.last_insert_id = 0
        self.next_transaction: bytes | None = None
        self.warnings = 0
        self.ok: Ok | None = None
        self.err: Err | None = None
        self.prepared: PrepareOk | None = None
        self.changes: list[tuple[int, bytes]] = []
        self.results = 0
        self.excess = b""

    @property
    def wants_file(self) -> bool:
        """Whether the server waits for the contents of a LOCAL INFILE."""
        return self.state == _FILE

    @property
    def broken(self) -> bool:
        """Whether the server sent what is no answer; `why` says what."""
        return self.state == _BROKEN

    def file_sent(self) -> None:
        """The client's file went to the server: its verdict comes next."""
        self.state = _FIRST
        self._after_file = True

    def feed(self, chunk: bytes) -> bytes:
        """Follow the next bytes of the answer.

        Returns:
            What should go on to the client now: all of it as it came, in the usual case.
        """
        self.started = True
        if self._carry:
            chunk = self._carry + chunk
            self._carry = b""
        size = len(chunk)
        position = self._skip
        if position > size:
            self._skip = position - size
            return chunk
        while position < size and self.state < _FILE:
            step = self._step(chunk, position, size)
            if step < 0:
                self._carry = chunk[position:]
                size = position
                break
            position = step
        self._skip = position - size if position > size else 0
        self.ended = self.state == _ENDED and not self._skip
        if position < size:
            self.excess = chunk[position:]
            size = position
        if self._edits:
            edits, self._edits = self._edits, []
            return edited(chunk[:size], edits)
        return chunk if size == len(chunk) else chunk[:size]

    def _step(self, chunk: bytes, position: int, size: int) -> int:
        """Follow one packet, or a run of rows; the position behind it, -1 for more bytes."""
        state = self.state
        if state == _ROWS:
            return self._rows(chunk, position, size)
        if state in (_COLUMNS, _BLOCKS):
            behind, self._left = skip_packets(chunk, position, self._left)
            if not self._left:
                self._columns_done()
            return behind if behind > position else -1
        if size - position < HEADER:
            return -1
        length = int.from_bytes(chunk[position : position + 3], "little")
        if not length:
            return self._break("an empty packet where an answer begins or ends")
        if length > LARGEST_END and self.kind != Kind.TEXT:
            return self._break(f"a packet of {length} bytes where an answer begins or ends")
        if size - position - HEADER < length:
            return -1
        if state == _COLUMNS_END:
            return self._end(chunk, position, size)
        return self._first(chunk, position, length)

    def _rows(self, chunk: bytes, position: int, size: int) -> int:
        """Rows, up to the packet that ends them or to the end of the chunk."""
        if self._continues:
            return self._split_row(chunk, position, size)
        end = MAX_PACKET if self.deprecate_eof else 9
        if self.patches:
            return self._patch_row(chunk, position, size)
        position, found, rows = skip_rows(chunk, position, end)
        self._counted += rows
        if rows or position >= size:
            return position  # what may have to wait for more does so without these rows
        if found:
            return self._end(chunk, position, size)
        return self._split_row(chunk, position, size)

    def _split_row(self, chunk: bytes, position: int, size: int) -> int:
        """A row of 16 MiB or more: its next physical packets may begin with any byte."""
        if size - position < HEADER:
            return -1
        length = int.from_bytes(chunk[position : position + 3], "little")
        if length != MAX_PACKET and not self._continues:
            return -1
        self._continues = length == MAX_PACKET
        self._counted += not self._continues
        return position + HEADER + length

    def _patch_row(self, chunk: bytes, position: int, size: int) -> int:
        """The first row, with values of ours in the place of the server's."""
        at = position + HEADER
        if size <= at:
            return -1
        length = int.from_bytes(chunk[position : position + 3], "little")
        if not 0 < length <= LARGEST_END:
            return self._break(f"a row of {length} bytes where one value was asked for")
        behind = at + length
        if behind > size:
            return -1
        patches, self.patches = self.patches, ()
        if chunk[at] >= 0xFE:
            return position
        self._edits.append((position, behind, patched(chunk[position:behind], patches)))
        self._counted += 1
        return behind

    def _columns_done(self) -> None:
        behind_columns = _ROWS if self.deprecate_eof else _COLUMNS_END
        self.state = _ENDED if self.state == _BLOCKS else behind_columns

    def _first(self, chunk: bytes, position: int, length: int) -> int:
        """The packet that says what kind of answer this is."""
        behind = position + HEADER + length
        first = chunk[position + HEADER]
        if self.kind == Kind.TEXT and first != 0xFF:
            self.state = _ENDED
            return behind
        if first == 0xFF:
            return self._error(chunk, position, behind)
        if first == 0x00 and self.kind == Kind.PREPARE:
            return self._prepare(chunk, position, behind)
        if first == 0x00 or (first == 0xFE and self.kind == Kind.SIMPLE):
            return self._end(chunk, position, behind)
        if self.kind != Kind.RESULT or self._after_file:
            return self._break(f"first byte {first} of an answer")
        if first == 0xFB:
            self.state = _FILE
            return behind
        count = parse_column_count(chunk[position + HEADER : behind])
        if isinstance(count, Malformed):
            return self._break(count.why)
        self._left = count
        self.state = _COLUMNS
        return behind

    def _prepare(self, chunk: bytes, position: int, behind: int) -> int:
        prepared = parse_prepare_ok(chunk[position + HEADER : behind])
        if isinstance(prepared, Malformed):
            return self._break(prepared.why)
        self.prepared = prepared
        if self.client_statement_id:
            at = position + HEADER + 1
            self._edits.append((at, at + 4, self.client_statement_id.to_bytes(4, "little")))
        eof = 0 if self.deprecate_eof else 1
        self._left = sum(
            count + eof for count in (prepared.parameters, prepared.columns) if count
        )
        self.warnings = prepared.warnings
        self.state = _BLOCKS if self._left else _ENDED
        return behind

    def _end(self, chunk: bytes, position: int, size: int) -> int:
        """An OK, EOF or ERR packet that ends a result, or the EOF behind column definitions."""
        length = int.from_bytes(chunk[position : position + 3], "little")
        at = position + HEADER
        behind = at + length
        if behind > size:
            return -1
        first = chunk[at]
        if first == 0xFF:
            return self._error(chunk, position, behind)
        if length in (5, 7):  # else it may be made anew
            self._edit_status(chunk, at + 3)
        if first == 0xFE and length == 5:  # EOF: an OK packet has seven bytes at least
            self.warnings = chunk[at + 1] | chunk[at + 2] << 8
            self.status = chunk[at + 3] | chunk[at + 4] << 8
        elif length == 7:  # an OK packet with small numbers and nothing behind them
            self.row_count = chunk[at + 1]
            self.last_insert_id = chunk[at + 2]
            self.status = chunk[at + 3] | chunk[at + 4] << 8
            self.warnings = chunk[at + 5] | chunk[at + 6] << 8
        elif not self._long_ok(chunk, position, behind):
            return behind
        if self.state == _COLUMNS_END and not self.status & _CURSOR:
            self.state = _ROWS
            # MySQL forgets to say behind the OUT parameters of a CALL that its OK follows.
            self._more_due = self.status & _MORE_OUT == _MORE_OUT
            return behind
        self.results += 1
        if self.state == _ROWS:
            self.row_count = -1
            self.rows, self._counted = self._counted, 0
        more = self.status & _MORE or (self._more_due and self.state == _ROWS)
        self._more_due = False
        self.state = _FIRST if more else _ENDED
        self._after_file = False
        return behind

    def _edit_status(self, chunk: bytes, at: int) -> None:
        """Status bits for the client, in a packet that has no room for reports."""
        if self.extra_status or chunk[at + 1] & _REPORTS >> 8:
            status = (chunk[at] | chunk[at + 1] << 8) & ~_REPORTS | self.extra_status
            self._edits.append((at, at + 2, status.to_bytes(2, "little")))

    def _long_ok(self, chunk: bytes, position: int, behind: int) -> bool:
        """An OK packet with large numbers, an info text or session reports."""
        ok = parse_ok(chunk[position + HEADER : behind], self.server_capabilities)
        if isinstance(ok, Malformed):
            self._break(ok.why)
            return False
        self.ok = ok
        before = self.status
        self.row_count, self.last_insert_id = ok.affected_rows, ok.last_insert_id
        self.warnings, self.status = ok.warnings, ok.status & ~_REPORTS
        if not ok.status & _REPORTS:
            return True
        following = next_transaction(ok.changes)
        if following is not None:
            self.next_transaction = following
        self.changes += (change for change in ok.changes if change[0] not in OF_TRANSACTIONS)
        told = self._teller.packet(ok, self.tracking, self.client_capabilities, before)
        packet = len(told).to_bytes(3, "little") + chunk[position + 3 : position + 4] + told
        self._edits.append((position, behind, packet))
        return True

    def _error(self, chunk: bytes, position: int, behind: int) -> int:
        err = parse_err(chunk[position + HEADER : behind])
        if isinstance(err, Malformed):
            return self._break(err.why)
        self.err = err
        self.state = _ENDED
        return behind

    def _break(self, why: str) -> int:
        self.state = _BROKEN
        self.why = why
        return -1
