"""What lines of the log name clients and connections by, the same in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.policy.lease import Lease

if TYPE_CHECKING:
    from proxy.front.client import Client


def who(client: Client) -> dict[str, Any]:
    """Fields that name a client: its number, endpoint and address, and its user once known."""
    session = client.session
    named = {
        "client": client.number,
        "endpoint": client.endpoint,
        "address": client.address,
    }
    return named if session is None else {**named, "user": session.user}


def where(client: Client) -> dict[str, Any]:
    """Fields that name the connection that a client has; none while it has none."""
    return where_of(client.lease)


def where_of(lease: Lease | None) -> dict[str, Any]:
    """Fields that name the connection of a lease."""
    if lease is None or lease.backend is None:
        return {}
    return {"target": lease.pool.place, "database_connection": lease.backend.connection_id}
