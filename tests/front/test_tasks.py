"""Tests of `proxy.front.tasks`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from proxy.front.tasks import Tasks


class Protocol:
    """Counts what is asked of it."""

    def __init__(self):
        self.proceeded = 0

    def flush(self):
        """Nothing is buffered."""

    def proceed(self):
        """The next command may come."""
        self.proceeded += 1


class Client:
    """Has tasks, and remembers mistakes."""

    def __init__(self):
        self.protocol = Protocol()
        self.gone = False
        self.mistakes = []
        self.tasks = Tasks(self)

    def mistaken(self, failure):
        """A task ended by an error."""
        self.mistakes.append(failure.value)


@pytest.fixture
def client():
    """A client that does nothing."""
    return Client()


async def wait(deferred, story, name):
    await deferred
    story.append(name)


def test_a_command_comes_behind_what_runs(client):
    """While a lease is called back a command waits, and then it runs."""
    first, second, story = Deferred(), Deferred(), []
    client.tasks.run(wait(first, story, "first"))
    client.tasks.run(wait(second, story, "second"))
    second.callback(None)
    assert story == []
    assert client.tasks.is_working
    assert "working" in repr(client.tasks)
    first.callback(None)
    assert story == ["first", "second"]
    assert client.protocol.proceeded == 1
    assert "idle" in repr(client.tasks)


def test_a_call_back_comes_between_two_commands(client):
    """It runs at once where nothing does, and otherwise behind, once."""
    first, story = Deferred(), []
    client.tasks.run(wait(first, story, "first"))
    for _ in range(2):
        client.tasks.run_soon(lambda _: wait(None_(), story, "called"))
    first.callback(None)
    assert story == ["first", "called"]
    client.tasks.run_soon(lambda _: wait(None_(), story, "again"))
    assert story[-1] == "again"


def None_():  # noqa: N802 - a Deferred that has fired with None
    deferred = Deferred()
    deferred.callback(None)
    return deferred


def test_a_client_that_left_is_no_mistake(client):
    """What runs is broken off, and what follows never begins."""
    story = []
    client.tasks.run(wait(Deferred(), story, "first"))
    client.tasks.run(wait(Deferred(), story, "second"))
    client.gone = True
    client.tasks.stop()
    assert story == client.mistakes == []
    assert not client.tasks.is_working


def test_an_error_nobody_treats_is_a_mistake(client):
    """It is told, with what it was."""
    deferred = Deferred()
    client.tasks.run(wait(deferred, [], "first"))
    deferred.errback(ValueError("it"))
    assert [str(one) for one in client.mistakes] == ["it"]
