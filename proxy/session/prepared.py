"""Prepared statements as a client knows them, apart from any backend."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

import attrs

from proxy.session.meaning import PLAIN, Meaning
from proxy.session.state import State

FRESH_SECONDS: Final = 10.0
"""For how long definitions are taken for true that a DDL statement beside the proxy changed."""

KNOWN_BYTES: Final = 1 << 24
"""What all known definitions may take: 16 MB are some ten thousand statements."""


@attrs.frozen(cache_hash=True)
class StatementKey:
    """What makes two prepared statements the same: the text, and the state it was read in.

    Schema, sql_mode and charset at the time of the prepare decide what the text means.
    """

    text: bytes = attrs.field(repr=False)
    state: State


@attrs.frozen(cache_hash=True)
class Definitions:
    """The answer to a COM_STMT_PREPARE.

    Attributes:
        data: All of its packets; the statement id stands in bytes 5 to 8.
        parameters: How many placeholders the statement has.
    """

    data: bytes = attrs.field(repr=False, eq=lambda data: data[9:])
    parameters: int

    def for_client(self, statement_id: int) -> bytes:
        """The packets that tell a client of this id."""
        return self.data[:5] + statement_id.to_bytes(4, "little") + self.data[9:]


class KnownDefinitions:
    """Definitions of statements that clients prepare again and again.

    A client that prepares what another one has prepared is answered at once.  They are
    forgotten when a definition may have changed: with every DDL statement that comes by, and
    after a while for those that do not.
    """

    __slots__ = ("_bytes", "_known")

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, Definitions]] = OrderedDict()
        self._bytes = 0

    def __repr__(self) -> str:
        """How many, how large."""
        return f"<KnownDefinitions {len(self._known)} of {self._bytes} bytes>"

    def find(self, key: Hashable, now: float) -> Definitions | None:
        """The definitions of a statement, None when they are not known or too old."""
        found = self._known.get(key)
        if found is None:
            return None
        since, definitions = found
        if now - since > FRESH_SECONDS:
            self._drop(key)
            return None
        self._known.move_to_end(key)
        return definitions

    def put(self, key: Hashable, definitions: Definitions, now: float) -> None:
        """Keep definitions; those not used for longest make room."""
        self._drop(key)
        self._known[key] = now, definitions
        self._bytes += len(definitions.data)
        while self._bytes > KNOWN_BYTES:
            self._drop(next(iter(self._known)))

    def _drop(self, key: Hashable) -> None:
        found = self._known.pop(key, None)
        if found is not None:
            self._bytes -= len(found[1].data)

    def clear(self) -> None:
        """Definitions may have changed."""
        self._known.clear()
        self._bytes = 0


@attrs.define(eq=False, slots=True)
class Prepared:
    """A statement that a client has prepared.

    Attributes:
        statement_id: The id that the client knows.
        key: What it is.
        parameters: How many placeholders it has.
        means: What its text means for the session.
        types: The parameter types that the client bound last, as bytes; None before.
        definitions: The definitions of parameters and columns as the client knows them.
    """

    statement_id: int
    key: StatementKey
    parameters: int
    means: Meaning = PLAIN
    definitions: Definitions | None = None
    types: bytes | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False, slots=True)
class Held:
    """A statement that a backend holds.

    Attributes:
        statement_id: The id that the backend knows.
        types: The parameter types that were bound there last.
        definitions: The definitions of parameters and columns that it gave.
    """

    statement_id: int
    definitions: Definitions | None = None
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

    def shrink(self) -> list[int]:
        """Give up half of the statements; answers the backend's ids that are to be closed."""
        count = (len(self._held) + 1) // 2
        return [self._held.popitem(last=False)[1].statement_id for _ in range(count)]

    def clear(self) -> None:
        """The backend was reset and holds nothing any more."""
        self._held.clear()
