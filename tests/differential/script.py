"""Scripts: what a client does, step by step, and what it hears."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import attrs

from tests.differential import speaker as wire
from tests.differential.speaker import Packet, Packets, Speaker

NO_STATEMENT = 4711
"""The id of a statement that was never prepared."""

LONGLONG, VAR_STRING, DOUBLE, NULL = 8, 253, 5, 6

Value = int | str | float | None


@attrs.frozen
class Query:
    """COM_QUERY."""

    text: str

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.QUERY, self.text.encode())
        return client.speaker.results()


@attrs.frozen
class Prepare:
    """COM_STMT_PREPARE under a name of the script's."""

    name: str
    text: str

    def run(self, client: Client) -> Packets:
        """Do it; the answer, in which the id is the script's business alone."""
        client.speaker.send(wire.PREPARE, self.text.encode())
        first, *rest = client.speaker.prepared()
        if first.kind == "prepared":
            number, _, client.parameters[self.name] = struct.unpack_from(
                "<IHH", first.payload, 1
            )
            client.numbers[self.name] = number
        else:
            client.numbers[self.name] = NO_STATEMENT
        return [first, *rest]


@attrs.frozen
class Execute:
    """COM_STMT_EXECUTE.

    Attributes:
        name: Which statement.
        values: Its parameters; those that are missing are NULL.
        typed: The types are sent along; without them those of the last time hold.
        cursor: A read-only cursor is asked for.
    """

    name: str
    values: tuple[Value, ...] = ()
    typed: bool = True
    cursor: bool = False

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        count = client.parameters.get(self.name, len(self.values))
        values = (*self.values, *[None] * count)[:count]
        head = struct.pack("<IBI", client.number(self.name), self.cursor, 1)
        client.speaker.send(wire.EXECUTE, head + self._parameters(values))
        return client.speaker.results()

    def _parameters(self, values: Sequence[Value]) -> bytes:
        if not values:
            return b""
        nulls = bytearray((len(values) + 7) // 8)
        types, data = b"", b""
        for index, value in enumerate(values):
            match value:
                case None:
                    nulls[index // 8] |= 1 << index % 8
                    types += struct.pack("<H", NULL)
                case int():
                    types += struct.pack("<H", LONGLONG)
                    data += struct.pack("<q", value)
                case float():
                    types += struct.pack("<H", DOUBLE)
                    data += struct.pack("<d", value)
                case str():
                    types += struct.pack("<H", VAR_STRING)
                    data += bytes((len(value.encode()),)) + value.encode()
        return bytes(nulls) + (b"\1" + types if self.typed else b"\0") + data


@attrs.frozen
class LongData:
    """COM_STMT_SEND_LONG_DATA, which has no answer."""

    name: str
    parameter: int
    data: str

    def run(self, client: Client) -> Packets:
        """Do it."""
        head = struct.pack("<IH", client.number(self.name), self.parameter)
        client.speaker.send(wire.LONG_DATA, head + self.data.encode())
        return []


@attrs.frozen
class Fetch:
    """COM_STMT_FETCH."""

    name: str
    rows: int

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.FETCH, struct.pack("<II", client.number(self.name), self.rows))
        return client.speaker.rows()


@attrs.frozen
class ResetStatement:
    """COM_STMT_RESET."""

    name: str

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.RESET_STATEMENT, struct.pack("<I", client.number(self.name)))
        return client.speaker.simple()


@attrs.frozen
class Close:
    """COM_STMT_CLOSE, which has no answer."""

    name: str

    def run(self, client: Client) -> Packets:
        """Do it."""
        client.speaker.send(wire.CLOSE, struct.pack("<I", client.number(self.name)))
        client.numbers.pop(self.name, None)
        return []


@attrs.frozen
class InitDb:
    """COM_INIT_DB."""

    schema: str

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.INIT_DB, self.schema.encode())
        return client.speaker.simple()


@attrs.frozen
class Ping:
    """COM_PING."""

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.PING)
        return client.speaker.simple()


@attrs.frozen
class Reset:
    """COM_RESET_CONNECTION."""

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.RESET)
        client.numbers.clear()
        client.parameters.clear()
        return client.speaker.simple()


@attrs.frozen
class SetOption:
    """COM_SET_OPTION: several statements in one text, or not."""

    multi: bool

    def run(self, client: Client) -> Packets:
        """Do it; the answer."""
        client.speaker.send(wire.SET_OPTION, struct.pack("<H", not self.multi))
        return client.speaker.simple()


Step = (
    Query
    | Prepare
    | Execute
    | LongData
    | Fetch
    | ResetStatement
    | Close
    | InitDb
    | Ping
    | Reset
    | SetOption
)
Script = Sequence[Step]


class Client:
    """A client that goes through a script.

    Attributes:
        speaker: Its connection.
        numbers: Ids of its prepared statements, by the script's names.
        parameters: How many parameters each of them has.
    """

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.numbers: dict[str, int] = {}
        self.parameters: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The id of a statement, one that nobody has if it was not prepared."""
        return self.numbers.get(name, NO_STATEMENT)

    def do(self, step: Step) -> Packets:
        """Do one step; its answer, or that there is none any more.

        A server may owe the end of an answer for ever: MySQL 9.7 does where a statement with
        SQL_CALC_FOUND_ROWS is executed beside its own cursor and max_error_count is 0.
        """
        try:
            return step.run(self)
        except OSError as error:
            why = b"nothing comes" if "timed out" in str(error) else b"the connection ended"
            return [Packet("gone", why)]


def steps(*found: str | Step) -> tuple[Step, ...]:
    """A script in which texts are queries."""
    return tuple(Query(step) if isinstance(step, str) else step for step in found)
