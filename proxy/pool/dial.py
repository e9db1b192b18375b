"""Opening a backend: connection and login, session trackers, the init query."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred

from proxy.dialogue.answers import Kind
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.net.answer import Answer
from proxy.net.backend import BackendProtocol
from proxy.pool.connect import Connector
from proxy.session.outcome import Target
from proxy.session.state import State, Variables, absorb
from proxy.session.variables import Treatment, canonical, tracked, treatment
from proxy.vocabulary import ServerKind, kind_of, version_number
from proxy.wire.commands import RESET_CONNECTION, query, set_multi_statements
from proxy.wire.constants import Capability
from proxy.wire.greeting import Greeting

CHARSETS = (
    b"character_set_client",
    b"character_set_connection",
    b"character_set_results",
    b"collation_connection",
)
SEES_USER_VARIABLES = (
    b"SELECT COUNT(*) FROM performance_schema.user_variables_by_thread "
    b"WHERE THREAD_ID = PS_CURRENT_THREAD_ID()"
)
SEES_LOCKS = (
    b"SELECT COUNT(*) FROM performance_schema.metadata_locks "
    b"WHERE OWNER_THREAD_ID = PS_CURRENT_THREAD_ID()"
)
"""What an account may ask only with a right of its own (MySQL)."""

NO_LIMIT = b"18446744073709551615"
"""sql_select_limit of a session that has none."""

DATABASE = b"SELECT CAST(DATABASE() AS BINARY)"
"""The default schema in UTF-8, whatever the charset of results is."""

FACTS = b"SELECT @@max_connections, @@sql_mode, " + b", ".join(
    b"@@global." + name for name in CHARSETS
)


@attrs.frozen
class Facts:
    """What a login told about a target.

    Attributes:
        greeting: Its greeting; only version, capabilities and collation matter later.
        status: Status bits right after the login.
        max_connections: The target's own limit.
        target: What sessions need to know of it.
        baseline: State of a new connection, as far as the init query changed it.
        charsets: The variables of `CHARSETS` that MySQL has after a reset; MariaDB goes back to
            those of the login.
    """

    greeting: Greeting
    status: int
    max_connections: int
    target: Target
    baseline: State
    charsets: Variables = ()

    @property
    def kind(self) -> ServerKind:
        """The family of the server."""
        return self.target.kind


@attrs.frozen
class Acquaintance:
    """What need not be asked again of a server of this version, by this account.

    Attributes:
        version: Its version text.
        tracked: Names for session_track_system_variables.
        fresh: The variables of a new connection, as SHOW VARIABLES tells them.
        sees_user_variables: See `Target`.
        sees_locks: See `Target`.
    """

    version: str
    tracked: bytes
    fresh: dict[bytes, bytes]
    sees_user_variables: bool
    sees_locks: bool


class Dialer:
    """Opens backends of one target, each within one deadline from the first packet on."""

    def __init__(
        self, connector: Connector, init_query: str | None, *, reports_commits: bool = False
    ) -> None:
        """Prepare to dial.

        Args:
            connector: Connects to the target.
            init_query: What runs first.
            reports_commits: Whether commits are to be reported with their GTIDs, where the
                server can.
        """
        self.connector = connector
        self._known: dict[str, Acquaintance] = {}
        self.reconfigure(init_query, reports_commits=reports_commits)

    def reconfigure(self, init_query: str | None, *, reports_commits: bool) -> None:
        """Open and reset backends in this way from now on; see above."""
        self._reports_commits = reports_commits
        self._init_query = init_query.encode() if init_query else b""

    def dial(self, account: Account) -> Deferred[tuple[BackendProtocol, Facts]]:
        """Open a backend and bring it into the baseline state.

        Fails with `BackendLostError` or its kind `BackendRefusedError`.
        """
        return self.connector.limit(Deferred.fromCoroutine(self._dial(account)))

    async def _dial(self, account: Account) -> tuple[BackendProtocol, Facts]:
        backend = await self.connector.log_in(account)
        try:
            known = await self._get_acquainted(backend)
            baseline = await self._establish(backend)
            answer = await self._ask(backend, FACTS)
            greeting = backend.greeting
            assert greeting is not None
            limit, sql_mode, *charsets = _row(answer, 2 + len(CHARSETS))
            facts = Facts(
                greeting=greeting,
                status=backend.status,
                max_connections=_number(limit),
                target=Target(
                    kind=kind_of(greeting.version),
                    version=version_number(greeting.version),
                    sql_mode=sql_mode,
                    tracks=_tracks(backend),
                    sees_user_variables=known.sees_user_variables,
                    sees_locks=known.sees_locks,
                ),
                baseline=baseline,
                charsets=tuple(zip(CHARSETS, charsets, strict=True)),
            )
        except BaseException:
            backend.abort()
            raise
        return backend, facts

    def reset(self, backend: BackendProtocol) -> Deferred[State]:
        """Bring a backend back to the baseline; answers its state then.

        A reset keeps the default schema, on MySQL and MariaDB alike.
        """
        return self.connector.limit(Deferred.fromCoroutine(self._reset(backend)))

    async def _reset(self, backend: BackendProtocol) -> State:
        await backend.ask(RESET_CONNECTION)
        await backend.ask(set_multi_statements(on=False))  # a reset leaves that as it is
        state = await self._establish(backend)
        (schema,) = _row(await self._ask(backend, DATABASE), 1)
        return state.with_schema(schema or None)

    async def _establish(self, backend: BackendProtocol) -> State:
        """Switch the trackers on and run the init query: both ends at a reset."""
        assert backend.greeting is not None
        state = State()
        if _tracks(backend):
            await self._ask(backend, self.tracking(backend))
        if self._init_query:
            await backend.ask(set_multi_statements(on=True))
            answer = await self._ask(backend, self._init_query)
            state = absorb(state, list(answer.changes), kind_of(backend.greeting.version)).state
            await backend.ask(set_multi_statements(on=False))
        return state

    async def _get_acquainted(self, backend: BackendProtocol) -> Acquaintance:
        """What the first login of an account finds out for all that come later."""
        assert backend.greeting is not None
        user, version = backend.account.user, backend.greeting.version
        known = self._known.get(user)
        if known is not None and known.version == version:
            return known
        kind = kind_of(version)
        fresh = await self._read_variables(backend)
        mariadb = kind is ServerKind.MARIADB
        known = self._known[user] = Acquaintance(
            version=version,
            tracked=b",".join(tracked(kind, fresh)),
            fresh=fresh,
            sees_user_variables=mariadb or await self._may(backend, SEES_USER_VARIABLES),
            sees_locks=not mariadb and await self._may(backend, SEES_LOCKS),
        )
        return known

    async def _may(self, backend: BackendProtocol, text: bytes) -> bool:
        try:
            await self._ask(backend, text)
        except BackendRefusedError:
            return False
        return True

    def tracking(self, backend: BackendProtocol) -> bytes:
        """The statement that switches the trackers on."""
        known = self._known[backend.account.user]
        text = (
            b"SET session_track_schema = ON, session_track_state_change = ON, "
            b"session_track_transaction_info = 'CHARACTERISTICS', "
            b"session_track_system_variables = '%s'" % known.tracked
        )
        if self._reports_commits and kind_of(known.version) is ServerKind.MYSQL:
            text += b", session_track_gtids = 'OWN_GTID'"
        return text

    async def _read_variables(self, backend: BackendProtocol) -> dict[bytes, bytes]:
        """All variables of a backend, by name.

        SHOW VARIABLES obeys sql_select_limit, which has to be out of the way.
        """
        (limit,) = _row(await self._ask(backend, b"SELECT @@sql_select_limit"), 1)
        if limit != NO_LIMIT:
            await self._ask(backend, b"SET sql_select_limit = " + NO_LIMIT)
        rows = (await self._ask(backend, b"SHOW SESSION VARIABLES")).rows
        if limit != NO_LIMIT:
            await self._ask(backend, b"SET sql_select_limit = " + limit)
        found = {row[0].lower(): row[1] or b"" for row in rows if len(row) == 2 and row[0]}
        return found | {b"sql_select_limit": limit}

    def changed(self, backend: BackendProtocol) -> Deferred[dict[bytes, bytes | None]]:
        """Ask a backend for the variables that differ from a new connection's.

        Charsets are told in any case: no two connections need begin with the same.
        """
        return self.connector.limit(Deferred.fromCoroutine(self._changed(backend)))

    async def _changed(self, backend: BackendProtocol) -> dict[bytes, bytes | None]:
        values = await self._read_variables(backend)
        known = self._known[backend.account.user]
        kind = kind_of(known.version)
        return {
            canonical(name): value
            for name, value in values.items()
            if treatment(name, kind) is Treatment.CARRIED
            and (name in CHARSETS or known.fresh.get(name) != value)
        }

    def _ask(self, backend: BackendProtocol, text: bytes) -> Deferred[Answer]:
        return backend.ask(query(text, backend.exchange.server_capabilities), Kind.RESULT)


def _row(answer: Answer, size: int) -> tuple[bytes, ...]:
    """The only row of an answer, empty values for NULL.

    Raises:
        BackendLostError: the answer has another form: who says so is no server that we know.
    """
    if len(answer.rows) != 1 or len(answer.rows[0]) != size:
        raise BackendLostError("the server's answer to a statement of ours makes no sense")
    return tuple(value or b"" for value in answer.rows[0])


def _number(value: bytes) -> int:
    """A value that is a whole number.

    Raises:
        BackendLostError: it is not.
    """
    if not value.isdigit():
        raise BackendLostError(f"the server says {value!r} where a number belongs")
    return int(value)


def _tracks(backend: BackendProtocol) -> bool:
    """Without CLIENT_DEPRECATE_EOF the ends of results have no room for reports."""
    needed = Capability.SESSION_TRACK | Capability.DEPRECATE_EOF
    return backend.exchange.server_capabilities & needed == needed
