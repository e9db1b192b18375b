"""The part of a session that can be brought to another backend, as a value."""

from __future__ import annotations

import functools

import attrs

from proxy.session.variables import CARRIED
from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_schema_change, parse_variable_change

Variables = tuple[tuple[bytes, bytes], ...]


@attrs.frozen(cache_hash=True)
class State:
    """Default schema, carried variables, multi-statements.

    Attributes:
        schema: The default schema in UTF-8, None for none.
        variables: Names and values as servers report them, sorted by name.  One that is missing
            has the value that every new connection has.
        multi_statements: Whether several statements may stand in one text.
    """

    schema: bytes | None = None
    variables: Variables = ()
    multi_statements: bool = False

    def value(self, name: bytes) -> bytes | None:
        """A variable's value, None where every new connection's holds."""
        return next((value for known, value in self.variables if known == name), None)

    def assign(self, changes: dict[bytes, bytes | None]) -> State:
        """The state after these assignments; None takes a variable out."""
        variables = dict(self.variables)
        for name, value in changes.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        return attrs.evolve(self, variables=tuple(sorted(variables.items())))


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
    """

    state: State
    something_else: bool = False
    collation_unknown: bool = False


def absorb(state: State, changes: list[tuple[int, bytes]]) -> Reports:
    """Apply the session reports of an answer, (kind, data) as they came, to a state."""
    assigned: dict[bytes, bytes | None] = {}
    flagged = explained = False
    for kind, data in changes:
        if kind == SessionTrack.STATE_CHANGE:
            flagged = True
        elif kind == SessionTrack.SCHEMA:
            schema = parse_schema_change(data)
            if isinstance(schema, Malformed):
                return Reports(state, something_else=True)
            state = attrs.evolve(state, schema=schema or None)
            explained = True
        elif kind == SessionTrack.SYSTEM_VARIABLES:
            pairs = parse_variable_change(data)
            if isinstance(pairs, Malformed):
                return Reports(state, something_else=True)
            carried = {name: value for name, value in pairs if name in CARRIED}
            explained = explained or bool(carried)
            if b"character_set_connection" in carried:
                assigned[b"collation_connection"] = None
            assigned.update(carried)
    unknown = assigned.get(b"collation_connection", b"") is None
    return Reports(
        interned(state.assign(assigned)), flagged and not explained, collation_unknown=unknown
    )
