"""One command and its whole answer, followed byte by byte without being taken apart.

The answer goes on to the client as it comes, in the chunks in which it comes.  Held back are
only bytes that must be seen whole: a header cut in two and the small packets that begin and end
a result.  What changes on the way are OK packets with session reports that the client did not
ask for, and the ends of results for a client that wants EOF packets, see `Classic`.
"""

from __future__ import annotations

import functools
from typing import Final

import attrs

from proxy.dialogue.answers import Kind, State
from proxy.dialogue.classic import Classic
from proxy.dialogue.edits import Edit, edited
from proxy.dialogue.reports import OF_TRANSACTIONS, REMEMBERED, Teller, next_transaction
from proxy.dialogue.rows import Rows
from proxy.wire.constants import HEADER, MAX_PACKET, Capability, Status
from proxy.wire.framing import encode
from proxy.wire.patch import Patch
from proxy.wire.primitives import Malformed
from proxy.wire.responses import (
    Err,
    PrepareOk,
    parse_column_count,
    parse_err,
    parse_ok,
    parse_prepare_ok,
)
from proxy.wire.scan import skip_packets
from proxy.wire.tracking import NOTHING, Tracking

LARGEST_END: Final = 1 << 20
"""Payload bytes of a packet that must be seen whole: OK packets with every session variable in
their state block stay under 32 KiB, so more is not an answer but a fault."""

# Each of them a constant of its own: compiled code looks up what is not Final at every use.
_FIRST: Final = int(State.FIRST)
_COLUMNS: Final = int(State.COLUMNS)
_COLUMNS_END: Final = int(State.COLUMNS_END)
_ROWS: Final = int(State.ROWS)
_BLOCKS: Final = int(State.BLOCKS)
_FILE: Final = int(State.FILE)
_ENDED: Final = int(State.ENDED)
_BROKEN: Final = int(State.BROKEN)
_SIMPLE: Final = Kind.SIMPLE
_RESULT: Final = Kind.RESULT
_MORE: Final = int(Status.MORE_RESULTS)
_CURSOR: Final = int(Status.CURSOR_EXISTS)
_MORE_OUT: Final = int(Status.PS_OUT_PARAMS | Status.MORE_RESULTS)
_REPORTS: Final = int(Status.SESSION_STATE_CHANGED)
_DEPRECATE_EOF: Final = int(Capability.DEPRECATE_EOF)

_parse_ok: Final = functools.lru_cache(REMEMBERED)(parse_ok)


