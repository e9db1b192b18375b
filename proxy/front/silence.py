"""How long a client may say nothing: while it logs in, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy import errors
from proxy.dialogue.client_states import State
from proxy.front.naming import who

if TYPE_CHECKING:
    from proxy.front.client import Client


def due(client: Client) -> float:
    """When it will have been silent for too long."""
    proxy, state = client.proxy, client.dialogue.state
    config = proxy.config
    logs_in = _logs_in(client)
    if logs_in and state in (State.PROVED, State.TLS):  # it waits for us, not we for it
        return proxy.deadlines.now + config.login_timeout
    if logs_in or state is State.PROVING:
        return client.since + config.login_timeout
    if state not in (State.READY, State.FILE):
        return proxy.deadlines.now + config.idle_client_timeout
    return client.last_active + config.idle_client_timeout


def expire(client: Client) -> None:
    """It was silent for too long, or took too long to log in."""
    log = client.proxy.log
    if _logs_in(client) or client.dialogue.state is State.PROVING:
        log.info("a client did not log in in time", **who(client))
        client.protocol.abort()
    else:
        log.info("a client was idle for too long", **who(client))
        client.hang_up(errors.idle_timeout())


def _logs_in(client: Client) -> bool:
    """Whether it is nobody yet, neither for a database nor for the console."""
    return client.session is None and client not in client.proxy.consoles
