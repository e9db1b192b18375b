"""The log: structlog for people or for programs, with Twisted's own log inside it.

Lines are written by shells, from events.  Nothing here may fail loudly: a log that cannot be
written must not take the clients down with it, and nobody waits for it (`proxy.observe.sink`).

On its way a line is left out where there is a flood of its kind (`proxy.observe.flood`), else
masked, kept for those who ask what has happened (`events`), and written if it is serious
enough.  Debug lines are never a flood: who wants them wants all of them.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO, cast

import attrs
import structlog
from structlog.typing import FilteringBoundLogger, Processor
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    LogPublisher,
    formatEvent,
    globalLogBeginner,
)

from proxy.observe.events import Events
from proxy.observe.flood import Flood
from proxy.observe.plain import clean, lay_out, make_plain
from proxy.observe.sink import Sink

Format = Literal["auto", "console", "json"]
Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_LEVEL_OF_TWISTED = {
    LogLevel.debug: "debug",
    LogLevel.info: "info",
    LogLevel.warn: "warning",
    LogLevel.error: "error",
    LogLevel.critical: "critical",
}

EVERY_LINE: Final[Mapping[str, Any]] = {"_every_line": True}
"""Fields of a line that is never left out as a part of a flood: a failover, however often there
is one, and what somebody wants a full account of."""

WANTED: Final[Mapping[str, Any]] = {"_every_line": True, "_wanted": True}
"""Fields of a line that is written whatever the level is, since a setting asks for it."""

events: Final = Events()
"""What has happened in this process: lines of info and above, whatever the level is."""

LAST_WAIT_SECONDS: Final = 1.0
"""How long the end of the process waits for whoever reads the log, at most for each line."""


@attrs.define(eq=False)
class _State:
    """What can be changed while loggers are in use.

    A logger that is bound keeps its processors and the wrapper that it was bound with, so that
    the level is looked at by a processor.
    """

    level: Level = "info"
    flood: Flood = attrs.field(factory=lambda: Flood(time.monotonic))
    sink: Sink | None = None


_state: Final = _State()


def configure(
    format: Format = "auto",  # noqa: A002 - the name of the setting
    level: Level = "info",
    stream: TextIO | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send everything that is logged from now on to a stream, standard error by default.

    The stream is taken as it is now: when Twisted redirects `sys.stderr` into its log later on,
    our lines do not go round in a circle.

    Args:
        format: console, json, or what suits the stream.
        level: The least serious lines that are written.
        stream: Where they go.
        clock: Seconds since whenever, never going back; by it floods are told.
    """
    stream = sys.stderr if stream is None else stream
    console = format == "console" or (format == "auto" and stream.isatty())
    sink = Sink(stream, _tell_of_lost)
    set_level(level)
    _state.flood, _state.sink = Flood(clock), sink
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            # What is left out costs no more than that it is counted.
            _drop_idle_talk,
            _thin_out,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            make_plain,
            _keep,
            _drop_below_level,
            *(_for_people(colors=stream.isatty()) if console else _for_programs()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=lambda *_names: sink,
        # A logger made at import time has to follow a later change of the format.
        cache_logger_on_first_use=False,
    )


def set_level(level: Level) -> None:
    """Write lines of this level and above from now on.

    Raises:
        ValueError: there is no such level.
    """
    if level not in _LEVELS:
        raise ValueError(f"no level of the log: {level}")
    _state.level = level


def level() -> Level:
    """The least serious lines that are written."""
    return _state.level


def settle(*, at_once: bool = False) -> None:
    """Write what waits for a slow reader, and how many lines were left out; for each second.

    Args:
        at_once: The process ends: nothing is kept for later.
    """
    _tell_of_left_out(at_once=at_once)
    if _state.sink is not None:
        _state.sink.flush(LAST_WAIT_SECONDS if at_once else 0.0)


def lost_lines() -> int:
    """Lines that could not be written so far: the disk was full, or nobody read them."""
    return 0 if _state.sink is None else _state.sink.lost_total


def get_logger(**fields: Any) -> FilteringBoundLogger:
    """Make a logger that adds these fields to each of its lines."""
    return cast("FilteringBoundLogger", structlog.get_logger(**fields))


