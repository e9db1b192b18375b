import socket
import ssl
import threading

import pytest

from bench.secured import Secured
from proxy.embedded.certificates import self_signed


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """What the other side shows."""
    files = self_signed().write(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
def pair():
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def echo(theirs, context):
    """The other side: a handshake, whatever comes back again, and the end."""
    with context.wrap_socket(theirs, server_side=True) as secure:
        secure.sendall(secure.recv(100))


def talk(context, session=None):
    """One connection: the session that it leaves, and whether the one given was resumed."""
    ours, theirs = socket.socketpair()
    other = threading.Thread(target=echo, args=(theirs, context))
    other.start()
    with ours:
        secure = Secured(ours, session)
        secure.shake_hands()
        assert secure.send(b"said") == 4
        assert secure.recv(100) == b"said"
        assert secure.recv(100) == b""
        resumed = secure.resumed
        left = secure.leave()
    other.join()
    return left, resumed


def test_sessions_are_resumed_as_often_as_one_likes(context):
    """The one of a resumed connection too; without one there is a whole handshake."""
    session, resumed = talk(context)
    assert not resumed
    for _ in range(2):
        session, resumed = talk(context, session)
        assert resumed
    assert talk(context)[1] is False


def test_a_socket_that_does_not_block_is_told_apart(pair):
    """Nothing has come yet: that is no failure."""
    ours, _ = pair
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        Secured(ours).shake_hands()


def test_whoever_speaks_no_tls_fails(pair):
    """By an error of the operating system's kind, as all other trouble."""
    ours, theirs = pair
    theirs.sendall(b"this is no record of TLS")
    with pytest.raises(OSError, match="TLS failed"):
        Secured(ours).shake_hands()


def test_whoever_hangs_up_in_a_handshake_fails(pair):
    """There is no error's number then."""
    ours, theirs = pair
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionError, match="TLS failed"):
        Secured(ours).shake_hands()


def test_groups_are_those_of_most_clients(pair):
    """Not the newer ones, with which a first flight is more than a kibibyte longer."""
    ours, theirs = pair
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        Secured(ours).shake_hands()
    assert len(theirs.recv(1 << 14)) < 600
