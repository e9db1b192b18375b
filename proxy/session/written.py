"""A session as bytes, and back: so it goes to another process.

The bytes are JSON, in which each byte of a `bytes` stands as one character (Latin-1).  They say
which layout they have, for the two processes may be of different releases; what a release does
not know it does not guess at.  A session that a backend knows more of than itself cannot be
written.  What its prepared statements mean is not written but read from their texts again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from proxy.errors import ErrorReply, Fault
from proxy.session.conditions import Conditions
from proxy.session.leftovers import Leftovers
from proxy.session.meaning import meaning
from proxy.session.outcome import Target
from proxy.session.pins import PinReason
from proxy.session.prepared import Definitions, Prepared, StatementKey
from proxy.session.session import Session
from proxy.session.state import State, interned
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.tracking import Tracking

LAYOUT: Final = 1
"""Grows with every change of what is written, or of what it means."""


class UnreadableError(ValueError):
    """The bytes are of another layout, or no session at all; never says what stands in them."""


def is_writable(session: Session) -> bool:
    """Whether the session knows all of itself: no transaction, no pin, nothing to be asked."""
    return not (session.in_transaction or session.pins or session.remains)


def write(session: Session) -> bytes:
    """The bytes of a session that is writable."""
    assert is_writable(session)
    states: dict[State, int] = {}

    def number_of(state: State) -> int:
        return states.setdefault(state, len(states))

    document = {
        "layout": LAYOUT,
        "user": session.user,
        "state": number_of(session.state),
        "first_state": number_of(session._first),  # noqa: SLF001 - this module is a part of it
        "first_status": session._first_status,  # noqa: SLF001 - likewise
        "collation": session.collation,
        "target": _write_target(session.target),
        "status": session.status,
        "last_insert_id": session.last_insert_id,
        "misses_insert_id": session.misses_insert_id,
        "untold": session.untold,
        "tracking": _write_tracking(session.tracking),
        "excused": session.excused,
        "names_charsets": session.names_charsets,
        "named_collation": _text(session.named_collation),
        "disagreements": session.disagreements,
        "leftovers": _write_leftovers(session.leftovers),
        "next_statement_id": session._next_statement_id,  # noqa: SLF001 - likewise
        "statements": [_write_prepared(one, number_of) for one in session.statements.values()],
        "states": [],
    }
    document["states"] = [_write_state(state) for state in states]
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def read(data: bytes, ignored: frozenset[PinReason]) -> Session:
    """The session of these bytes.

    Args:
        data: What `write` gave.
        ignored: Reasons that shall not keep its backend, in this process.

    Raises:
        UnreadableError: that is not what it is.
    """
    try:
        document = json.loads(data)
        is_known = document["layout"] == LAYOUT
        session = _read(document, ignored) if is_known else None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        # Not the error's own text: it may show a value.
        raise UnreadableError(f"the session makes no sense: {type(error).__name__}") from None
    if session is None:
        raise UnreadableError("the session is written in another layout")
    return session


def _read(document: Any, ignored: frozenset[PinReason]) -> Session:
    states = [_read_state(one) for one in document["states"]]
    session = Session(
        user=document["user"],
        state=states[document["state"]],
        first_state=states[document["first_state"]],
        collation=document["collation"],
        target=_read_target(document["target"]),
        ignored=ignored,
        status=document["first_status"],
    )
    session.status = document["status"]
    session.last_insert_id = document["last_insert_id"]
    session.misses_insert_id = document["misses_insert_id"]
    session.untold = document["untold"]
    session.tracking = _read_tracking(document["tracking"])
    session.excused = document["excused"]
    session.names_charsets = document["names_charsets"]
    session.named_collation = _optional(document["named_collation"])
    session.disagreements = document["disagreements"]
    session.leftovers = _read_leftovers(document["leftovers"])
    session._next_statement_id = document["next_statement_id"]  # noqa: SLF001 - see above
    for one in document["statements"]:
        prepared = _read_prepared(one, states, session)
        session.statements[prepared.statement_id] = prepared
    return session


# Bytes, and what consists of them


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _optional(text: str | None) -> bytes | None:
    return None if text is None else _bytes(text)


def _texts(many: Iterable[bytes]) -> list[str]:
    return [one.decode("latin-1") for one in many]


def _pairs(pairs: Iterable[tuple[bytes, bytes]]) -> list[list[str]]:
    return [_texts(pair) for pair in pairs]


def _read_pairs(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((_bytes(name), _bytes(value)) for name, value in pairs)


# The parts of a session


def _write_state(state: State) -> list[Any]:
    return [
        _text(state.schema),
        _pairs(state.variables),
        state.multi_statements,
        _pairs(state.user_variables),
        _text(state.next_transaction),
    ]


def _read_state(written: Any) -> State:
    schema, variables, multi_statements, user_variables, next_transaction = written
    state = State(
        _optional(schema),
        _read_pairs(variables),
        multi_statements=bool(multi_statements),
        user_variables=_read_pairs(user_variables),
        next_transaction=_bytes(next_transaction),
    )
    return interned(state)


def _write_target(target: Target) -> list[Any]:
    return [
        target.kind.value,
        target.version,
        _text(target.sql_mode),
        target.tracks,
        target.sees_user_variables,
        target.sees_locks,
    ]


def _read_target(written: Any) -> Target:
    kind, version, sql_mode, tracks, sees_user_variables, sees_locks = written
    return Target(
        ServerKind(kind),
        version=version,
        sql_mode=_bytes(sql_mode),
        tracks=tracks,
        sees_user_variables=sees_user_variables,
        sees_locks=sees_locks,
    )


def _write_tracking(tracking: Tracking) -> list[Any]:
    return [
        None if tracking.variables is None else sorted(_texts(tracking.variables)),
        tracking.schema,
        tracking.state_change,
        _text(tracking.transaction_info),
        tracking.gtids,
        tracking.tells_explicit,
    ]


def _read_tracking(written: Any) -> Tracking:
    variables, schema, state_change, transaction_info, gtids, tells_explicit = written
    return Tracking(
        variables=None if variables is None else frozenset(map(_bytes, variables)),
        schema=schema,
        state_change=state_change,
        transaction_info=_bytes(transaction_info),
        gtids=gtids,
        tells_explicit=tells_explicit,
    )


def _write_leftovers(leftovers: Leftovers) -> list[Any]:
    conditions = leftovers.conditions
    return [
        leftovers.row_count,
        leftovers.found_rows,
        leftovers.warnings,
        leftovers.errors,
        leftovers.told,
        leftovers.sqlstate,
        None if leftovers.refusal is None else write_reply(leftovers.refusal),
        None if conditions is None else [_texts(conditions.head), _texts(conditions.rows)],
    ]


def _read_leftovers(written: Any) -> Leftovers:
    row_count, found_rows, warnings, errors, told, sqlstate, refusal, conditions = written
    if conditions is not None:
        head, rows = conditions
        conditions = Conditions(tuple(map(_bytes, head)), tuple(map(_bytes, rows)))
    return Leftovers(
        row_count=row_count,
        found_rows=found_rows,
        warnings=warnings,
        errors=errors,
        told=told,
        sqlstate=sqlstate,
        refusal=None if refusal is None else read_reply(refusal),
        conditions=conditions,
    )


def write_reply(reply: ErrorReply) -> list[Any]:
    """An error that a client is to hear, for JSON."""
    return [reply.code, reply.sqlstate, reply.message, reply.fault.value]


def read_reply(written: Any) -> ErrorReply:
    """The error that `write_reply` wrote.

    Raises:
        ValueError: it is none.
    """
    code, sqlstate, message, fault = written
    return ErrorReply(code, sqlstate, message, Fault(fault))


def _write_prepared(prepared: Prepared, number_of: Callable[[State], int]) -> list[Any]:
    definitions = prepared.definitions
    return [
        prepared.statement_id,
        _text(prepared.key.text),
        number_of(prepared.key.state),
        prepared.parameters,
        None if definitions is None else [_text(definitions.data), definitions.parameters],
        _text(prepared.types),
        _text(prepared.learned),
    ]


def _read_prepared(written: Any, states: list[State], session: Session) -> Prepared:
    number, text, state, parameters, definitions, types, learned = written
    key = StatementKey(_bytes(text), states[state])
    if definitions is not None:
        data, count = definitions
        definitions = Definitions(_bytes(data), count)
    return Prepared(
        number,
        key,
        parameters,
        # What decides the dialect is a part of the state in which it was prepared.
        meaning(classify(key.text, session.dialect_in(key.state))),
        definitions,
        types=_optional(types),
        learned=_optional(learned),
    )
