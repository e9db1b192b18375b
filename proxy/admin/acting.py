"""What can be done by the admin API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from proxy.admin import answers
from proxy.admin.actions import Action, Begin
from proxy.admin.call import Answer, CallRefusedError
from proxy.admin.desk import Desk, address_of, unknown
from proxy.admin.guard import seconds
from proxy.admin.routes import Asked, Parameter, Route
from proxy.admin.viewing import log_answer
from proxy.observe import log
from proxy.policy.standing import ReloadReport

DEFAULT_TIMEOUT_SECONDS = 60.0
"""How long an answer is waited for of which nothing else is said: long enough for the open
transactions of most applications, and shorter than what HTTP clients wait."""

MAX_TIMEOUT_SECONDS = 3600.0
"""Longer than a transaction may be held up by any setting."""

LEVELS: Final[Mapping[str, log.Level]] = {
    level: level for level in ("debug", "info", "warning", "error")
}

_LONGEST_NAME: Final = 255
"""Characters of the name of a set: it stands in the log whether there is such a one or not."""


async def drain(desk: Desk, asked: Asked) -> Answer:
    """Let a target finish what runs and take nothing new."""
    served = desk.served(asked)
    address = address_of(served, asked)
    begin = partial(served.operations.drain, address)
    return await _run(desk, "drain", asked, begin, target=address)


async def undrain(desk: Desk, asked: Asked) -> Answer:
    """Use a target again."""
    served = desk.served(asked)
    address = address_of(served, asked)
    begin = _at_once(served.operations.undrain, address)
    return await _run(desk, "undrain", asked, begin, target=address)


async def promote(desk: Desk, asked: Asked) -> Answer:
    """Make a target the writer."""
    served = desk.served(asked)
    address = address_of(served, asked)
    begin = partial(served.operations.promote, address)
    return await _run(desk, "promote", asked, begin, target=address)


async def pause(desk: Desk, asked: Asked) -> Answer:
    """Hold all clients between transactions."""
    return await _run(desk, "pause", asked, desk.served(asked).operations.pause)


async def resume(desk: Desk, asked: Asked) -> Answer:
    """Let held clients go on."""
    begin = _at_once(desk.served(asked).operations.resume)
    return await _run(desk, "resume", asked, begin)


async def switch(desk: Desk, asked: Asked) -> Answer:
    """Use another set of targets."""
    served, name = desk.served(asked), asked.parameters.get("target_set")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "target_set must be a name")
    begin = partial(served.operations.switch, name)
    return await _run(desk, "switch", asked, begin, target_set=name)


async def kill_client(desk: Desk, asked: Asked) -> Answer:
    """End a client: it hears error 1927 or 1317, as after the server's own KILL."""
    sight, number = desk.served(asked).sight, _number(asked)
    if not await sight.has_client(number):
        raise unknown("client", str(number), [])
    begin = _whether_or_not(sight.kill_client, number)
    return await _run(desk, "kill client", asked, begin, number=number)


async def kill_connection(desk: Desk, asked: Asked) -> Answer:
    """End a connection to a target: whoever has it hears that it was lost."""
    served, number = desk.served(asked), _number(asked)
    address = address_of(served, asked)
    if not await served.sight.has_connection(address, number):
        raise unknown("connection", str(number), [])
    begin = _whether_or_not(served.sight.kill_connection, address, number)
    return await _run(desk, "kill connection", asked, begin, target=address, number=number)


def _whether_or_not(act: Callable[..., Awaitable[bool]], *arguments: object) -> Begin:
    """Do something to what may have gone a moment ago: then it is done already."""

    async def begin() -> None:
        await act(*arguments)

    return begin


async def debug_logging(desk: Desk, asked: Asked) -> Answer:
    """Show each statement of a proxy in the log, or show them no more."""
    sight, on = desk.served(asked).sight, asked.parameters.get("on")
    if not isinstance(on, bool):
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "on must be true or false")
    sight.debug = on
    desk.log.info(
        "an operator switched the log of statements",
        proxy=sight.name,
        on=on,
        by=asked.by,
    )
    await desk.process.heard()
    return Answer(HTTPStatus.OK, log_answer(desk))


async def log_level(desk: Desk, asked: Asked) -> Answer:
    """Change which lines the log has, until the next change or restart."""
    level = LEVELS.get(str(asked.parameters.get("level")))
    if level is None:
        raise CallRefusedError(
            HTTPStatus.BAD_REQUEST, f"level must be one of {', '.join(LEVELS)}"
        )
    desk.log.info("an operator changed the level of the log", level=level, by=asked.by)
    desk.process.set_log_level(level)
    await desk.process.heard()
    return Answer(HTTPStatus.OK, log_answer(desk))


