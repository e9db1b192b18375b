"""A stage with admin users, and a console that says what a test tells it to."""

from __future__ import annotations

import ipaddress

from proxy.config.admin_users import AdminRole
from proxy.credentials.admins import Admin, Admins, AdminsFirst
from proxy.credentials.source import Credential
from proxy.credentials.static import StaticSource
from proxy.front.console import Done
from proxy.front.console_session import ConsoleSession
from proxy.wire.auth import native
from proxy.wire.framing import encode
from tests.support.memory import NATIVE, USERS, Stage

PASSWORD = "a-long-password"
HERE = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
OPS = Admin(Credential("ops", (PASSWORD,), NATIVE, networks=HERE), AdminRole.OPERATOR)


class ScriptedConsole:
    """Answers what it is told to.

    Attributes:
        asked: The askers and texts so far.
        answers: What is answered, by text: an answer, an error or an awaitable.
    """

    uptime = 4711.0

    def __init__(self, admins):
        self.admins = admins
        self.asked = []
        self.answers = {}

    async def answer(self, asker, text):
        """See `Console`."""
        self.asked.append((asker, text))
        answer = self.answers.get(text, Done())
        if isinstance(answer, Exception):
            raise answer
        return await answer if hasattr(answer, "__await__") else answer

    @property
    def texts(self):
        """What was asked."""
        return [text for _, text in self.asked]


def stage(users=None, **settings):
    """A proxy with the admin user `ops`, who may come from this machine."""
    admins = Admins({"ops": OPS})
    credentials = AdminsFirst(admins, users or StaticSource(USERS))
    made = Stage(credentials=credentials, **settings)
    made.proxy.console = ScriptedConsole(admins)
    return made


def operator(made, address=None, **login):
    """A client that has logged in as the admin user."""
    return made.client(address, **{"user": "ops", "password": PASSWORD, **login})


def client_of(peer):
    """The proxy's `Client`, whether it is at the console or not."""
    owner = peer.wire.protocol.owner
    return owner.client if isinstance(owner, ConsoleSession) else owner


def change_user(peer, password="secret", user=b"other"):
    """Send COM_CHANGE_USER by mysql_native_password."""
    proof = native.scramble(password, client_of(peer).dialogue.greeting.nonce)
    payload = b"\x11" + user + b"\x00" + bytes((len(proof),)) + proof + b"\x00"
    peer.send(encode(payload + b"\x2d\x00" + NATIVE.encode() + b"\x00"))
