"""Statements that look at what the one before left, when that one ran on another backend."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import attrs

from proxy.dialogue.answers import Kind
from proxy.errors import (
    BackendRefusedError,
    ErrorReply,
    StatementRefusedError,
    diagnostics_lost,
)
from proxy.front import holding, lingering
from proxy.session import remains
from proxy.session.conditions import binary_row
from proxy.session.follow import may_keep_conditions
from proxy.session.meaning import Meaning
from proxy.session.session import Session
from proxy.sql.diagnostics import Wanted, assigned, read_diagnostics
from proxy.sql.leftovers import Conditions, Item, Items, read_leftovers, with_numbers
from proxy.vocabulary import ServerKind
from proxy.wire.constants import Capability
from proxy.wire.patch import Patch
from proxy.wire.responses import Eof, Ok

if TYPE_CHECKING:
    from proxy.front.client import Client


CLEARING: Final = b"SELECT 1 FROM (SELECT 1) AS nothing"
"""Leaves no warnings, and clears those that are there: on MariaDB only tables do that."""


_ASKING: Final = re.compile(rb"\s*+(?:show|get)\b", re.IGNORECASE)
"""Statements that ask for warnings and for nothing else."""

_SHOWING: Final = re.compile(rb"\s*+show\s++(?!count)", re.IGNORECASE)
"""Those that show them all."""

SIGNALLED_BYTES: Final = 128
"""The longest text of a SIGNAL."""


def answer(client: Client, means: Meaning, text: bytes, *, binary: bool = False) -> bool:
    """Answer SHOW WARNINGS or SHOW ERRORS from what the session remembers.

    Returns:
        Whether that was the statement, and its answer is not on the client's own backend.
    """
    session = client.session
    assert session is not None
    if not means.reads_diagnostics:
        return False
    if client.lease is None:
        holding.take_last(client)
    if client.lease is not None and client.is_undisturbed:
        return False
    wanted = read_leftovers(text, session.dialect)
    kept = session.leftovers.conditions
    if isinstance(wanted, Conditions) and not wanted.count and kept is not None:
        rows = kept.errors if wanted.errors else kept.rows
        rows = rows[wanted.offset :]
        if wanted.limit is not None:
            rows = rows[: wanted.limit]
        if binary:
            rows = tuple(binary_row(row) for row in rows)
        _say(client, session, (*kept.head,), rows)
        return True
    return False


def _say(
    client: Client, session: Session, head: tuple[bytes, ...], rows: tuple[bytes, ...]
) -> None:
    status = session.lasting_status
    session.leftovers.row_count, session.leftovers.told = -1, 0
    if client.dialogue.capabilities & Capability.DEPRECATE_EOF:
        end = Ok(status=status, header=0xFE).encode(client.dialogue.capabilities)
        client.dialogue.answer((*head, *rows, end))
    else:
        eof = Eof(status=status).encode()
        client.dialogue.answer((*head, eof, *rows, eof))


async def hold_for(client: Client, means: Meaning) -> None:
    """Hold a lease on which a statement finds what it looks at.

    LAST_INSERT_ID() is brought along; what else a statement leaves to be read is on the backend
    where it ran, so that one is taken again when nobody has had it since.
    """
    await holding.hold(client, same=means.looks_back)
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    if not means.reads_insert_id:
        return
    unknown = session.remains & remains.INSERT_ID
    if not unknown and client.insert_lease == (lease, lease.serial):
        return
    if session.remains & remains.TO_BE_READ:  # which what is asked here would change
        await lingering.take_along(client)
    elif unknown:
        await holding.learn_insert_id(client)
    client.is_undisturbed = False
    if client.insert_lease != (lease, lease.serial):
        text = b"SET last_insert_id = %d" % session.last_insert_id
        await holding.ask(lease, text)
        client.insert_lease = (lease, lease.serial)


async def clear(client: Client, means: Meaning, text: bytes) -> None:
    """See to it that a statement does not read the warnings of somebody else.

    What FOUND_ROWS() is goes with them, so that it is asked first where only the backend knows.
    """
    if client.is_undisturbed or not means.looks_back:
        return
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    if session.remains & remains.FOUND_ROWS:
        await holding.learn_found_rows(client)
    if not (means.reads_diagnostics or means.counts_conditions):
        return
    refusal, count = session.leftovers.refusal, session.leftovers.warnings
    asks = _ASKING if count == 1 else _SHOWING  # of several errors the last one can be shown
    if refusal is None or not asks.match(text):
        await holding.ask(lease, CLEARING, Kind.RESULT)
        return
    with contextlib.suppress(BackendRefusedError):
        await holding.ask(lease, signal(refusal))
    client.is_undisturbed = True


def signal(refusal: ErrorReply) -> bytes:
    """The statement that leaves on a server what an error of its own would leave."""
    text = refusal.message.encode()[:SIGNALLED_BYTES].hex()
    return b"SIGNAL SQLSTATE '%s' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = _utf8mb4 x'%s'" % (
        refusal.sqlstate.encode(),
        refusal.code,
        text.encode(),
    )


@attrs.frozen
class Brought:
    """How a statement is given what it looks back at, on a backend that knows nothing of it.

    Attributes:
        text: The statement to run.
        patches: What the row of its answer must say instead of what the backend gives.
        quiet: The one in whose place it stands is not reported as a change of state.
    """

    text: bytes
    patches: tuple[Patch, ...] = ()
    quiet: bool = False


def bring(client: Client, means: Meaning, text: bytes, *, binary: bool = False) -> Brought:
    """Make a statement find what the one before left.

    Args:
        client: Whose statement it is.
        means: What it means.
        text: The statement; the one that was prepared cannot be changed any more.
        binary: It was prepared.

    Raises:
        StatementRefusedError: it asks for more than the session remembers.
    """
    session = client.session
    assert session is not None
    if not (means.reads_connection_id or (means.looks_back and means.single)):
        return Brought(text)
    lost = means.looks_back and not client.is_undisturbed
    asked = (
        read_diagnostics(text, session.dialect) if means.reads_diagnostics and lost else None
    )
    if asked is not None and not binary and asked.condition <= session.leftovers.warnings:
        return _diagnosed(session, asked)
    numbers = _known_numbers(client, session, text, lost=lost)
    wanted = read_leftovers(text, session.dialect)
    if isinstance(wanted, Items) and not (wanted.mixed and lost):
        size = wanted.size if binary else 0
        if not size or len(wanted.columns) == size:
            return Brought(
                text,
                tuple(
                    Patch(index, numbers[item], size)
                    for index, item in wanted.columns
                    if item in numbers
                ),
            )
    if not lost:
        return Brought(text)
    if isinstance(wanted, Conditions) and wanted.count and not binary:
        item = Item.ERROR_COUNT if wanted.errors else Item.WARNING_COUNT
        return Brought(text, (Patch(0, numbers[item]),))
    written = None if binary else with_numbers(text, session.dialect, numbers)
    if written is not None:
        return Brought(written)
    reads_conditions = means.reads_diagnostics or means.counts_conditions
    if session.leftovers.warnings if reads_conditions else binary:
        raise StatementRefusedError(diagnostics_lost())
    return Brought(text)


def _known_numbers(
    client: Client, session: Session, text: bytes, *, lost: bool
) -> dict[Item, int]:
    """What the session knows of what a statement may ask for, and its backend does not.

    FOUND_ROWS() outlives the statements that do not change it, so that it may be told by no
    backend any more.

    Raises:
        StatementRefusedError: it is not known and cannot be asked for.
    """
    known = session.leftovers
    numbers = {Item.CONNECTION_ID: client.number}
    if lost:
        numbers[Item.ROW_COUNT] = known.row_count
        mariadb = session.target.kind is ServerKind.MARIADB
        clears = mariadb and not may_keep_conditions(text) and not _ASKING.match(text)
        numbers[Item.WARNING_COUNT] = 0 if clears else known.warnings
        numbers[Item.ERROR_COUNT] = 0 if clears else known.errors
    if b"found_rows" in text.lower():
        if session.target.kind is ServerKind.MYSQL:
            # It warns that FOUND_ROWS() is deprecated, and counts that warning.
            numbers.pop(Item.WARNING_COUNT, None)
            numbers.pop(Item.ERROR_COUNT, None)
        if known.found_rows is not None and not session.remains & remains.FOUND_ROWS:
            numbers[Item.FOUND_ROWS] = known.found_rows
        elif lost:
            raise StatementRefusedError(diagnostics_lost())
    return numbers


def _diagnosed(session: Session, wanted: Wanted) -> Brought:
    """A GET DIAGNOSTICS as an assignment of what the session remembers.

    Raises:
        StatementRefusedError: not all of it.
    """
    known = session.leftovers
    values: dict[str, int | bytes] = {"ROW_COUNT": known.row_count, "NUMBER": known.warnings}
    if wanted.condition:
        conditions = known.conditions
        values = (
            {}
            if conditions is None
            else conditions.items(wanted.condition, session.target.kind, known.sqlstate)
        )
    text = assigned(wanted, values)
    if text is None:
        raise StatementRefusedError(diagnostics_lost())
    return Brought(text, quiet=True)
