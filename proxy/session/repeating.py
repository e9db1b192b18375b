"""Statements whose backend was lost before the answer: which may run again, or are undone."""

from __future__ import annotations

from typing import Final

from proxy.sql import effects
from proxy.sql.classify import Classification

_SETTING: Final = frozenset(
    (
        effects.SetsVariables,
        effects.SetsNames,
        effects.SetsNextTransaction,
    )
)
"""Effects of a SET on its own connection, which is gone.  User variables are not among them:
on MariaDB any statement may stand behind a SET STATEMENT, and assign some."""

_ALONE: Final[dict[str, frozenset[type]]] = {
    "SET": _SETTING,
    "USE": frozenset((effects.UsesSchema,)),
    "BEGIN": frozenset((effects.BeginsTransaction,)),
    "START": frozenset((effects.BeginsTransaction,)),
}
"""Statements that do nothing but this to their connection, where they have these effects."""


def is_repeatable(verdict: Classification) -> bool:
    """Whether running it again, outside of a transaction, does nothing twice.

    It only reads, or what it does ends with its connection, or it ends a transaction where
    there is none: drivers send a ROLLBACK behind each error.
    """
    if verdict.reads_only or _only_ends(verdict):
        return True
    alone = _ALONE.get(verdict.verb)
    return (
        alone is not None
        and verdict.single
        and bool(verdict.effects)
        and all(type(effect) in alone for effect in verdict.effects)
    )


def _only_ends(verdict: Classification) -> bool:
    return (
        verdict.single
        and bool(verdict.effects)
        and all(
            isinstance(effect, effects.EndsTransaction) and not (effect.chain or effect.release)
            for effect in verdict.effects
        )
    )


def only_rolls_back(verdict: Classification) -> bool:
    """Whether all that it does to a transaction is what the loss of its connection does too."""
    return (
        verdict.single
        and bool(verdict.effects)
        and all(
            isinstance(effect, effects.EndsTransaction) and not effect.commit
            for effect in verdict.effects
        )
    )
