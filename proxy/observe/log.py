"""The log: structlog for people or for programs, with Twisted's own log inside it.

Lines are written by shells, from events.  Nothing here may fail loudly: a log that cannot be
written must not take the clients down with it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO, cast

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
MASK = "***"
# The last word of a key says what it holds: `password` is one, `password_file` is a file.
_SECRET_KEY = re.compile(
    r"(?:.*[_-])?(?:password|passwd|secret|token|nonce|scramble|auth_response|authorization)",
    re.IGNORECASE,
)
# Sequences that would move the cursor of a terminal or forge a line.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def configure(
    format: Format = "auto",  # noqa: A002 - the name of the setting
    level: Level = "info",
    stream: TextIO | None = None,
) -> None:
    """Send everything that is logged from now on to a stream, standard error by default.

    The stream is taken as it is now: when Twisted redirects `sys.stderr` into its log later on,
    our lines do not go round in a circle.
    """
    stream = sys.stderr if stream is None else stream
    console = format == "console" or (format == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            *(_for_people(colors=stream.isatty()) if console else _for_programs()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_names: _Sink(stream),
        # A logger made at import time has to follow a later change of level or format.
        cache_logger_on_first_use=False,
    )


def get_logger(**fields: Any) -> FilteringBoundLogger:
    """Make a logger that adds these fields to each of its lines."""
    return cast("FilteringBoundLogger", structlog.get_logger(**fields))


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the value of every field whose name says that it is a secret, at any depth.

    A `Secret` needs no mask, for it prints as one.
    """
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: object, value: object) -> object:
    if isinstance(key, str) and _SECRET_KEY.fullmatch(key):
        return MASK
    match value:
        case Mapping():
            return {name: _masked(name, inner) for name, inner in value.items()}
        case list() | tuple():
            return [_masked(None, inner) for inner in value]
    return value


def _for_people(*, colors: bool) -> list[Processor]:
    # Not structlog's default traceback: it prints local variables, and a password may be one.
    renderer = structlog.dev.ConsoleRenderer(
        colors=colors,
        repr_native_str=True,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [renderer]


def _for_programs() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]


@attrs.frozen
class _Sink:
    """Writes finished lines to a stream for as long as the stream takes them."""

    stream: TextIO

    def msg(self, line: str) -> None:
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            # A full disk or a closed pipe: there is no place left to complain.
            return

    debug = info = warning = error = critical = msg


def observe_twisted(event: LogEvent) -> None:
    """Write one event of `twisted.logger` as a line of ours."""
    level = _LEVEL_OF_TWISTED[event.get("log_level", LogLevel.info)]
    fields = {"namespace": event.get("log_namespace", "twisted")}
    if "log_failure" in event:
        fields["exception"] = event["log_failure"].getTraceback().rstrip()
    text = _CONTROL.sub("?", formatEvent(event))
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
