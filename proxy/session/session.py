"""What a client believes its connection to be, as one value that changes answer by answer."""

from __future__ import annotations

import functools
from typing import Final

from proxy.errors import (
    ErrorReply,
    backend_lost,
    outcome_unknown,
    session_lost,
    transaction_lost,
)
from proxy.session import remains as left
from proxy.session.conditions import Conditions
from proxy.session.leftovers import Leftovers
from proxy.session.losses import STATE, everything, lasting
from proxy.session.meaning import Meaning
from proxy.session.outcome import Target
from proxy.session.pins import SOME_NAME, PinReason, Pins
from proxy.session.prepared import Prepared
from proxy.session.state import Reports, State, interned
from proxy.session.user_variables import LIMIT_BYTES, size
from proxy.session.variables import NAMES
from proxy.sql.dialect import Dialect
from proxy.vocabulary import ServerKind
from proxy.wire.collations import is_backslash_safe
from proxy.wire.constants import Status
from proxy.wire.tracking import Tracking

IN_TRANSACTION: Final = int(Status.IN_TRANS)
AUTOCOMMIT: Final = int(Status.AUTOCOMMIT)

LASTING: Final = int(
    Status.IN_TRANS
    | Status.AUTOCOMMIT
    | Status.NO_BACKSLASH_ESCAPES
    | Status.IN_TRANS_READONLY
    | Status.ANSI_QUOTES
)
"""Bits that tell of the session; the others tell how one statement went."""

STATEMENTS_LIMIT = 16_382
"""Prepared statements of one client: the server's own default of max_prepared_stmt_count."""


@functools.lru_cache(maxsize=256)
def _dialect(sql_mode: bytes, charset: bytes, target: Target) -> Dialect:
    """The one object for sessions whose settings are alike."""
    words = sql_mode.upper().split(b",")
    return Dialect(
        ansi_quotes=b"ANSI_QUOTES" in words,
        no_backslash_escapes=b"NO_BACKSLASH_ESCAPES" in words,
        charset_safe=is_backslash_safe(charset.decode()),
        mariadb=target.kind is ServerKind.MARIADB,
        version=target.version,
    )


