"""What all clients of one configured proxy share."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Final

from proxy.config.log import LoggedLogins
from proxy.config.model import MAX_WORKERS, ProxyConfig
from proxy.credentials.source import CredentialSource
from proxy.dialogue.backend import SHAPE
from proxy.errors import StatementRefusedError, charset_refused, pinned_too_long
from proxy.front.admission import Admission
from proxy.front.deadlines import Deadlines
from proxy.front.naming import where, who
from proxy.observe.counters import SLOW_SECONDS, Counters
from proxy.observe.digests import Digests
from proxy.observe.log import get_logger
from proxy.pool.dial import Facts
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.session.pins import ignored_reasons
from proxy.session.state import State, Variables, interned
from proxy.session.variables import NAMES
from proxy.vocabulary import Role, ServerKind
from proxy.wire.auth import CACHING_SHA2, NATIVE
from proxy.wire.auth.steps import RsaKey
from proxy.wire.collations import collation, is_client_charset
from proxy.wire.constants import Capability, Status
from proxy.wire.greeting import NONCE_SIZE, Greeting

if TYPE_CHECKING:
    from proxy.front.client import Client
    from proxy.front.console import Console
    from proxy.front.console_session import ConsoleSession
    from proxy.front.kill import Elsewhere

VERSION_UNTIL_KNOWN = "8.0.0"
"""Greeting's version text while no target has been reached yet: what most clients expect."""

COLLATION_UNTIL_KNOWN = 45
"""utf8mb4_general_ci: MySQL and MariaDB both have it."""

KNOWN_SCHEMAS = 10_000
"""Schemas that are remembered as reachable; more are asked for again at each login."""

OFFERED = int(
    SHAPE
    | Capability.LONG_PASSWORD
    | Capability.LONG_FLAG
    | Capability.CONNECT_WITH_DB
    | Capability.ODBC
    | Capability.PROTOCOL_41
    | Capability.IGNORE_SIGPIPE
    | Capability.TRANSACTIONS
    | Capability.RESERVED
    | Capability.SECURE_CONNECTION
    | Capability.MULTI_STATEMENTS
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_ATTRS
    | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | Capability.CAN_HANDLE_EXPIRED_PASSWORDS
    | Capability.SESSION_TRACK
    | Capability.DEPRECATE_EOF
)
"""What we can do for a client, as far as its target can too."""

OFFERED_UNTIL_KNOWN = OFFERED & ~int(Capability.QUERY_ATTRIBUTES)
"""The same while no target has been reached yet: MariaDB would take attributes for SQL."""

OURS = int(
    Capability.CONNECT_WITH_DB
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_ATTRS
    | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | Capability.SECURE_CONNECTION
    | Capability.PROTOCOL_41
)
"""What concerns only the login with us, whatever the target can do."""


_SSL: Final = int(Capability.SSL)


SEATS: Final = MAX_WORKERS + 1
"""Between two ids that one of several processes gives, so that each gives its own ones: what
remains of them is its number.  It divides 2^32, so that this holds when ids begin again."""

_LAST_NUMBER: Final = 0xFFFFFFFF


class ConnectionIds:
    """Ids of clients, unique in this process; 32 bits, zero left out.

    With a stride of `SEATS` they are unique among all processes that serve together.

    Attributes:
        upcoming: The next one, unless a client has it.
    """

    def __init__(self, first: int = 1, stride: int = 1) -> None:
        """Begin with an id, which may be larger than any; each next one is `stride` further."""
        self._stride = stride
        self._lowest = first % stride or stride
        rounds = (_LAST_NUMBER - self._lowest) // stride + 1
        self.upcoming = self._lowest + (first - self._lowest) // stride % rounds * stride

    def next_free(self, taken: Container[int]) -> int:
        """The next id that no client has."""
        while True:
            number = self.upcoming
            following = number + self._stride
            self.upcoming = self._lowest if following > _LAST_NUMBER else following
            if number not in taken:
                return number


def seat_of(number: int) -> int:
    """Which of the processes that serve together has given an id; 0 is none of them."""
    return number % SEATS


def first_number(seat: int, beyond: int = 0) -> int:
    """The first id of a process of this seat that is larger than another id, of anybody."""
    return beyond + (seat - beyond - 1) % SEATS + 1