def _for_people(*, colors: bool) -> list[Processor]:
    # Not structlog's default traceback: it prints local variables, and a password may be one.
    renderer = structlog.dev.ConsoleRenderer(
        colors=colors,
        repr_native_str=True,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [structlog.processors.format_exc_info, lay_out, renderer]


def _for_programs() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]


# What becomes of a line


def _number(event: Mapping[str, Any]) -> int:
    return _LEVELS.get(event["level"], logging.CRITICAL)


def _drop_idle_talk(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Most debug lines end here, before anything costs."""
    if event["level"] == "debug" and _state.level != "debug" and "_wanted" not in event:
        raise structlog.DropEvent
    return event


def _thin_out(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of a flood only some lines go on."""
    kind = event.pop("_kind", event["event"])
    every = event.pop("_every_line", False) or event["level"] == "debug"
    if not every:
        _tell_of_left_out()
        name = kind if isinstance(kind, str) else type(kind).__name__
        if not _state.flood.admits(event["level"], name):
            raise structlog.DropEvent
    return event


def _tell_of_left_out(*, at_once: bool = False) -> None:
    for one in _state.flood.due(at_once=at_once):
        write = getattr(get_logger(), one.level)
        write(f"... and {one.lines:,} more like it", like=one.event, **EVERY_LINE)


def _tell_of_lost(lines: int, why: str) -> None:
    get_logger().warning("lines of the log were lost", lines=lines, why=why, **EVERY_LINE)


def _keep(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep lines of info and above for those who ask later."""
    if event["level"] != "debug":
        fields = {
            name: value
            for name, value in event.items()
            if name not in _OF_THE_LINE and name not in _EXCEPTION
        }
        trouble = _exception(event)
        if trouble:
            fields["exception"] = trouble
        stamp = event["timestamp"]
        moment = f"{stamp[:19]}.{stamp[20:23].rstrip('Z') or '000'}Z"
        level = _SHOWN_LEVEL.get(event["level"], event["level"])
        events.add(moment, level, str(event["event"]), fields)
    return event


_OF_THE_LINE: Final = frozenset(("timestamp", "level", "event", "_wanted"))
_EXCEPTION: Final = frozenset(("exception", "exc_info", "stack_info"))
_SHOWN_LEVEL: Final = {"critical": "error"}


def _exception(event: Mapping[str, Any]) -> str:
    """The last line of a traceback: which exception it was, and what it said."""
    if "exception" in event:
        return str(event["exception"]).strip().rpartition("\n")[2].removeprefix("builtins.")
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told
    if isinstance(error, tuple):
        error = error[1]
    return f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else ""


def _drop_below_level(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if not event.pop("_wanted", False) and _number(event) < _LEVELS[_state.level]:
        raise structlog.DropEvent
    return event


_OLD_LOG: Final = "log_legacy"
"""The namespace of `twisted.python.log`.  What comes by it says which ports are opened and
closed, and each that matters to an operator has a line of ours."""


def observe_twisted(event: LogEvent) -> None:
    """Write one event of `twisted.logger` as a line of ours."""
    level = _LEVEL_OF_TWISTED[event.get("log_level", LogLevel.info)]
    fields = {"namespace": event.get("log_namespace", "twisted")}
    if fields["namespace"] == _OLD_LOG and level == "info":
        level = "debug"
    if "log_failure" in event:
        fields["exception"] = event["log_failure"].getTraceback().rstrip()
    # Texts with an address or a number in them are of one kind.
    kind = str(event.get("log_format") or fields["namespace"])
    if "log_failure" in event:
        kind += f" {type(event['log_failure'].value).__name__}"  # one does not hide another
    fields["_kind"] = kind
    text = clean(formatEvent(event))
    getattr(get_logger(), level)(text or "(no text)", **fields)


def make_twisted_observer() -> ILogObserver:
    """Make what `twistd --logger` wants: an observer that declares to be one.

    A publisher with one observer is that, and it survives an observer that fails.
    """
    return cast("ILogObserver", LogPublisher(cast("ILogObserver", observe_twisted)))


def begin_twisted() -> None:
    """Begin Twisted's log with our observer; what it has buffered so far is written too.

    For a process of our own.  Under twistd, which begins the log itself, its option `logger`
    takes `make_twisted_observer` instead.
    """
    globalLogBeginner.beginLoggingTo([make_twisted_observer()], redirectStandardIO=False)
