"""Prepared statements as a client knows them, apart from any backend."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from typing import Final

import attrs

from proxy.session.meaning import PLAIN, Meaning
from proxy.session.state import State
from proxy.wire.constants import Capability
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.patch import Patch
from proxy.wire.primitives import Malformed
from proxy.wire.responses import EOF_BYTES, Eof, parse_column, parse_column_names

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
        data: All of its packets but EOF packets, which are for clients without
            CLIENT_DEPRECATE_EOF; the statement id stands in bytes 5 to 8.
        parameters: How many placeholders the statement has.
    """

    data: bytes = attrs.field(repr=False, eq=lambda data: data[9:])
    parameters: int

    @classmethod
    def of(cls, data: bytes, parameters: int) -> Definitions:
        """Those of an answer as a server sent it."""
        payloads = _payloads(data)
        if not any(map(_is_eof, payloads)):
            return cls(data, parameters)
        return cls(_packets(one for one in payloads if not _is_eof(one)), parameters)

    @property
    def has_columns(self) -> bool:
        """Whether the statement gives rows: its count of columns is not 0."""
        return self.data[9:11] != b"\0\0"

    @functools.cached_property
    def shape(self) -> tuple[tuple[bytes, int], ...]:
        """Names of parameters and columns, and the types of those that are columns of tables.

        The types of others come from values, lengths from settings.
        """
        found = []
        for payload in _payloads(self.data):
            names, column = parse_column_names(payload), parse_column(payload)
            if not isinstance(names, Malformed) and not isinstance(column, Malformed):
                table, name = names
                found.append((name, column.type if table else 0))
        return tuple(found)

    def for_client(self, statement_id: int, capabilities: int, status: int) -> bytes:
        """The packets that tell a client of this id.

        Args:
            statement_id: The id.
            capabilities: What the client has negotiated.
            status: Status bits of its session.
        """
        data = self.data
        if not capabilities & Capability.DEPRECATE_EOF:
            first, *rest = _payloads(data)
            blocks = rest[: self.parameters], rest[self.parameters :]
            for block in filter(None, blocks):
                block.append(Eof(status=status).encode())
            data = _packets((first, *blocks[0], *blocks[1]))
        return data[:5] + statement_id.to_bytes(4, "little") + data[9:]


def _payloads(data: bytes) -> list[bytes]:
    payloads = []
    reader = PacketReader(len(data), data[3])
    reader.feed(data)
    while isinstance(packet := reader.next_packet(), Packet):
        payloads.append(packet.payload)
    return payloads


def _packets(payloads: Iterable[bytes]) -> bytes:
    return b"".join(encode(payload, 1 + number) for number, payload in enumerate(payloads))


def _is_eof(payload: bytes) -> bool:
    return payload[:1] == b"\xfe" and len(payload) == EOF_BYTES


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


UNKNOWN: Final = b"\x06\x00"
"""The type of a parameter that has only been NULL so far."""


def learn(known: bytes | None, types: bytes) -> bytes:
    """The types of a statement's parameters after an execute: two bytes each.

    MySQL 8.0.22 and later take the type of a parameter in `SELECT ?` from the first execute and
    convert what comes later ("PREPARE Statement" in the manual), but a NULL tells no type.

    Args:
        known: The types before; None for a statement that has not been executed.
        types: The types that the execute binds.
    """
    if UNKNOWN not in types:
        return types
    if known is None:
        return types
    return b"".join(
        known[at : at + 2] if types[at : at + 2] == UNKNOWN else types[at : at + 2]
        for at in range(0, len(types), 2)
    )


def _agree(one: bytes, other: bytes) -> bool:
    """Whether no parameter has two types."""
    return all(
        one[at : at + 2] == other[at : at + 2]
        or UNKNOWN in (one[at : at + 2], other[at : at + 2])
        for at in range(0, len(one), 2)
    )


