"""Tests of `proxy.service.handover.ports`."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from twisted.internet import tcp, unix
from twisted.internet.protocol import Factory

from proxy.service.handover.ports import adopt_port, release, remove, take_lock
from tests.support.joined import Reactor


class Own(Reactor):
    """A reactor that adopts ports of TCP as Twisted's does."""

    def adoptStreamPort(self, handle, family, factory):  # noqa: N802 - Twisted's name
        port = tcp.Port._fromListeningDescriptor(self, handle, family, factory)
        port.startListening()
        return port


@pytest.fixture
def quiet():
    """A factory that nobody reaches."""
    factory = Factory()
    factory.noisy = False
    return factory


def unix_port(path, factory, *, lock=True, mode=0o600):
    """A port as an endpoint of this process opens it."""
    port = unix.Port(str(path), factory, mode=mode, reactor=Reactor(), wantPID=lock)
    port.startListening()
    return port


def close(port):
    port.connectionLost(None)


def reaches(path):
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


def test_a_port_of_tcp_listens_on_in_the_other_process(quiet):
    """Closing it here does not shut it down there."""
    port = tcp.Port(0, quiet, interface="127.0.0.1", reactor=Reactor())
    port.startListening()
    given = port.socket.dup()
    with given:
        release(port)
        close(port)
        adopted = adopt_port(Own(), given, quiet)
    with socket.create_connection(("127.0.0.1", adopted.getHost().port)):
        close(adopted)


def test_a_unix_socket_stays_until_its_last_process_ends(quiet, tmp_path):
    """With the mode that it has; only then are path and lock taken away."""
    path, lock = tmp_path / "p", tmp_path / "p.lock"
    port = unix_port(path, quiet)
    with port.socket.dup() as given:
        adopted = adopt_port(Own(), given, quiet)
        release(port)
        close(port)
    assert reaches(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock.unlink()
    lock.symlink_to("1")  # as if another process had it
    take_lock(adopted)
    assert str(lock.readlink()) == str(os.getpid())
    close(adopted)
    assert not path.exists()
    assert not os.path.lexists(lock)


def test_where_there_was_no_lock_there_is_none(quiet, tmp_path):
    """An endpoint may do without (lockfile=0)."""
    path = tmp_path / "p"
    port = unix_port(path, quiet, lock=False)
    take_lock(port)
    assert port.lockFile is None
    assert not os.path.lexists(tmp_path / "p.lock")
    close(port)


def test_a_port_of_the_abstract_namespace_has_no_path(quiet):
    """Nothing is looked for in the file system."""
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(f"\0mysqlproxy-test-{os.getpid()}")
        given.listen()
        adopted = adopt_port(Own(), given, quiet)
        take_lock(adopted)
        release(adopted)
        close(adopted)


def test_a_path_where_nobody_listens_any_more_is_taken_away(tmp_path):
    """With its lock; other sockets have nothing to be taken away."""
    with socket.socket(socket.AF_UNIX) as one, socket.socket() as other:
        one.bind(str(tmp_path / "p"))
        (tmp_path / "p.lock").symlink_to("1")
        remove(one)
        remove(one)
        remove(other)
    assert [*tmp_path.iterdir()] == []


def test_a_port_of_tcp_has_no_lock(quiet):
    """There is nothing to take."""
    port = tcp.Port(0, quiet, interface="127.0.0.1", reactor=Reactor())
    port.startListening()
    take_lock(port)
    close(port)
