"""Asking a target, over a connection that is logged in and kept for it."""

from __future__ import annotations

import abc
from typing import Final, TypeAlias

from proxy.dialogue.answers import Kind
from proxy.errors import BackendRefusedError
from proxy.failover.probes.failures import ABSENT, NO_RIGHT, OddAnswerError
from proxy.net.answer import Answer
from proxy.net.backend import BackendProtocol
from proxy.policy.observation import Seen
from proxy.vocabulary import kind_of
from proxy.wire.commands import query
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_column_names

Row: TypeAlias = dict[str, str | None]
"""Values by the lower-case names of their columns."""

PREPARATION: Final = (
    b"SET autocommit = 1, sql_mode = '', time_zone = '+00:00', character_set_results = NULL, "
    b"sql_select_limit = 18446744073709551615"
)
"""Makes answers independent of the server's defaults: without autocommit a connection sees a
table forever as it was at first, and with sql_select_limit = 0 a SELECT has no rows at all."""

ASK_AGAIN_AFTER: Final = 60
"""Looks until what was refused is asked again, a minute by default: a right that was granted
shows by itself, and a server that writes refusals into a log has few to write."""


class Asking:
    """Asks one server over one connection, and remembers what is of no use to ask.

    Attributes:
        backend: The connection.
        kind: The server's family.
        unseen: What the user had no right to see in this look.
    """

    def __init__(self, backend: BackendProtocol) -> None:
        assert backend.greeting is not None
        self.backend = backend
        self.kind = kind_of(backend.greeting.version)
        self.unseen: list[str] = []
        self._refused: dict[bytes, int] = {}
        self._absent: set[bytes] = set()

    async def prepare(self) -> None:
        """Bring a new connection into a known state.

        Raises:
            BackendLostError: as by `rows`.
        """
        await self._ask(PREPARATION)

    def begin(self) -> None:
        """A new look."""
        self.unseen = []
        self._refused = {text: left - 1 for text, left in self._refused.items() if left > 1}

    async def rows(self, text: bytes) -> list[Row]:
        """The rows of a result.

        Raises:
            BackendRefusedError: the server answers with an error.
            OddAnswerError: the answer cannot be read.
            BackendLostError: the connection ended.
        """
        answer = await self._ask(text)
        names = [_name_of(definition) for definition in answer.head[1:]]
        rows = answer.rows
        if not names or any(len(row) != len(names) for row in rows):
            raise OddAnswerError("the server answers a SELECT or SHOW with no result")
        return [dict(zip(names, map(_text, row), strict=True)) for row in rows]

    async def row(self, text: bytes) -> Row:
        """The only row of a result.

        Raises:
            BackendLostError: as by `rows`; the result has another form.
        """
        rows = await self.rows(text)
        if len(rows) != 1:
            raise OddAnswerError(f"the server answers with {len(rows)} rows instead of one")
        return rows[0]

    async def rows_if_any(self, text: bytes, what: str) -> list[Row] | None:
        """The rows; None where the user has no right to see them or there is no such thing.

        Args:
            text: The statement.
            what: What it shows and the right that it needs, for `Seen.unseen`.

        Raises:
            BackendLostError: as by `rows`.
        """
        if text in self._absent:
            return None
        if text not in self._refused:
            try:
                return await self.rows(text)
            except BackendRefusedError as error:
                if error.reply.code in ABSENT:
                    self._absent.add(text)
                    return None
                if error.reply.code not in NO_RIGHT:
                    raise
                self._refused[text] = ASK_AGAIN_AFTER
        self.unseen.append(what)
        return None

    async def _ask(self, text: bytes) -> Answer:
        backend = self.backend
        payload = query(text, backend.exchange.server_capabilities)
        return await backend.ask(payload, Kind.RESULT)


class Probe(abc.ABC):
    """Looks at one target.  It belongs to one monitor, which has one look at a time."""

    def __init__(self) -> None:
        self._asking: Asking | None = None

    async def look(self, backend: BackendProtocol) -> Seen:
        """Say what a target shows.

        Args:
            backend: A connection to it that is logged in; the same one from look to look as
                long as it lives.

        Raises:
            BackendRefusedError: the server answers a statement with an error that says more
                than that a right is missing.
            BackendLostError: the connection ended, or the server answers nonsense.
        """
        asking = self._asking
        if asking is None or asking.backend is not backend:
            asking = Asking(backend)
            await asking.prepare()
            self._asking = asking
        asking.begin()
        return await self.ask(asking)

    @abc.abstractmethod
    async def ask(self, asking: Asking) -> Seen:
        """Ask what decides.  Raises as `look` does."""


def _name_of(definition: bytes) -> str:
    """The name in a column definition; none where it cannot be read."""
    names = parse_column_names(definition)
    return "" if isinstance(names, Malformed) else names[1].decode("utf-8", "replace").lower()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