class Session:
    """See the module.

    Attributes:
        user: Who logged in.
        state: What can be brought to another backend.
        pins: What cannot.
        remains: What only its backend knows, `Remains` as an integer.
        unread: Names of user variables among them; None for all.
        leftovers: What its last statement left to be read.
        dialect: What its statements mean, as far as settings decide that.
        status: Status bits of its last answer, see `lasting_status`.
        in_transaction: Whether the server said that a transaction is open.
        last_insert_id: What LAST_INSERT_ID() gives; 0 before the first.
        told_insert_ids: What statements told that may have changed it, on a backend that had
            another session's; None where that had its own.
        statements: Its prepared statements, by the id that it knows.
        collation: Collation id of its login.
        tracking: What it wants to be reported.
        texts: What the statements mean that it made by SQL PREPARE; None where nobody knows.
        excused: Its last statement failed, so that a report may come that belongs to it.
        misses_insert_id: What LAST_INSERT_ID() gives was lost with the backend that knew it.
        untold: What was lost with a backend and is to be told behind the loss of a transaction.
        target: What is known of its servers.
        names_charsets: Its collation, which has to be asked for, is that of a SET NAMES.
        named_collation: What the text of the last SET NAMES says of it, see `names`.
        ignored: Reasons that shall not keep its backend.
        disagreements: How often text and reports contradicted each other.
    """

    __slots__ = (
        "_first",
        "_first_status",
        "_next_statement_id",
        "collation",
        "dialect",
        "disagreements",
        "excused",
        "ignored",
        "in_transaction",
        "last_insert_id",
        "leftovers",
        "misses_insert_id",
        "named_collation",
        "names_charsets",
        "pins",
        "remains",
        "state",
        "statements",
        "status",
        "target",
        "texts",
        "told_insert_ids",
        "tracking",
        "unread",
        "untold",
        "user",
    )

    def __init__(
        self,
        *,
        user: str,
        state: State,
        first_state: State,
        collation: int,
        target: Target,
        ignored: frozenset[PinReason],
        status: int,
    ) -> None:
        self.user = user
        self.state = state
        self._first = first_state
        self.collation = collation
        self.target = target
        self.ignored = ignored
        self._first_status = status
        self.pins = Pins()
        self.statements: dict[int, Prepared] = {}
        self._next_statement_id = 1
        self.disagreements = 0
        # MySQL's counts from 0 in a new connection, and goes on through a reset.
        self.leftovers = Leftovers(found_rows=int(target.kind is ServerKind.MARIADB))
        self._forget(status)
        self.dialect = self.dialect_in(self.state)

    def _forget(self, status: int) -> None:
        """All but state, pins and statements is as after a login."""
        self.status = status
        self.in_transaction = False
        self.last_insert_id = 0
        self.misses_insert_id = False
        self.untold = ""
        self.told_insert_ids: frozenset[int] | None = None
        self.remains = 0
        self.unread: set[bytes] | None = set()
        self.tracking = Tracking(tells_explicit=self.target.kind is ServerKind.MYSQL)
        self.excused = False
        self.names_charsets = False
        self.named_collation: bytes | None = None
        self.texts: dict[str, Meaning | None] = {}

    def __repr__(self) -> str:
        """Whose, and what holds it."""
        return f"<Session of {self.user!r} {self.pins!r}>"

    @property
    def holds_backend(self) -> bool:
        """Whether the backend must stay with the client, as far as the session knows."""
        if self.pins and not (self._only_locks and self.remains & left.NAMED_LOCKS):
            return True
        return self.in_transaction and not self.remains & left.STATUS

    @property
    def misses_backend(self) -> bool:
        """Whether the client would notice that its backend is gone while it asks nothing."""
        return self.in_transaction or bool(self.pins) or bool(self.remains & STATE)

    @property
    def can_move(self) -> bool:
        """Whether it can go on with another backend when this one is lost as it is.

        What the last statement left to be read is replaced by the next one, or told to be lost
        to who asks for it.
        """
        dispensable = left.TO_BE_READ | left.INSERT_ID
        if self.names_charsets and self.named_collation is not None:
            dispensable |= left.COLLATION
        return not (self.in_transaction or self.pins or self.remains & ~dispensable)

    @property
    def leaves_nothing(self) -> bool:
        """Whether somebody else may have the backend as it is when the session ends.

        What is there to be read, LAST_INSERT_ID() included, is never taken for another's.
        """
        remains = self.remains & ~(left.TO_BE_READ | left.INSERT_ID)
        return not (self.in_transaction or self.pins or remains)

    @property
    def _only_locks(self) -> bool:
        return all(pin.reason is PinReason.NAMED_LOCK for pin in self.pins)

    @property
    def lasting_status(self) -> int:
        """What an answer of ours says: bits of the session, none of its last statement's."""
        return self.status & LASTING

    def change_state(self, state: State) -> None:
        """The session is in another state from now on."""
        if state is not self.state:
            self.state = state
            self.dialect = self.dialect_in(self.state)

    def dialect_in(self, state: State) -> Dialect:
        """What its statements mean in this state."""
        mode = state.value(b"sql_mode")
        charset = state.value(b"character_set_client") or b""
        return _dialect(self.target.sql_mode if mode is None else mode, charset, self.target)

    def next_statement_id(self) -> int:
        """The id of the next prepared statement; ids are never used twice."""
        number = self._next_statement_id
        self._next_statement_id = number % 0xFFFFFFFF + 1
        return number

    # What had to be asked for

    def settle_conditions(self, conditions: Conditions | None) -> None:
        """SHOW WARNINGS was asked; None when there is too much to be kept."""
        self.leftovers.conditions = conditions
        self.remains &= ~left.DIAGNOSTICS

    def settle_found_rows(self, number: int) -> None:
        """FOUND_ROWS() was asked."""
        self.leftovers.found_rows = number
        self.remains &= ~left.FOUND_ROWS

    def settle_status(self, status: int) -> None:
        """The server said whether a transaction is open."""
        self.status = status
        self.in_transaction = bool(status & IN_TRANSACTION)
        self.remains &= ~left.STATUS

    def settle_collation(self, name: bytes) -> None:
        """The server said which collation the connection has now."""
        assigned: dict[bytes, bytes | None] = {b"collation_connection": name}
        if self.names_charsets:
            assigned[NAMES] = name
        self.names_charsets = False
        self.change_state(interned(self.state.assign(assigned)))
        self.remains &= ~left.COLLATION

    def settle_timestamp(self, stopped: bytes | None) -> None:
        """The clock of the session stands still at this time, or goes."""
        self.change_state(interned(self.state.assign({b"timestamp": stopped})))
        self.remains &= ~left.TIMESTAMP

    def settle_variables(self, values: dict[bytes, bytes | None]) -> None:
        """All variables were read that differ from those of a new connection."""
        fresh = self.state.with_variables(())
        self.change_state(interned(fresh.assign(values)))
        self.remains &= ~(left.VARIABLES | left.COLLATION | left.REPORTS)

    def settle_user_variables(self, said: dict[bytes, bytes]) -> bool:
        """User variables were read; False when they are more than can be carried."""
        self.unread = set()
        self.remains &= ~left.USER_VARIABLES
        state = self.state.assign_user_variables(said)
        self.change_state(interned(state))
        return size(state.user_variables) <= LIMIT_BYTES

    def settle_locks(self, held: frozenset[str], *, others: bool) -> None:
        """The server said which of the named locks the session still has.

        Args:
            held: Of those whose names are known.
            others: It may have some whose names are not.
        """
        pins = [pin for pin in self.pins if pin.reason is PinReason.NAMED_LOCK]
        self.pins.end(PinReason.NAMED_LOCK)
        for pin in pins:
            if pin.detail in held or (others and pin.detail == SOME_NAME):
                self.pins.add(pin)
        self.remains &= ~left.NAMED_LOCKS

    def settle_insert_id(self, number: int) -> bool:
        """LAST_INSERT_ID() was asked.

        Returns:
            Whether that is the session's own: where the backend had another session's before,
            it is when the statement told this very number, and unchanged otherwise.
        """
        self.remains &= ~left.INSERT_ID
        if self.told_insert_ids is not None and number not in self.told_insert_ids:
            return False
        self.last_insert_id = number
        return True

    def settle_reports(self, reports: Reports) -> None:
        """The server was given an occasion to report what it could not before.

        What is lost of them is for the caller to pin.
        """
        self.change_state(reports.state)
        self.remains &= ~left.REPORTS
        if reports.collation_unknown:
            self.remains |= left.COLLATION
        if reports.timestamp_unknown:
            self.remains |= left.TIMESTAMP

    def answered_here(self, refusal: ErrorReply | None = None, *, added: bool = False) -> None:
        """A statement has been answered by us: what the one before left is gone.

        Args:
            refusal: The error, where it was one.
            added: MySQL adds it to the warnings that are there.
        """
        before = self.leftovers
        mysql = self.target.kind is ServerKind.MYSQL
        self.leftovers = Leftovers(found_rows=before.found_rows)
        if refusal is not None:
            count = before.warnings if added and mysql else 0
            self.leftovers.refuse(refusal, count=count + 1, mysql=mysql)
        self.remains &= ~left.DIAGNOSTICS

    # Ends

    def lose_backend(self, *, outcome_known: bool) -> ErrorReply:
        """The backend is gone, and with it the open transaction and all that pinned.

        Args:
            outcome_known: False when a statement was under way that may have run.

        Returns:
            What the client should hear at its next statement, or this one.
        """
        if self.remains & left.COLLATION and self.names_charsets:
            self._settle_named_collation()
        was_in_transaction, lost = self.in_transaction, everything(self.pins, self.remains)
        self.in_transaction = False
        self.status &= ~IN_TRANSACTION
        if was_in_transaction or not outcome_known:
            self.untold = lasting(self.pins, self.remains) or self.untold
        if self.remains & left.FOUND_ROWS:
            self.leftovers.found_rows = None
        if self.remains & left.INSERT_ID:
            self.misses_insert_id = True
        self.remains = 0
        self.unread = set()
        self.pins.clear()
        for prepared in self.statements.values():
            prepared.held = None
        if not outcome_known:
            return outcome_unknown()
        if was_in_transaction:
            return transaction_lost()
        if lost:
            return session_lost(lost)
        return backend_lost("while it ran the statement")

    def _settle_named_collation(self) -> None:
        """Nobody can be asked any more which one a SET NAMES set, but its text may tell."""
        if self.named_collation:
            self.settle_collation(self.named_collation)
        elif self.named_collation is not None:  # what follows the charset by itself
            self.remains &= ~left.COLLATION

    def reset(self) -> None:
        """COM_RESET_CONNECTION: as after the login, but for the schema and COM_SET_OPTION."""
        self.pins.clear()
        self.statements.clear()
        known = None if self.remains & left.FOUND_ROWS else self.leftovers.found_rows
        self.leftovers = Leftovers(found_rows=known)
        self._forget(self._first_status)
        self.change_state(
            interned(
                State(
                    self.state.schema,
                    self._first.variables,
                    multi_statements=self.state.multi_statements,
                )
            )
        )
