"""The shell of a client's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Interface

from proxy.dialogue.client import ClientDialogue
from proxy.dialogue.events import ClientEvent
from proxy.net.shell import Shell


class ClientOwner(Interface):
    """Who serves a client."""

    def packet_arrived(self, packet: bytes) -> None:
        """A whole command came alone, header included; the dialogue is ANSWERING."""

    def event_arrived(self, event: ClientEvent) -> None:
        """Anything else that the dialogue says."""

    def tls_failed(self, why: str) -> None:
        """The client does not get TLS, and the connection ends."""

    def connection_ended(self, why: str) -> None:
        """The client is gone."""


class ClientProtocol(Shell):
    """Feeds a client's bytes to its dialogue and tells its owner what they mean."""

    dialogue: ClientDialogue
    owner: ClientOwner
    _held_back = False
    _proceeding = False

    def __init__(self, welcome: Callable[[ClientProtocol], None]) -> None:
        self._welcome: Callable[[ClientProtocol], None] | None = welcome

    def connectionMade(self) -> None:
        """See `Shell`; then whoever is to own the client attaches itself."""
        super().connectionMade()
        welcome, self._welcome = self._welcome, None
        assert welcome is not None
        welcome(self)

    def attach(self, dialogue: ClientDialogue, owner: ClientOwner) -> None:
        """Begin: the greeting goes out."""
        self.dialogue = dialogue
        self.owner = owner
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.dialogue.is_whole_command(data):
            self.owner.packet_arrived(data)
            return
        self.handle(self.dialogue.receive_data(data))
        if self.dialogue.is_ahead:
            self._held_back = True
            self.pauseProducing()

    def tls_failed(self, why: str) -> None:
        """See `Shell`."""
        self.owner.tls_failed(why)

    def handle(self, events: list[ClientEvent]) -> None:
        """Tell the owner, then send what the dialogue has to say."""
        self.flush()
        for event in events:
            self.owner.event_arrived(event)
        self.flush()

    def proceed(self) -> None:
        """The answer is complete: look whether the client has sent more already.

        A command that is answered at once calls this again, so it loops and does not recurse.
        """
        if self._proceeding:
            return
        self._proceeding = True
        try:
            while self.dialogue.buffered and (events := self.dialogue.next_events()):
                self.handle(events)
        finally:
            self._proceeding = False
        if self._held_back and not self.dialogue.is_ahead:
            self._held_back = False
            self.resumeProducing()

    def flush(self) -> None:
        """Send what the dialogue has to say."""
        data = self.dialogue.bytes_to_send()
        if data and not self.lost:
            self.write(data)

    def ended(self, why: str) -> None:
        """See `Shell`."""
        self.owner.connection_ended(why)
