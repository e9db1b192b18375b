"""What a statement's effects mean for the session that runs it."""

from __future__ import annotations

import functools
from typing import Final

import attrs

from proxy.session.pins import PinReason
from proxy.session.variables import CHARSETS
from proxy.sql import effects as sql
from proxy.sql.classify import Classification

_PINS: Final[dict[type, PinReason]] = {
    sql.SetsRole: PinReason.ROLE,
    sql.LocksTables: PinReason.TABLE_LOCK,
    sql.LocksServer: PinReason.READ_LOCK,
    sql.LocksInstance: PinReason.INSTANCE_LOCK,
    sql.DrawsFromSequence: PinReason.SEQUENCE,
    sql.Opaque: PinReason.OPAQUE,
}
"""Effects that keep a session on its backend."""

_NAMED: Final[dict[type, PinReason]] = {
    sql.CreatesTemporaryTable: PinReason.TEMPORARY_TABLE,
    sql.PreparesText: PinReason.TEXT_PREPARE,
    sql.OpensHandler: PinReason.HANDLER,
    sql.TakesNamedLock: PinReason.NAMED_LOCK,
}
"""The same, where there can be several at a time: the pin has the name."""

_RELEASES: Final[dict[type, tuple[PinReason, ...]]] = {
    sql.UnlocksTables: (PinReason.TABLE_LOCK, PinReason.READ_LOCK),
    sql.UnlocksInstance: (PinReason.INSTANCE_LOCK,),
    sql.ReleasesAllNamedLocks: (PinReason.NAMED_LOCK,),
}
"""Effects that end pins."""

_NAMED_RELEASES: Final[dict[type, PinReason]] = {
    sql.DeallocatesText: PinReason.TEXT_PREPARE,
    sql.ClosesHandler: PinReason.HANDLER,
}
"""The same for one name."""

_REPORTED: Final = (
    sql.BeginsTransaction,
    sql.CommitsImplicitly,
    sql.SetsGlobal,
    sql.LoadsLocalFile,
    sql.ChangesAccount,
    sql.DropsTables,
    sql.RenamesTables,
    sql.ShutsDown,
)
"""Effects that status bits and trackers report, or that leave nothing in the session."""

_ASSIGNING: Final = (
    sql.SetsVariables,
    sql.SetsNames,
    sql.UsesSchema,
    sql.DropsSchema,
    sql.SetsNextTransaction,
)
"""Effects on what a session carries, which trackers report."""

_FLAGGED: Final = (
    sql.WritesUserVariables,
    sql.WritesLastInsertId,
    sql.CreatesTemporaryTable,
    sql.DropsTables,
    sql.PreparesText,
    sql.DeallocatesText,
    sql.ExecutesText,
    sql.SetsRole,
    sql.SetsVariables,
    sql.SetsNames,
    sql.SetsGlobal,
    sql.ChangesAccount,
    sql.Opaque,
)
"""Effects of which the server reports that something changed, without a word of what."""

_DEFINING: Final = (
    sql.CommitsImplicitly,
    sql.CreatesTemporaryTable,
    sql.DropsTables,
    sql.DropsSchema,
    sql.ChangesAccount,
    sql.CallsRoutine,
    sql.ExecutesText,
    sql.SetsGlobal,
    sql.Opaque,
)
"""Effects that may come with other definitions of tables."""

_IDS: Final = (sql.WritesLastInsertId, sql.CallsRoutine, sql.ExecutesText, sql.Opaque)
"""Effects that may change what LAST_INSERT_ID() gives."""

_ALL_OR_NOTHING: Final = frozenset(
    (
        PinReason.TEMPORARY_TABLE,
        PinReason.TEXT_PREPARE,
        PinReason.HANDLER,
        PinReason.TABLE_LOCK,
        PinReason.INSTANCE_LOCK,
        PinReason.ROLE,
        PinReason.XA,
    )
)
"""What a statement that failed did not do."""

