"""Who may come in at all: from where, with or without TLS, with a password or a token."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from twisted.internet.defer import Deferred

from proxy.config.model import ProxyConfig
from proxy.credentials.iam.verify import Verdict
from proxy.credentials.source import Network
from proxy.errors import ErrorReply, host_not_allowed, tls_required
from proxy.front.entrance import Entrance
from proxy.net.client_tls import ClientTlsStreams
from proxy.policy.guesses import Guesses
from proxy.vocabulary import unmapped

if TYPE_CHECKING:
    from proxy.front.client import Client


DELAYED_AT_ONCE: Final = 1000
"""Refusals that wait at once, each with its connection, and at most a tenth of max_clients:
more would take the place of others, and come without a delay."""

LOCAL: Final = "localhost"
"""The address of a client on a unix socket."""


class TokenChecker(Protocol):
    """Checks IAM tokens."""

    def verify(self, token: str, user: str, address: str) -> Deferred[Verdict]:
        """Whether a client that shows it may log in; never fails."""


class GuessMemory(Protocol):
    """Slows down who guesses: `Guesses` here, or somebody who has to be asked."""

    def change(self, threshold: int, longest_seconds: float) -> None:
        """See `Guesses.change`."""

    def failed(self, user: str, address: str, now: float) -> float | Deferred[float]:
        """See `Guesses.failed`; what has to be waited for never fails."""

    def succeeded(self, user: str, address: str) -> None:
        """See `Guesses.succeeded`."""


class Admission:
    """What stands before the proof of a password.

    Attributes:
        tls: Makes the TLS streams of clients; None where TLS is not offered.
        tokens: Checks IAM tokens; None where nobody may log in with one.
        guesses: Slows down who guesses.
        delayed: Refusals that wait for their time.
        most_delayed: How many may.
        entrance: Where clients wait for their turn to begin with TLS.
    """

    def __init__(
        self,
        config: ProxyConfig,
        tls: ClientTlsStreams | None = None,
        tokens: TokenChecker | None = None,
    ) -> None:
        self.guesses: GuessMemory = Guesses(
            config.failed_login_threshold, config.max_failed_login_delay
        )
        self.delayed = 0
        self.entrance = Entrance()
        self.reconfigure(config, tls, tokens)

    def reconfigure(
        self,
        config: ProxyConfig,
        tls: ClientTlsStreams | None = None,
        tokens: TokenChecker | None = None,
    ) -> None:
        """Go by this configuration from the next login on; who guesses stays known."""
        self.tls = tls
        self.tokens = tokens
        self.guesses.change(config.failed_login_threshold, config.max_failed_login_delay)
        self.most_delayed = min(DELAYED_AT_ONCE, max(config.max_clients // 10, 1))
        self._requires_tls = config.require_tls
        self._networks = _parse(config.allowed_networks)
        self._balancers = {
            endpoint.name: _parse(endpoint.proxy_protocol_networks)
            for endpoint in config.endpoints
        }

    def trusts(self, endpoint: str, address: str) -> bool:
        """Whether a load balancer may say who connects to this endpoint."""
        networks = self._balancers.get(endpoint, ())
        return bool(networks) and comes_from(address, networks)

    def objection(self, client: Client) -> ErrorReply | None:
        """Why a client is refused before it is asked for anything."""
        if client.dialogue.objection is not None:
            return client.dialogue.objection
        if self._networks and not comes_from(client.address, self._networks):
            return host_not_allowed(client.address)
        if self._requires_tls and not client.dialogue.secure:
            return tls_required()
        return None


def comes_from(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks; a unix socket is on this machine."""
    try:
        place = ipaddress.ip_address("127.0.0.1" if address == LOCAL else unmapped(address))
    except ValueError:
        return False
    return any(place in network for network in networks)


def _parse(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
