"""Targets with TLS, on real sockets: whom we take them for, and what they get."""

import contextlib
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from proxy.embedded.certificates import Authority, Purpose, self_signed
from proxy.wire.auth import CLEAR
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import auth_switch
from tests.support.loopback import (
    Connection,
    ScriptedServer,
    Talker,
    peak_kib,
    resident_kib,
    wait_until,
)
from tests.support.scripted import CAPABILITIES, IN_TRANSACTION, NONCE, ServerSide, packets
from tests.support.tls import V1_2, V1_3, VERSIONS, client_context, server_context

pytestmark = pytest.mark.loopback

versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])

NAME = "db.example.com"
DAY = timedelta(days=1)
ROW_BYTES = 60_000
ALLOWED_KIB = 60 * 1024


@pytest.fixture(scope="module")
def authority():
    """Is trusted."""
    return Authority.make()


@pytest.fixture
def files(authority, tmp_path):
    """The certificate of a good target, which is found at its address."""
    return authority.issue([NAME, "127.0.0.1"]).write(tmp_path / "target")


@pytest.fixture
def server(files):
    """A scripted server with TLS that gives in to every KILL."""
    with ScriptedServer(tls=server_context(files)) as server:
        server.routines[b"KILL"] = lambda side: [side.ok()]
        yield server


@pytest.fixture
def dial(serve, server, files):
    """A function that starts a proxy which speaks TLS to the server, or tries to."""

    def start(mode, *, name=None, shows=None, **settings):
        trust = {"ca": str(files.ca)} if mode.startswith("verify") else {}
        target = {"address": f"{server.host}:{server.port}"}
        if name:
            target["tls_server_name"] = name
        limits = {"max_connections": 9, "connection_borrow_timeout": 9, "connect_timeout": 2}
        group = {
            "targets": [target],
            "tls": {"mode": mode, **trust, **(shows or {})},
            "connection_pool_config": limits,
        }
        return serve(target_group=group, **settings)

    return start


def shown(files):
    """Write the setting of one certificate."""
    return {"certificate": str(files.certificate), "private_key": str(files.key)}


@contextlib.contextmanager
def entering(proxy):
    """Log a client in, without TLS."""
    with Talker(proxy.port) as client:
        assert client.log_in()[0] == 0
        yield client


def is_told(proxy, why):
    """Wait until the log says why no connection could be opened."""
    event = "a database connection could not be opened"
    wait_until(
        lambda: any(why in line["why"] for line in proxy.log() if line["message"] == event)
    )
    return True


def test_a_target_without_tls_is_taken_where_it_is_preferred(server, dial):
    """And TLS is spoken where it is offered, whatever the certificate says."""
    offered, server.tls = server.tls, None
    with entering(dial("preferred")) as client:
        assert client.ask(b"SELECT 1")[0] == 0
        assert server.resumed == []
        server.tls = offered
        server.connections[0].die()
        wait_until(lambda: not server.connections)
        assert client.ask(b"SELECT 2")[0] == 0
        assert server.resumed == [False]


def test_no_tls_is_spoken_where_it_is_disabled(server, dial):
    """A target that offers it is not asked for it."""

    def greet(connection):
        connection.side = ServerSide(offered=CAPABILITIES | Capability.SSL)
        connection.sock.sendall(connection.side.hello())

    server.welcome = greet
    with entering(dial("disabled")) as client:
        assert client.ask(b"SELECT 1")[0] == 0


@pytest.mark.parametrize("mode", ["required", "verify_identity"])
def test_a_target_without_tls_is_refused_where_it_is_required(server, dial, mode):
    """It gets no login; the log says what would have to change."""
    offered, server.tls = server.tls, None
    proxy = dial(mode)
    assert is_told(proxy, f"the target offers no TLS, and tls.mode is {mode}")
    server.tls = offered
    with entering(proxy) as client:
        assert client.ask(b"SELECT 1")[0] == 0


