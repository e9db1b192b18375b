"""What can be seen by the admin API."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from proxy.admin import answers, looking
from proxy.admin.call import Answer, Written
from proxy.admin.desk import Desk, address_of
from proxy.admin.history import KEPT_SECONDS
from proxy.admin.listing import listed, seen
from proxy.admin.routes import Asked, Number, Route
from proxy.admin.snapshot import EventStatus, Overview, ProcessStatus
from proxy.observe import log
from proxy.policy.standing import ProxyStatus, TargetStatus

MOST_ROWS = 10_000
"""Of one list: some 4 MB of clients."""

_OK = HTTPStatus.OK


async def overview(desk: Desk, asked: Asked) -> Written:
    """All that fits on a page: the process, and each proxy with its targets and pools."""
    return Written(_OK, desk.overviews.text(may_act=asked.may_act))


async def process(desk: Desk, _: Asked) -> Answer:
    """The process itself."""
    return Answer(_OK, looking.process_status(desk.process))


async def workers(desk: Desk, _: Asked) -> Answer:
    """The processes that serve clients."""
    return Answer(_OK, answers.WorkersAnswer(workers=tuple(desk.process.workers())))


async def history(desk: Desk, _: Asked) -> Written:
    """The last minutes of each proxy, second by second."""
    text = f'{{"seconds": {KEPT_SECONDS}, "proxies": {desk.history.text()}}}\n'
    return Written(_OK, text.encode())


async def proxies(desk: Desk, _: Asked) -> Answer:
    """All proxies."""
    found = tuple(one.operations.status() for one in desk.process.served())
    return Answer(_OK, answers.ProxiesAnswer(proxies=found))


async def proxy(desk: Desk, asked: Asked) -> Answer:
    """One of them."""
    return Answer(_OK, desk.served(asked).operations.status())


async def targets(desk: Desk, asked: Asked) -> Answer:
    """The targets of a proxy."""
    found = desk.served(asked).operations.targets()
    return Answer(_OK, answers.TargetsAnswer(targets=tuple(found)))


async def target(desk: Desk, asked: Asked) -> Answer:
    """One of them."""
    served = desk.served(asked)
    address = address_of(served, asked)
    return Answer(
        _OK, next(one for one in served.operations.targets() if one.address == address)
    )


async def _rows(desk: Desk, asked: Asked, name: str, rows: Iterable[Any]) -> Written:
    return await listed(name, [*rows], asked.query["limit"], desk.clock)


async def endpoints(desk: Desk, asked: Asked) -> Written:
    """Where a proxy serves."""
    return await _rows(desk, asked, "endpoints", looking.endpoints(desk.served(asked)))


async def pools(desk: Desk, asked: Asked) -> Written:
    """The connections of a proxy, target by target."""
    return await _rows(desk, asked, "pools", desk.served(asked).sight.pools())


async def pins(desk: Desk, asked: Asked) -> Written:
    """What keeps clients on their connections, and what can be done about it."""
    found = await desk.served(asked).sight.pins(asked.query["limit"])
    return await seen("pins", found, desk.clock)


async def pin_reasons(desk: Desk, asked: Asked) -> Written:
    """How often each reason keeps a client on its connection."""
    return await _rows(desk, asked, "pin_reasons", desk.served(asked).sight.pin_reasons())


async def digests(desk: Desk, asked: Asked) -> Written:
    """The statements that take most of the time, without their values."""
    found = await desk.served(asked).sight.digests(asked.query["limit"])
    return await seen("digests", found, desk.clock)


async def clients(desk: Desk, asked: Asked) -> Written:
    """The clients of a proxy."""
    found = await desk.served(asked).sight.clients(asked.query["limit"])
    return await seen("clients", found, desk.clock)


async def connections(desk: Desk, asked: Asked) -> Written:
    """The connections of a proxy to its targets."""
    found = await desk.served(asked).sight.connections(asked.query["limit"])
    return await seen("connections", found, desk.clock)


async def events(desk: Desk, asked: Asked) -> Answer:
    """What has happened that an operator may care about."""
    after, newest = asked.query["after"], asked.query["newest"]
    kept = [*desk.process.events.after(after)]
    wanted = kept[max(0, len(kept) - newest) :]
    found = tuple(
        EventStatus(
            number=event.number,
            time=event.time,
            level=event.level,
            event=event.event,
            fields=event.fields,
        )
        for event in wanted[: asked.query["limit"]]
    )
    # Who wants none of the old ones goes on with the next one.
    told = found or (kept if not newest else ())
    last = told[-1].number if told else after
    return Answer(_OK, answers.EventsAnswer(events=found, last=last))


async def configuration(desk: Desk, _: Asked) -> Answer:
    """The configuration in force, with secrets masked."""
    path = desk.process.config_path
    content = {
        "path": "" if path is None else str(path),
        "configured": looking.moment(desk.process.configured),
        "configuration": desk.process.config,
    }
    return Answer(_OK, content)


async def log_settings(desk: Desk, _: Asked) -> Answer:
    """What the log shows."""
    return Answer(_OK, log_answer(desk))


def log_answer(desk: Desk) -> answers.LogAnswer:
    """What the log shows."""
    debugged = tuple(looking.debug_logging(desk.process))
    return answers.LogAnswer(level=log.level(), debug_logging=debugged)


async def metrics(desk: Desk, _: Asked) -> Written:
    """All series, for Prometheus."""
    return Written(_OK, desk.process.metrics(), METRICS_TYPE)


async def health(_desk: Desk, _: Asked) -> Answer:
    """Whether the process answers."""
    return Answer(_OK, answers.HealthAnswer(status="ok"))


async def ready(desk: Desk, _: Asked) -> Answer:
    """Whether new clients should come here."""
    why = desk.process.why_not_ready()
    if why:
        return Answer(
            HTTPStatus.SERVICE_UNAVAILABLE, answers.HealthAnswer(status="not ready", why=why)
        )
    return Answer(_OK, answers.HealthAnswer(status="ok"))


async def dashboard(desk: Desk, asked: Asked) -> Written:
    """The dashboard."""
    return desk.files.answer("index.html", asked.known_tag)


async def asset(desk: Desk, asked: Asked) -> Written:
    """A file of the dashboard."""
    return desk.files.answer(asked.names["file"], asked.known_tag)


METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's text format."""

