"""Statements that look at what the one before left, when that one ran on another backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from proxy.dialogue.answers import Kind
from proxy.dialogue.edits import Patch
from proxy.errors import StatementRefusedError, diagnostics_lost
from proxy.front import holding
from proxy.session.meaning import Meaning
from proxy.session.session import Session
from proxy.sql.leftovers import Conditions, Item, Items, read_leftovers
from proxy.wire.constants import Capability
from proxy.wire.responses import Eof, Ok

if TYPE_CHECKING:
    from proxy.front.client import Client


CLEARING: Final = b"SELECT 1 FROM (SELECT 1) AS nothing"
"""Leaves no warnings, and clears those that are there: on MariaDB only tables do that."""


def answer(client: Client, means: Meaning, text: bytes) -> bool:
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
        _say(client, session, (*kept.head,), rows)
        return True
    return False


def _say(
    client: Client, session: Session, head: tuple[bytes, ...], rows: tuple[bytes, ...]
) -> None:
    status = session.lasting_status
    session.leftovers.row_count = -1
    if client.dialogue.capabilities & Capability.DEPRECATE_EOF:
        end = Ok(status=status, header=0xFE).encode(client.dialogue.capabilities)
        client.dialogue.answer((*head, *rows, end))
    else:
        eof = Eof(status=status).encode()
        client.dialogue.answer((*head, eof, *rows, eof))


async def clear(client: Client, means: Meaning) -> None:
    """See to it that a statement does not read the warnings of somebody else."""
    if means.reads_diagnostics and not client.is_undisturbed:
        assert client.lease is not None
        await holding.ask(client.proxy.pool, client.lease, CLEARING, Kind.RESULT)


def patches(client: Client, means: Meaning, text: bytes) -> tuple[Patch, ...]:
    """What the row of the answer must say instead of what the lease's backend gives.

    Raises:
        StatementRefusedError: the statement asks for more than the session remembers.
    """
    session = client.session
    assert session is not None
    looks_back = means.looks_back and not client.is_undisturbed
    if not (means.reads_connection_id or looks_back):
        return ()
    wanted = read_leftovers(text, session.dialect)
    known = session.leftovers
    values = {
        Item.ROW_COUNT: known.row_count,
        Item.FOUND_ROWS: known.found_rows,
        Item.WARNING_COUNT: known.warnings,
        Item.ERROR_COUNT: known.errors,
    }
    found: list[Patch] = []
    if isinstance(wanted, Items):
        for index, item in wanted.columns:
            if item is Item.CONNECTION_ID:
                found.append(Patch(index, client.number))
            elif looks_back:
                found.append(Patch(index, values[item]))
    elif isinstance(wanted, Conditions) and wanted.count and looks_back:
        found.append(Patch(0, known.errors if wanted.errors else known.warnings))
    elif looks_back and means.reads_diagnostics and known.warnings:
        raise StatementRefusedError(diagnostics_lost())
    return tuple(found)