class Proxy:
    """One configured proxy at work.

    Attributes:
        pools: Those of its targets.
        writers: How clients get to the target that takes writes.
        routes: From which pools the clients of each endpoint are served.
        clients: Who is connected, by the id that the greeting gave; shared by all proxies of
            the process, so that ids are unique.
        pinned: Clients that have, or had a moment ago, a pin.
        known_schemas: (user, schema) pairs with which a backend has been used.
        console: Serves admin users; None where there are none.
        consoles: The clients that it serves now.
        spare: Ids of clients that came although there were max_clients already.
        elsewhere: The processes that serve beside this one; None where there are none.
        clients_elsewhere: How many clients these had when the last one came in here.
        logged_logins: Which logins have a line in the log; may change at any time.
        tell_after: Seconds after which `front.telling` has something to say of a statement.
        look_after: Seconds after which `front.timing` looks at one more closely.
        digests: Which statements run how often.
    """

    def __init__(
        self,
        config: ProxyConfig,
        pools: Pools,
        routes: Mapping[Role, Route],
        credentials: CredentialSource,
        counters: Counters,
        deadlines: Deadlines,
        rsa_key: RsaKey | None,
        ids: ConnectionIds,
        clients: dict[int, Client],
        admission: Admission,
    ) -> None:
        self.config = config
        self.pools = pools
        self.writers = routes[Role.READ_WRITE]
        self.routes = {one.name: routes[one.target_role] for one in config.endpoints}
        self._facts: Facts | None = None
        self.credentials = credentials
        self.counters = counters
        self.deadlines = deadlines
        self.rsa_key = rsa_key
        self.ids = ids
        self.clients = clients
        self.admission = admission
        self.count = 0
        self.draining = False
        self.pinned: dict[Client, None] = {}
        self.console: Console | None = None
        self.consoles: dict[Client, ConsoleSession] = {}
        self.spare: set[int] = set()
        self.elsewhere: Elsewhere | None = None
        self.clients_elsewhere = 0
        self.known_schemas: set[tuple[str, bytes | None]] = set()
        pinning_filters = config.target_group.connection_pool_config.session_pinning_filters
        self.ignored_reasons = ignored_reasons(one.value for one in pinning_filters)
        self.log = get_logger(proxy=config.name)
        self.logged_logins: LoggedLogins = "failed"
        self._debug = config.debug_logging
        self._slow_statement_time: float | None = None
        self.tell_after = self.look_after = 0.0
        self._set_tell_after()
        self.digests = Digests()

    def __repr__(self) -> str:
        """Its name, and how busy it is."""
        return f"<Proxy {self.config.name!r} {self.count} clients {self.pools!r}>"

    def reconfigure(self, config: ProxyConfig, routes: Mapping[Role, Route]) -> None:
        """Go by this configuration from now on; its clients stay on their routes."""
        if config.debug_logging is not self.config.debug_logging:
            self.debug = config.debug_logging  # else what was switched while it runs stays
        before, self.config = self.config, config
        self.routes = {one.name: routes[one.target_role] for one in config.endpoints}
        pinning_filters = config.target_group.connection_pool_config.session_pinning_filters
        self.ignored_reasons = ignored_reasons(one.value for one in pinning_filters)
        if (before.idle_client_timeout, before.login_timeout) != (
            config.idle_client_timeout,
            config.login_timeout,
        ):
            for client in self.own_clients():
                self.deadlines.watch(client)

    @property
    def debug(self) -> bool:
        """Whether the log shows each statement; may change at any time."""
        return self._debug

    @debug.setter
    def debug(self, on: bool) -> None:
        self._debug = on
        self._set_tell_after()

    @property
    def slow_statement_time(self) -> float | None:
        """Seconds after which a statement has a line in the log; None is never.

        It may change at any time.
        """
        return self._slow_statement_time

    @slow_statement_time.setter
    def slow_statement_time(self, seconds: float | None) -> None:
        self._slow_statement_time = seconds
        self._set_tell_after()

    def _set_tell_after(self) -> None:
        slow = self._slow_statement_time
        self.tell_after = 0.0 if self._debug else math.inf if slow is None else slow
        self.look_after = min(self.tell_after, SLOW_SECONDS)

    @property
    def pool(self) -> TargetPool:
        """The pool of the target that takes writes."""
        return self.writers.pool

    @property
    def facts(self) -> Facts | None:
        """What is known of the targets: by the writer, else by the one before."""
        self._facts = self.writers.pool.facts or self._facts
        return self._facts

    @property
    def kind(self) -> ServerKind:
        """The family of the target, MySQL until it is known."""
        facts = self.facts
        return facts.kind if facts else ServerKind.MYSQL

    @property
    def default_plugin(self) -> str:
        """The authentication plugin that suits the target's own clients."""
        return NATIVE if self.kind is ServerKind.MARIADB else CACHING_SHA2

    def greeting(self, number: int) -> Greeting:
        """What a new client is greeted with."""
        facts = self.facts
        version = VERSION_UNTIL_KNOWN
        able, language = OFFERED_UNTIL_KNOWN, COLLATION_UNTIL_KNOWN
        if facts is not None:
            version = facts.greeting.version
            able = OFFERED & (facts.greeting.capabilities | OURS)
            language = facts.greeting.collation
        if self.admission.tls is not None:
            able |= _SSL
        return Greeting(
            version=self.config.server_version or version,
            connection_id=number,
            nonce=make_nonce(),
            capabilities=able,
            collation=language,
            status=int(Status.AUTOCOMMIT),
            plugin=self.default_plugin,
        )

    def first_state(
        self, facts: Facts, schema: bytes | None, collation_id: int, *, multi_statements: bool
    ) -> State:
        """The state of a session that has just logged in.

        A collation id that is unknown becomes the server's default, as the server does itself.

        Raises:
            StatementRefusedError: no client can speak the charset.
        """
        state = _with_collation(
            facts.baseline, collation_id, facts.greeting.collation, facts.kind
        )
        return _first_state(state, schema or state.schema, multi_statements)

    def state_after_reset(self, facts: Facts, state: State) -> State:
        """What COM_RESET_CONNECTION leads to, from the state right after the login.

        MySQL goes back to its global charset, MariaDB to that of the login.
        """
        if facts.kind is ServerKind.MARIADB:
            return state
        return _with_charsets(state, facts.charsets)

    def remember_schema(self, user: str, schema: bytes | None) -> None:
        """A backend of this user has been used with this schema."""
        if len(self.known_schemas) < KNOWN_SCHEMAS:
            self.known_schemas.add((user, schema))

    def own_clients(self) -> list[Client]:
        """The clients of this proxy, a snapshot."""
        return [client for client in self.clients.values() if client.proxy is self]

    def end_long_pins(self) -> None:
        """End the sessions that hold a backend for longer than max_pinned_seconds."""
        limit = self.config.target_group.connection_pool_config.max_pinned_seconds
        for client in [*self.pinned]:
            pins = client.session.pins if client.session is not None else ()
            oldest = pins.oldest() if pins else None
            if oldest is None:
                del self.pinned[client]
            elif (
                limit is not None
                and not client.ends
                and oldest.age(self.deadlines.now) >= limit
            ):
                reasons = sorted({pin.reason.name for pin in pins})
                self.log.warning(
                    "a client was pinned for too long",
                    **who(client),
                    **where(client),
                    reasons=reasons,
                    statement=oldest.statement or None,
                    seconds=round(oldest.age(self.deadlines.now)),
                )
                client.end(pinned_too_long(limit, reasons))


