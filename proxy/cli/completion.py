"""`mysqlproxy completion`: what makes a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")

VARIABLE = "_MYSQLPROXY_COMPLETE"
"""By which the script asks the command for words."""


@click.command(short_help="What makes a shell complete words.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes SHELL complete commands, options, and names that are in use.

    \b
    bash: mysqlproxy completion bash > ~/.local/share/bash-completion/completions/mysqlproxy
    zsh:  mysqlproxy completion zsh > a file _mysqlproxy in a folder of $fpath
    fish: mysqlproxy completion fish > ~/.config/fish/completions/mysqlproxy.fish

    Targets, proxies and clients are completed where the running proxy answers at once.
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    found = get_completion_class(shell)
    assert found is not None
    main = context.find_root().command
    click.echo(found(main, {}, "mysqlproxy", VARIABLE).source())
