"""Where passwords come from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Protocol

import attrs
from twisted.internet.defer import Deferred

from proxy.config.auth import AuthEntry, ClientPasswordAuthType, IamAuth
from proxy.wire.auth import CACHING_SHA2, NATIVE

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PLUGINS = {
    None: "",
    ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD: NATIVE,
    ClientPasswordAuthType.MYSQL_CACHING_SHA2_PASSWORD: CACHING_SHA2,
}


@attrs.frozen
class Credential:
    """What is known of a user.

    Attributes:
        user: Name at the proxy and at the target.
        passwords: The newest first; a client may use any of them, a backend login tries them in
            this order.  None where the proxy logs in with tokens that it makes.
        plugin: Authentication plugin that clients are asked for; empty: what suits the target.
        iam_auth: Whether clients log in with IAM tokens.
        networks: Where the user may come from; empty: from anywhere.
        for_monitor: Whether only monitors log in as this user, and no client.
    """

    user: str
    passwords: tuple[str, ...] = attrs.field(repr=False)
    plugin: str = ""
    iam_auth: IamAuth = IamAuth.DISABLED
    networks: tuple[Network, ...] = ()
    for_monitor: bool = False


MakeCredential = Callable[[str, tuple[str, ...]], Credential]
"""Makes a user's credential of a name and passwords; knows the rest from the configuration."""


def credential_maker(entry: AuthEntry) -> MakeCredential:
    """How the users of an entry are made."""
    plugin = _PLUGINS[entry.client_password_auth_type]
    networks = tuple(ipaddress.ip_network(text) for text in entry.allowed_networks)

    def make(user: str, passwords: tuple[str, ...]) -> Credential:
        return Credential(
            user, passwords, plugin, entry.iam_auth, networks, for_monitor=entry.for_monitor
        )

    return make


class CredentialSource(Protocol):
    """Finds users."""

    def known(self, user: str) -> Credential | None:
        """The user's credential, where it need not be asked for."""

    def find(self, user: str) -> Deferred[Credential | None]:
        """The user's credential, None for an unknown user."""

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """The same, looked up anew where it comes from: a password of the user was refused.

        Takes as long for an unknown user as for a known one, so that nobody learns by it.
        """

    def users(self) -> tuple[str, ...]:
        """Users known by name, for the first look at a target."""
