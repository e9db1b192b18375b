"""Where passwords come from."""

from __future__ import annotations

from typing import Protocol

import attrs
from twisted.internet.defer import Deferred


@attrs.frozen
class Credential:
    """What is known of a user.

    Attributes:
        user: Name at the proxy and at the target.
        passwords: The newest first; a client may use any of them, a backend login the first.
        plugin: Authentication plugin that clients are asked for; empty: what suits the target.
    """

    user: str
    passwords: tuple[str, ...] = attrs.field(repr=False)
    plugin: str = ""


class CredentialSource(Protocol):
    """Finds users."""

    def known(self, user: str) -> Credential | None:
        """The user's credential, where it need not be asked for."""

    def find(self, user: str) -> Deferred[Credential | None]:
        """The user's credential, None for an unknown user."""

    def users(self) -> tuple[str, ...]:
        """Users known by name, for the first look at a target."""
