"""Prepared statements as a client knows them, apart from any backend."""

from __future__ import annotations

from collections import OrderedDict

import attrs

from proxy.session.meaning import PLAIN, Meaning
from proxy.session.state import State


@attrs.frozen(cache_hash=True)
class StatementKey:
    """What makes two prepared statements the same: the text, and the state it was read in.

    Schema, sql_mode and charset at the time of the prepare decide what the text means.
    """

    text: bytes = attrs.field(repr=False)
    state: State


@attrs.define(eq=False, slots=True)
class Prepared:
    """A statement that a client has prepared.

    Attributes:
        statement_id: The id that the client knows.
        key: What it is.
        parameters: How many placeholders it has.
        means: What its text means for the session.
        types: The parameter types that the client bound last, as bytes; None before.
    """

    statement_id: int
    key: StatementKey
    parameters: int
    means: Meaning = PLAIN
    types: bytes | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False, slots=True)
class Held:
    """A statement that a backend holds.

    Attributes:
        statement_id: The id that the backend knows.
        types: The parameter types that were bound there last.
    """

    statement_id: int
    types: bytes | None = attrs.field(default=None, repr=False)


class Holdings:
    """The statements that one backend holds, the one not used for longest first."""

    __slots__ = ("_held", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: OrderedDict[StatementKey, Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        """How many of how many."""
        return f"<Holdings {len(self._held)} of {self.limit}>"

    def find(self, key: StatementKey) -> Held | None:
        """The statement, moved to the end of the line of those to be closed."""
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
        return held

    def pop(self, key: StatementKey) -> Held | None:
        """Forget a statement."""
        return self._held.pop(key, None)

    def put(self, key: StatementKey, held: Held, *, evict: bool = True) -> list[int]:
        """Keep a statement; answers the backend's ids that are to be closed for it.

        With `evict` False the limit waits: one of the others may be in use.
        """
        replaced = self._held.pop(key, None)
        self._held[key] = held
        closed = [] if replaced is None else [replaced.statement_id]
        while evict and len(self._held) > self.limit:
            closed.append(self._held.popitem(last=False)[1].statement_id)
        return closed

    def clear(self) -> None:
        """The backend was reset and holds nothing any more."""
        self._held.clear()
