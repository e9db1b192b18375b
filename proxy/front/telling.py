"""What the log says of statements: each one for who searches a fault, or the slow ones.

`Proxy.tell_after` says when there is something to say, so that a statement of which nothing is
said costs one comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.front.naming import where_of, who
from proxy.observe.log import WANTED
from proxy.policy.lease import Lease
from proxy.sql.confidential import outline, show
from proxy.sql.dialect import DEFAULT_DIALECT

if TYPE_CHECKING:
    from proxy.front.client import Client

MICROSECOND = 6
"""Digits of a second that are told."""


def ended(
    client: Client, text: bytes, seconds: float, database_seconds: float, *, failed: bool
) -> None:
    """A command has been answered: say so, if that is wanted.

    Args:
        client: Whose it was.
        text: The statement; empty for a command that has none.
        seconds: From its arrival to the end of its answer.
        database_seconds: The part of it that the target took; 0 when none was asked.
        failed: Whether its answer was an error.
    """
    proxy, session = client.proxy, client.session
    dialect = DEFAULT_DIALECT if session is None else session.dialect
    slow = proxy.slow_statement_time
    is_slow = slow is not None and seconds >= slow
    if not (is_slow or proxy.debug):
        return
    about: dict[str, Any] = {
        **who(client),
        **(where_of(_lease(client)) if database_seconds else {}),
        "seconds": round(seconds, MICROSECOND),
        "database_seconds": round(database_seconds, MICROSECOND),
        "failed": failed,
    }
    if proxy.debug:
        proxy.log.debug("a statement", statement=show(text, dialect) or None, **about, **WANTED)
    if is_slow:
        digest = outline(text, dialect) or None
        proxy.log.warning("a statement was slow", statement=digest, **about)


def _lease(client: Client) -> Lease | None:
    """That on which it ran, which may have been given back already."""
    if client.lease is not None or client.last_lease is None:
        return client.lease
    return client.last_lease[0]
