"""From a text to what it may do to the session beyond what the server reports of it."""

from __future__ import annotations

import functools
from typing import Final

import attrs

from proxy.sql import effects
from proxy.sql.dialect import DEFAULT_DIALECT, Dialect
from proxy.sql.effects import Effect
from proxy.sql.expressions import Reading
from proxy.sql.lexer import Tokens, lex
from proxy.sql.plain import Plain, read_plain
from proxy.sql.programs import end_of_program, is_program
from proxy.sql.shape import shape
from proxy.sql.statements import DECIDES_READING, read_statement

__all__ = ["HARMLESS", "Classification", "Dialect", "classify"]

READ_LIMIT_BYTES: Final = 32_768
"""Longest text read token by token, in some 10 ms (100 at worst); plain ones may be longer."""

CACHED_BYTES: Final = 4096
"""Longest text whose classification is kept."""

CACHED_TEXTS: Final = 2048
"""Texts whose classification is kept: some 8 MB when all are of the longest."""

_REPORTED: Final = (
    effects.BeginsTransaction,
    effects.EndsTransaction,
    effects.CommitsImplicitly,
)
_READING: Final = (
    effects.ReadsUserVariables,
    effects.CountsFoundRows,
    effects.ReadsFoundRows,
    effects.ReadsRowCount,
    effects.ReadsLastInsertId,
    effects.ReadsDiagnostics,
    effects.ReadsCounters,
    effects.ReadsLastOfSequence,
    effects.ReadsLastGtid,
    effects.ReadsConnectionId,
)
_LEFTOVERS: Final = (
    effects.ReadsFoundRows,
    effects.ReadsRowCount,
    effects.ReadsDiagnostics,
    effects.ReadsCounters,
    effects.ReadsLastOfSequence,
    effects.ReadsLastGtid,
)
_ENDING: Final = (
    effects.BeginsTransaction,
    effects.EndsTransaction,
    effects.CommitsImplicitly,
    effects.ControlsXa,
    effects.ExecutesText,
    effects.LocksServer,
    effects.LocksTables,
    effects.UnlocksTables,
    effects.ShutsDown,
    effects.Opaque,
)
_READERS: Final = frozenset(
    ("SELECT", "TABLE", "VALUES", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "HELP")
)


def _may_end_transaction(effect: Effect) -> bool:
    match effect:
        case effects.CallsRoutine(procedure=procedure):
            return procedure
        case effects.SetsVariables(names):
            return "autocommit" in names
        case _:
            return isinstance(effect, _ENDING)


@attrs.frozen
class Classification:
    """
    What a text may do.

    Attributes:
        effects: In the order of the text.  Empty: nothing beyond what the OK packets and status
            bits of the answer say.
        reads_only: Nothing but reading, so that it may be run again.
        single: Exactly one statement.
        verb: Its first keyword, or that of the first of several statements; OTHER where it is
            not known.
        harmless: No effects, or only those that status bits report: the session can be served
            by any backend before and after.
        ends_transaction: It may commit or roll back an open transaction.
        reads_diagnostics: It reads what the statement before left, and leaves it there.
        reads_leftovers: It reads what can only be found on the backend that ran the statement
            before.
        reads_last_insert_id: It may look at the last insert id.
    """

    effects: tuple[Effect, ...]
    reads_only: bool
    single: bool
    verb: str
    harmless: bool = attrs.field(init=False)
    ends_transaction: bool = attrs.field(init=False)
    reads_diagnostics: bool = attrs.field(init=False)
    reads_leftovers: bool = attrs.field(init=False)
    reads_last_insert_id: bool = attrs.field(init=False)

    @harmless.default
    def _is_harmless(self) -> bool:
        return all(
            isinstance(effect, _REPORTED) and not getattr(effect, "release", False)
            for effect in self.effects
        )

    @ends_transaction.default
    def _ends_transaction(self) -> bool:
        return any(map(_may_end_transaction, self.effects))

    @reads_diagnostics.default
    def _reads_diagnostics(self) -> bool:
        return effects.ReadsDiagnostics() in self.effects

    @reads_leftovers.default
    def _reads_leftovers(self) -> bool:
        return any(isinstance(effect, _LEFTOVERS) for effect in self.effects)

    @reads_last_insert_id.default
    def _reads_last_insert_id(self) -> bool:
        seeing = (effects.ReadsLastInsertId, effects.CallsRoutine, effects.ExecutesText)
        return any(isinstance(effect, (*seeing, effects.Opaque)) for effect in self.effects)


HARMLESS: Final = Classification((), reads_only=False, single=True, verb="OTHER")
"""Of a command that is no text and leaves nothing behind."""

