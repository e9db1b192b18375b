"""How long a client may say nothing: while it logs in, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy import errors
from proxy.dialogue.client_states import State

if TYPE_CHECKING:
    from proxy.front.client import Client


def due(client: Client) -> float:
    """When it will have been silent for too long."""
    proxy, state = client.proxy, client.dialogue.state
    config = proxy.config
    if client.session is None and state is State.PROVED:  # it waits for us, not we for it
        return proxy.deadlines.now + config.login_timeout
    if client.session is None or state is State.PROVING:
        return client.since + config.login_timeout
    if state not in (State.READY, State.FILE):
        return proxy.deadlines.now + config.idle_client_timeout
    return client.last_active + config.idle_client_timeout


def expire(client: Client) -> None:
    """It was silent for too long, or took too long to log in."""
    log = client.proxy.log
    if client.session is None or client.dialogue.state is State.PROVING:
        log.info(
            "a client did not log in in time", client=client.number, address=client.address
        )
        client.protocol.abort()
    else:
        log.info("a client was idle for too long", client=client.number)
        client.hang_up(errors.idle_timeout())
