"""What a client believes its connection to be, as one value that changes answer by answer."""

from __future__ import annotations

from proxy.errors import (
    ErrorReply,
    backend_lost,
    outcome_unknown,
    session_lost,
    transaction_lost,
)
from proxy.session.meaning import Meaning, found_pins
from proxy.session.pins import Ends, Pin, PinReason, Pins
from proxy.session.prepared import Prepared
from proxy.session.state import State, absorb, interned
from proxy.session.variables import DEFAULT_REPORTED
from proxy.sql.dialect import Dialect
from proxy.sql.digest import digest
from proxy.vocabulary import ServerKind
from proxy.wire.collations import is_backslash_safe
from proxy.wire.constants import Status

IN_TRANSACTION = int(Status.IN_TRANS)
AUTOCOMMIT = int(Status.AUTOCOMMIT)

LASTING = int(
    Status.IN_TRANS | Status.AUTOCOMMIT | Status.NO_BACKSLASH_ESCAPES | Status.IN_TRANS_READONLY
)
"""Bits that tell of the session; the others tell how one statement went."""

STATEMENTS_LIMIT = 16_382
"""Prepared statements of one client: the server's own default of max_prepared_stmt_count."""


class Session:
    """See the module.

    Attributes:
        user: Who logged in.
        state: What can be brought to another backend.
        pins: What cannot.
        dialect: What its statements mean, as far as settings decide that.
        status: Status bits of its last answer, see `lasting_status`.
        in_transaction: Whether the server said that a transaction is open.
        last_insert_id: What its last answer reported; 0 before the first.
        insert_id_unknown: A statement set it, and no answer told the value.
        statements: Its prepared statements, by the id that it knows.
        collation: Collation id of its login.
        collation_unknown: Its charset changed, and nobody said with which collation.
        reported: Names of the variables whose changes it hears of.
    """

    __slots__ = (
        "_first",
        "_first_status",
        "_ignores_variables",
        "_kind",
        "_next_statement_id",
        "_sql_mode",
        "_tracked",
        "collation",
        "collation_unknown",
        "dialect",
        "in_transaction",
        "insert_id_unknown",
        "last_insert_id",
        "pins",
        "reported",
        "state",
        "statements",
        "status",
        "user",
    )

    def __init__(
        self,
        *,
        user: str,
        state: State,
        first_state: State,
        collation: int,
        kind: ServerKind,
        sql_mode: bytes,
        tracked: bool,
        ignores_variables: bool,
        tracks: bool,
        status: int,
    ) -> None:
        self.user = user
        self.state = state
        self._first = first_state
        self.collation = collation
        self._kind = kind
        self._sql_mode = sql_mode
        self._tracked = tracked
        self._ignores_variables = ignores_variables
        self.reported = DEFAULT_REPORTED if tracks else frozenset[bytes]()
        self.pins = Pins()
        self.status = self._first_status = status
        self.in_transaction = False
        self.last_insert_id = 0
        self.insert_id_unknown = False
        self.statements: dict[int, Prepared] = {}
        self._next_statement_id = 1
        self.collation_unknown = False
        self.dialect = self._dialect()

    def __repr__(self) -> str:
        """Whose, and what holds it."""
        return f"<Session of {self.user!r} {self.pins!r}>"

    @property
    def holds_backend(self) -> bool:
        """Whether the backend must stay with the client."""
        return self.in_transaction or bool(self.pins)

    @property
    def lasting_status(self) -> int:
        """What an answer of ours says: bits of the session, none of its last statement's."""
        return self.status & LASTING

    def change_state(self, state: State) -> None:
        """The session is in another state from now on."""
        if state is not self.state:
            self.state = state
            self.dialect = self._dialect()

    def _dialect(self) -> Dialect:
        mode = self.state.value(b"sql_mode")
        words = (self._sql_mode if mode is None else mode).upper().split(b",")
        charset = self.state.value(b"character_set_client") or b""
        return Dialect(
            ansi_quotes=b"ANSI_QUOTES" in words,
            no_backslash_escapes=b"NO_BACKSLASH_ESCAPES" in words,
            charset_safe=is_backslash_safe(charset.decode()),
            mariadb=self._kind is ServerKind.MARIADB,
        )

    def next_statement_id(self) -> int:
        """The id of the next prepared statement; ids are never used twice."""
        number = self._next_statement_id
        self._next_statement_id = number % 0xFFFFFFFF + 1
        return number

    def follow(
        self,
        means: Meaning,
        text: bytes,
        *,
        status: int,
        changes: list[tuple[int, bytes]],
        failed: bool,
        warnings: int,
    ) -> list[Pin]:
        """Take over what a statement and its answer say of the session.

        Args:
            means: What the text may do to the session.
            text: The statement, for the digest in its pins.
            status: Status bits of the answer.
            changes: Its session reports.
            failed: It ended in an ERR packet.
            warnings: Its warning count.

        Returns:
            Pins of reasons that the session did not have before.
        """
        was_in_transaction = self.in_transaction
        self.status = status
        self.in_transaction = bool(status & IN_TRANSACTION)
        pins = self.pins
        if not means.reads_diagnostics:
            pins.end_all(Ends.STATEMENT)
        if was_in_transaction and not self.in_transaction:
            pins.end_all(Ends.TRANSACTION)
        something_else = False
        if changes:
            reports = absorb(self.state, changes)
            self.change_state(reports.state)
            something_else = reports.something_else
            self.collation_unknown = self.collation_unknown or reports.collation_unknown
        found = found_pins(
            means,
            something_else=something_else,
            tracked=self._tracked,
            ignores_variables=self._ignores_variables,
        )
        if not failed:
            for reason in means.releases:
                pins.end(reason)
        if warnings and not means.reads_diagnostics:
            found = (*found, PinReason.DIAGNOSTICS)
        if failed and self._kind is ServerKind.MARIADB and means.assigns:
            # MySQL's next OK brings the reports that an ERR could not; MariaDB never does.
            found = (*found, PinReason.UNREPORTED)
        if means.sets_savepoint and not status & (IN_TRANSACTION | AUTOCOMMIT):
            found = (*found, PinReason.SAVEPOINT)
        self.insert_id_unknown = self.insert_id_unknown or means.writes_insert_id
        if not found:
            return []
        statement = digest(text)
        return [pin for reason in found if pins.add(pin := Pin(reason, statement))]

    def settle_collation(self, name: bytes) -> None:
        """The server said which collation the connection has now."""
        self.collation_unknown = False
        self.change_state(interned(self.state.assign({b"collation_connection": name})))

    def lose_backend(self, *, outcome_known: bool) -> ErrorReply:
        """The backend is gone, and with it the open transaction and all that pinned.

        Args:
            outcome_known: False when a statement was under way that may have run.

        Returns:
            What the client should hear at its next statement, or this one.
        """
        was_in_transaction, lost = self.in_transaction, repr(self.pins) if self.pins else ""
        self.in_transaction = False
        self.status &= ~IN_TRANSACTION
        self.pins.clear()
        if not outcome_known:
            return outcome_unknown()
        if was_in_transaction:
            return transaction_lost()
        if lost:
            return session_lost(lost)
        return backend_lost("while it ran the statement")

    def reset(self) -> None:
        """COM_RESET_CONNECTION: all is as after the login, but the default schema stays."""
        self.change_state(
            interned(
                State(self.state.schema, self._first.variables, self._first.multi_statements)
            )
        )
        self.pins.clear()
        self.statements.clear()
        self.status = self._first_status
        self.in_transaction = False
        self.last_insert_id = 0
        self.insert_id_unknown = False
        self.collation_unknown = False
