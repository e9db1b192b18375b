"""The PROXY protocol: load balancers that say who connects, and targets that want to hear it.

HAProxy is the real one, from PATH or from Debian's package.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import attrs
import pymysql
import pytest

from bench.tools import packaged
from proxy.embedded import Server
from proxy.embedded.certificates import Authority, CertificateFiles
from proxy.embedded.process import GuardedProcess
from proxy.wire.responses import parse_err
from tests.support import process
from tests.support.loopback import wait_until
from tests.support.ports import free_port
from tests.support.process import ACCOUNTS, RunningProxy, running_proxy

pytestmark = pytest.mark.live

BALANCER, STRANGER = "127.0.0.2", "127.0.0.1"
"""Where the load balancer is, and where somebody else is, on this machine."""

CLIENT, OTHER_CLIENT, GUEST = "192.0.2.7", "192.0.2.8", "198.51.100.9"
"""Clients as a header names them (RFC 5737); the last one is not allowed in."""

CLIENT_IPV6 = "2001:db8::7"
STOP_SECONDS = 5.0


def version_1(address):
    """A header in text, as HAProxy's proxy-protocol.txt has it in section 2.1."""
    kind, here = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {kind} {address} {here} 56324 3306\r\n".encode()


def version_2(address):
    """The same in bytes, section 2.2."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    here = "::1" if ":" in address else "127.0.0.1"
    places = socket.inet_pton(family, address) + socket.inet_pton(family, here)
    kind = 0x21 if ":" in address else 0x11
    block = places + struct.pack("!HH", 56324, 3306)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(block)) + block


VERSIONS = pytest.mark.parametrize("header", [version_1, version_2])


@attrs.frozen
class Balanced:
    """A proxy that trusts a load balancer at one address."""

    proxy: RunningProxy
    files: CertificateFiles

    def connect(self, header=b"", source=BALANCER, user="app", **options):
        """Log in behind a header, as a load balancer brings a client."""
        place = (self.proxy.host, self.proxy.port)
        sock = socket.create_connection(place, 10, source_address=(source, 0))
        sock.sendall(header)
        connection = self.proxy.connect(user, defer_connect=True, **options)
        try:
            connection.connect(sock)
        except BaseException:
            sock.close()
            raise
        return connection

    def refusal(self, *arguments, **options):
        """Be refused; the code and the text."""
        with pytest.raises(pymysql.OperationalError) as caught:
            self.connect(*arguments, **options)
        return caught.value.args

    def objection(self, header, source=BALANCER):
        """Send a header that is refused; the code and the text behind the greeting.

        A client that goes on sending to a closed connection may not get to read that.
        """
        place = (self.proxy.host, self.proxy.port)
        with socket.create_connection(place, 10, source_address=(source, 0)) as sock:
            sock.sendall(header)
            with sock.makefile("rb") as received:
                data = received.read()
        end = 4 + int.from_bytes(data[:3], "little")
        error = parse_err(data[end + 4 :])
        return error.code, error.text

    def lines(self, text, **fields):
        """Lines of the log with this message and these fields."""
        return [
            line
            for line in self.proxy.log()
            if line["message"] == text and fields.items() <= line.items()
        ]


@contextlib.contextmanager
def listening_at(port: int) -> Iterator[None]:
    """Let the next proxy take this port: its endpoint stands in the settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "free_port", lambda: port)
        yield


@pytest.fixture(scope="module")
def balanced(mysql_server, tmp_path_factory) -> Iterator[Balanced]:
    """A proxy behind a load balancer; the user `admin` may come from one network only."""
    folder = tmp_path_factory.mktemp("balanced")
    files = Authority.make().issue().write(folder)
    port = free_port()
    known = {"client_password_auth_type": None}
    admin = {"username": "admin", "password": ACCOUNTS["admin"]}
    settings = {
        "auth": [
            {"username": "app", "password": ACCOUNTS["app"], **known},
            {**admin, **known, "allowed_networks": [f"{OTHER_CLIENT}/32"]},
        ],
        "allowed_networks": ["127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
        "tls": {
            "certificates": [
                {"certificate": str(files.certificate), "private_key": str(files.key)}
            ]
        },
        "endpoints": [
            {
                "name": "main",
                "listen": f"tcp:{port}:interface=127.0.0.1",
                "proxy_protocol_networks": [f"{BALANCER}/32"],
            }
        ],
    }
    with contextlib.ExitStack() as running:
        with listening_at(port):
            proxy = running.enter_context(
                running_proxy(mysql_server, folder, settings=settings)
            )
        yield Balanced(proxy, files)


def ask(connection, text="SELECT 1"):
    """Run a statement and close; its only value."""
    with connection, connection.cursor() as cursor:
        cursor.execute(text)
        ((value,),) = cursor.fetchall()
    return value


@VERSIONS
@pytest.mark.parametrize("address", [CLIENT, CLIENT_IPV6])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_load_balancer_says_who_comes(balanced, header, address, tls):
    """A client logs in behind a header, with TLS or without, and is known by its address."""
    way = {"ssl": {"ca": str(balanced.files.ca)}} if tls else {"ssl_disabled": True}
    assert ask(balanced.connect(header(address), **way)) == 1
    code, text = balanced.refusal(header(address), password="wrong", **way)
    assert code == 1045
    assert text == f"Access denied for user 'app'@'{address}' (using password: YES)"
    line = balanced.lines("a login was refused", address=address, user="app")[-1]
    assert line["why"] == "wrong password"


@VERSIONS
def test_networks_are_those_of_the_client(balanced, header):
    """Who may come is decided by the address in the header, not by the load balancer's."""
    host = f"Host '{GUEST}' is not allowed to connect to this MySQL server"
    assert balanced.refusal(header(GUEST)) == (1130, host)
    assert ask(balanced.connect(header(OTHER_CLIENT), user="admin")) == 1
    code, text = balanced.refusal(header(CLIENT), user="admin")
    assert code == 1045
    assert f"'admin'@'{CLIENT}'" in text
    why = "the user may not come from there"
    assert balanced.lines("a login was refused", address=CLIENT, user="admin", why=why)


@VERSIONS
def test_a_header_from_anywhere_else_is_refused(balanced, header):
    """Whoever is no load balancer cannot claim another address, and hears why."""
    why = "Bad handshake: a PROXY header from an untrusted address"
    assert balanced.refusal(header(CLIENT), source=STRANGER) == (1043, why)
    assert balanced.lines("a login was refused", address=STRANGER, why=why)


@pytest.mark.parametrize("source", [BALANCER, STRANGER])
def test_a_client_may_say_nothing(balanced, source):
    """Without a header a client is taken for itself, from a trusted network too."""
    assert ask(balanced.connect(source=source)) == 1
    _, text = balanced.refusal(source=source, password="wrong")
    assert f"'app'@'{source}'" in text


def test_a_load_balancer_may_look_whether_the_proxy_is_there(balanced):
    """A header that names nobody, as of a health check, leaves the connection's own address."""
    local = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x20, 0, 0)
    for header in (local, b"PROXY UNKNOWN\r\n"):
        assert ask(balanced.connect(header)) == 1
        assert f"'app'@'{BALANCER}'" in balanced.refusal(header, password="wrong")[1]


