"""`mysqlproxy reload`, `restart`, `log-level` and `debug-logging`: the running process."""

from __future__ import annotations

import click

from proxy.cli.asking import EPILOG, confirming, make_sure
from proxy.cli.reaching import Way, reaching
from proxy.cli.screen import tell_json
from proxy.cli.spelling import plain

RESTART_SECONDS = 120.0
"""A new process reads its secrets and looks at its targets before it takes over."""

RELOAD_SECONDS = 60.0
"""Secrets may have to be fetched before a new configuration is known to be good."""

LEVELS = ("debug", "info", "warning", "error")
"""Of the log, as `log.level` has them."""


@click.command(epilog=EPILOG, short_help="Put the configuration file in force.")
@reaching
def reload(way: Way) -> None:
    """Read the configuration file again, and put in force what can be while the proxy runs.

    All of it is checked before anything is changed: a file with a fault changes nothing.  What
    was changed is listed, and what needs a restart.  Clients stay connected.
    """
    done = way.do("reload", waits=RELOAD_SECONDS)
    if way.as_json:
        tell_json(done)
        return
    changed, later = done["changed"], done["needs_restart"]
    if not changed and not later:
        click.echo("Nothing has changed.")
    if changed:
        click.echo("In force now:")
        click.echo("\n".join(f"  {plain(path)}" for path in changed))
    if later:
        click.echo("After a restart (mysqlproxy restart):")
        click.echo("\n".join(f"  {plain(path)}" for path in later))


@click.command(epilog=EPILOG, short_help="Hand over to a new process.")
@reaching
@confirming
def restart(way: Way, *, yes: bool) -> None:
    """Start a new process of the same command line, and hand everything over to it.

    The new one serves all new clients and those that are idle; the old one ends when its last
    transaction has.  Where the new one does not come up, the old one goes on.
    """
    make_sure(way, "Hand over to a new process?", yes=yes)
    done = way.do("restart", waits=RESTART_SECONDS)
    if way.as_json:
        tell_json(done)
    else:
        click.echo("A new process serves.")


@click.command("log-level", epilog=EPILOG, short_help="Show or set how much is logged.")
@reaching
@click.argument("level", required=False, type=click.Choice(LEVELS), metavar="[LEVEL]")
def log_level(way: Way, level: str | None) -> None:
    """Show how much is logged, or log from LEVEL on, until the next restart or reload."""
    answer = way.see("log") if level is None else way.do("log", level=level)
    if way.as_json:
        tell_json(answer)
    else:
        click.echo(f"The log has lines of level {level or answer['level']} and above.")


@click.command("debug-logging", epilog=EPILOG, short_help="Log each statement, or not.")
@reaching
@click.argument("switch", required=False, type=click.Choice(["on", "off"]), metavar="[on|off]")
def debug_logging(way: Way, switch: str | None) -> None:
    """Log each statement of a proxy, or no longer; without a word, show of which.

    Statements are logged without passwords.  It costs time, and the log grows with the load:
    switch it off again.
    """
    if switch is None:
        answer = way.see("log")
        names = ", ".join(map(plain, answer["debug_logging"]))
        sentence = f"Statements are logged of: {names or 'no proxy'}."
    else:
        name = way.name()
        answer = way.do("proxies", name, "debug-logging", on=switch == "on")
        no = "" if switch == "on" else "no longer "
        sentence = f"The statements of the proxy {name} are {no}logged."
    if way.as_json:
        tell_json(answer)
    else:
        click.echo(sentence)