@pytest.mark.parametrize("mode", ["required", "verify_ca", "verify_identity"])
def test_a_target_has_to_be_who_it_says(authority, server, dial, tmp_path, mode):
    """As far as the mode demands; a good one is used as soon as it is there."""
    now = datetime.now(UTC)
    bad = {
        "is signed by itself": self_signed([NAME]),
        "is signed by an authority that is not trusted": Authority.make("x").issue([NAME]),
        "has expired": authority.issue([NAME], not_after=now - DAY),
        "is not valid yet": authority.issue([NAME], not_before=now + DAY),
    }
    wrong = {} if mode == "required" else bad
    if mode == "verify_identity":
        wrong["is not made for the name 'db.example.com'"] = authority.issue(["elsewhere"])
    contexts = {
        why: server_context(issued.write(tmp_path / str(number)))
        for number, (why, issued) in enumerate({**bad, **wrong}.items())
    }
    good, proxy = server.tls, None
    for why in wrong:
        server.tls = contexts[why]
        proxy = proxy or dial(mode, name=NAME)
        assert is_told(proxy, why)
    server.tls = good if wrong else contexts["has expired"]
    with entering(proxy or dial(mode, name=NAME)) as client:
        assert client.ask(b"SELECT 1")[0] == 0


@versions
def test_sessions_are_resumed_until_files_change(server, dial, files, version):
    """The second connection need not begin anew; who is trusted may then be another one."""
    server.tls = server_context(files, version=version)
    server.scripts[b"BEGIN"] = lambda connection: connection.answer(
        connection.side.ok(IN_TRANSACTION)
    )
    proxy = dial("verify_identity")
    with contextlib.ExitStack() as stack:

        def next_one():
            """Occupy connections until there is another one; whether it resumed a session."""
            before = len(server.resumed)
            while len(server.resumed) == before:
                client = stack.enter_context(entering(proxy))
                assert client.ask(b"BEGIN")[0] == 0
            return server.resumed[before]

        next_one()
        assert next_one()
        files.ca.touch()
        wait_until(lambda: any("renewed" in line["message"] for line in proxy.log()))
        assert not next_one()
        assert next_one()


def test_bytes_between_greeting_and_tls_are_refused(server, dial):
    """Nobody can put words into the mouth of a server that is verified afterwards."""
    heard = []

    def inject(connection):
        connection.sock.sendall(connection.side.hello() + b"\x07\x00\x00\x02\x00")
        heard.append(connection.sock.recv(100))

    server.welcome = inject
    proxy = dial("verify_identity")
    assert is_told(proxy, "the server sent something between its greeting and TLS")
    assert set(heard) <= {b""}

    def answer_plainly(connection):
        connection.sock.sendall(connection.side.hello())
        heard.append(connection.sock.recv(100)[4:36])
        connection.sock.sendall(packets([connection.side.ok()], 2) * 10)
        heard.append(connection.sock.recv(1))

    server.welcome = answer_plainly
    assert is_told(proxy, "TLS with the target failed: what came is no TLS")


@pytest.mark.parametrize(
    ("mode", "shown"), [("required", False), ("preferred", False), ("verify_ca", True)]
)
def test_a_password_in_clear_is_for_verified_targets(server, dial, mode, shown):
    """Another one asks for it in vain, by its greeting or later."""
    heard = {b"mysql_native_password": [], CLEAR.encode(): []}

    def ask(connection, plugin):
        hello = connection.side.hello()[4:].replace(b"mysql_native_password", plugin)
        connection.sock.sendall(encode(hello))
        connection.start_tls()
        heard[plugin].append(connection.sock.recv(1000))
        connection.sock.sendall(encode(auth_switch(CLEAR, NONCE), 3))
        heard[plugin].append(connection.sock.recv(1000))

    server.welcome = lambda connection: ask(
        connection, min(heard, key=lambda it: len(heard[it]))
    )
    proxy = dial(mode)
    wait_until(lambda: all(len(pieces) > 1 for pieces in heard.values()))
    for pieces in heard.values():
        assert b"app\x00" in pieces[0]
        assert (b"secret\x00" in b"".join(pieces)) is shown
    if not shown:
        assert is_told(proxy, "which goes over verified TLS only: set tls.mode to verify_ca")


