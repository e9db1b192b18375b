"""Clients ask for reports of their own, on backends whose trackers are the proxy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.dialogue.answers import Kind
from proxy.errors import BackendLostError
from proxy.front import holding
from proxy.session.meaning import Meaning

if TYPE_CHECKING:
    from proxy.front.client import Client

_PREFIX = b"session_track_"


async def take_over(client: Client, means: Meaning) -> None:
    """A statement of the client's has set `session_track_...` variables.

    What it set holds for what the client hears; the backend goes on to report everything.
    """
    session, lease = client.session, client.lease
    assert session is not None
    assert lease is not None
    names = sorted(name for name in means.variables if name.startswith(_PREFIX))
    items = b", ".join(b"CAST(@@%s AS BINARY)" % name for name in names)
    answer = await holding.ask(lease, b"SELECT " + items, Kind.RESULT)
    if len(answer.rows) != 1 or len(answer.rows[0]) != len(names):
        raise BackendLostError("the server's answer to a statement of ours makes no sense")
    session.tracking = session.tracking.assign(
        {
            name.removeprefix(_PREFIX): value or b""
            for name, value in zip(names, answer.rows[0], strict=True)
        }
    )
    client.is_undisturbed = False
    await holding.ask(lease, lease.pool.dialer.tracking(lease.backend))
