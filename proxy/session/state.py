"""The part of a session that can be brought to another backend, as a value."""

from __future__ import annotations

import functools

import attrs

from proxy.session.user_variables import UserVariables
from proxy.session.variables import (
    FOLLOWERS,
    Treatment,
    canonical,
    matters_to_prepare,
    treatment,
)
from proxy.vocabulary import ServerKind
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_schema_change, parse_variable_change

Variables = tuple[tuple[bytes, bytes], ...]


class State:
    """Default schema, variables, the next transaction, multi-statements; it never changes.

    It is looked up for each statement, hence no class of attrs: those are not compiled.

    Attributes:
        schema: The default schema in UTF-8, None for none.
        variables: Names and values as servers report them, sorted by name.  One that is missing
            has the value that every new connection has.
        multi_statements: Whether several statements may stand in one text.
        user_variables: The user variables that the session has set.
        next_transaction: SET TRANSACTION statements, each ended by a semicolon, that hold for
            the next transaction only.
    """

    __slots__ = (
        "_for_prepare",
        "_hash",
        "multi_statements",
        "next_transaction",
        "schema",
        "user_variables",
        "variables",
    )

    def __init__(
        self,
        schema: bytes | None = None,
        variables: Variables = (),
        *,
        multi_statements: bool = False,
        user_variables: UserVariables = (),
        next_transaction: bytes = b"",
    ) -> None:
        self.schema = schema
        self.variables = variables
        self.multi_statements = multi_statements
        self.user_variables = user_variables
        self.next_transaction = next_transaction
        self._hash = hash(self._fields())
        self._for_prepare: State | None = None

    def _fields(self) -> tuple[bytes | None, Variables, bool, UserVariables, bytes]:
        return (
            self.schema,
            self.variables,
            self.multi_statements,
            self.user_variables,
            self.next_transaction,
        )

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, State):
            return NotImplemented
        return self._hash == other._hash and self._fields() == other._fields()

    def __repr__(self) -> str:
        """All but the values of user variables, which are the application's."""
        return (
            f"State({self.schema!r}, {self.variables!r}, "
            f"multi_statements={self.multi_statements}, "
            f"next_transaction={self.next_transaction!r})"
        )

    def _with(
        self,
        *,
        schema: bytes | None,
        variables: Variables | None = None,
        multi_statements: bool | None = None,
        user_variables: UserVariables | None = None,
        next_transaction: bytes | None = None,
    ) -> State:
        """The same but for what is given; only the schema has no None of its own."""
        multi = self.multi_statements if multi_statements is None else multi_statements
        following = self.next_transaction if next_transaction is None else next_transaction
        return State(
            schema,
            self.variables if variables is None else variables,
            multi_statements=multi,
            user_variables=self.user_variables if user_variables is None else user_variables,
            next_transaction=following,
        )

    def with_schema(self, schema: bytes | None) -> State:
        """The state with another default schema."""
        return self._with(schema=schema)

    def with_variables(self, variables: Variables) -> State:
        """The state with these variables, sorted by name, and no others."""
        return self._with(schema=self.schema, variables=variables)

    def with_multi_statements(self, on: bool) -> State:  # noqa: FBT001 - the value itself
        """The state with that option switched."""
        return self._with(schema=self.schema, multi_statements=on)

    def with_next_transaction(self, characteristics: bytes) -> State:
        """The state with other characteristics of the next transaction."""
        return self._with(schema=self.schema, next_transaction=characteristics)

    def with_user_variables(self, user_variables: UserVariables) -> State:
        """The state with these user variables and no others."""
        return self._with(schema=self.schema, user_variables=user_variables)

    def value(self, name: bytes) -> bytes | None:
        """A variable's value, None where every new connection's holds."""
        for known, value in self.variables:
            if known == name:
                return value
        return None

    def assign(self, changes: dict[bytes, bytes | None]) -> State:
        """The state after these assignments; None takes a variable out."""
        variables = dict(self.variables)
        for name, value in changes.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        return self.with_variables(tuple(sorted(variables.items())))

    def assign_user_variables(self, changes: dict[bytes, bytes]) -> State:
        """The state with these user variables: a name, and what a SET says of it."""
        merged = dict(self.user_variables) | changes
        return self.with_user_variables(tuple(sorted(merged.items())))

    @property
    def for_prepare(self) -> State:
        """What of it decides what a statement means that is prepared now."""
        known = self._for_prepare
        if known is None:
            matter = tuple([pair for pair in self.variables if matters_to_prepare(pair[0])])
            known = self._for_prepare = State(self.schema, matter)
        return known

    def for_prepare_of(self, reads: frozenset[bytes] | None) -> State:
        """The same for a statement that reads these user variables, None for any of them.

        Their types become those of its columns ("PREPARE Statement" in the manual).
        """
        state = self.for_prepare
        if not self.user_variables or reads == frozenset():
            return state
        read = [pair for pair in self.user_variables if reads is None or pair[0] in reads]
        return state.with_user_variables(tuple(read))

    def prepared_like(self, other: State) -> State:
        """This state with all that decides the meaning of a statement taken from the other.

        A default schema cannot be unset: a statement that was prepared without one named all
        that it uses, so that another one does it no harm.
        """
        own = [pair for pair in self.variables if not matters_to_prepare(pair[0])]
        user_variables = dict(self.user_variables) | dict(other.user_variables)
        return self._with(
            user_variables=tuple(sorted(user_variables.items())),
            schema=self.schema if other.schema is None else other.schema,
            variables=tuple(sorted((*own, *other.variables))),
        )


