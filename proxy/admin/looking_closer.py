"""One client, one connection, one pin at a time: what is looked at row by row."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.admin.looking import advice, is_in_transaction
from proxy.admin.snapshot import ClientStatus, ConnectionStatus, PinStatus
from proxy.dialogue.client_states import State
from proxy.front.client import Client
from proxy.front.proxy import Proxy
from proxy.policy.lease import Lease, Place, Waiter
from proxy.pool.borrower import Promise
from proxy.session.advice import ADVICE

_PLACES = {
    Place.DIALING: "dialing",
    Place.IDLE: "idle",
    Place.LENT: "lent",
    Place.LINGERING: "lingering",
    Place.CALLED: "lingering",
    Place.RESETTING: "resetting",
    Place.RETIRING: "retiring",
}


def waiters(proxy: Proxy) -> dict[Client, Waiter]:
    """The places of clients in the queues."""
    found = {}
    for pool in proxy.pools:
        for waiter in pool.ledger.waiting:
            borrower = waiter.borrower
            client = borrower.served if isinstance(borrower, Promise) else borrower
            if isinstance(client, Client):
                found[client] = waiter
    return found


def addresses(proxy: Proxy) -> dict[object, str]:
    """The address of each pool's target."""
    return {pool: address for address, pool in proxy.pools.by_address().items()}


class ClientRows:
    """Makes the snapshots of clients; what they have in common is looked up once."""

    def __init__(self, proxy: Proxy, now: float, worker: int = 1) -> None:
        self._proxy = proxy
        self._now = now
        self._worker = worker
        self._waiters = waiters(proxy)
        self._addresses = addresses(proxy)

    def row(self, client: Client) -> ClientStatus:
        """One client; it may have left a moment ago."""
        session, now = client.session, self._now
        console = self._proxy.consoles.get(client)
        waiter = self._waiters.get(client)
        target, number = whereabouts(client.lease, self._addresses)
        schema = (session.state.schema or b"") if session is not None else b""
        user = session.user if session is not None else ""
        if console is not None:
            user, schema = console.user, console.schema.encode()
        pins = {pin.reason.name for pin in session.pins} if session is not None else ()
        return ClientStatus(
            proxy=self._proxy.config.name,
            number=client.number,
            endpoint=client.endpoint,
            user=user,
            address=client.address,
            schema=schema.decode("utf-8", "replace"),
            tls=client.protocol.tls_version,
            state=_state(client, is_waiting=waiter is not None),
            connected=max(0.0, now - client.since),
            silent=max(0.0, now - client.last_active),
            waiting=0.0 if waiter is None else max(0.0, now - waiter.since),
            target=target,
            connection=number,
            pins=tuple(sorted(pins)),
            worker=self._worker,
        )


def whereabouts(lease: Lease | None, known: dict[object, str]) -> tuple[str | None, int | None]:
    """The target of a lease, and the server's id of the connection."""
    if lease is None or lease.pool is None:
        return None, None
    number = lease.backend.connection_id if lease.backend is not None else None
    return known.get(lease.pool, lease.pool.place), number


def _state(client: Client, *, is_waiting: bool) -> str:
    """One of `CLIENT_STATES`."""
    session, state = client.session, client.dialogue.state
    if is_waiting:
        return "waiting"
    is_nobody = session is None and client not in client.proxy.consoles
    if is_nobody or state in (State.PROVING, State.PROVED, State.IDENTIFYING):
        return "login"
    if state in (State.ANSWERING, State.FILE):
        return "running"
    return "transaction" if session is not None and session.in_transaction else "idle"


def connections(proxy: Proxy) -> Iterator[tuple[str, Lease]]:
    """All leases with the addresses of their targets, as they are at this moment."""
    for address, pool in proxy.pools.by_address().items():
        for lease in [*pool.ledger.leases()]:
            yield address, lease


def connection_row(
    proxy: Proxy, address: str, lease: Lease, now: float, worker: int = 1
) -> ConnectionStatus:
    """One connection; it may have been closed a moment ago."""
    backend, holder = lease.backend, lease.holder
    has_it = isinstance(holder, Client) and holder.lease is lease
    return ConnectionStatus(
        proxy=proxy.config.name,
        target=address,
        number=backend.connection_id if backend is not None else None,
        user=getattr(lease.key, "user", ""),
        state=_PLACES.get(lease.place, "retiring"),
        client=holder.number if has_it else None,
        in_transaction=has_it and is_in_transaction(holder),
        tls=backend.tls_version if backend is not None else "",
        age=max(0.0, now - lease.born),
        idle=max(0.0, now - lease.idle_since) if lease.place is Place.IDLE else 0.0,
        uses=lease.serial,
        worker=worker,
    )


def pins(proxy: Proxy, now: float) -> list[PinStatus]:
    """What keeps clients on their connections, the longest first."""
    known, found = addresses(proxy), []
    for client in proxy.pinned:
        session = client.session
        if session is None:
            continue
        target, number = whereabouts(client.lease, known)
        found += [
            PinStatus(
                proxy=proxy.config.name,
                client=client.number,
                user=session.user,
                address=client.address,
                target=target,
                connection=number,
                reason=pin.reason.name,
                why=pin.reason.value,
                statement=pin.statement,
                lasts=max(0.0, pin.age(now)),
                ends=ADVICE[pin.reason].ends,
                advice=advice(pin.reason),
            )
            for pin in session.pins
        ]
    return sorted(found, key=lambda pin: -pin.lasts)
