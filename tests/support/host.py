"""A scripted server that knows whether it takes writes and whom it replicates from."""

from __future__ import annotations

from proxy.failover.probes.facts import MYSQL
from proxy.policy.gtids import parse
from proxy.policy.observation import Seen
from proxy.wire.responses import Err
from tests.support.scripted import AUTOCOMMIT, IN_TRANSACTION
from tests.support.servers import Servers

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
GTIDS = f"{UUID}:1-5"


class Host:
    """A server.

    Attributes:
        servers: Where connections to it end.
        ran: Statements of clients that it has run, in order.
        ordered: Orders that it was given, in order.
        answers: What it answers to texts that begin so: an Err, or a callable that gets the
            `ServerSide` and gives payloads, or None for no answer.
        alive: Whether it answers at all.
        behind: It never gets the transactions that it is to wait for.
    """

    def __init__(self, clock, name, diary, *, read_only, sources=()):
        self.name = name
        self._diary = diary
        self.server = f"server of {name}"
        self.read_only = read_only
        self.sources = sources
        self.replicates = True if sources else None
        self.lag_seconds = None
        self.members = ()
        self.position = GTIDS
        self.serves = self.alive = True
        self.behind = False
        self.ran, self.ordered, self.answers = [], [], {}
        self.servers = Servers(clock)
        self.servers.routines = {
            b"INSERT": self._run,
            b"SELECT '": self._read,
            b"BEGIN": self._run,
            b"COMMIT": self._run,
            b"SET GLOBAL": self._order,
            b"SELECT @@GLOBAL": self._order,
            b"SELECT WAIT": self._order,
            b"SET autocommit = 1, sql_mode": lambda side: [side.ok()],
            b"SELECT @@global": self._tell,
            b"SHOW REPLICA STATUS": self._tell_sources,
            b"SELECT group": self._order,
            b"STOP": self._order,
            b"START REPLICA": self._order,
            b"RESET": self._order,
            b"CHANGE": self._order,
            b"KILL": self._order,
        }

    def _text(self, side):
        return side.text_of(side.commands[-1])

    def _answer(self, side, text):
        """What a test wants for this text, and whether it wants anything."""
        for beginning, answer in self.answers.items():
            if text.startswith(beginning):
                return True, [answer.encode()] if isinstance(answer, Err) else answer(side)
        return False, None

    def _run(self, side):
        text = self._text(side)
        wanted, answer = self._answer(side, text)
        if wanted:
            return answer
        if text.startswith(b"INSERT") and self.read_only:
            message = b"The MySQL server is running with the --read-only option so it cannot"
            return [Err(1290, "HY000", message).encode()]
        self.ran.append(text.decode())
        if text == b"BEGIN":
            side.status = IN_TRANSACTION
        elif text == b"COMMIT":
            side.status = AUTOCOMMIT
        return [side.ok()]

    def _read(self, side):
        text = self._text(side)
        wanted, answer = self._answer(side, text)
        if wanted:
            return answer
        self.ran.append(text.decode())
        return side.rows([(self.name.encode(),)])

    def _order(self, side):
        text = self._text(side)
        self.ordered.append(text.decode())
        self._diary.append((self.name, text.decode()))
        wanted, answer = self._answer(side, text)
        if wanted:
            return answer
        self._obey(text)
        if text.startswith(b"SELECT @@GLOBAL"):
            return side.rows([(self.position.encode(),)])
        if text.startswith(b"SELECT WAIT"):
            return side.rows([(b"1" if self.behind else b"0",)])
        return [side.ok()]

    def _obey(self, text):
        if text.startswith(b"SET GLOBAL super_read_only = 1"):
            self.read_only = True
        elif text == b"SET GLOBAL read_only = 0":
            self.read_only = False
        elif text.startswith(b"STOP"):
            self.replicates = False
        elif text.startswith(b"START"):
            self.replicates = bool(self.sources)
        elif text.startswith(b"RESET"):
            self.sources, self.replicates = (), None
        elif text.startswith(b"CHANGE"):
            self.sources = (text.decode(),)

    # What a real look asks

    def _tell(self, side):
        wanted, answer = self._answer(side, self._text(side))
        if wanted:
            return answer
        values = {
            "version": "8.4.0",
            "server_uuid": self.server,
            "read_only": int(self.read_only),
            "gtid_mode": "ON",
            "gtid_executed": self.position,
        }
        names = [f"@@global.{name}".encode() for name in MYSQL]
        row = [str(values[name]).encode() if name in values else None for name in MYSQL]
        return side.rows([row], columns=names)

    def _tell_sources(self, side):
        names = (b"source_host", b"source_port", b"replica_io_running", b"replica_sql_running")
        rows = [
            (one.partition(":")[0].encode(), b"3306", b"Yes", b"Yes") for one in self.sources
        ]
        return side.rows(rows, columns=names)

    # What happens to it

    def freeze(self):
        """Stop the process: nothing is answered, and nothing is closed."""
        self.alive, self.servers.silent = False, True
        self.servers.routines.clear()
        for backend in self.servers.backends:
            backend.side._routine = lambda _: None

    def kill(self):
        """End the process: connections are reset, new ones refused."""
        self.alive, self.servers.down = False, True
        for backend in self.servers.backends:
            if not backend.gone:
                backend.die()

    def start(self):
        """Start it again."""
        self.alive, self.servers.down = True, False

    def cut(self):
        """Cut the connections that there are, as a network does that comes back at once."""
        for backend in self.servers.backends:
            if not backend.gone:
                backend.die()

    def seen(self):
        """What a look at it shows."""
        return Seen(
            server=self.server,
            version="8.4.0",
            writable=self.serves and not self.read_only,
            serves=self.serves,
            why="" if self.serves else "out of the cluster",
            position=parse(self.position),
            sources=self.sources,
            replicates=self.replicates,
            lag_seconds=self.lag_seconds,
            members=self.members,
        )

    @property
    def open_connections(self):
        """Connections that are open on both sides."""
        return [one for one in self.servers.backends if one.wire.connected and not one.gone]
