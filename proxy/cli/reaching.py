"""The way from a command to the running proxy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
import click

from proxy.admin.caller import AdminCaller, Reply, UnreachableError
from proxy.cli.configuration import CONFIG_FILE, load
from proxy.cli.target_table import plain
from proxy.config.admin import AdminPort, AdminSocket, parse_admin_listen


class NotReachedError(click.ClickException):
    """The proxy was not asked at all."""

    exit_code = 2


@attrs.frozen
class Way:
    """How to reach the proxy, and in which form to tell what it says.

    Attributes:
        caller: Reaches it.
        proxy: The one that is meant; None where nobody said it.
        as_json: Whether a program reads it.
    """

    caller: AdminCaller
    proxy: str | None
    as_json: bool

    def name(self) -> str:
        """The proxy that is meant: there is no need to say it where there is one only."""
        if self.proxy is not None:
            return self.proxy
        names = [one["name"] for one in self.proxies()]
        if not names:
            raise click.ClickException("there is no proxy")
        if len(names) > 1:
            raise click.UsageError(f"there are several proxies: --proxy {' or '.join(names)}")
        return str(names[0])

    def proxies(self) -> list[dict[str, Any]]:
        """How those stand that are meant: one, or all."""
        if self.proxy is not None:
            return [dict(self.see("proxies", self.proxy))]
        return list(self.see("proxies")["proxies"])

    def see(self, *segments: str) -> Mapping[str, Any]:
        """What the proxy shows there."""
        return _content(self._reached(lambda: self.caller.get(*segments)))

    def do(
        self, *segments: str, timeout: float | None = None, **parameters: object
    ) -> Mapping[str, Any]:
        """Let it do something, and wait."""
        waits = {} if timeout is None else {"timeout": timeout}
        try:
            reply = self._reached(
                lambda: self.caller.post(
                    *segments, timeout_seconds=timeout or 0.0, **waits, **parameters
                )
            )
        except KeyboardInterrupt:
            raise click.ClickException("not waited for any longer; it goes on") from None
        return _content(reply)

    @staticmethod
    def _reached(call: Callable[[], Reply]) -> Reply:
        try:
            return call()
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error


def _content(reply: Reply) -> Mapping[str, Any]:
    if reply.status == HTTPStatus.NOT_FOUND:
        raise click.UsageError(plain(reply.error))
    if reply.error:
        raise click.ClickException(plain(reply.error))
    return reply.content


def _place(where: str | None, path: Path) -> AdminSocket | AdminPort:
    """Where the admin API is: as it was said, or as the configuration has it."""
    if where is None:
        return _configured(path)
    if not where.startswith(("unix:", "tcp:")):
        return AdminSocket(where)
    try:
        return parse_admin_listen(where)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--socket") from None


def _configured(path: Path) -> AdminSocket | AdminPort:
    hint = "say with --socket where the proxy listens for commands"
    try:
        place: AdminSocket | AdminPort | None = load(path).admin.place
    except click.ClickException as error:
        raise NotReachedError(f"{error.message}\n({hint})") from error
    if place is None:
        raise NotReachedError(
            f"{path} has no admin.listen, so the proxy takes no commands; set it to "
            f"unix:/run/mysqlproxy/admin.sock, or {hint}"
        )
    return place


def reaching(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options by which the proxy is found, and it the `Way` to it."""

    @functools.wraps(command)
    def reached(
        where: str | None, path: Path, proxy: str | None, *, as_json: bool, **others: Any
    ) -> None:
        command(Way(AdminCaller(_place(where, path)), proxy, as_json), **others)

    for option in reversed(_OPTIONS):
        option(reached)
    return reached


_OPTIONS = (
    click.option(
        "--socket",
        "where",
        envvar="MYSQLPROXY_ADMIN",
        show_envvar=True,
        metavar="PATH",
        help="Where the proxy listens for commands: a path, or as in admin.listen.",
    ),
    click.option(
        "-c",
        "--config",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        default=CONFIG_FILE,
        show_default=True,
        help="The configuration file that says so otherwise.",
    ),
    click.option("--proxy", metavar="NAME", help="Which one, where there are several."),
    click.option("--json", "as_json", is_flag=True, help="For programs."),
)