def test_a_broken_header_is_refused(balanced):
    """The client hears what is wrong, and the connection ends."""
    code, text = balanced.objection(b"PROXY TCP4 nonsense\r\n")
    assert code == 1043
    assert text.startswith("Bad handshake: ")


HAPROXY = """\
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
"""

LISTEN = """\
listen {name}
  bind 127.0.0.1:{port} {accepts}
  server it 127.0.0.1:{to} {sends}
"""


@contextlib.contextmanager
def haproxy(folder: Path, *listeners: str) -> Iterator[None]:
    """Run HAProxy for the length of a block."""
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY + "".join(listeners))
    command = (*packaged("haproxy", "haproxy", "usr/sbin/haproxy").command, "-db", "-f")
    running = GuardedProcess.start(
        (*command, str(path)),
        log=folder / "haproxy.log",
        folder=folder,
        limit_seconds=STOP_SECONDS,
    )
    try:
        yield
    finally:
        running.stop(STOP_SECONDS)


def listens(port):
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def balancers(balanced, tmp_path_factory) -> Iterator[dict[str, int]]:
    """HAProxy in front of the proxy, with either version of the header: where it listens."""
    folder = tmp_path_factory.mktemp("haproxy")
    ports = {sends: free_port() for sends in ("send-proxy", "send-proxy-v2")}
    listeners = [
        LISTEN.format(
            name=sends,
            port=port,
            accepts="",
            to=balanced.proxy.port,
            sends=f"{sends} source {BALANCER}",
        )
        for sends, port in ports.items()
    ]
    with haproxy(folder, *listeners):
        wait_until(lambda: all(map(listens, ports.values())))
        yield ports


@pytest.mark.parametrize("sends", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_haproxy_says_who_comes(balanced, balancers, sends, tls):
    """TLS passes through HAProxy, and the proxy sees the client's own address."""
    source = "127.0.0.9"
    options = {"port": balancers[sends], "bind_address": source}
    options |= {"ssl": {"ca": str(balanced.files.ca)}} if tls else {"ssl_disabled": True}
    assert ask(balanced.proxy.connect(**options)) == 1
    with pytest.raises(pymysql.OperationalError, match=f"'app'@'{source}'"):
        balanced.proxy.connect(password="wrong", **options)


def announcing(address):
    """Settings of a proxy whose target wants a header."""
    target = {"address": address, "proxy_protocol": True}
    return {
        "target_group": {
            "targets": [target],
            "connection_pool_config": {"max_connections": 2},
        }
    }


def test_mariadb_takes_the_header_of_the_proxy(serve, mariadb_server):
    """A server with proxy_protocol_networks is spoken to with a header, and serves."""
    server = mariadb_server
    server.execute("SET GLOBAL proxy_protocol_networks = '127.0.0.1'")
    try:
        proxy = serve(server, settings=announcing(f"{server.host}:{server.port}"))
        assert ask(proxy.connect(), "SELECT CURRENT_USER()") == "app@%"
    finally:
        server.execute("SET GLOBAL proxy_protocol_networks = ''")


def test_a_load_balancer_that_insists_gets_the_header(serve, mysql_server: Server, tmp_path):
    """HAProxy with accept-proxy lets nobody through without one, and lets the proxy through."""
    port = free_port()
    listener = LISTEN.format(
        name="insists", port=port, accepts="accept-proxy", to=mysql_server.port, sends=""
    )
    with haproxy(tmp_path, listener):
        wait_until(lambda: listens(port))
        proxy = serve(mysql_server, settings=announcing(f"127.0.0.1:{port}"))
        assert ask(proxy.connect(), "SELECT CURRENT_USER()") == "app@%"
