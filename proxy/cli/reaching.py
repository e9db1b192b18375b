"""The way from a command to the running proxy."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
import click

from proxy.admin.caller import AdminCaller, Reply, UnreachableError
from proxy.cli.configuration import CONFIG_FILE
from proxy.cli.places import TOKEN_VARIABLE, NotReachedError, Wanted, find
from proxy.cli.spelling import plain

MOST_ROWS = 10_000
"""As many as the admin API gives at once."""


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

    def rows(self, what: str, limit: int) -> dict[str, Any]:
        """What the API lists of each proxy that is meant, as one list.

        Args:
            what: Such as clients or pin-reasons.
            limit: The most of each proxy.

        Returns:
            The list by its name in the API, how many are not in it as `left_off`, and as
            `missing_workers` whose rows are not there.
        """
        field = what.replace("-", "_")
        names = [self.proxy] if self.proxy else [one["name"] for one in self.proxies()]
        found = [self.see("proxies", name, what, limit=limit) for name in names]
        return {
            field: [row for one in found for row in one[field]],
            "left_off": sum(int(one.get("left_off", 0)) for one in found),
            "missing_workers": sorted(
                {n for one in found for n in one.get("missing_workers", ())}
            ),
        }

    def see(self, *segments: str, **query: object) -> Mapping[str, Any]:
        """What the proxy shows there."""
        return _content(self._reached(lambda: self.caller.get(*segments, **query)))

    def call(
        self, method: str, path: str, parameters: Mapping[str, object]
    ) -> Mapping[str, Any]:
        """Call any path."""
        return _content(self._reached(lambda: self.caller.call(method, path, parameters)))

    def do(
        self,
        *segments: str,
        timeout: float | None = None,
        waits: float = 0.0,
        **parameters: object,
    ) -> Mapping[str, Any]:
        """Let it do something, and wait.

        Args:
            segments: Of the path below /v1.
            timeout: How long the proxy shall wait for its end; None where it takes no such
                parameter.
            waits: Seconds that it may need without being told.
            parameters: What else it takes.

        Raises:
            click.ClickException: it was not reached, or refused it.
        """
        told = {} if timeout is None else {"timeout": timeout}
        limit = waits if timeout is None else timeout
        try:
            reply = self._reached(
                lambda: self.caller.post(*segments, timeout_seconds=limit, **told, **parameters)
            )
        except KeyboardInterrupt:
            raise click.ClickException("not waited for any longer; it goes on") from None
        return _content(reply)

    @staticmethod
    def _reached(call: Callable[[], Reply]) -> Reply:
        try:
            return call()
        except UnreachableError as error:
            hint = (
                "the mode of the socket says who may give commands there; try it as root, "
                "or as the proxy's own user"
                if isinstance(error.__context__, PermissionError)
                else "is it running? --socket or MYSQLPROXY_ADMIN says where else it listens "
                "for commands"
            )
            raise NotReachedError(f"{error}\n({hint})") from error


def _content(reply: Reply) -> Mapping[str, Any]:
    if not reply.error:
        return reply.content
    why = "\n".join(map(plain, reply.error.splitlines()))
    if reply.status == HTTPStatus.NOT_FOUND:
        raise click.UsageError(why + _near(why, reply.content.get("known")))
    if reply.status == HTTPStatus.UNAUTHORIZED:
        why += f"\n(give a token with --token-file or {TOKEN_VARIABLE})"
    raise click.ClickException(why)


def _near(why: str, known: object) -> str:
    """A question whether something else was meant, where that is likely."""
    asked = why.split("'")
    if not isinstance(known, Sequence) or len(asked) < 3:
        return ""
    near = difflib.get_close_matches(asked[1], [str(one) for one in known], 1, 0.5)
    return f" - did you mean {plain(near[0])}?" if near else ""


def reaching(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options by which the proxy is found, and it the `Way` to it."""

    @functools.wraps(command)
    def reached(
        where: str | None,
        config: Path,
        token_file: Path | None,
        ca: Path | None,
        certificate: Path | None,
        key: Path | None,
        proxy: str | None,
        *,
        as_json: bool,
        **others: Any,
    ) -> None:
        wanted = Wanted(
            where=where,
            config=config,
            token_file=token_file,
            ca=ca,
            certificate=certificate,
            key=key,
        )
        command(way_to(wanted, proxy, as_json=as_json), **others)

    for option in reversed(_OPTIONS):
        option(reached)
    return reached


def way_to(
    wanted: Wanted,
    proxy: str | None,
    *,
    as_json: bool = False,
    answer_seconds: float | None = None,
) -> Way:
    """The way that the command line means.

    Raises:
        click.ClickException: there is none, or it makes no sense.
    """
    found = find(wanted)
    return Way(AdminCaller(found.place, found.access, answer_seconds), proxy, as_json)


def complete_proxies(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Names of proxies that begin so; see `proxy.cli.completing`."""
    from proxy.cli.completing import proxy_names  # noqa: PLC0415 - it uses this module

    return proxy_names(context, begun)


_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--socket",
        "where",
        envvar="MYSQLPROXY_ADMIN",
        show_envvar=True,
        metavar="WHERE",
        help="Where the proxy listens for commands: the path of a socket, a text as in "
        "admin.listen, or https://HOST:PORT.",
    ),
    click.option(
        "-c",
        "--config",
        type=_FILE,
        default=CONFIG_FILE,
        show_default=True,
        help="The configuration file that says so otherwise.",
    ),
    click.option(
        "--token-file",
        type=_FILE,
        help=f"Holds the token, where the proxy wants one; otherwise {TOKEN_VARIABLE} has it.",
    ),
    click.option("--ca", type=_FILE, help="Who signed the proxy's certificate (https)."),
    click.option("--certificate", type=_FILE, help="To show to the proxy (https)."),
    click.option("--key", type=_FILE, help="Of --certificate, if it is in another file."),
    click.option(
        "--proxy",
        metavar="NAME",
        shell_complete=complete_proxies,
        help="Which one, where there are several.",
    ),
    click.option("--json", "as_json", is_flag=True, help="For programs: what the API says."),
)
