"""Version 1 of the admin API: from a call to its answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import CancelledError

from proxy.admin import acting, viewing
from proxy.admin.acting import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
from proxy.admin.call import Answer, Call, CallRefusedError
from proxy.admin.desk import Desk
from proxy.admin.gate import Gate
from proxy.admin.guard import check, parameters
from proxy.admin.openapi import ROUTE as DOCUMENT
from proxy.admin.routes import Asked, Reply, Route, find
from proxy.policy.standing import OperationRefusedError

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "MAX_TIMEOUT_SECONDS", "ROUTES", "Api"]

ROUTES: Final[tuple[Route, ...]] = (*viewing.ROUTES, DOCUMENT, *acting.ROUTES)
"""All that can be called."""


class Api:
    """Answers calls.

    Args:
        desk: What it works with.
        gate: Says who calls.
        allowed_hosts: Names that the proxy may be called by.
        log: Where mistakes are told.
    """

    def __init__(
        self,
        desk: Desk,
        gate: Gate,
        allowed_hosts: tuple[str, ...],
        log: FilteringBoundLogger,
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._allowed_hosts = frozenset(name.lower().rstrip(".") for name in allowed_hosts)
        self._log = log

    async def answer(self, call: Call) -> Reply:
        """Do what is asked for, and say what came of it; never raises but when cancelled."""
        try:
            answer = await self._answer(call)
            answer.body  # noqa: B018 - a number that cannot be sent is our mistake too
        except CancelledError:  # whoever called has gone
            raise
        except CallRefusedError as error:
            return error.answer
        except OperationRefusedError as error:
            return Answer(HTTPStatus.CONFLICT, {"error": error.why})
        except Exception:  # noqa: BLE001 - it is logged; the caller gets an answer whatever it is
            self._log.exception("the admin API made a mistake", path=call.path, by=call.by)
            why = "this is a mistake of the proxy; its log says more"
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": why})
        return answer

    async def _answer(self, call: Call) -> Reply:
        try:
            route, names = find(ROUTES, call)
        except CallRefusedError:
            check(call, self._allowed_hosts)  # first: strangers learn nothing of paths
            raise
        check(call, self._allowed_hosts, is_open=route.is_open)
        caller = self._gate.identify(call, route)
        asked = Asked(
            names,
            route.numbers(call.query),
            parameters(call, route.takes),
            caller.name,
            caller.may_act,
            call.known_tag,
        )
        return await route.handler(self._desk, asked)
