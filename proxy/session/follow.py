"""What a statement and its answer change of what a session is."""

from __future__ import annotations

import re
from typing import Final

import attrs

from proxy.session import remains as left
from proxy.session.leftovers import Leftovers, is_worth_asking
from proxy.session.meaning import KEEPING, Meaning, found_pins, meaning
from proxy.session.outcome import Outcome
from proxy.session.pins import SOME_NAME, Ends, Pin, PinReason
from proxy.session.session import AUTOCOMMIT, IN_TRANSACTION, Session
from proxy.session.state import absorb, interned
from proxy.session.variables import CHARSETS, NAMES, Treatment, treatment
from proxy.sql.classify import classify
from proxy.sql.digest import digest
from proxy.vocabulary import ServerKind

_WITHOUT_TABLES: Final = re.compile(
    rb"""\s*+(?:(?:set|do|begin|start|commit|rollback|use|prepare|deallocate|savepoint|release)\b
    |select\b(?!.*\bfrom\b(?!\s+dual\b))|show\s+(?:warnings|errors|count)\b)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)

_FOR_ONE_STATEMENT: Final = re.compile(
    rb"\bset(?:\s|/\*.*?\*/|(?:--|\#)[^\n]*\n|(?!))++statement\b", re.IGNORECASE | re.DOTALL
)
"""MariaDB reports what holds for one statement only like what lasts."""

_RUNNING_OTHERS: Final = re.compile(rb"\s*+(?:call|execute)\b", re.IGNORECASE)


def follow(
    session: Session, means: Meaning, text: bytes, outcome: Outcome, now: float
) -> list[Pin]:
    """Take over what a statement and its answer say of the session.

    Args:
        session: Whose statement it was.
        means: What the text may do to the session.
        text: The statement, for the digest in its pins and the ids in its values.
        outcome: Its answer.
        now: The time, for the age of pins.

    Returns:
        Pins of reasons that the session did not have before.
    """
    means = _resolved(session, means)
    found = list(
        found_pins(
            means,
            failed=outcome.failed,
            tracked=session.target.tracks,
            unparsed=outcome.unparsed and not means.calls,
        )
    )
    _follow_status(session, means, outcome)
    _follow_leftovers(session, means, text, outcome)
    _follow_insert_id(session, means, text, outcome)
    found += _follow_reports(session, means, outcome)
    if _FOR_ONE_STATEMENT.search(text):
        session.remains |= left.VARIABLES
    found += _follow_user_variables(session, means)
    found += _follow_text(session, means, outcome)
    if means.sets_savepoint and not outcome.status & (IN_TRANSACTION | AUTOCOMMIT):
        found.append((PinReason.SAVEPOINT, ""))
    pins = session.pins
    if means.renames and PinReason.TEMPORARY_TABLE in pins:
        found.append((PinReason.TEMPORARY_TABLE, SOME_NAME))
    if pins and not outcome.failed:
        for reason, name in means.releases:
            pins.end(reason, name and _full(session, reason, name))
    kept = [
        (reason, _full(session, reason, name))
        for reason, name in found
        if reason not in session.ignored
    ]
    if not kept:
        return []
    statement = digest(text, session.dialect)
    return [
        pin for reason, name in kept if pins.add(pin := Pin(reason, statement, name, since=now))
    ]


def _resolved(session: Session, means: Meaning) -> Meaning:
    """What an EXECUTE runs takes its place, where it is known."""
    inner = session.texts.get(means.executes[0]) if len(means.executes) == 1 else None
    if inner is None or not (means.single and inner.single):
        return means
    return attrs.evolve(inner, flags=True)


def _full(session: Session, reason: PinReason, name: str) -> str:
    """The name of a temporary table with its schema: there may be one of that name in each."""
    if reason is not PinReason.TEMPORARY_TABLE or not name or "." in name:
        return name
    schema = session.state.schema or b""
    return f"{schema.decode('utf-8', 'replace').lower()}.{name}"


def _follow_status(session: Session, means: Meaning, outcome: Outcome) -> None:
    was_in_transaction = session.in_transaction
    if outcome.failed:
        if was_in_transaction or not means.reads_only or not session.status & AUTOCOMMIT:
            session.remains |= left.STATUS
        return
    session.remains &= ~left.STATUS
    session.status = outcome.status
    session.in_transaction = bool(outcome.status & IN_TRANSACTION)
    ended = was_in_transaction or means.may_commit or session.status & AUTOCOMMIT
    if ended and not session.in_transaction:
        session.pins.end_all(Ends.TRANSACTION)


def _follow_leftovers(session: Session, means: Meaning, text: bytes, outcome: Outcome) -> None:
    known = session.leftovers
    known.row_count = outcome.row_count
    if means is not KEEPING:
        known.told = 0
    if means.counts_rows:
        session.remains |= left.FOUND_ROWS
    elif not (outcome.failed or means.reads_diagnostics):
        _follow_found_rows(session, means, text, outcome.rows)
    if means.reads_diagnostics and not (outcome.failed or outcome.warnings):
        return
    if (
        known.warnings
        and not outcome.failed
        and not outcome.warnings
        and session.target.kind is ServerKind.MARIADB
        and means.single
        and keeps_conditions(text)
    ):
        return
    mysql = session.target.kind is ServerKind.MYSQL
    before = known.warnings if means.reads_diagnostics and outcome.failed and mysql else 0
    known.warnings, known.errors = outcome.warnings, int(outcome.failed)
    known.sqlstate, known.refusal = outcome.sqlstate, None
    known.conditions = None
    if outcome.failed:
        known.warnings = max(known.warnings, 1) + before
    if known.warnings:
        known.told = known.warnings if mysql else 0
        session.remains |= left.DIAGNOSTICS
    else:
        session.remains &= ~left.DIAGNOSTICS


def _follow_found_rows(session: Session, means: Meaning, text: bytes, rows: int | None) -> None:
    known, mariadb = session.leftovers, session.target.kind is ServerKind.MARIADB
    if not means.single:
        known.found_rows = None
    elif not known.count_found_rows(text, rows, mariadb=mariadb):
        return
    session.remains &= ~left.FOUND_ROWS
    if known.found_rows is None and (not means.single or is_worth_asking(text)):
        session.remains |= left.FOUND_ROWS


def keeps_conditions(text: bytes) -> bool:
    """Whether a statement leaves the warnings of the one before, on MariaDB.

    It clears them when it opens tables; MySQL always does.
    """
    return _WITHOUT_TABLES.match(text) is not None


def may_keep_conditions(text: bytes) -> bool:
    """The same, and for what runs other statements nobody knows."""
    return keeps_conditions(text) or _RUNNING_OTHERS.match(text) is not None


def follow_prepare(session: Session, text: bytes, warnings: int) -> None:
    """A COM_STMT_PREPARE went well, with so many warnings; it changes nothing else.

    MySQL clears the warnings that are there; MariaDB does when the statement opens tables.
    """
    known = session.leftovers
    known.told = 0
    if session.target.kind is ServerKind.MARIADB and keeps_conditions(text) and not warnings:
        return
    session.leftovers = Leftovers(
        row_count=known.row_count,
        found_rows=known.found_rows,
        warnings=warnings,
        told=warnings if session.target.kind is ServerKind.MYSQL else 0,
    )
    session.remains &= ~left.DIAGNOSTICS
    if warnings:
        session.remains |= left.DIAGNOSTICS


def _follow_insert_id(session: Session, means: Meaning, text: bytes, outcome: Outcome) -> None:
    number = outcome.insert_id
    if (
        means.writes_insert_id
        or (outcome.failed and not means.reads_only and means is not KEEPING)
        or not (means.single or means.reads_only)
        or (means.inserts and outcome.rows is not None)
        or (number and _may_be_given(number, text, outcome.values))
    ):
        session.remains |= left.INSERT_ID
    elif number:
        session.last_insert_id = number
        session.remains &= ~left.INSERT_ID


def _may_be_given(number: int, text: bytes, values: bytes) -> bool:
    """Whether a row's id may come from the statement and not from the server.

    The OK tells the one like the other, but only the latter is LAST_INSERT_ID().  Not seen are
    ids that an expression computes.
    """
    digits = b"%d" % number
    if digits in text or b"elect" in text.lower():
        return True
    short = number.to_bytes(8, "little").rstrip(b"\0")  # a client may bind any width
    return bool(values) and (digits in values or short in values)


def _follow_reports(
    session: Session, means: Meaning, outcome: Outcome
) -> list[tuple[PinReason, str]]:
    found: list[tuple[PinReason, str]] = []
    target = session.target
    told: frozenset[bytes] = frozenset()
    if outcome.changes:
        reports = absorb(session.state, outcome.changes, target.kind)
        told = reports.variables
        session.change_state(reports.state)
        _follow_charsets(session, means, told)
        if reports.collation_unknown:
            session.remains |= left.COLLATION
        if reports.timestamp_unknown:
            session.remains |= left.TIMESTAMP
        found += [(PinReason.SESSION_VARIABLE, name.decode()) for name in reports.lost]
        of_table = means.defines and PinReason.TEMPORARY_TABLE in session.pins
        if reports.something_else and not (means.flags or session.excused or of_table):
            reason = PinReason.ROUTINE if means.calls else PinReason.UNREPORTED
            found.append((reason, ""))
        session.remains &= ~left.REPORTS
    characteristics = b"" if session.in_transaction else outcome.next_transaction
    if characteristics is not None and characteristics != session.state.next_transaction:
        state = session.state.with_next_transaction(characteristics)
        session.change_state(interned(state))
    session.excused = outcome.failed and (means.flags or means.calls)
    if target.tracks:
        _doubt_reports(session, means, outcome, told)
    return found


def _follow_charsets(session: Session, means: Meaning, told: frozenset[bytes]) -> None:
    """What SET NAMES said is remembered beside the variables, see `NAMES`."""
    if told.isdisjoint(CHARSETS):
        return
    if told & {b"character_set_client", b"character_set_results"}:
        session.names_charsets = means.names
        told_collation = b"collation_connection" in told
        collation = session.state.value(b"collation_connection") if told_collation else None
        names = {NAMES: collation if means.names else None}
        session.change_state(interned(session.state.assign(names)))
    else:
        session.names_charsets = False


def _doubt_reports(
    session: Session, means: Meaning, outcome: Outcome, told: frozenset[bytes]
) -> None:
    """Where reports are missing the server is asked before the backend is lent on."""
    kind = session.target.kind
    if outcome.failed:
        if not means.reads_only:
            # MySQL's next OK brings the reports that an ERR could not; MariaDB never does.
            lost = kind is ServerKind.MARIADB and means.assigns
            session.remains |= left.VARIABLES if lost else left.REPORTS
        return
    silent = means.variables - told
    if any(treatment(name, kind) is Treatment.CARRIED for name in silent):
        session.disagreements += 1
        session.remains |= left.VARIABLES


def _follow_user_variables(session: Session, means: Meaning) -> list[tuple[PinReason, str]]:
    written = means.user_variables
    if means.calls or means.executes:
        written = None
    if written is None:
        if not session.target.sees_user_variables:
            return [] if means.calls else [(PinReason.USER_VARIABLE, "")]
        session.unread = None
    elif written:
        if not all(name.isascii() for name in written):
            return [(PinReason.USER_VARIABLE, "")]
        if session.unread is not None:
            session.unread |= written
    else:
        return []
    session.remains |= left.USER_VARIABLES
    return []


def _follow_text(
    session: Session, means: Meaning, outcome: Outcome
) -> list[tuple[PinReason, str]]:
    """Named locks, stored routines, and statements made by SQL PREPARE."""
    found: list[tuple[PinReason, str]] = []
    if means.locks:
        session.remains |= left.NAMED_LOCKS
    if means.calls:
        session.remains |= left.NAMED_LOCKS
        if not (session.target.sees_user_variables and session.target.sees_locks):
            found.append((PinReason.ROUTINE, ""))
    for name, prepared in means.prepares if not outcome.failed else ():
        session.texts[name] = (
            None if prepared is None else meaning(classify(prepared, session.dialect))
        )
    for name in means.executes:
        inner = session.texts.get(name)
        if inner is None or not inner.is_plain:
            found.append((PinReason.OPAQUE, ""))
    return found
