"""A MySQL server that says what a test tells it to, and the packets that both sides need.

`ServerSide` is without input or output: it logs everybody in, answers what a proxy asks for its
own sake, and leaves every other command to whoever drives it (`memory` or `loopback`).
"""

from __future__ import annotations

from proxy.dialogue.backend import ALWAYS, SHAPE
from proxy.front.leftovers import CLEARING
from proxy.pool.dial import DATABASE
from proxy.wire.auth import native
from proxy.wire.constants import Capability, Command, SessionTrack, Status
from proxy.wire.framing import Packet, PacketReader, encode
from proxy.wire.greeting import Greeting, Login, parse_greeting, parse_login
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Err, Ok

VERSION = "8.4.0-scripted"
CAPABILITIES = int(ALWAYS | SHAPE | Capability.CONNECT_WITH_DB | Capability.MULTI_STATEMENTS)
AUTOCOMMIT = int(Status.AUTOCOMMIT)
IN_TRANSACTION = int(Status.AUTOCOMMIT | Status.IN_TRANS)
FACTS = (b"STRICT_TRANS_TABLES", b"utf8mb4", b"utf8mb4", b"utf8mb4", b"utf8mb4_general_ci")
"""What the server says of itself behind max_connections: sql_mode, charsets, collation."""

VARIABLES = [(b"autocommit", b"ON"), (b"sql_mode", FACTS[0]), (b"time_zone", b"SYSTEM")]
"""The variables of a new connection."""

NO_LIMIT = b"18446744073709551615"
"""sql_select_limit of a new connection."""

OURS = (
    b"SET session_track",
    b"SET character_set",
    b"SET NAMES utf8mb4 COLLATE",
    b"SET last_insert_id",
    b"SIGNAL SQLSTATE",
)
"""How assignments begin that a proxy makes for its own sake."""

NONCE = b"abcdefghijklmnopqrst"


def packets(payloads, sequence=1):
    """Put payloads into packets, numbered from `sequence` on."""
    return b"".join(encode(payload, sequence + n) for n, payload in enumerate(payloads))


def column(name):
    """Define a column of text."""
    words = (b"def", b"", b"", b"", name, name)
    fixed = b"\x0c\x2d\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00"
    return b"".join(map(lenenc_bytes, words)) + fixed


def row(values):
    """Write a row of the text protocol."""
    return b"".join(b"\xfb" if v is None else lenenc_bytes(v) for v in values)


def result(rows, capabilities, *, columns=None, status=AUTOCOMMIT, warnings=0):
    """Write a whole result set as payloads."""
    names = columns or [b"c%d" % n for n in range(len(rows[0]) if rows else 1)]
    payloads = [lenenc_int(len(names)), *map(column, names)]
    if capabilities & Capability.DEPRECATE_EOF:
        end = Ok(status=status, warnings=warnings, header=0xFE).encode(capabilities)
    else:
        end = Eof(warnings, status).encode()
        payloads.append(Eof(warnings, status).encode())
    return [*payloads, *map(row, rows), end]