_NOT_FOUND = HTTPStatus.NOT_FOUND
_PROXY = "/v1/proxies/{proxy}"
_LIMIT = Number(
    name="limit", doc="The most that are wanted.", default=1000, low=0, high=MOST_ROWS
)
_DIGESTS_LIMIT = Number(name="limit", doc=_LIMIT.doc, default=20, low=0, high=MOST_ROWS)
_AFTER = Number(name="after", doc="Only what came after the event of this number.", default=0)
_NEWEST = Number(
    name="newest",
    doc="Only the last so many of these; the others are passed over.",
    default=MOST_ROWS,
    high=MOST_ROWS,
)
_get = partial(Route, method="GET")
_of_proxy = partial(_get, statuses=(_NOT_FOUND,))
_list_of = partial(_of_proxy, query=(_LIMIT,))

ROUTES: Final = (
    _get(template="/v1/overview", handler=overview, gives=Overview),
    _get(template="/v1/process", handler=process, gives=ProcessStatus),
    _get(template="/v1/workers", handler=workers, gives=answers.WorkersAnswer),
    _get(template="/v1/history", handler=history, gives=answers.HistoryAnswer),
    _get(template="/v1/proxies", handler=proxies, gives=answers.ProxiesAnswer),
    _of_proxy(template=_PROXY, handler=proxy, gives=ProxyStatus),
    _of_proxy(template=f"{_PROXY}/targets", handler=targets, gives=answers.TargetsAnswer),
    _of_proxy(template=f"{_PROXY}/targets/{{target}}", handler=target, gives=TargetStatus),
    _list_of(template=f"{_PROXY}/endpoints", handler=endpoints, gives=answers.EndpointsAnswer),
    _list_of(template=f"{_PROXY}/pools", handler=pools, gives=answers.PoolsAnswer),
    _list_of(
        template=f"{_PROXY}/connections", handler=connections, gives=answers.ConnectionsAnswer
    ),
    _list_of(template=f"{_PROXY}/clients", handler=clients, gives=answers.ClientsAnswer),
    _list_of(template=f"{_PROXY}/pins", handler=pins, gives=answers.PinsAnswer),
    _list_of(
        template=f"{_PROXY}/pin-reasons", handler=pin_reasons, gives=answers.PinReasonsAnswer
    ),
    _of_proxy(
        template=f"{_PROXY}/digests",
        handler=digests,
        gives=answers.DigestsAnswer,
        query=(_DIGESTS_LIMIT,),
    ),
    _get(
        template="/v1/events",
        handler=events,
        gives=answers.EventsAnswer,
        query=(_AFTER, _NEWEST, _LIMIT),
    ),
    _get(
        template="/v1/configuration", handler=configuration, gives=answers.ConfigurationAnswer
    ),
    _get(template="/v1/log", handler=log_settings, gives=answers.LogAnswer),
    _get(template="/metrics", handler=metrics, gives=METRICS_TYPE),
    _get(template="/health", handler=health, gives=answers.HealthAnswer, is_open=True),
    _get(
        template="/ready",
        handler=ready,
        gives=answers.HealthAnswer,
        statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
        is_open=True,
    ),
    _get(template="/", handler=dashboard, gives="text/html", is_open=True),
    _get(
        template="/assets/{file}",
        handler=asset,
        gives="*/*",
        statuses=(_NOT_FOUND,),
        is_open=True,
    ),
)
"""All that can be seen."""
