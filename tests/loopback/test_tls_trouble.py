"""Clients with TLS, on real sockets, most of them in trouble."""

import contextlib
import socket
import ssl
import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from OpenSSL import SSL

from proxy.embedded.certificates import Authority, Purpose
from proxy.net.tls import TlsFailedError
from proxy.wire.commands import PING
from proxy.wire.framing import encode
from tests.support.loopback import SSL_REQUEST, ScriptedServer, Talker, error_code, wait_until
from tests.support.process import running_proxy
from tests.support.tls import VERSIONS, OpenSslPeer, Peer, client_context

pytestmark = pytest.mark.loopback

versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def authority():
    """Has signed what the proxy shows."""
    return Authority.make()


@pytest.fixture
def files(authority, tmp_path):
    """What a proxy shows that a test has for itself."""
    return authority.issue().write(tmp_path / "certificate")


def shown(files, **more):
    """Write the setting of one certificate."""
    return {"certificate": str(files.certificate), "private_key": str(files.key), **more}


@pytest.fixture
def secure(serve, files):
    """A function that starts a proxy that offers TLS."""

    def start(tls=None, **settings):
        return serve(tls={"certificates": [shown(files)], **(tls or {})}, **settings)

    return start


@pytest.fixture(scope="module")
def proxy(authority, tmp_path_factory):
    """One that offers TLS to many tests: each of them shows that it serves on."""
    folder = tmp_path_factory.mktemp("proxy")
    tls = {"certificates": [shown(authority.issue().write(folder / "certificate"))]}
    settings = {"tls": tls, "login_timeout": 3}
    with (
        ScriptedServer() as server,
        running_proxy(server, folder, accounts={"app": "secret"}, settings=settings) as running,
    ):
        yield running


@pytest.fixture
def failed(proxy):
    """A function that says why TLS with clients failed in this test."""
    before = len(failures(proxy))
    return lambda: failures(proxy)[before:]


def failures(proxy):
    """Say why TLS with clients failed, so far."""
    return [
        line["why"] for line in proxy.log() if line["message"] == "TLS with a client failed"
    ]


def still_serves(proxy):
    """Let another client come in and ask something."""
    with Talker(proxy.port) as client:
        client.start_tls()
        assert client.log_in()[0] == 0
        return client.ask(b"SELECT 1")[0] == 0


def connections_of(port):
    """Count the connections that are open on our side of a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    over = {"0A", "06"}  # it listens, or waits for nobody's packets any more
    return sum(row[1].endswith(f":{port:04X}") and row[3] not in over for row in rows)


@versions
@pytest.mark.parametrize(
    "how", [{}, {"at_once": True}, {"cut": 1}, {"at_once": True, "cut": 7}], ids=str
)
def test_a_client_is_served_however_its_hello_comes(proxy, version, how):
    """In the segment that asks for TLS, or in single bytes; and statements come in one."""
    with Talker(proxy.port) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.start_tls(client_context(version=version), **how)
        assert client.log_in()[0] == 0
        client.sock.sendall(encode(PING) * 300)
        assert [client.payload()[0] for _ in range(300)] == [0] * 300
        assert client.ask(b"SELECT 1")[0] == 0


def test_tls_is_asked_for_once(proxy):
    """In a connection that has it already, it is an error."""
    with Talker(proxy.port) as client:
        client.start_tls()
        client.sock.sendall(SSL_REQUEST[:3] + b"\x02" + SSL_REQUEST[4:])
        reply = client.payload()
        assert error_code(reply) == 1043
        assert b"TLS was asked for twice" in reply
        assert client.rest() == b""


def test_tls_may_be_required(secure):
    """A client without it hears that, before it is asked for a password."""
    proxy = secure(require_tls=True)
    with Talker(proxy.port) as client:
        assert error_code(client.log_in()) == 3159
        assert client.rest() == b""
    assert still_serves(proxy)


@pytest.mark.parametrize("size", [0, 40, -1])
def test_a_slow_handshake_is_cut_off(proxy, failed, size):
    """After login_timeout, wherever it is: no hello, half of one, no end."""
    before = len(proxy.log())
    with Talker(proxy.port) as client:
        client.ask_for_tls()
        peer = Peer(client_context())
        peer.receive()
        hello = peer.bytes_to_send()
        client.sock.sendall(hello if size < 0 else hello[:size])
        assert bool(client.rest()) is (size < 0)
    said = [line["message"] for line in proxy.log()[before:]]
    assert "a client did not log in in time" in said
    assert failed() == []


@pytest.mark.parametrize("newest", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_old_versions_are_refused_with_a_line_in_the_log(proxy, failed, newest):
    """The client hears it by an alert."""
    peer = OpenSslPeer(oldest=SSL.TLS1_VERSION, newest=newest)
    with Talker(proxy.port) as client:
        client.ask_for_tls()
        client.sock.sendall(peer.bytes_to_send())
        with pytest.raises(TlsFailedError, match="protocol version"):
            peer.receive(client.rest())
    assert failed() == ["unsupported protocol"]
    assert still_serves(proxy)


def test_nobody_renegotiates(proxy):
    """A client that tries to (TLS 1.2) hears an alert, and nobody else is disturbed."""
    peer = OpenSslPeer(newest=SSL.TLS1_2_VERSION)
    with Talker(proxy.port) as client:
        client.ask_for_tls()
        while not peer.established:
            client.sock.sendall(peer.bytes_to_send())
            peer.receive(client.sock.recv(1 << 16))
        client.sock.sendall(peer.renegotiate())
        with pytest.raises(TlsFailedError, match="renegotiation"):
            peer.receive(client.sock.recv(1 << 16))
    assert still_serves(proxy)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (encode(b"\x00" * 60, 2), "what came is no TLS (wrong version number)"),
        (b"GET / HTTP/1.1\r\n\r\n", "http request"),
        (b"\xa5" * 5000, "what came is no TLS (wrong version number)"),
    ],
    ids=["a plain login", "http", "garbage"],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_no_tls_is_one_line_in_the_log(proxy, failed, data, why, at_once):
    """Nobody waits, and what was meant to be a login is not read as one."""
    with Talker(proxy.port) as client:
        client.ask_for_tls(at_once=at_once)
        client.sock.sendall((SSL_REQUEST if at_once else b"") + data)
        assert len(client.rest()) < 10  # an alert at most
    assert failed() == [why]
    assert still_serves(proxy)


@pytest.mark.parametrize("resets", [True, False])
@pytest.mark.parametrize("stage", ["asked", "half a hello", "hello", "established"])
def test_a_client_that_leaves_in_the_handshake_leaves_nothing(proxy, failed, stage, resets):
    """No connection stays open, and nobody is disturbed."""
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(Talker(proxy.port))
            if stage == "established":
                client.start_tls()
                continue
            client.ask_for_tls()
            peer = Peer(client_context())
            peer.receive()
            hello = peer.bytes_to_send()
            sizes = {"asked": 0, "half a hello": len(hello) // 2, "hello": len(hello)}
            client.sock.sendall(hello[: sizes[stage]])
            if stage == "hello":
                client.sock.recv(1 << 16)
            if resets:
                reset = struct.pack("ii", 1, 0)
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    wait_until(lambda: not connections_of(proxy.port))
    assert failed() == []
    assert still_serves(proxy)


def test_certificates_of_clients_may_be_required(secure, authority, tmp_path):
    """Who has none, or one of somebody else's, is refused in the handshake."""
    good = authority.issue((), purpose=Purpose.CLIENT).write(tmp_path / "good")
    bad = Authority.make().issue((), purpose=Purpose.CLIENT).write(tmp_path / "bad")
    tls = {"client_certificates": "REQUIRED", "client_ca": str(good.ca)}
    proxy = secure(tls, require_tls=True)
    said = []
    for version in VERSIONS:
        for files, why in [
            (None, "peer did not return a certificate"),
            (bad, "the certificate is signed by an authority that is not trusted"),
        ]:
            assert not comes_in(proxy, client_context(version=version, files=files))
            said = [*said, why]
            wait_until(lambda expected=said: failures(proxy) == expected)
        assert comes_in(proxy, client_context(version=version, files=good))


