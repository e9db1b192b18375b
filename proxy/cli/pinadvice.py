"""What `mysqlproxy pins` says of reasons and of logs; no proxy has to run for it."""

from __future__ import annotations

import difflib
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import attrs
import click

from proxy.cli.pinlog import PinLog, read_log
from proxy.cli.screen import tell_json
from proxy.session.advice import ADVICE, filters_for, reason_called
from proxy.session.pins import PinReason

_NARROWEST, _WIDEST = 72, 120
_GAP = "  "


def list_reasons(*, as_json: bool) -> None:
    """List all reasons: what pins, and until when."""
    if as_json:
        tell_json([_fields(one) for one in ADVICE])
        return
    click.echo(_table(("REASON", "PINS", "UNTIL"), _summaries(), (16, 30)))
    click.echo("\nmysqlproxy pins --explain REASON tells what can be done about one.")
    click.echo("mysqlproxy pins tells who is pinned now, and --log FILE who was.")


def explain(reason: PinReason, *, as_json: bool) -> None:
    """Explain one reason: when it pins, until when, and what to do about it."""
    if as_json:
        tell_json([_fields(reason)])
    else:
        click.echo(explained(reason))


def chosen(word: str) -> PinReason:
    """The reason of this name, in any case.

    Raises:
        click.UsageError: there is none.
    """
    reason = reason_called(word)
    if reason is not None and reason in ADVICE:
        return reason
    names = [reason.name for reason in ADVICE]
    near = difflib.get_close_matches(word.upper(), names, 1)
    hint = f"did you mean {near[0]}?" if near else "mysqlproxy pins --explain lists them."
    raise click.UsageError(f"{word!r} is no reason; {hint}")


def _summaries() -> list[tuple[str, str, str]]:
    return [(reason.name, one.title, one.ends) for reason, one in ADVICE.items()]


def tell_log(lines: TextIO, reason: PinReason | None, top: int, *, as_json: bool) -> None:
    """Count the pins of a log, and say what to do about them.

    Args:
        lines: Of the log.
        reason: The only one that matters; None is all.
        top: How many statements to show.
        as_json: Whether a program reads it.

    Raises:
        click.ClickException: no line is JSON.
    """
    log = read_log(lines)
    if log.others and not log.lines:
        raise click.ClickException(
            "no line of this log is JSON: set format: json in the log section of the "
            "configuration"
        )
    if reason is not None:
        log = log.only(reason.name)
    if as_json:
        tell_json(_log_fields(log, top))
        return
    if log.others:
        click.echo(f"{log.others} lines that are no JSON were left out.\n", err=True)
    if not log.pins:
        click.echo(f"No client was pinned in {log.lines} lines.")
        return
    when = f", from {log.first} to {log.last}" if log.first else ""
    click.echo(f"Clients were pinned {log.pins} times{when}.\n")
    shown = log.times.most_common(top)
    rows = [(str(times), cause.reason, cause.statement) for cause, times in shown]
    longest = max(len(row[1]) for row in rows)
    click.echo(_table(("TIMES", "REASON", "STATEMENT"), rows, (7, min(longest, 40))))
    if len(log.times) > len(shown):
        left = log.pins - sum(times for _, times in shown)
        click.echo(f"and {left} times {len(log.times) - len(shown)} others (--top)")
    for name, _ in log.by_reason():
        found = reason_called(name)
        if found is not None and found in ADVICE:
            click.echo("\n" + explained(found))


def _log_fields(log: PinLog, top: int) -> dict[str, Any]:
    known = [reason for name, _ in log.by_reason() if (reason := reason_called(name))]
    return {
        "pins": log.pins,
        "first": log.first or None,
        "last": log.last or None,
        "reasons": dict(log.by_reason()),
        "statements": [
            {"times": times, "reason": cause.reason, "statement": cause.statement}
            for cause, times in log.times.most_common(top)
        ],
        "advice": [_fields(reason) for reason in known if reason in ADVICE],
    }


def _fields(reason: PinReason) -> dict[str, Any]:
    head = {"reason": reason.name, "sentence": reason.value}
    return head | attrs.asdict(ADVICE[reason]) | {"filters": filters_for(reason)}


def explained(reason: PinReason) -> str:
    """All that is to be said of a reason, in lines that fit the terminal."""
    advice = ADVICE[reason]
    parts = [
        ("Pins", advice.pins),
        ("Until", advice.ends),
        ("Application", advice.application),
        *(("", example) for example in advice.examples),
        ("Operator", advice.operator),
        ("Filters", ", ".join(filters_for(reason))),
    ]
    lines = [f"{reason.name}: {advice.title}"]
    for name, text in parts:
        if text:
            lines += _wrapped(f"{_GAP}{name:<13}" if name else " " * 19, text)
    return "\n".join(lines)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _width(),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    """Columns side by side; the last one takes what is left of the line."""
    columns = (*widths, _width() - sum(widths) - len(_GAP) * len(widths))
    lines = []
    for row in (heads, *rows):
        cells = [
            textwrap.wrap(cell, width, break_on_hyphens=False)
            for cell, width in zip(row, columns, strict=True)
        ]
        for number in range(max(len(cell) for cell in cells)):
            words = [
                (cell[number] if number < len(cell) else "").ljust(width)
                for cell, width in zip(cells, columns, strict=True)
            ]
            lines.append(_GAP.join(words).rstrip())
    return "\n".join(lines)


def _width() -> int:
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((100, 24)).columns))
