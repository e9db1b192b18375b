"""Tests of `proxy.service.handover.spawn`."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from proxy.service.channel import receive_now
from proxy.service.handover.spawn import (
    VARIABLE,
    command_line,
    failure_told,
    forget_inherited,
    inherited,
    spawn,
    tell_failure,
)

CHILD = """
import os, socket
end = socket.socket(fileno=int(os.environ["MYSQLPROXY_HANDOVER_FD"]))
end.sendall(os.environ["GREETING"].encode())
"""


@pytest.fixture
def pair():
    """Both ends of a channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_the_command_line_is_that_of_this_process():
    """It has the interpreter's own options too, which `sys.argv` has not."""
    program, *arguments = command_line()
    assert program == sys.executable
    assert arguments == sys.orig_argv[1:]


def test_the_new_process_has_its_end_and_the_environment(pair):
    """And nothing else that this one has open."""
    ours, theirs = pair
    process = spawn([sys.executable, "-c", CHILD], {"GREETING": "here"}, theirs)
    theirs.close()
    assert ours.recv(100) == b"here"
    assert process.wait(30) == 0


def test_a_program_that_is_not_there_is_an_error(pair):
    """As when the package was taken away."""
    with pytest.raises(FileNotFoundError):
        spawn(["/nowhere/python"], {}, pair[1])


def test_a_first_process_inherits_nothing():
    """Nor does one with something else in the variable."""
    assert inherited({}) is None
    assert inherited({VARIABLE: "x"}) is None
    assert inherited({VARIABLE: "99999"}) is None


def test_a_socket_of_another_kind_is_left_alone():
    """It is somebody else's."""
    with socket.socket() as other:
        assert inherited({VARIABLE: str(other.fileno())}) is None
        os.fstat(other.fileno())


def test_a_successor_inherits_its_end_and_forgets_where_it_was(pair):
    """What it starts itself is no successor."""
    ours, theirs = pair
    environ = {VARIABLE: str(theirs.detach())}
    with inherited(environ) as end:
        assert not os.get_inheritable(end.fileno())
        forget_inherited(environ)
        assert environ == {}
        ours.sendall(b"x")
        assert end.recv(9) == b"x"


def test_nothing_that_was_not_inherited_is_closed():
    """A first process has nothing to forget."""
    forget_inherited({})
    forget_inherited({VARIABLE: "99999"})


def test_the_process_before_hears_why_the_new_one_does_not_come_up(pair, monkeypatch):
    """It logs that, so the new one only ends."""
    ours, theirs = pair
    monkeypatch.setenv(VARIABLE, str(theirs.fileno()))
    monkeypatch.setattr("os.environ", os.environ)
    with pytest.raises(SystemExit), failure_told():
        raise ValueError("line 3: makes no sense")
    message, _ = receive_now(ours, 5)
    assert message == {"what": "failed", "why": "line 3: makes no sense"}


def test_without_a_process_before_an_error_is_what_it_was():
    """A command that is started by hand says itself what is wrong."""
    with pytest.raises(ValueError, match="no sense"), failure_told():
        raise ValueError("no sense")


def test_a_process_before_that_has_gone_cannot_be_told(pair):
    """Then the error goes its usual way."""
    ours, theirs = pair
    ours.close()
    assert not tell_failure("why", {VARIABLE: str(theirs.fileno())})
