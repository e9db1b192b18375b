"""What a pool may use, by its configuration and by what the target allows."""

from __future__ import annotations

from typing import Final

from proxy.config.pool import ConnectionPoolConfig
from proxy.policy.lease import Limits

CONNECTIONS_UNTIL_KNOWN: Final = 1
"""Backends that may be dialed before the target has told its own max_connections."""


def limits_of(config: ConnectionPoolConfig, max_connections: int | None) -> Limits:
    """The limits of a pool.

    Args:
        config: What is wanted.
        max_connections: The target's own limit; None while that is not known.
    """
    connections = idle = CONNECTIONS_UNTIL_KNOWN
    if max_connections is not None:
        connections = config.connection_limit(max_connections)
        idle = config.idle_limit(max_connections)
    return Limits(
        connections,
        idle,
        age=config.max_connection_age,
        waiting=config.max_waiting,
        waiting_bytes=config.max_waiting_bytes,
    )
