"""Showing a view: once, again and again on a terminal, or to a program."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import click
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from proxy.cli.places import NotReachedError

DEFAULT_SECONDS = 2.0
"""Between two looks: quick enough to see a failover, and no load."""

LEAST_SECONDS = 0.2
"""More often nobody can read, and the proxy has other things to do."""

_PIPE_WIDTH = 10_000
"""Who reads a pipe wants each row on a line of its own, whole."""

Content = Mapping[str, Any]


@attrs.frozen
class View:
    """Something to look at.

    Attributes:
        ask: Gets what the proxy says.
        draw: Shows it to people.
    """

    ask: Callable[[], Content]
    draw: Callable[[Content], RenderableType]


watching = click.option(
    "-w",
    "--watch",
    "watch",
    is_flag=False,
    flag_value=DEFAULT_SECONDS,
    type=click.FloatRange(LEAST_SECONDS, 3600),
    metavar="[SECONDS]",
    help=f"Look again and again, each {DEFAULT_SECONDS:g} s unless said otherwise, until "
    "Ctrl-C.",
)


def make_console() -> Console:
    """Standard output: colours only on a terminal, and not where NO_COLOR is set."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:  # noqa: SLF001 - it has no name else
        console.width = _PIPE_WIDTH
    return console


def tell_json(value: object, *, indent: int | None = 2) -> None:
    """Write a value for programs."""
    click.echo(json.dumps(value, indent=indent, ensure_ascii=False))


def write(renderable: RenderableType) -> None:
    """Write it once; without spaces at the ends of lines where it is no terminal."""
    console = make_console()
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def present(view: View, *, watch: float | None, as_json: bool) -> None:
    """Show a view, once or until Ctrl-C; returns then.

    Args:
        view: It.
        watch: Seconds between two looks; None is to look once.
        as_json: Whether a program reads it: an object, and a line for each with `watch`.

    Raises:
        click.ClickException: the proxy was not reached at the first look, or refused it.
    """
    content = view.ask()
    if watch is None:
        if as_json:
            tell_json(content)
        else:
            write(view.draw(content))
        return
    try:
        if as_json:
            _lines(view, content, watch)
        elif sys.stdout.isatty() and not make_console().is_dumb_terminal:
            _live(view, content, watch)
        else:
            _pages(view, content, watch)
    except KeyboardInterrupt:
        return


def _lines(view: View, content: Content, seconds: float) -> None:
    while True:
        tell_json(content, indent=None)
        sys.stdout.flush()
        time.sleep(seconds)
        content = view.ask()


def _pages(view: View, content: Content, seconds: float) -> None:
    while True:
        write(Group(view.draw(content), Text("")))
        sys.stdout.flush()
        time.sleep(seconds)
        content = view.ask()


def _live(view: View, content: Content, seconds: float) -> None:
    """On a screen of its own; a proxy that is away for a while is waited for."""
    console = make_console()
    trouble, since = "", time.monotonic()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(Cropped(view.draw(content), _foot(trouble, since)), refresh=True)
            time.sleep(seconds)
            try:
                content = view.ask()
            except NotReachedError as error:
                trouble = error.message.splitlines()[0]
            else:
                trouble, since = "", time.monotonic()


def _foot(trouble: str, since: float) -> Text:
    if trouble:
        old = time.monotonic() - since
        return Text(f"{old:.0f} s old: {trouble}", style="bold red")
    return Text(f"{time.strftime('%H:%M:%S')}  Ctrl-C ends it", style="dim")


@attrs.frozen
class Cropped:
    """As much of something as fits the screen, and a foot.

    Attributes:
        body: What may be too long.
        foot: A line that is always there.
    """

    body: RenderableType
    foot: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max((options.height or console.height) - 1, 1)
        lines = console.render_lines(self.body, options.update(height=None), pad=False)
        foot = self.foot.copy()
        if len(lines) > room:
            lines = lines[:room]
            foot = Text.assemble(foot, "  (the screen has no room for all)")
        for line in lines:
            yield from line
            yield Text("")
        foot.truncate(options.max_width, overflow="ellipsis")
        yield foot