@pytest.mark.parametrize(
    ("stays", "why"), [(False, "the connection was closed"), (True, "no answer from 127.0.0.1")]
)
def test_a_target_that_stops_in_the_handshake_is_given_up(server, dial, stays, why):
    """When it leaves, or after connect_timeout; it is used as soon as it goes on."""

    def stop(connection):
        connection.sock.sendall(connection.side.hello())
        connection.sock.recv(1000)
        if not stays:
            connection.die()

    server.welcome = stop
    proxy = dial("required")
    assert is_told(proxy, why)
    server.welcome = Connection.greet
    with entering(proxy) as client:
        assert client.ask(b"SELECT 1")[0] == 0


@pytest.mark.parametrize(("version", "has_one"), [(V1_2, False), (V1_3, False), (V1_3, True)])
def test_a_target_may_ask_for_a_certificate(
    authority, server, dial, files, tmp_path, version, has_one
):
    """Without one we hear its refusal, in TLS 1.3 only behind the handshake."""
    server.tls = server_context(files, version=version, client_ca=files.ca)
    if has_one:
        ours = authority.issue((), purpose=Purpose.CLIENT).write(tmp_path / "ours")
        with entering(dial("required", shows=shown(ours))) as client:
            assert client.ask(b"SELECT 1")[0] == 0
    else:
        assert is_told(dial("required"), "alert")


@pytest.fixture
def both(dial, authority, tmp_path):
    """A proxy with TLS on both sides."""
    front = authority.issue().write(tmp_path / "front")
    return dial("verify_identity", tls={"certificates": [shown(front)]})


@versions
def test_long_texts_arrive_as_they_are(server, both, version):
    """Results of 3 MB and statements of 1 MB, each some times, byte for byte."""
    chance = random.Random(5)
    rows = [(chance.randbytes(ROW_BYTES),) for _ in range(50)]
    answer = []

    def tell(connection):
        payloads = connection.side.rows(rows)
        answer[:] = payloads
        connection.sock.sendall(packets(payloads))

    server.scripts[b"SELECT much"] = tell
    statement = b"INSERT INTO t VALUES ('" + chance.randbytes(1_000_000).hex().encode() + b"')"
    with Talker(both.port) as client:
        client.start_tls(client_context(version=version))
        assert client.log_in()[0] == 0
        for _ in range(3):
            client.send(b"SELECT much")
            received = [client.payload() for _ in range(53)]
            assert received[:-1] == answer[:-1]
            assert client.ask(statement)[0] == 0
            assert server.texts[-1] == statement


def test_a_slow_reader_does_not_fill_the_memory(server, both):
    """100 MB for a client that does not read wait at the target, and arrive whole later."""
    rows_per_block, blocks, sent = 16, 105, []
    done = threading.Event()

    def stream(connection):
        payloads = connection.side.rows([(b"x" * ROW_BYTES,)] * rows_per_block)
        head, rows, end = payloads[:2], payloads[2:-1], payloads[-1]
        connection.sock.sendall(packets(head))
        for _ in range(blocks):
            connection.sock.sendall(packets(rows))
            sent.append(1)
        connection.sock.sendall(packets([end]))
        done.set()

    def stalls():
        before = len(sent)
        return not done.wait(0.5) and len(sent) == before

    server.scripts[b"SELECT much"] = stream
    with Talker(both.port, buffer=1 << 16) as client:
        client.start_tls()
        assert client.log_in()[0] == 0
        before = resident_kib(both.process.pid)
        client.send(b"SELECT much")
        wait_until(stalls)
        assert len(sent) < blocks // 3
        assert resident_kib(both.process.pid) - before < ALLOWED_KIB
        for _ in range(2):
            client.payload()
        for _ in range(blocks * rows_per_block):
            assert len(client.payload()) == ROW_BYTES + 3
        assert client.payload()[0] == 0xFE
        assert peak_kib(both.process.pid) - before < ALLOWED_KIB
        assert client.ask(b"SELECT 1")[0] == 0
