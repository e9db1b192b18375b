"""What dialogues tell their shells: facts in the past tense."""

from __future__ import annotations

import attrs

from proxy.errors import ErrorReply
from proxy.wire.greeting import ChangeUser, Greeting, Login
from proxy.wire.responses import Err


@attrs.frozen
class Broken:
    """The peer broke the protocol.

    `reply` is what a client should hear, if anything: it itself, or the one whose login at a
    server cannot be.
    """

    why: str
    reply: ErrorReply | None = None


@attrs.frozen
class AddressTold:
    """A load balancer in front of us says from where the client really comes."""

    address: str
    port: int


@attrs.frozen
class TlsRequested:
    """The client wants TLS now; whoever owns the dialogue calls `start_tls`."""


@attrs.frozen
class LoginStarted:
    """A client has said who it is; whoever owns the dialogue answers with `identify`."""

    login: Login


@attrs.frozen
class UserChangeStarted:
    """COM_CHANGE_USER came; answered with `identify` like a login."""

    change: ChangeUser


@attrs.frozen
class Authenticated:
    """The client has proved its password; the owner answers with `accept` or `refuse`."""


@attrs.frozen
class TextShown:
    """The client has shown a text, a token maybe; answered with `accept` or `refuse`."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class Unproved:
    """The client's proof was wrong; the owner answers with `refuse`."""


@attrs.frozen
class CommandReceived:
    """A whole command: its byte and all that follows."""

    payload: bytes = attrs.field(repr=False)

    @property
    def code(self) -> int:
        """The command's byte."""
        return self.payload[0]


@attrs.frozen
class FileReceived:
    """Bytes of a LOCAL INFILE, headers included, to go on as they are."""

    data: bytes = attrs.field(repr=False)
    ended: bool


ProofEnd = Authenticated | Unproved | TextShown
"""How a client's proof has ended."""

ClientEvent = (
    Broken
    | AddressTold
    | TlsRequested
    | LoginStarted
    | UserChangeStarted
    | Authenticated
    | Unproved
    | TextShown
    | CommandReceived
    | FileReceived
)


@attrs.frozen
class Greeted:
    """The server's greeting came.

    With `starts_tls`, whoever owns the dialogue starts TLS and then calls `tls_started`.
    """

    greeting: Greeting
    starts_tls: bool = False


@attrs.frozen
class LoggedIn:
    """The server let us in; `status` are its first status bits."""

    status: int


@attrs.frozen
class LoginRefused:
    """The server answered with an ERR packet during login."""

    err: Err


BackendEvent = Broken | Greeted | LoggedIn | LoginRefused