Found = tuple[PinReason, str]
"""A reason, and which one where there can be several: a name, empty where none is told."""


@attrs.frozen
class Meaning:
    """What a statement means for its session.

    Attributes:
        pins: Reasons to keep the backend afterwards.
        releases: Reasons that are gone afterwards, all of them or one name.
        assigns: It sets state that trackers report; where there are none, that pins too.
        names: It is SET NAMES, and sets no charset in another way.
        variables: Names of the session variables that it sets, as far as it tells.
        trackers: It sets what a client wants to be reported.
        user_variables: Names of the user variables that it sets; None when it tells not all.
        reads_user_variables: Names of those that it reads; None when it tells not all.
        flags: The server reports that something changed, and not what.
        looks_back: It looks at what the statement before left on its backend.
        reads_diagnostics: It reads warnings, which leaves them there.
        counts_conditions: It reads how many there are, and may clear them.
        reads_connection_id: It reads the number of its connection.
        reads_insert_id: It looks at the session's last insert id, or may leave it as it is.
        writes_insert_id: It sets that without an OK packet that says so.
        counts_rows: It leaves a count for FOUND_ROWS() that is not that of its rows.
        locks: It takes or releases named locks.
        calls: It runs a stored routine, which can do what no text tells.
        executes: Names of the statements made by SQL PREPARE that it runs.
        prepares: Such statements that it makes, and their texts where they are told.
        renames: It gives tables other names.
        sets_savepoint: It sets a savepoint, which nothing reports before a transaction.
        single: It is one statement.
        reads_only: Nothing that it does outlives it.
        inserts: It may make an id for a new row.
        defines: It may change definitions: of tables, rights, and the like.
        may_commit: It may end a transaction for good.
        closes: The server closes the connection after it.
        kill: Set when the text is one KILL of a plain number.
        is_plain: None of all this: status bits and trackers say everything.
    """

    pins: tuple[Found, ...] = ()
    releases: tuple[tuple[PinReason, str | None], ...] = ()
    assigns: bool = False
    names: bool = False
    variables: frozenset[bytes] = frozenset()
    trackers: bool = False
    user_variables: frozenset[bytes] | None = frozenset()
    reads_user_variables: frozenset[bytes] | None = frozenset()
    flags: bool = False
    looks_back: bool = False
    reads_diagnostics: bool = False
    counts_conditions: bool = False
    reads_connection_id: bool = False
    reads_insert_id: bool = False
    writes_insert_id: bool = False
    counts_rows: bool = False
    locks: bool = False
    calls: bool = False
    executes: tuple[str, ...] = ()
    prepares: tuple[tuple[str, bytes | None], ...] = attrs.field(default=(), repr=False)
    renames: bool = False
    sets_savepoint: bool = False
    single: bool = True
    reads_only: bool = False
    inserts: bool = False
    defines: bool = False
    may_commit: bool = False
    closes: bool = False
    kill: sql.Kills | None = None
    is_plain: bool = False


PLAIN: Final = Meaning(is_plain=True)
"""Whatever is not a statement of text: commands whose effect the server reports."""

KEEPING: Final = Meaning(is_plain=True, reads_diagnostics=True)
"""Of such commands those that leave the warnings of the statement before."""


