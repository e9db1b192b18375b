"""A connection to a scripted target that answers a probe's statements."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.dialogue.backend import Account
from proxy.net.backend import BackendProtocol
from proxy.wire.responses import Err
from tests.support.scripted import ServerSide
from tests.support.servers import Backend


class ScriptedTarget:
    """A server that answers a text by how it begins: with rows (dicts), an Err or payloads.

    Attributes:
        answers: What it answers; a text that is not there gets no answer.
        asked: The texts that came, without the preparation of the connection.
    """

    def __init__(self, answers, version):
        self.clock = Clock()
        self.answers = answers
        self.version = version
        self.connect()

    def connect(self):
        """Connect anew and log in."""
        side = ServerSide(version=self.version)
        side._routine = lambda payload: self._answer(side, side.text_of(payload))
        self.server = Backend(self.clock, side)
        self.backend = BackendProtocol(Account("monitor", "secret"), secure=False)
        self.server.wire.connect(self.backend)
        self.server.send(side.hello())
        self.run()
        self.asked, self.prepared = [], 0

    def _answer(self, side, text):
        if text.startswith(b"SET autocommit = 1"):
            self.prepared += 1
            return [side.ok()]
        self.asked.append(text)
        found = [key for key in self.answers if text.startswith(key)]
        if not found:
            return None
        answer = self.answers[max(found, key=len)]
        if isinstance(answer, Err):
            return [answer.encode()]
        if answer == "OK":
            return [side.ok()]
        names = list(answer[0]) if answer else [b"nothing"]
        columns = [name.encode() if isinstance(name, str) else name for name in names]
        return side.rows([_row(row) for row in answer], columns=columns)

    def run(self):
        """Let everything arrive."""
        for _ in range(40):
            self.clock.advance(0)

    def ask(self, coroutine):
        """What a coroutine gives, or the error that it raises, or nothing yet."""
        got = []
        Deferred.fromCoroutine(coroutine).addCallbacks(
            got.append, lambda f: got.append(f.value)
        )
        self.run()
        return got[0] if got else None

    def look(self, probe):
        """Look once."""
        return self.ask(probe.look(self.backend))


def _row(values):
    return [None if value is None else str(value).encode() for value in values.values()]


@pytest.fixture
def target():
    """A function that gives a target for these answers, of this version."""

    def make(answers, version="9.7.4"):
        return ScriptedTarget(answers, version)

    return make
