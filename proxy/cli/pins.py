"""`mysqlproxy pins`: who is pinned and why, and what to do about it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TextIO

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from proxy.cli.columns import PINS, for_several
from proxy.cli.pinadvice import chosen, explain, list_reasons, tell_log
from proxy.cli.reaching import MOST_ROWS, Way, reaching
from proxy.cli.screen import Content, View, present, watching
from proxy.cli.spelling import counted, plain
from proxy.cli.tables import Fitting
from proxy.cli.views import DEFAULT_LIMIT, limiting
from proxy.session.advice import ADVICE
from proxy.session.pins import PinReason


def _complete(_context: Any, _parameter: Any, begun: str) -> list[str]:
    return [reason.name for reason in ADVICE if reason.name.startswith(begun.upper())]


def _or_offline(command: Callable[..., None]) -> Callable[..., None]:
    """Answer what needs no running proxy, without looking for one."""
    live = reaching(command)

    @functools.wraps(live)
    def called(
        word: str | None, log_file: TextIO | None, top: int, *, explaining: bool, **others: Any
    ) -> None:
        reason = None if word is None else chosen(word)
        as_json = others["as_json"]
        if log_file is not None:
            tell_log(log_file, reason, top, as_json=as_json)
        elif explaining and reason is None:
            list_reasons(as_json=as_json)
        elif explaining and reason is not None:
            explain(reason, as_json=as_json)
        else:
            live(reason=reason, **others)

    return called


@click.command(short_help="Why clients keep connections, and what helps.")
@_or_offline
@click.argument("word", required=False, metavar="[REASON]", shell_complete=_complete)
@click.option(
    "--explain",
    "explaining",
    is_flag=True,
    help="List all reasons, or explain REASON; needs no running proxy.",
)
@click.option(
    "--log",
    "log_file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="Count the pins in a log of the proxy (format: json); - is standard input.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="How many statements of the log to show.",
)
@watching
@limiting
def pins(way: Way, reason: PinReason | None, watch: float | None, limit: int | None) -> None:
    """Show why clients keep their connections, and what to do about it.

    Who is pinned now is told by the running proxy, those first that have been for longest.
    With REASON it is about this one only.  With --explain reasons are explained, and with --log
    a log is read; what pins most comes first.
    """
    most = limit or (MOST_ROWS if way.as_json else DEFAULT_LIMIT)

    def wanted(row: Content) -> bool:
        return reason is None or row["reason"] == reason.name

    def ask() -> Content:
        now, reasons = way.rows("pins", MOST_ROWS), way.rows("pin-reasons", MOST_ROWS)
        rows = sorted(filter(wanted, now["pins"]), key=lambda row: -row["lasts"])
        return {
            "pins": rows[:most],
            "left_off": now["left_off"] + max(len(rows) - most, 0),
            "pin_reasons": [*filter(wanted, reasons["pin_reasons"])],
        }

    present(View(ask, _draw), watch=watch, as_json=way.as_json)


def _draw(content: Content) -> RenderableType:
    rows, left = content["pins"], content["left_off"]
    parts: list[RenderableType] = []
    if rows:
        parts.append(Fitting(for_several(PINS, rows), rows))
    else:
        parts.append(Text("No client is pinned now."))
    if left:
        parts.append(Text(f"{counted(left, 'row')} more (--limit)", style="dim"))
    for one in content["pin_reasons"]:
        if one["now"] or not rows:
            parts += [Text(""), *_advice(one)]
    return Group(*parts)


def _advice(one: Content) -> list[RenderableType]:
    """What a reason has done, why it pins, and what to do."""
    now, total = counted(one["now"], "client"), counted(one["total"], "time")
    head = Text.assemble(
        (plain(one["reason"]), "bold"), f": {now} now, {total} since the start"
    )
    texts = [one["why"], one["advice"]] if one["now"] else [one["why"]]
    return [
        head,
        *(Padding(Text(plain(text)), (0, 0, 0, 2)) for text in texts),
    ]