@functools.lru_cache(maxsize=4096)  # some hundred states serve a fleet; more are made anew
def interned(state: State) -> State:
    """The one object for equal states, so that comparing them mostly compares addresses."""
    return state


@attrs.frozen
class Reports:
    """What the session reports of an answer add up to.

    Attributes:
        state: The state after them.
        something_else: The server says that something changed, and no report says what.
        collation_unknown: The connection's charset changed, which sets its collation without a
            report of it.
        timestamp_unknown: The session's clock was stopped or set going, which looks the same.
        variables: Names of all variables that were assigned.
        lost: Names of those among them whose values cannot be had on another connection.
    """

    state: State
    something_else: bool = False
    collation_unknown: bool = False
    timestamp_unknown: bool = False
    variables: frozenset[bytes] = frozenset()
    lost: frozenset[bytes] = frozenset()


def _sorted(
    values: dict[bytes, bytes], kind: ServerKind
) -> tuple[dict[bytes, bytes | None], frozenset[bytes]]:
    """What reported values assign, and the names of those that cannot be carried."""
    treated = {name: treatment(name, kind) for name in values}
    assigned: dict[bytes, bytes | None] = {
        canonical(name): value
        for name, value in values.items()
        if treated[name] is Treatment.CARRIED
    }
    for leader, follower in FOLLOWERS.items():
        if leader in assigned:
            assigned.setdefault(follower, None)
    lost = (name for name in values if treated[name] in (Treatment.PINNED, None))
    return assigned, frozenset(lost)


def absorb(state: State, changes: list[tuple[int, bytes]], kind: ServerKind) -> Reports:
    """Apply the session reports of an answer, (kind, data) as they came, to a state."""
    values: dict[bytes, bytes] = {}
    flagged = explained = False
    for what, data in changes:
        if what == SessionTrack.STATE_CHANGE:
            flagged = True
        elif what == SessionTrack.SCHEMA:
            schema = parse_schema_change(data)
            if isinstance(schema, Malformed):
                return Reports(state, something_else=True)
            state = state.with_schema(schema or None)
            explained = True
        elif what == SessionTrack.SYSTEM_VARIABLES:
            pairs = parse_variable_change(data)
            if isinstance(pairs, Malformed):
                return Reports(state, something_else=True)
            explained = True
            values.update(pairs)
    assigned, lost = _sorted(values, kind)
    return Reports(
        interned(state.assign(assigned)),
        flagged and not explained,
        collation_unknown=assigned.get(b"collation_connection", b"") is None,
        timestamp_unknown=b"timestamp" in values,
        variables=frozenset(values),
        lost=lost,
    )
