"""Version 1 of the admin API: what can be called, and what each call does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import CancelledError

from proxy.admin.actions import Action, Actions, Begin
from proxy.admin.call import Answer, Call, CallRefusedError
from proxy.admin.guard import check, parameters, seconds
from proxy.admin.operations import Operations
from proxy.config.address import TcpAddress, parse_address
from proxy.net.clock import Clock
from proxy.policy.standing import OperationRefusedError

DEFAULT_TIMEOUT_SECONDS = 60.0
"""How long an answer is waited for of which nothing else is said: long enough for the open
transactions of most applications, and shorter than what HTTP clients wait."""

MAX_TIMEOUT_SECONDS = 3600.0
"""Longer than a transaction may be held up by any setting."""

_MILLISECONDS: Final = 3
"""Decimal places of seconds: what is finer is chance."""


@attrs.frozen
class _Asked:
    """A call whose route was found: names from its path, parameters from its body."""

    names: Mapping[str, str]
    parameters: Mapping[str, object]
    by: str


_Handler: TypeAlias = Callable[["Api", _Asked], Awaitable[Answer]]


@attrs.frozen
class Route:
    """Something that can be called.

    Attributes:
        method: Of HTTP.
        template: The path; {words} stand for one segment each.
        handler: What it does.
        takes: Its parameters.
    """

    method: str
    template: str
    handler: _Handler
    takes: tuple[str, ...] = ()

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The names in a path; None where it is the path of something else."""
        wanted = self.template[1:].split("/")
        if len(wanted) != len(segments) or not all(segments):
            return None
        pairs = [*zip(wanted, segments, strict=True)]
        if any(word != segment for word, segment in pairs if not word.startswith("{")):
            return None
        return {word[1:-1]: segment for word, segment in pairs if word.startswith("{")}


class Api:
    """Answers calls."""

    def __init__(
        self, operations: Sequence[Operations], clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._proxies = {one.name: one for one in operations}
        self._log = log
        self.actions = Actions(clock, log)

    async def answer(self, call: Call) -> Answer:
        """Do what is asked for, and say what came of it; never raises but when cancelled."""
        try:
            check(call)
            route, names = _find(call)
            asked = _Asked(names, parameters(call, route.takes), call.by)
            answer = await route.handler(self, asked)
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

    # What can be seen

    async def proxies(self, _: _Asked) -> Answer:
        """All proxies."""
        found = [_fields(one.status()) for one in self._proxies.values()]
        return Answer(HTTPStatus.OK, {"proxies": found})

    async def proxy(self, asked: _Asked) -> Answer:
        """One of them."""
        return Answer(HTTPStatus.OK, _fields(self._operations(asked).status()))

    async def targets(self, asked: _Asked) -> Answer:
        """The targets of a proxy."""
        found = [_fields(target) for target in self._operations(asked).targets()]
        return Answer(HTTPStatus.OK, {"targets": found})

    async def target(self, asked: _Asked) -> Answer:
        """One of them."""
        operations = self._operations(asked)
        address = _address(operations, asked)
        found = [one for one in operations.targets() if one.address == address]
        return Answer(HTTPStatus.OK, _fields(found[0]))

    # What can be done

    async def drain(self, asked: _Asked) -> Answer:
        """Let a target finish what runs and take nothing new."""
        operations = self._operations(asked)
        address = _address(operations, asked)
        return await self._run(
            "drain", asked, partial(operations.drain, address), target=address
        )

    async def undrain(self, asked: _Asked) -> Answer:
        """Use a target again."""
        operations = self._operations(asked)
        address = _address(operations, asked)
        return await self._run(
            "undrain", asked, _at_once(operations.undrain, address), target=address
        )

    async def promote(self, asked: _Asked) -> Answer:
        """Make a target the writer."""
        operations = self._operations(asked)
        address = _address(operations, asked)
        return await self._run(
            "promote", asked, partial(operations.promote, address), target=address
        )

    async def pause(self, asked: _Asked) -> Answer:
        """Hold all clients between transactions."""
        return await self._run("pause", asked, self._operations(asked).pause)

    async def resume(self, asked: _Asked) -> Answer:
        """Let held clients go on."""
        return await self._run("resume", asked, _at_once(self._operations(asked).resume))

    async def switch(self, asked: _Asked) -> Answer:
        """Use another set of targets."""
        operations = self._operations(asked)
        name = asked.parameters.get("target_set")
        if not isinstance(name, str) or not name:
            raise CallRefusedError(HTTPStatus.BAD_REQUEST, "target_set must be a name")
        return await self._run(
            "switch", asked, partial(operations.switch, name), target_set=name
        )

    async def _run(self, name: str, asked: _Asked, begin: Begin, **of: str) -> Answer:
        """Run an action; `of` is the target or the set of targets that it is about."""
        given = asked.parameters.get("timeout", DEFAULT_TIMEOUT_SECONDS)
        timeout = seconds(given, "timeout", MAX_TIMEOUT_SECONDS)
        action = Action(name=name, proxy=asked.names["proxy"], **of)
        done = await self.actions.run(action, begin, timeout, asked.by)
        status = HTTPStatus.OK if done else HTTPStatus.ACCEPTED
        content = {"action": name, "proxy": asked.names["proxy"], **of, "done": done}
        return Answer(status, content)

    def _operations(self, asked: _Asked) -> Operations:
        name = asked.names["proxy"]
        if name in self._proxies:
            return self._proxies[name]
        raise _unknown("proxy", name, [*self._proxies])


def _find(call: Call) -> tuple[Route, dict[str, str]]:
    try:
        segments = [unquote(one, errors="strict") for one in call.path[1:].split("/")]
    except UnicodeDecodeError:
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "the path is no UTF-8") from None
    found = [(route, names) for route in ROUTES if (names := route.match(segments)) is not None]
    if not found:
        raise CallRefusedError(
            HTTPStatus.NOT_FOUND,
            "there is nothing of this path",
            known=sorted({route.template for route in ROUTES}),
        )
    method = "GET" if call.method == "HEAD" else call.method
    for route, names in found:
        if route.method == method:
            return route, names
    allowed = [route.method for route, _ in found]
    allowed += ["HEAD"] if "GET" in allowed else []
    raise CallRefusedError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        f"here are {' and '.join(allowed)} only",
        {"Allow": ", ".join(allowed)},
    )


