"""What operators tell the proxy to do by the console: the same actions as the admin API's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred, FirstError, gatherResults

from proxy import errors
from proxy.admin import acting, routes
from proxy.admin.answers import ActionAnswer
from proxy.admin.call import CallRefusedError
from proxy.admin.console_shows import served_of, unknown_name
from proxy.admin.console_tables import text_columns
from proxy.admin.console_words import Words, not_understood
from proxy.admin.desk import Desk, address_of
from proxy.admin.process import Served
from proxy.config.model import DEFAULT_TARGET_SET
from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.front.console import Answer, Asker, Done, Table
from proxy.policy.standing import OperationRefusedError, ReloadReport

_FOR: Final = frozenset(("FOR",))


@attrs.frozen
class Order:
    """Something that operators tell the proxy to do.

    Attributes:
        form: How it is written, for SHOW HELP.
        says: What it does, likewise.
        obey: Does it; gets what follows its first word.
    """

    form: str
    says: str
    obey: Callable[[Desk, Asker, Words], Awaitable[Answer]]


async def carry_out(order: Order, desk: Desk, asker: Asker, words: Words) -> Answer:
    """Do what an operator says.

    Raises:
        StatementRefusedError: it is not possible, or cannot be understood.
    """
    try:
        return await order.obey(desk, asker, words)
    except OperationRefusedError as error:
        raise _refused(error.why) from None
    except CallRefusedError as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> StatementRefusedError:
    """An order that is not possible now (ER_UNKNOWN_ERROR)."""
    return StatementRefusedError(ErrorReply(1105, "HY000", why, Fault.CLIENT))


def _asked(
    asker: Asker, names: Mapping[str, str] | None = None, **parameters: object
) -> routes.Asked:
    """As the handlers of the admin API have it; SQL waits until it is done or broken off."""
    return routes.Asked(
        names=names or {},
        query={},
        parameters={"timeout": acting.MAX_TIMEOUT_SECONDS, **parameters},
        by=f"{asker.user}@{asker.address} by the console (client {asker.number})",
        may_act=True,
    )


def _told(content: Any, done: str) -> Done:
    """What came of an action."""
    assert isinstance(content, ActionAnswer)
    return Done(done if content.done else "It goes on; the same again waits for its end")


# Proxies and targets


def _on_proxies(handler: routes.Handler, done: str) -> Callable[..., Awaitable[Answer]]:
    """An order about the proxy that it names, or about all."""

    async def obey(desk: Desk, asker: Asker, words: Words) -> Answer:
        words.accept("FOR")
        served = (
            [served_of(desk, words.name("the proxy"))] if words.next else desk.process.served()
        )
        names = [one.operations.name for one in served]
        running = [
            Deferred.fromCoroutine(_call(handler, desk, _asked(asker, {"proxy": name})))
            for name in names
        ]
        try:
            contents = await gatherResults(running, consumeErrors=True)
        except FirstError as error:
            failure: Any = error.subFailure
            raise failure.value from None
        return next(
            (told for one in contents if (told := _told(one, "")).info),
            Done(f"{done}: {', '.join(names)}"),
        )

    return obey


async def _call(handler: routes.Handler, desk: Desk, asked: routes.Asked) -> Any:
    answer: Any = await handler(desk, asked)
    return answer.content


def _on_target(handler: routes.Handler, done: str) -> Callable[..., Awaitable[Answer]]:
    """An order about a target of the proxy that it names, or of the only one that has it."""

    async def obey(desk: Desk, asker: Asker, words: Words) -> Answer:
        target = words.name("the target", _FOR)
        served = _named(desk, words) or [*desk.process.served()]
        found = {}
        for one in served:
            asked = _asked(asker, {"proxy": one.operations.name, "target": target})
            try:
                address_of(one, asked)
            except CallRefusedError:
                continue
            found[one.operations.name] = asked
        if not found:
            known = dict.fromkeys(
                target.address for one in served for target in one.operations.targets()
            )
            raise unknown_name("target", target, known)
        if len(found) > 1:
            raise _refused(f"Several proxies have this target: add FOR {' or '.join(found)}")
        (asked,) = found.values()
        return _told(await _call(handler, desk, asked), f"{done}: {target}")

    return obey


async def _switch(desk: Desk, asker: Asker, words: Words) -> Answer:
    name = words.name("the set of targets", _FOR)
    served = _named(desk, words) or [*desk.process.served()]
    found = {
        one.operations.name: known
        for one in served
        for known in _sets(one)
        if known.lower() == name.lower()
    }
    if not found:
        raise unknown_name(
            "target set", name, dict.fromkeys(s for o in served for s in _sets(o))
        )
    if len(found) > 1:
        raise _refused(f"Several proxies have this set: add FOR {' or '.join(found)}")
    ((proxy, known),) = found.items()
    asked = _asked(asker, {"proxy": proxy}, target_set=known)
    return _told(await _call(acting.switch, desk, asked), f"in use: {known}")


def _sets(served: Served) -> list[str]:
    sets = served.sight.config.target_group.target_sets
    return [DEFAULT_TARGET_SET, *(one.name for one in sets)] if sets else []


def _named(desk: Desk, words: Words) -> list[Served]:
    """The proxy that is named behind FOR; none where nothing is."""
    if not words.accept("FOR"):
        words.expect_end()
        return []
    return [served_of(desk, words.name("the proxy"))]


# Clients


async def _kill(desk: Desk, asker: Asker, words: Words) -> Answer:
    query = words.accept("QUERY")
    if not query:
        words.accept("CONNECTION")
    number = words.number("the id of the client")
    words.expect_end()
    if number == asker.number:
        raise _refused("This is your own connection: close it instead")
    for served in desk.process.served():
        if not await served.sight.has_client(number):
            continue
        asked = _asked(asker, {"proxy": served.operations.name, "number": str(number)})
        if not query:
            return _told(await _call(acting.kill_client, desk, asked), f"killed: {number}")
        desk.log.info("an operator stopped a statement", client=number, by=asked.by)
        await served.sight.stop_statement(number)
        return Done(f"stopped: {number}")
    raise StatementRefusedError(errors.unknown_thread(number))


# The process


async def _reload(desk: Desk, asker: Asker, words: Words) -> Answer:
    words.accept("CONFIG")
    words.expect_end()
    report = await _call(acting.reload, desk, _asked(asker))
    assert isinstance(report, ReloadReport)
    rows = [(path, "in force") for path in report.changed]
    rows += [(path, "needs a restart") for path in report.needs_restart]
    if not rows:
        return Done("Nothing has changed")
    return Table(text_columns("setting", "state"), rows)


async def _restart(desk: Desk, asker: Asker, words: Words) -> Answer:
    words.expect_end()
    content = await _call(acting.restart, desk, _asked(asker))
    return _told(content, "A new process serves from now on")


async def _set_log_level(desk: Desk, asker: Asker, words: Words) -> Answer:
    """SET LOG LEVEL, of which the last words are left."""
    words.accept("=")
    level = words.name("the level")
    answer = await _call(acting.log_level, desk, _asked(asker, level=level.lower()))
    return Done(f"The level of the log: {answer.level}")


async def _set_debug_logging(desk: Desk, asker: Asker, words: Words) -> Answer:
    """SET DEBUG LOGGING, of which the last words are left."""
    words.accept("=")
    switch = words.accept_one(("ON", "OFF"))
    if not switch:
        raise not_understood("SET DEBUG LOGGING has to be ON or OFF")
    served = _named(desk, words) or [*desk.process.served()]
    names = [one.operations.name for one in served]
    for name in names:
        asked = _asked(asker, {"proxy": name}, on=switch == "ON")
        await _call(acting.debug_logging, desk, asked)
    return Done(f"Debug logging is {switch.lower()}: {', '.join(names)}")


ORDERS: Final[dict[tuple[str, ...], Order]] = {
    ("PAUSE",): Order(
        "PAUSE [proxy]",
        "hold all clients between transactions",
        _on_proxies(acting.pause, "paused"),
    ),
    ("RESUME",): Order(
        "RESUME [proxy]", "let them go on", _on_proxies(acting.resume, "resumed")
    ),
    ("DRAIN",): Order(
        "DRAIN target [FOR proxy]",
        "let a target finish what runs and give it nothing new",
        _on_target(acting.drain, "drained"),
    ),
    ("UNDRAIN",): Order(
        "UNDRAIN target [FOR proxy]", "use it again", _on_target(acting.undrain, "in use")
    ),
    ("PROMOTE",): Order(
        "PROMOTE target [FOR proxy]",
        "make another target the writer",
        _on_target(acting.promote, "the writer"),
    ),
    ("SWITCH",): Order(
        "SWITCH target_set [FOR proxy]", "use another set of targets, all at once", _switch
    ),
    ("KILL",): Order(
        "KILL [CONNECTION | QUERY] client",
        "end a client, or stop its statement",
        _kill,
    ),
    ("RELOAD",): Order("RELOAD", "read the configuration file again", _reload),
    ("RESTART",): Order("RESTART", "hand everything over to a new process", _restart),
    ("SET", "LOG", "LEVEL"): Order(
        "SET LOG LEVEL = debug | info | warning | error",
        "change which lines the log has",
        _set_log_level,
    ),
    ("SET", "DEBUG", "LOGGING"): Order(
        "SET DEBUG LOGGING ON | OFF [FOR proxy]",
        "show each statement in the log, or no more",
        _set_debug_logging,
    ),
}
"""All that can be told, by how it begins."""


def order_of(words: Words) -> Order | None:
    """The order that comes next; None when none does, and nothing is taken then."""
    for begin, order in ORDERS.items():
        if words.accept(*begin):
            return order
    return None
