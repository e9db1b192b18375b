"""Settings of the log."""

from __future__ import annotations

from typing import Literal

import attrs

from proxy.config.rules import OrNull, Seconds, Word

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]
LoggedLogins = Literal["none", "failed", "all"]


@attrs.frozen(kw_only=True)
class LogConfig:
    """What the log shows and how."""

    level: LogLevel = attrs.field(
        default="info",
        validator=Word(LogLevel),
        metadata={"doc": "The least serious lines that are written."},
    )
    format: LogFormat = attrs.field(
        default="auto",
        validator=Word(LogFormat),
        metadata={
            "doc": "console is for people, json for programs; auto takes console on a terminal "
            "and json elsewhere."
        },
    )
    logins: LoggedLogins = attrs.field(
        default="failed",
        validator=Word(LoggedLogins),
        metadata={
            "doc": "Which logins of clients have a line of their own: none of them, those that "
            "failed, or all, which is an audit log: who came, from where and when, how they "
            "proved who they are, and when they left."
        },
    )
    slow_statement_time: float | None = attrs.field(
        default=None,
        validator=OrNull(Seconds(0.001, 3600)),
        metadata={
            "doc": "A statement whose answer took longer has a line with its digest, which has "
            "no values in it; null is never."
        },
    )