@attrs.define(eq=False, slots=True)
class Held:
    """A statement that a backend holds.

    Attributes:
        statement_id: The id that the backend knows.
        definitions: The definitions of parameters and columns that it gave.
        types: The parameter types that were bound there last.
        learned: The types that the server has learned; None before the first execute.
    """

    statement_id: int
    definitions: Definitions | None = None
    types: bytes | None = attrs.field(default=None, repr=False)
    learned: bytes | None = attrs.field(default=None, repr=False)

    def bind(self, types: bytes | None, learned: bytes | None) -> None:
        """A client executes it with parameters of these types, see `Prepared`."""
        self.types = types
        if learned != self.learned and learned is not None:
            self.learned = learn(self.learned, learned)

    def suits(self, learned: bytes | None) -> bool:
        """Whether it gives what a statement gives that has learned these types.

        Without columns in its answer a NULL is a NULL whatever its type.
        """
        if self.learned == learned or self.learned is None or learned is None:
            return True
        has_columns = self.definitions is None or self.definitions.has_columns
        return not has_columns and _agree(self.learned, learned)


@attrs.define(eq=False, slots=True)
class Prepared:
    """A statement that a client has prepared.

    Attributes:
        statement_id: The id that the client knows.
        key: What it is.
        parameters: How many placeholders it has.
        means: What its text means for the session.
        definitions: The definitions of parameters and columns as the client knows them.
        types: The parameter types that the client bound last, as bytes; None before.
        learned: The types as a server has learned them by now.
        held: What has its cursor or its long data, on the backend that these pin.
        patches: What the first row of its cursor is to say.
    """

    statement_id: int
    key: StatementKey
    parameters: int
    means: Meaning = PLAIN
    definitions: Definitions | None = None
    types: bytes | None = attrs.field(default=None, repr=False)
    learned: bytes | None = attrs.field(default=None, repr=False)
    held: Held | None = attrs.field(default=None, repr=False)
    patches: tuple[Patch, ...] = attrs.field(default=(), repr=False)

    def bind(self, types: bytes) -> None:
        """An execute binds these types."""
        if types != self.types:
            self.types = types
            self.learned = learn(self.learned, types)


class Holdings:
    """The statements that one backend holds, the one not used for longest first.

    There may be several of one key: parameters of other types make another statement of it, and
    one that has a cursor cannot serve a second one.
    """

    __slots__ = ("_by_key", "_held", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: OrderedDict[Held, StatementKey] = OrderedDict()
        self._by_key: dict[StatementKey, list[Held]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        """How many of how many."""
        return f"<Holdings {len(self._held)} of {self.limit}>"

    def find(
        self, key: StatementKey, learned: bytes | None = None, taken: Collection[Held] = ()
    ) -> Held | None:
        """The statement, moved to the end of the line of those to be closed.

        Args:
            key: What it is.
            learned: The types that it has learned after the execute to come.
            taken: Those that cannot serve.
        """
        best = None
        for held in self._by_key.get(key, ()):
            if held not in taken and held.suits(learned):
                best = held
                if held.learned is not None:
                    break  # rather than one that could still learn anything
        if best is not None:
            self._held.move_to_end(best)
        return best

    def drop(self, held: Held) -> None:
        """Forget a statement."""
        self._remove(held, self._held.pop(held))

    def _remove(self, held: Held, key: StatementKey) -> None:
        alike = self._by_key[key]
        alike.remove(held)
        if not alike:
            del self._by_key[key]

    def put(self, key: StatementKey, held: Held, *, evict: bool = True) -> list[int]:
        """Keep a statement; answers the backend's ids that are to be closed for it.

        With `evict` False the limit waits: one of the others may be in use.
        """
        self._held[held] = key
        self._by_key.setdefault(key, []).append(held)
        return self._close(len(self._held) - self.limit if evict else 0)

    def renew(self, key: StatementKey, taken: Collection[Held] = ()) -> list[int]:
        """A statement is there anew: give up the older ones, but those that are taken.

        Returns:
            The backend's ids that are to be closed.
        """
        older = [held for held in self._by_key.get(key, ()) if held not in taken]
        for held in older:
            self.drop(held)
        return [held.statement_id for held in older]

    def shrink(self) -> list[int]:
        """Give up half of the statements; answers the backend's ids that are to be closed."""
        return self._close((len(self._held) + 1) // 2)

    def _close(self, count: int) -> list[int]:
        closed = []
        for _ in range(count):
            held, key = self._held.popitem(last=False)
            self._remove(held, key)
            closed.append(held.statement_id)
        return closed

    def clear(self) -> None:
        """The backend was reset and holds nothing any more."""
        self._held.clear()
        self._by_key.clear()