class ServerSide:
    """One connection of a scripted server.

    Attributes:
        routines: What it answers by itself beside the usual: how a text (or a payload) begins,
            and a callable that gets this object and gives payloads, or None to leave it.
        passwords: Those that it takes, for any user; None: whatever comes.
    """

    def __init__(
        self,
        number=1,
        *,
        refusal=None,
        max_connections=100,
        routines=None,
        version=VERSION,
        offered=CAPABILITIES,
        passwords=None,
    ):
        self.number = number
        self.passwords = passwords
        self.version = version
        self.offered = offered
        self.refusal = refusal
        self.max_connections = max_connections
        self.routines = {} if routines is None else routines
        self.capabilities = 0
        self.login = None
        self.schema = None
        self.status = AUTOCOMMIT
        self.commands = []
        self.reader = PacketReader(1 << 27, 1)

    def hello(self):
        """Write the greeting."""
        greeting = Greeting(
            self.version,
            self.number,
            NONCE,
            self.offered,
            45,
            AUTOCOMMIT,
            "mysql_native_password",
        )
        return encode(greeting.encode())

    def receive(self, data):
        """Take bytes; give what to send at once, and the commands that are the test's."""
        self.reader.feed(data)
        outgoing, left = [], []
        while isinstance(packet := self.reader.next_packet(), Packet):
            self.reader.sequence = 0
            if self.login is None:
                outgoing.append(self._log_in(packet.payload))
                continue
            self.commands.append(packet.payload)
            answer = self._routine(packet.payload)
            if answer is None:
                left.append(packet.payload)
            else:
                outgoing.append(packets(answer))
        return b"".join(outgoing), left

    def _log_in(self, payload):
        self.login = parse_login(payload)
        self.capabilities = self.login.capabilities
        if self.refusal is not None:
            return encode(self.refusal.encode(), 2)
        if self.passwords is not None and self.login.auth_response not in {
            native.scramble(password, NONCE) for password in self.passwords
        }:
            return encode(Err(1045, "28000", b"Access denied by the target").encode(), 2)
        return encode(Ok(status=self.status).encode(self.capabilities), 2)

    def text_of(self, payload):
        """Say the text of a COM_QUERY, or an empty one."""
        if payload[0] != Command.QUERY:
            return b""
        return payload[3:] if self.capabilities & Capability.QUERY_ATTRIBUTES else payload[1:]

    def ok(self, status=None, **fields):
        """Write an OK packet's payload."""
        fields["status"] = self.status if status is None else status
        return Ok(**fields).encode(self.capabilities)

    def end(self):
        """Write what stands at the end of a result."""
        if self.capabilities & Capability.DEPRECATE_EOF:
            return Ok(status=self.status, header=0xFE).encode(self.capabilities)
        return Eof(status=self.status).encode()

    def rows(self, rows, **more):
        """Write a result set's payloads for this connection."""
        more.setdefault("status", self.status)
        return result(rows, self.capabilities, **more)

    def _routine(self, payload):
        text = self.text_of(payload)
        for beginning, routine in self.routines.items():
            if (text or payload).startswith(beginning):
                return routine(self)
        if payload[0] == Command.QUIT:
            return []
        if payload[0] == Command.INIT_DB:
            self.schema = payload[1:]
            change = (int(SessionTrack.SCHEMA), lenenc_bytes(self.schema))
            return [self.ok(changes=(change,))]
        if payload[0] == Command.RESET_CONNECTION:
            self.status = AUTOCOMMIT
            return [self.ok()]
        if payload[0] == Command.SET_OPTION:
            return [self.end()]
        if payload[0] == Command.PING or text.startswith(OURS):
            return [self.ok()]
        return self._told(text)

    def _told(self, text):
        if text == b"SELECT @@sql_select_limit":
            return self.rows([(NO_LIMIT,)])
        if text == b"SHOW SESSION VARIABLES":
            return self.rows(VARIABLES)
        if b"performance_schema" in text:
            return [Err(1142, "42000", b"SELECT command denied").encode()]
        if text.startswith(b"SELECT @@max_connections"):
            return self.rows([(b"%d" % self.max_connections, *FACTS)])
        if text == b"SHOW WARNINGS":
            return self.rows([(b"Error", b"1146", b"no")])
        if text in (b"SELECT LAST_INSERT_ID()", b"SELECT FOUND_ROWS()"):
            return self.rows([(b"0",)])
        if text == CLEARING:
            return self.rows([(b"1",)])
        if text == DATABASE:
            return self.rows([(self.schema,)])
        return None


CLIENT_CAPABILITIES = int(
    Capability.LONG_PASSWORD
    | Capability.PROTOCOL_41
    | Capability.TRANSACTIONS
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.DEPRECATE_EOF
    | Capability.MULTI_RESULTS
    | Capability.LOCAL_FILES
)


def login_packet(
    greeting,
    user="app",
    password="secret",
    schema=None,
    capabilities=None,
    *,
    plugin="mysql_native_password",
    proof=None,
    sequence=1,
):
    """Write a login in answer to the payload of a greeting.

    The proof is that of the password by mysql_native_password, unless another one is given.
    """
    if proof is None:
        proof = native.scramble(password, parse_greeting(greeting).nonce)
    flags = CLIENT_CAPABILITIES if capabilities is None else capabilities
    if schema is not None:
        flags |= Capability.CONNECT_WITH_DB
    login = Login(
        capabilities=int(flags),
        max_packet=1 << 24,
        collation=45,
        user=user,
        auth_response=proof,
        schema=schema,
        plugin=plugin,
    )
    return encode(login.encode(), sequence)


def query_packet(text):
    """Write a COM_QUERY of a client without query attributes."""
    return encode(bytes((Command.QUERY,)) + text)


def error(code, sqlstate="HY000", message=b"no"):
    """Make an ERR packet's content."""
    return Err(code, sqlstate, message)
