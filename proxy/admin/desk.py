"""What the handlers of all calls work with."""

from __future__ import annotations

from http import HTTPStatus

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.admin.actions import Actions
from proxy.admin.call import CallRefusedError
from proxy.admin.files import Files
from proxy.admin.history import History
from proxy.admin.overview import Overviews
from proxy.admin.process import Process, Served
from proxy.admin.routes import Asked
from proxy.config.address import TcpAddress, parse_address
from proxy.net.clock import Clock


@attrs.frozen
class Desk:
    """See the module.

    Attributes:
        process: The running process.
        clock: That the pools have.
        log: Where actions are noted.
        actions: Those under way.
        history: The last minutes.
        overviews: What dashboards ask for.
        files: The dashboard's.
    """

    process: Process
    clock: Clock
    log: FilteringBoundLogger
    actions: Actions
    history: History
    overviews: Overviews
    files: Files

    def served(self, asked: Asked) -> Served:
        """The proxy that is meant.

        Raises:
            CallRefusedError: there is none of this name.
        """
        name = asked.names["proxy"]
        proxies = {one.operations.name: one for one in self.process.served()}
        if name in proxies:
            return proxies[name]
        raise unknown("proxy", name, [*proxies])


def address_of(served: Served, asked: Asked) -> str:
    """The address of the target that is meant, as the proxy writes it.

    Raises:
        CallRefusedError: there is none.
    """
    name = asked.names["target"]
    known = [target.address for target in served.operations.targets()]
    if name in known:
        return name
    alike = [address for address in known if _canonical(address) == _canonical(name)]
    if len(alike) == 1:
        return alike[0]
    raise unknown("target", name, known)


def _canonical(address: str) -> str:
    """The same for all ways to write a host and a port."""
    try:
        place = parse_address(address)
    except ValueError:
        return address
    return str(place).lower() if isinstance(place, TcpAddress) else address


def unknown(what: str, name: str, known: list[str]) -> CallRefusedError:
    """Something is not there; says what is."""
    there = f"there are {', '.join(known)}" if known else "there are none"
    return CallRefusedError(
        HTTPStatus.NOT_FOUND, f"there is no {what} {name[:100]!r}; {there}", known=known
    )