_STATES = 1024
"""First states that are kept: one for each schema and charset of the applications."""


@functools.lru_cache(_STATES)
def _with_collation(baseline: State, number: int, default: int, kind: ServerKind) -> State:
    wanted = collation(number, kind)
    if wanted is None:
        wanted = collation(default, kind)
    assert wanted is not None
    if not is_client_charset(wanted.charset):
        raise StatementRefusedError(charset_refused(wanted.charset))
    charset = wanted.charset.encode()
    return baseline.assign(
        {
            b"character_set_client": charset,
            b"character_set_connection": charset,
            b"character_set_results": charset,
            b"collation_connection": wanted.name.encode(),
            NAMES: wanted.name.encode(),
        }
    )


@functools.lru_cache(_STATES)
def _first_state(state: State, schema: bytes | None, multi_statements: bool) -> State:  # noqa: FBT001 - a key
    return interned(State(schema, state.variables, multi_statements=multi_statements))


@functools.lru_cache(_STATES)
def _with_charsets(state: State, charsets: Variables) -> State:
    names = dict(charsets).get(b"collation_connection")
    return interned(state.assign({**dict(charsets), NAMES: names}))


_NONCE_BYTES: Final = bytes(byte % 126 + 1 for byte in range(256))


def make_nonce() -> bytes:
    """A challenge of 20 random bytes; no NUL and no byte above 0x7F, as servers make it."""
    return os.urandom(NONCE_SIZE).translate(_NONCE_BYTES)