@functools.lru_cache(maxsize=4096)  # as many as an application has kinds of statements
def meaning(verdict: Classification) -> Meaning:
    """The meaning of a classified text."""
    effects = verdict.effects
    kinds = {type(effect) for effect in effects}
    pins: list[Found] = [(_PINS[kind], "") for kind in _PINS if kind in kinds]
    pins += [(_NAMED[type(one)], _name(one)) for one in effects if type(one) in _NAMED]
    releases: list[tuple[PinReason, str | None]] = [
        (reason, None) for kind in kinds for reason in _RELEASES.get(kind, ())
    ]
    for effect in effects:
        if type(effect) in _NAMED_RELEASES:
            releases.append((_NAMED_RELEASES[type(effect)], _name(effect)))
        elif isinstance(effect, sql.ControlsXa) and effect.verb == "START":
            pins.append((PinReason.XA, ""))
        elif isinstance(effect, sql.DropsTables):
            releases += [(PinReason.TEMPORARY_TABLE, name) for name in effect.names]
    names = frozenset(
        name.encode()
        for effect in effects
        if isinstance(effect, sql.SetsVariables)
        for name in effect.names
    )
    ends = [effect for effect in effects if isinstance(effect, sql.EndsTransaction)]
    kills = [effect for effect in effects if isinstance(effect, sql.Kills)]
    return Meaning(
        pins=tuple(dict.fromkeys(pins)),
        releases=tuple(dict.fromkeys(releases)),
        assigns=not kinds.isdisjoint(_ASSIGNING),
        names=sql.SetsNames() in effects
        and verdict.single
        and sql.SetsNames(of_schema=True) not in effects
        and not names & CHARSETS,
        variables=names,
        trackers=any(name.startswith(b"session_track_") for name in names),
        user_variables=_user_variables(effects, sql.WritesUserVariables),
        reads_user_variables=None
        if kinds & {sql.CallsRoutine, sql.ExecutesText}
        else _user_variables(effects, sql.ReadsUserVariables),
        flags=not kinds.isdisjoint(_FLAGGED),
        looks_back=verdict.reads_leftovers,
        reads_diagnostics=verdict.reads_diagnostics,
        counts_conditions=sql.ReadsDiagnostics(clears=True) in effects,
        reads_connection_id=sql.ReadsConnectionId in kinds,
        reads_insert_id=verdict.reads_last_insert_id or not kinds.isdisjoint(_IDS),
        writes_insert_id=not kinds.isdisjoint(_IDS),
        counts_rows=sql.CountsFoundRows in kinds,
        locks=bool(kinds & {sql.TakesNamedLock, sql.ReleasesNamedLock}),
        calls=sql.CallsRoutine in kinds,
        executes=tuple(one.name for one in effects if isinstance(one, sql.ExecutesText)),
        prepares=tuple(
            (one.name, one.text) for one in effects if isinstance(one, sql.PreparesText)
        ),
        renames=sql.RenamesTables in kinds,
        sets_savepoint=sql.UsesSavepoint in kinds,
        single=verdict.single,
        reads_only=verdict.reads_only,
        inserts=verdict.verb in ("INSERT", "REPLACE"),
        defines=not kinds.isdisjoint(_DEFINING),
        may_commit=verdict.ends_transaction,
        closes=any(end.release for end in ends),
        kill=kills[0] if kills and verdict.single and kills[0].id is not None else None,
        is_plain=kinds <= {*_REPORTED, sql.EndsTransaction}
        and not any(end.chain or end.release for end in ends),
    )


def _name(effect: sql.Effect) -> str:
    return getattr(effect, "name", None) or ""


def _user_variables(
    effects: tuple[sql.Effect, ...],
    kind: type[sql.WritesUserVariables | sql.ReadsUserVariables],
) -> frozenset[bytes] | None:
    """The names that these effects tell; None when one of them tells none."""
    found = [effect.names for effect in effects if isinstance(effect, kind)]
    if None in found:
        return None
    return frozenset(name.encode() for names in found if names for name in names)


def found_pins(
    means: Meaning, *, failed: bool, tracked: bool, unparsed: bool = False
) -> tuple[Found, ...]:
    """The pins that follow from a statement's text.

    Args:
        means: What its text means.
        failed: It ended in an ERR packet.
        tracked: The server reports changes at all.
        unparsed: The server could not read it either, so that nothing of it ran.
    """
    found = means.pins
    if unparsed:
        return ()
    if failed and means.single and found:
        found = tuple(pin for pin in found if pin[0] not in _ALL_OR_NOTHING)
    if not tracked and (means.assigns or means.calls):
        found = (*found, (PinReason.UNTRACKED, ""))
    return found