async def reload(desk: Desk, asked: Asked) -> Answer:
    """Read the configuration file again, and put in force what can be while it runs."""
    reports = []

    async def begin() -> None:
        reports.append(await desk.process.reload())

    # The file may have changed since one that is under way has read it: this one waits for it.
    action, limit = Action(name="reload"), MAX_TIMEOUT_SECONDS
    done = await desk.actions.run(action, begin, limit, asked.by, joins=False)
    report = reports[0] if done else ReloadReport()
    return Answer(HTTPStatus.OK, report)


async def restart(desk: Desk, asked: Asked) -> Answer:
    """Hand everything over to a new process of the same command line."""
    return await _run(desk, "restart", asked, desk.process.restart)


async def _run(desk: Desk, name: str, asked: Asked, begin: Begin, **of: Any) -> Answer:
    """Run an action; `of` says what it is about, beside the proxy."""
    given = asked.parameters.get("timeout", DEFAULT_TIMEOUT_SECONDS)
    timeout = seconds(given, "timeout", MAX_TIMEOUT_SECONDS)
    proxy = asked.names.get("proxy", "")
    action = Action(name=name, proxy=proxy, **of)
    done = await desk.actions.run(action, begin, timeout, asked.by)
    status = HTTPStatus.OK if done else HTTPStatus.ACCEPTED
    return Answer(status, answers.ActionAnswer(action=name, proxy=proxy, done=done, **of))


def _at_once(act: Callable[..., object], *arguments: object) -> Begin:
    async def begin() -> None:
        act(*arguments)

    return begin


def _number(asked: Asked) -> int:
    text = asked.names["number"]
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    raise CallRefusedError(HTTPStatus.NOT_FOUND, f"{text[:40]!r} is no number")


_TIMEOUT = Parameter(
    name="timeout",
    schema={
        "type": "number",
        "minimum": 0,
        "maximum": MAX_TIMEOUT_SECONDS,
        "default": DEFAULT_TIMEOUT_SECONDS,
        "description": "Seconds to wait for the end; the action goes on after that.",
    },
    needed=False,
)
_SET = Parameter(
    name="target_set",
    schema={
        "type": "string",
        "minLength": 1,
        "maxLength": _LONGEST_NAME,
        "description": "Name of the set.",
    },
)
_LEVEL = Parameter(name="level", schema={"type": "string", "enum": [*LEVELS]})
_ON = Parameter(name="on", schema={"type": "boolean"})

_PROXY = "/v1/proxies/{proxy}"
_TARGET = f"{_PROXY}/targets/{{target}}"
_NOT_FOUND, _CONFLICT = HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT
_post = partial(Route, method="POST")
_short = partial(_post, gives=answers.ActionAnswer, statuses=(_NOT_FOUND, _CONFLICT))
_long = partial(
    _short,
    takes=(_TIMEOUT,),
    statuses=(HTTPStatus.ACCEPTED, _NOT_FOUND, _CONFLICT),
)

ROUTES: Final = (
    _long(template=f"{_TARGET}/drain", handler=drain),
    _short(template=f"{_TARGET}/undrain", handler=undrain),
    _long(template=f"{_TARGET}/promote", handler=promote),
    _long(template=f"{_PROXY}/pause", handler=pause),
    _short(template=f"{_PROXY}/resume", handler=resume),
    _long(template=f"{_PROXY}/switch", handler=switch, takes=(_SET, _TIMEOUT)),
    _short(template=f"{_PROXY}/clients/{{number}}/kill", handler=kill_client),
    _short(template=f"{_TARGET}/connections/{{number}}/kill", handler=kill_connection),
    _post(
        template=f"{_PROXY}/debug-logging",
        handler=debug_logging,
        gives=answers.LogAnswer,
        takes=(_ON,),
        statuses=(_NOT_FOUND,),
    ),
    _post(template="/v1/log", handler=log_level, gives=answers.LogAnswer, takes=(_LEVEL,)),
    _post(template="/v1/reload", handler=reload, gives=ReloadReport, statuses=(_CONFLICT,)),
    _long(
        template="/v1/restart",
        handler=restart,
        statuses=(HTTPStatus.ACCEPTED, _CONFLICT),
    ),
)
"""All that can be done."""
