"""What keeps a bench from measuring, as whoever has started it reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from bench import tools
from bench.clients_sysbench import LoadFailedError
from bench.many import records
from bench.peers import PeerFailedError
from proxy.embedded import EmbeddedError


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell of it in a line, and end.

    Raises:
        click.ClickException: there is something.
    """
    try:
        yield
    except (
        tools.ProgramMissingError,
        PeerFailedError,
        EmbeddedError,
        records.OtherWorkError,
    ) as error:
        raise click.ClickException(str(error)) from error
    except LoadFailedError as error:
        raise click.ClickException(f"the load did not work: {error}") from error