def comes_in(proxy, context):
    """Try to log in and to ask something."""
    with Talker(proxy.port) as client:
        try:
            client.start_tls(context)
            client.log_in()  # in TLS 1.3 it hears only here that it is refused
        except (OSError, EOFError):  # the alert, or what is left of a connection behind it
            return False
        return client.ask(b"SELECT 1")[0] == 0


def test_renewed_certificates_are_for_those_who_come_next(secure, authority, files):
    """Within seconds, and who is there goes on."""
    proxy = secure()

    def shown_now():
        with Talker(proxy.port) as client:
            client.start_tls()
            found = client.sock.peer.ssl.getpeercert(binary_form=True)
            return ssl.DER_cert_to_PEM_cert(found).encode()

    with Talker(proxy.port) as old:
        old.start_tls()
        assert old.log_in()[0] == 0
        renewed = authority.issue()
        renewed.write(files.key.parent)
        wait_until(lambda: shown_now() == renewed.certificate_pem)
        assert old.ask(b"SELECT 1")[0] == 0


def test_an_expired_certificate_is_shown_with_a_warning(serve, authority, tmp_path):
    """Whether that matters is the client's to say."""
    day = timedelta(days=1)
    old = authority.issue(not_after=datetime.now(UTC) - day).write(tmp_path / "old")
    proxy = serve(tls={"certificates": [shown(old)]})
    (line,) = [line for line in proxy.log() if "a certificate expired on" in line["message"]]
    assert line["file"] == str(old.certificate)
    assert still_serves(proxy)
    with Talker(proxy.port) as client:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            client.start_tls(client_context(ca=old.ca))
        client.sock.push()
        assert client.sock.sock.recv(100) == b""
    assert failures(proxy)[-1].endswith("alert certificate expired")


CONFIGURATION = """
proxies:
  - name: shop
    auth: [{{username: app, password: secret}}]
    target_group: {{targets: [{{address: "127.0.0.1:1"}}]}}
    endpoints: [{{name: main, listen: "tcp:0:interface=127.0.0.1"}}]
    tls: {{certificates: [{{certificate: {certificate}, private_key: {key}}}]}}
"""


@pytest.mark.parametrize(
    ("which", "content", "said"),
    [
        ("key", Authority.make().issue().key_pem, "not the key of the certificate "),
        ("certificate", b"junk", "no certificate: "),
    ],
    ids=["another key", "no certificate"],
)
def test_files_that_cannot_be_used_are_an_error_at_the_start(
    files, tmp_path, which, content, said
):
    """One line that names the file, and a status that is not 0."""
    path = getattr(files, which)
    path.write_bytes(content)
    configuration = tmp_path / "mysqlproxy.yaml"
    configuration.write_text(CONFIGURATION.format(certificate=files.certificate, key=files.key))
    command = [sys.executable, "-m", "proxy", "run", "--config", str(configuration)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: proxy shop: {path}: {said}")
