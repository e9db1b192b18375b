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


def _statements(words: str) -> re.Pattern[bytes]:
    return re.compile(rb"\s*+(?:" + words.encode() + rb")", re.IGNORECASE | re.DOTALL)


_SELECT: Final = frozenset((b"SELECT", b"select"))
"""How nearly all statements with rows begin."""

_SELECTING: Final = _statements(r"(?:select|with)\b|\(")
"""Statements that select: without rows they put them INTO something, and only the server knows
how many they were."""

_TELLING: Final = {
    False: _statements(r"(?:desc|describe|show|table|values)\b"),
    True: _statements(r"(?:desc|describe|show)\b"),
}
"""Other statements whose rows are what FOUND_ROWS() counts, on MySQL and on MariaDB."""

_RUNNING: Final = _statements(r"(?:call|execute)\b")
"""Statements after which FOUND_ROWS() is about another statement, that they ran."""

_EXPLAIN: Final = _statements(r"explain\b")
_DO: Final = _statements(r"do\b")
_UNCERTAIN: Final = {
    False: _statements(r"update\b|(?:insert|replace)\b.*select"),
    True: _statements(r"(?:create|insert|replace|set)\b.*select"),
}
"""Statements without rows that may change FOUND_ROWS(), on MySQL and on MariaDB; measured."""


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

    def count_found_rows(self, text: bytes, rows: int | None, *, mariadb: bool) -> bool:
        """A statement without SQL_CALC_FOUND_ROWS ran and gave so many rows, None for none.

        Returns:
            Whether FOUND_ROWS() gives another number now, `found_rows`.
        """
        if rows is None:
            return self._count_without_rows(text, mariadb=mariadb)
        if text[:6] in _SELECT or _SELECTING.match(text) or _TELLING[mariadb].match(text):
            self.found_rows = rows
        elif _RUNNING.match(text):
            self.found_rows = None
        elif mariadb and _EXPLAIN.match(text):
            self.found_rows = 0
        else:
            return False
        return True

    def _count_without_rows(self, text: bytes, *, mariadb: bool) -> bool:
        if not mariadb and _DO.match(text):
            self.found_rows = 1
        elif is_worth_asking(text) or _UNCERTAIN[mariadb].match(text):
            self.found_rows = None
        else:
            return False
        return True
