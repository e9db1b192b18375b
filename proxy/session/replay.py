"""From one state to another in the fewest commands."""

from __future__ import annotations

import attrs

from proxy.session.state import State
from proxy.session.variables import ORDER, assignment
from proxy.wire.commands import init_db, set_multi_statements


@attrs.frozen
class Impossible:
    """No command leads there; `why` is for the log."""

    why: str


@attrs.frozen
class Query:
    """A statement of ours, still without the packet around it."""

    text: bytes


Step = Query | bytes
"""A statement, or the payload of another command."""


@attrs.frozen
class Replay:
    """What to send, in this order."""

    steps: tuple[Step, ...] = ()


def is_reachable(current: State | None, wanted: State) -> bool:
    """Whether commands lead there: a default schema cannot be unset."""
    return current is None or current.schema is None or wanted.schema is not None


def replay(current: State, wanted: State) -> Replay | Impossible:
    """The commands that turn one state into the other.

    A schema's name is known in UTF-8, so one that is not plain ASCII is sent while the server
    reads UTF-8.
    """
    if not is_reachable(current, wanted):
        return Impossible("a default schema cannot be unset")
    steps: list[Step] = []
    have, want = dict(current.variables), dict(wanted.variables)
    if wanted.schema is not None and wanted.schema != current.schema:
        if not wanted.schema.isascii():
            have[b"character_set_client"] = b"utf8mb4"
            steps.append(Query(b"SET character_set_client = utf8mb4"))
        steps.append(init_db(wanted.schema))
    written = {
        name: assignment(name, value) for name, value in want.items() if have.get(name) != value
    }
    written.update((name, name + b" = DEFAULT") for name in have if name not in want)
    if b"character_set_connection" in written and b"collation_connection" in want:
        # Setting the charset sets the collation to the charset's default.
        written[b"collation_connection"] = assignment(
            b"collation_connection", want[b"collation_connection"]
        )
    if written:
        names = sorted(written, key=ORDER.__getitem__)
        steps.append(Query(b"SET " + b", ".join(written[name] for name in names)))
    if wanted.multi_statements != current.multi_statements:
        steps.append(set_multi_statements(wanted.multi_statements))
    return Replay(tuple(steps))