def _address(operations: Operations, asked: _Asked) -> str:
    """The address of the target that is meant, as the proxy writes it."""
    name = asked.names["target"]
    known = [target.address for target in operations.targets()]
    if name in known:
        return name
    alike = [address for address in known if _canonical(address) == _canonical(name)]
    if len(alike) == 1:
        return alike[0]
    raise _unknown("target", name, known)


def _canonical(address: str) -> str:
    """The same for all ways to write a host and a port."""
    try:
        place = parse_address(address)
    except ValueError:
        return address
    return str(place).lower() if isinstance(place, TcpAddress) else address


def _unknown(what: str, name: str, known: list[str]) -> CallRefusedError:
    there = f"there are {', '.join(known)}" if known else "there are none"
    return CallRefusedError(
        HTTPStatus.NOT_FOUND, f"there is no {what} {name[:100]!r}; {there}", known=known
    )


def _at_once(act: Callable[..., None], *arguments: str) -> Begin:
    async def begin() -> None:
        act(*arguments)

    return begin


def _fields(value: Any) -> dict[str, Any]:
    fields: dict[str, Any] = attrs.asdict(value)
    return {
        name: round(field, _MILLISECONDS) if isinstance(field, float) else field
        for name, field in fields.items()
    }


_PROXY = "/v1/proxies/{proxy}"
_TARGET = f"{_PROXY}/targets/{{target}}"

ROUTES: Final = (
    Route("GET", "/v1/proxies", Api.proxies),
    Route("GET", _PROXY, Api.proxy),
    Route("GET", f"{_PROXY}/targets", Api.targets),
    Route("GET", _TARGET, Api.target),
    Route("POST", f"{_TARGET}/drain", Api.drain, ("timeout",)),
    Route("POST", f"{_TARGET}/undrain", Api.undrain),
    Route("POST", f"{_TARGET}/promote", Api.promote, ("timeout",)),
    Route("POST", f"{_PROXY}/pause", Api.pause, ("timeout",)),
    Route("POST", f"{_PROXY}/resume", Api.resume),
    Route("POST", f"{_PROXY}/switch", Api.switch, ("target_set", "timeout")),
)
"""All that can be called."""