_PLAIN: Final = {
    plain: Classification(plain.effects, plain.reads_only, single=True, verb=plain.verb)
    for plain in Plain
}


def classify(text: bytes, dialect: Dialect = DEFAULT_DIALECT) -> Classification:
    """
    Say what a text may do.

    The time grows with the length only; what is too long to be read is opaque.  Classifications
    of short texts are kept, since applications repeat them: plain ones with any numbers.

    Args:
        text: Any bytes.
        dialect: How to read them.
    """
    if len(text) > CACHED_BYTES:
        return _read_any(text, dialect)
    return _plain_of_shape(shape(text), dialect) or _read_cached(text, dialect)


def _read_any(text: bytes, dialect: Dialect) -> Classification:
    return _read_plain(text, dialect) or _read(text, dialect)


def _read_plain(text: bytes, dialect: Dialect) -> Classification | None:
    plain = read_plain(text, dialect)
    return None if plain is None else _PLAIN[plain]


_plain_of_shape = functools.lru_cache(maxsize=CACHED_TEXTS)(_read_plain)


def _read(text: bytes, dialect: Dialect) -> Classification:
    if len(text) > READ_LIMIT_BYTES:
        why = effects.Opaque("a long text that is not plain")
        return Classification((why,), reads_only=False, single=False, verb="OTHER")
    lexed = lex(text, dialect)
    found = _read_tokens(lexed.tokens, dialect)
    runs = dialect.executes(lexed.condition) if not lexed.trouble else None
    if lexed.without is not None and runs is False:
        found = _read_tokens(lexed.without, dialect)
    elif lexed.without is not None and runs is None:
        without = _read_tokens(lexed.without, dialect)
        differs = set(without.effects) != set(found.effects)
        found = _merge(found, without)
        if differs:
            found = _add(found, effects.Opaque("an executable comment"))
    return _add(found, effects.Opaque(lexed.trouble)) if lexed.trouble else found


_read_cached = functools.lru_cache(maxsize=CACHED_TEXTS)(_read_any)


def _add(found: Classification, effect: Effect) -> Classification:
    return Classification(
        tuple(dict.fromkeys((*found.effects, effect))), False, found.single, found.verb
    )


def _merge(one: Classification, other: Classification) -> Classification:
    """What may be either."""
    return Classification(
        tuple(dict.fromkeys(one.effects + other.effects)),
        one.reads_only and other.reads_only,
        one.single and other.single,
        one.verb if one.verb == other.verb else "OTHER",
    )


def _read_tokens(tokens: Tokens, dialect: Dialect) -> Classification:
    found: dict[Effect, None] = {}
    verbs: list[str] = []
    reads_only = True
    may_differ = False
    start = 0
    while start < len(tokens):
        if tokens[start] == ";":
            start += 1
            continue
        if may_differ:
            found[effects.Opaque("settings may change how the rest is read")] = None
        end = _end_of_statement(tokens, start)
        if end is None:
            found[effects.Opaque("the end of a stored program is not clear")] = None
            end = len(tokens)
        reading = Reading(tokens[start:end], dialect.mariadb)
        verbs.append(read_statement(reading))
        found |= reading.effects
        reads_only = reads_only and _reads_only(reading, verbs[-1])
        may_differ = may_differ or any(map(_may_change_reading, reading.effects))
        start = end
    return Classification(
        tuple(found),
        reads_only and bool(verbs),
        len(verbs) == 1,
        verbs[0] if verbs else "OTHER",
    )


def _end_of_statement(tokens: Tokens, start: int) -> int | None:
    """One past its last token; None where it is not clear."""
    if tokens[start] in ("CREATE", "ALTER") and is_program(tokens, start):
        return end_of_program(tokens, start)
    try:
        return tokens.index(";", start)
    except ValueError:
        return len(tokens)


def _reads_only(reading: Reading, verb: str) -> bool:
    """Whether one statement only reads: INTO writes files, ANALYZE runs what it explains."""
    return (
        verb in _READERS
        and "INTO" not in reading.tokens
        and "ANALYZE" not in reading.tokens
        and all(isinstance(effect, _READING) for effect in reading.effects)
    )


def _may_change_reading(effect: Effect) -> bool:
    """Whether statements behind one with this effect may be cut into other tokens."""
    match effect:
        case effects.SetsVariables(names):
            return not DECIDES_READING.isdisjoint(names)
        case effects.CallsRoutine(procedure=procedure):
            return procedure
        case effects.SetsNames() | effects.ExecutesText() | effects.Opaque():
            return True
        case _:
            return False
