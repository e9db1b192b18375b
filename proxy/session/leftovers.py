"""What the last statement of a session left to be read, as far as the session knows it."""

from __future__ import annotations

import re
from typing import Final

import attrs

from proxy.errors import ErrorReply
from proxy.session.conditions import Conditions

LIMIT_BYTES: Final = 65_536
"""The longest answer to SHOW WARNINGS that is kept; with a longer one a session keeps its
backend.  An application with a thousand clients that all have some takes 64 MB at the most."""


_SELECTING: Final = re.compile(rb"\s*+(?:select|with|\()", re.IGNORECASE)
"""Statements that select: without rows they put them INTO somewhere, and only the server knows
how many they were."""

_RUNNING: Final = re.compile(rb"\s*+(?:call|execute)\b", re.IGNORECASE)
"""Statements after which FOUND_ROWS() is about another statement, that they ran."""

_UNCOUNTED: Final = re.compile(
    rb"""\s*+(?:(?:alter|begin|commit|deallocate|drop|get|grant|handler|kill|lock|prepare|release
    |resignal|revoke|rollback|savepoint|set|signal|start|truncate|unlock|use|xa)\b
    |(?:create|insert|replace)\b(?!.*select))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""Statements without rows that leave FOUND_ROWS() alone; UPDATE changes it on MySQL."""


_RETURNING: Final = re.compile(rb"\s*+(?:delete|insert|replace)\b", re.IGNORECASE)
"""Statements whose rows do not count (MariaDB)."""


def is_worth_asking(text: bytes) -> bool:
    """Whether FOUND_ROWS() of such a statement is asked for, where it is not known."""
    return (_SELECTING.match(text) or _RUNNING.match(text)) is not None


@attrs.define(slots=True)
class Leftovers:
    """See the module.

    Attributes:
        row_count: What ROW_COUNT() gives.
        found_rows: What FOUND_ROWS() gives; None where only the backend knows.
        warnings: What @@warning_count gives: errors and notes count too.
        errors: What @@error_count gives.
        told: The warning count that answers without a statement repeat (MySQL).
        sqlstate: Of the ERR packet that it ended in; empty when it did not.
        refusal: The error of ours that was its answer.
        conditions: What SHOW WARNINGS told; None while only the backend knows.
    """

    row_count: int = 0
    found_rows: int | None = 1
    warnings: int = 0
    errors: int = 0
    told: int = 0
    sqlstate: str = ""
    refusal: ErrorReply | None = None
    conditions: Conditions | None = None

    def refuse(self, reply: ErrorReply, *, count: int, mysql: bool) -> None:
        """The statement ended in an error of ours."""
        self.row_count = -1
        self.warnings, self.errors = count, 1
        self.told = int(mysql)
        self.sqlstate, self.refusal = reply.sqlstate, reply

    def count_found_rows(self, text: bytes, rows: int | None) -> bool:
        """A statement without SQL_CALC_FOUND_ROWS ran and gave so many rows, None for none.

        Returns:
            Whether FOUND_ROWS() gives another number now, `found_rows`.
        """
        if (_UNCOUNTED if rows is None else _RETURNING).match(text):
            return False
        self.found_rows = None if _RUNNING.match(text) else rows
        return True