class Exchange:
    """The state of one answer; one object serves a backend's exchanges one after the other.

    Attributes:
        started: Whether any byte of the answer has come.
        ended: Whether the whole answer has come; what follows is true from then on.
        status: Status bits of its last OK or EOF packet; unchanged by an ERR.
        warnings: Warning count of the last OK or EOF.
        err: The ERR packet that ended it, or None.
        changes: Session reports of all its packets, (kind, data) each, but for those of
            transactions: status bits tell their state.
        next_transaction: The characteristics reported last of a transaction that has not begun;
            None without a report.
        rows: Rows of the last result, or part of one, that ended; None without one.
        row_count: Rows that the last result changed; -1 where it gave rows.
        prepared: The first packet of a prepare answer, with the server's own id.
        results: Results that ended with rows or an OK.
        file_sequence: The number of the file's first packet, when it is wanted.
        excess: Bytes that came behind the end.
    """

    __slots__ = (
        "_after_file",
        "_carry",
        "_classic",
        "_edits",
        "_left",
        "_more_due",
        "_rows",
        "_skip",
        "_teller",
        "changes",
        "client_capabilities",
        "deprecate_eof",
        "ended",
        "err",
        "excess",
        "extra_status",
        "file_sequence",
        "kind",
        "last_insert_id",
        "next_transaction",
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
        self.deprecate_eof = bool(server_capabilities & _DEPRECATE_EOF)
        self.client_capabilities = server_capabilities
        self.status = int(Status.AUTOCOMMIT)
        self._teller = Teller()
        self._rows = Rows()
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
        patches: tuple[Patch, ...] = (),
        extra_status: int = 0,
    ) -> None:
        """Expect the answer to a command.

        Args:
            kind: Shape of the answer.
            client_capabilities: What whoever gets the answer has negotiated.
            tracking: Which session reports the client hears of.
            patches: Values that the first row shall have instead of the server's.
            extra_status: Status bits for the client beside the server's.
        """
        self.kind = kind
        self.client_capabilities = client_capabilities
        is_classic = self.deprecate_eof and not client_capabilities & _DEPRECATE_EOF
        self._classic = Classic() if is_classic else None
        self.tracking = tracking
        self.extra_status = extra_status
        in_rows = kind is not _RESULT and kind in (Kind.ROWS, Kind.FIELDS)
        self.state = _ROWS if in_rows else _FIRST
        self._carry = b""
        self._skip = 0
        self._left = 0
        self._rows.begin(patches)
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
        if self._classic is not None:
            self._classic.file_sent(self.file_sequence)
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
        start = position = self._skip
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
        if size != len(chunk):
            chunk = chunk[:size]
        edits = self._edits
        if edits:
            self._edits = []
        if self._classic is not None:
            return self._classic.finished(chunk, edits, start)
        return edited(chunk, edits) if edits else chunk

    def _step(self, chunk: bytes, position: int, size: int) -> int:
        """Follow one packet, or a run of rows; the position behind it, -1 for more bytes."""
        state = self.state
        if state == _ROWS:
            return self._follow_rows(chunk, position, size)
        if state in (_COLUMNS, _BLOCKS):
            behind, self._left = skip_packets(chunk, position, self._left)
            if not self._left:
                behind_columns = _ROWS if self.deprecate_eof else _COLUMNS_END
                self.state = _ENDED if state == _BLOCKS else behind_columns
                if self._classic is not None:
                    self._classic.due = state == _COLUMNS
            return behind if behind > position else -1
        if size - position < HEADER:
            return -1
        length = chunk[position] | chunk[position + 1] << 8 | chunk[position + 2] << 16
        if not length:
            return self._break("an empty packet where an answer begins or ends")
        if length > LARGEST_END and self.kind is not Kind.TEXT:
            return self._break(f"a packet of {length} bytes where an answer begins or ends")
        if size - position - HEADER < length:
            return -1
        if state == _COLUMNS_END:
            return self._end(chunk, position, size)
        return self._first(chunk, position, length)

    def _follow_rows(self, chunk: bytes, position: int, size: int) -> int:
        """Rows, up to the packet that ends them or to the end of the chunk."""
        longest_end = MAX_PACKET if self.deprecate_eof else 9
        before = len(self._edits)
        behind, found = self._rows.follow(chunk, position, longest_end, self._edits)
        if found:
            return self._end(chunk, behind, size)
        if behind > position and self._classic is not None and self._classic.due:
            self._classic.between(self._edits, before, position, self.status)
        return behind

    def _first(self, chunk: bytes, position: int, length: int) -> int:
        """The packet that says what kind of answer this is."""
        behind = position + HEADER + length
        first = chunk[position + HEADER]
        kind = self.kind
        if kind is not _RESULT:
            if kind is Kind.TEXT and first != 0xFF:
                self.state = _ENDED
                return behind
            if kind is Kind.PREPARE and first == 0x00:
                return self._prepare(chunk, position, behind)
        if first == 0xFF:
            return self._error(chunk, position, behind)
        if first == 0x00 or (first == 0xFE and kind is _SIMPLE):
            return self._end(chunk, position, behind)
        if kind is not _RESULT or self._after_file:
            return self._break(f"first byte {first} of an answer")
        if first == 0xFB:
            self.state = _FILE
            self.file_sequence = chunk[position + 3] + 1
            return behind
        if length == 1 and first < 0xFB:  # the count itself
            self._left = first
        else:
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
        eof = 0 if self.deprecate_eof else 1
        self._left = sum(
            count + eof for count in (prepared.parameters, prepared.columns) if count
        )
        self.warnings = prepared.warnings
        self.state = _BLOCKS if self._left else _ENDED
        return behind

    def _end(self, chunk: bytes, position: int, size: int) -> int:
        """An OK, EOF or ERR packet that ends a result, or the EOF behind column definitions."""
        length = chunk[position] | chunk[position + 1] << 8 | chunk[position + 2] << 16
        at = position + HEADER
        behind = at + length
        if behind > size:
            return -1
        first = chunk[at]
        if first == 0xFF:
            return self._error(chunk, position, behind)
        if first == 0xFE and length == 5:  # EOF: an OK packet has seven bytes at least
            self.warnings = chunk[at + 1] | chunk[at + 2] << 8
            self.status = chunk[at + 3] | chunk[at + 4] << 8
            if self.extra_status:
                told = (self.status | self.extra_status).to_bytes(2, "little")
                self._edits.append((at + 3, behind, told))
        elif length == 7 and not (self.extra_status or chunk[at + 4] & _REPORTS >> 8):
            # An OK packet with small numbers and nothing behind them.
            self.row_count = chunk[at + 1]
            self.last_insert_id = chunk[at + 2]
            self.status = chunk[at + 3] | chunk[at + 4] << 8
            self.warnings = chunk[at + 5] | chunk[at + 6] << 8
        elif not self._long_ok(chunk, position, behind):
            return behind
        if first == 0xFE and self._classic is not None:
            status = self.status | self.extra_status
            self._classic.end(self._edits, (position, behind), self.warnings, status)
        if self.state == _COLUMNS_END and not self.status & _CURSOR:
            self.state = _ROWS
            # MySQL forgets to say behind the OUT parameters of a CALL that its OK follows.
            self._more_due = self.status & _MORE_OUT == _MORE_OUT
            return behind
        self.results += 1
        if self.state == _ROWS:
            self.row_count = -1
            self.rows, self._rows.counted = self._rows.counted, 0
        more = self.status & _MORE or (self._more_due and self.state == _ROWS)
        self._more_due = False
        self.state = _FIRST if more else _ENDED
        self._after_file = False
        return behind

    def _long_ok(self, chunk: bytes, position: int, behind: int) -> bool:
        """An OK packet with large numbers, an info text, reports, or for us to change."""
        ok = _parse_ok(chunk[position + HEADER : behind], self.server_capabilities)
        if isinstance(ok, Malformed):
            self._break(ok.why)
            return False
        before = self.status
        self.row_count, self.last_insert_id = ok.affected_rows, ok.last_insert_id
        self.warnings, self.status = ok.warnings, ok.status & ~_REPORTS
        if not (ok.status & _REPORTS or self.extra_status):
            return True
        following = next_transaction(ok.changes)
        if following is not None:
            self.next_transaction = following
        self.changes += [change for change in ok.changes if change[0] not in OF_TRANSACTIONS]
        status = ok.status | self.extra_status
        changed = ok if status == ok.status else attrs.evolve(ok, status=status)
        told = self._teller.packet(changed, self.tracking, self.client_capabilities, before)
        if self._classic is None or ok.header == 0x00:  # an EOF packet tells no reports
            self._edits.append((position, behind, encode(told, chunk[position + 3])))
        return True

    def _error(self, chunk: bytes, position: int, behind: int) -> int:
        err = parse_err(chunk[position + HEADER : behind])
        if isinstance(err, Malformed):
            return self._break(err.why)
        self.err = err
        self.state = _ENDED
        if self._classic is not None and self._classic.due:
            self._classic.between(self._edits, len(self._edits), position, self.status)
        return behind

    def _break(self, why: str) -> int:
        self.state = _BROKEN
        self.why = why
        return -1
