"""The command `mysqlproxy`: what there is, and where each command is found."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import attrs
import click

from proxy import __version__


@attrs.frozen
class Listed:
    """A command that is imported when it is called: most need more than a mere list does.

    Attributes:
        module: Of `proxy.cli`, where it stands.
        name: Of the command there.
        summary: The first sentence of its help; a test compares.
    """

    module: str
    name: str
    summary: str

    def load(self) -> click.Command:
        """The command itself."""
        module = importlib.import_module(f"proxy.cli.{self.module}")
        command: click.Command = getattr(module, self.name)
        return command


SECTIONS: Final[Mapping[str, Mapping[str, Listed]]] = {
    "See how the running proxy does": {
        "status": Listed("status", "status", "Is it well, who waits and why."),
        "targets": Listed("views", "targets", "Targets: role, state and why, lag."),
        "pools": Listed("views", "pools", "Connections to each target, and their limits."),
        "clients": Listed("views", "clients", "Clients: who, what they do, how long."),
        "connections": Listed("views", "connections", "Connections to targets, one by one."),
        "workers": Listed("workers", "workers", "The processes that serve clients."),
        "pins": Listed("pins", "pins", "Why clients keep connections, and what helps."),
        "top": Listed("top", "top", "The statements that take most, and for whom."),
        "events": Listed("events", "events", "What has happened lately."),
    },
    "Change it": {
        "pause": Listed("control", "pause", "Hold all clients between transactions."),
        "resume": Listed("control", "resume", "Let held clients go on."),
        "drain": Listed("control", "drain", "Let TARGET finish what runs, and rest."),
        "undrain": Listed("control", "undrain", "Use TARGET again."),
        "promote": Listed("control", "promote", "Make TARGET the writer."),
        "switch": Listed("control", "switch", "Use another set of targets."),
        "reload": Listed("process", "reload", "Put the configuration file in force."),
        "restart": Listed("process", "restart", "Hand over to a new process."),
        "kill": Listed("kill", "kill", "Disconnect a client, or close a connection."),
        "log-level": Listed("process", "log_level", "Show or set how much is logged."),
        "debug-logging": Listed("process", "debug_logging", "Log each statement, or not."),
    },
    "Run it": {
        "run": Listed("running", "run", "Serve until SIGTERM or Ctrl-C."),
        "try": Listed("running", "try_", "Servers, the proxy and a dashboard to try."),
        "load": Listed("loading", "load", "Some clients that run statements, to try things."),
    },
    "Tools": {
        "check-config": Listed("check", "check_config", "Say what is wrong with a file."),
        "token": Listed("token", "token", "Print an IAM token to log in with."),
        "api": Listed("raw", "api", "Call the admin API, and print its answer."),
        "completion": Listed("completion", "completion", "What makes a shell complete words."),
    },
}
"""All commands, as the help has them."""

_EPILOG: Final = """\b
Exit status:
  0  done, or all is well
  1  refused, failed, or not done yet; with status --check: not all is well
  2  the command line makes no sense
  3  no proxy was reached

`mysqlproxy COMMAND --help` says more.  The manual has a page for the command line.
"""


_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Commands(click.Group):
    """The commands, by section, each imported when it is needed."""

    _listed: Final = {name: one for part in SECTIONS.values() for name, one in part.items()}

    def main(self, *words: Any, **settings: Any) -> Any:
        """See `click.Group`: a full disk behind standard output needs no traceback."""
        try:
            return super().main(*words, **settings)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            # What is left in the buffer would fail again at the end of Python.
            with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a path of the system
                os.dup2(nothing.fileno(), 1)
            click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
            sys.exit(1)

    def list_commands(self, _context: click.Context) -> list[str]:
        """See `click.Group`."""
        return [*self._listed]

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """See `click.Group`."""
        listed = self._listed.get(name)
        return None if listed is None else listed.load()

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`: a word that is none gets the nearest one."""
        if (
            words
            and words[0] not in self._listed
            and not words[0].startswith("-")
            and not context.resilient_parsing
        ):
            near = difflib.get_close_matches(words[0], self._listed, 1)
            hint = f"did you mean {near[0]}?" if near else "mysqlproxy --help lists them."
            context.fail(f"{words[0][:60]!r} is no command; {hint}")
        return super().resolve_command(context, words)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Group`."""
        for title, part in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, one.summary) for name, one in part.items()])


def _tell_version(context: click.Context, _option: Any, wanted: bool) -> None:  # noqa: FBT001 - click's
    if not wanted or context.resilient_parsing:
        return
    from proxy.service.form import form  # noqa: PLC0415 - imports what nothing else here needs

    click.echo(f"mysqlproxy, version {__version__} ({form()})")
    context.exit()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def main() -> None:
    """A pooling, multiplexing proxy for MySQL and MariaDB."""
