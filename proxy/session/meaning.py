"""What a statement's effects mean for the session that runs it."""

from __future__ import annotations

import functools
from typing import Final

import attrs

from proxy.session.pins import PinReason
from proxy.session.variables import CARRIED
from proxy.sql import effects as sql
from proxy.sql.classify import Classification

_PINS: Final[dict[type, PinReason]] = {
    sql.SetsNextTransaction: PinReason.NEXT_TRANSACTION,
    sql.WritesUserVariables: PinReason.USER_VARIABLE,
    sql.SetsRole: PinReason.ROLE,
    sql.CreatesTemporaryTable: PinReason.TEMPORARY_TABLE,
    sql.PreparesText: PinReason.TEXT_PREPARE,
    sql.ExecutesText: PinReason.TEXT_PREPARE,
    sql.OpensHandler: PinReason.HANDLER,
    sql.TakesNamedLock: PinReason.NAMED_LOCK,
    sql.LocksTables: PinReason.TABLE_LOCK,
    sql.LocksServer: PinReason.READ_LOCK,
    sql.LocksInstance: PinReason.INSTANCE_LOCK,
    sql.ControlsXa: PinReason.XA,
    sql.CountsFoundRows: PinReason.FOUND_ROWS,
    sql.DrawsFromSequence: PinReason.SEQUENCE,
    sql.CallsRoutine: PinReason.ROUTINE,
    sql.Opaque: PinReason.OPAQUE,
}
"""Effects that keep a session on its backend."""

_RELEASES: Final[dict[type, tuple[PinReason, ...]]] = {
    sql.ReleasesAllNamedLocks: (PinReason.NAMED_LOCK,),
    sql.UnlocksTables: (PinReason.TABLE_LOCK, PinReason.READ_LOCK),
    sql.UnlocksInstance: (PinReason.INSTANCE_LOCK,),
}
"""Effects that end pins."""

_REPORTED: Final = (
    sql.BeginsTransaction,
    sql.CommitsImplicitly,
    sql.SetsGlobal,
    sql.DropsSchema,
    sql.LoadsLocalFile,
    sql.ChangesAccount,
    sql.ReadsUserVariables,
    sql.ReadsConnectionId,
    sql.DropsTables,
    sql.ReleasesNamedLock,
    sql.ShutsDown,
)
"""Effects that status bits and trackers report, or that leave nothing in the session."""

_SET_PINS: Final = frozenset((PinReason.SESSION_VARIABLE, PinReason.USER_VARIABLE))


@attrs.frozen
class Meaning:
    """What a statement means for its session.

    Attributes:
        pins: Reasons to keep the backend afterwards.
        releases: Reasons that are gone afterwards.
        assigns: It sets state that trackers report; where there are none, that pins too.
        looks_back: It looks at what the statement before left on its backend.
        reads_diagnostics: It reads warnings, which leaves them there.
        reads_insert_id: It looks at the session's last insert id.
        writes_insert_id: It sets that without an OK packet that says so.
        sets_savepoint: It sets a savepoint, which nothing reports before a transaction.
        reads_only: Nothing that it does outlives it.
        may_commit: It may end a transaction for good.
        closes: The server closes the connection after it.
        kill: Set when the text is one KILL of a plain number.
        is_plain: None of all this: status bits and trackers say everything.
    """

    pins: tuple[PinReason, ...] = ()
    releases: tuple[PinReason, ...] = ()
    assigns: bool = False
    looks_back: bool = False
    reads_diagnostics: bool = False
    reads_insert_id: bool = False
    writes_insert_id: bool = False
    sets_savepoint: bool = False
    reads_only: bool = False
    may_commit: bool = False
    closes: bool = False
    kill: sql.Kills | None = None
    is_plain: bool = False


PLAIN = Meaning(is_plain=True)
"""Whatever is not a statement of text: commands whose effect the server reports."""


@functools.lru_cache(maxsize=4096)  # as many as an application has kinds of statements
def meaning(verdict: Classification) -> Meaning:
    """The meaning of a classified text."""
    effects = verdict.effects
    kinds = {type(effect) for effect in effects}
    pins = [_PINS[kind] for kind in _PINS if kind in kinds]
    names = {name.encode() for effect in effects for name in _assigned(effect)}
    if names - CARRIED.keys() or (sql.SetsVariables in kinds and not names):
        pins.append(PinReason.SESSION_VARIABLE)
    ends = [effect for effect in effects if isinstance(effect, sql.EndsTransaction)]
    kills = [effect for effect in effects if isinstance(effect, sql.Kills)]
    return Meaning(
        pins=tuple(dict.fromkeys(pins)),
        releases=tuple(reason for kind in kinds for reason in _RELEASES.get(kind, ())),
        assigns=bool(kinds & {sql.SetsVariables, sql.SetsNames, sql.UsesSchema}),
        looks_back=verdict.reads_leftovers,
        reads_diagnostics=verdict.reads_diagnostics,
        reads_insert_id=verdict.reads_last_insert_id,
        writes_insert_id=sql.WritesLastInsertId in kinds,
        sets_savepoint=sql.UsesSavepoint in kinds,
        reads_only=verdict.reads_only,
        may_commit=verdict.ends_transaction,
        closes=any(end.release for end in ends),
        kill=kills[0] if kills and verdict.single and kills[0].id is not None else None,
        is_plain=kinds <= {*_REPORTED, sql.EndsTransaction}
        and not any(end.chain or end.release for end in ends),
    )


def _assigned(effect: sql.Effect) -> tuple[str, ...]:
    return effect.names if isinstance(effect, sql.SetsVariables) else ()


def found_pins(
    means: Meaning, *, something_else: bool, tracked: bool, ignores_variables: bool
) -> tuple[PinReason, ...]:
    """The pins that follow from a statement and its answer.

    Args:
        means: What its text means.
        something_else: The server reported a change and did not say which.
        tracked: The server reports changes at all.
        ignores_variables: EXCLUDE_VARIABLE_SETS: no SET of a variable pins.
    """
    found = means.pins
    if not tracked and means.assigns:
        found = (*found, PinReason.UNTRACKED)
    if something_else and not found and not means.assigns and not means.writes_insert_id:
        found = (PinReason.UNREPORTED,)
    if ignores_variables and found:
        found = tuple(reason for reason in found if reason not in _SET_PINS)
    return found
