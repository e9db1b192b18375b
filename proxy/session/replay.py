"""From one state to another in the fewest commands."""

from __future__ import annotations

import attrs

from proxy.session.state import State
from proxy.session.variables import CHARSETS, FOLLOWERS, NAMES, assignment, rank
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


_REMEMBERED = (b"character_set_client", b"character_set_results")

_EMPTY_TRANSACTION = (Query(b"BEGIN"), Query(b"COMMIT AND NO CHAIN NO RELEASE"))
"""Uses up characteristics that were meant for the next transaction only."""


@attrs.frozen
class Replay:
    """What to send, in this order: commands, each of which answers with one OK."""

    steps: tuple[Step, ...] = ()


def is_reachable(current: State | None, wanted: State) -> bool:
    """Whether commands lead there: a default schema cannot be unset."""
    return current is None or current.schema is None or wanted.schema is not None


def needs_reset(current: State, wanted: State) -> bool:
    """Whether a reset has to come first: it alone takes user variables away.

    One that was set to NULL is not like one that was never set: its column has another type.
    """
    names = {name for name, _ in wanted.user_variables}
    return any(name not in names for name, _ in current.user_variables)


def _written(have: dict[bytes, bytes], want: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The assignments that lead from some values to others, by name."""
    written = {
        name: assignment(name, value) for name, value in want.items() if have.get(name) != value
    }
    written.update((name, name + b" = DEFAULT") for name in have if name not in want)
    for leader, follower in FOLLOWERS.items():
        if leader not in written and follower not in written:
            continue
        for name in (leader, follower):
            if name in want:
                written[name] = assignment(name, want[name])
        if leader in want and follower not in want:
            written.pop(follower, None)  # it has followed to where it belongs
    return written


def _name_charsets(
    written: dict[bytes, bytes], have: dict[bytes, bytes], want: dict[bytes, bytes]
) -> None:
    """Put SET NAMES in the place of what it implies, see `NAMES`."""
    written.pop(NAMES, None)
    named = want.get(NAMES)
    same = have.get(NAMES) == named
    if named is None and not same:
        for name in _REMEMBERED:
            value = want.get(name)
            written[name] = name + b" = DEFAULT" if value is None else assignment(name, value)
    if named is None or (same and written.keys().isdisjoint(_REMEMBERED)):
        return
    charset = named.split(b"_")[0]
    written[NAMES] = b"NAMES %s COLLATE %s" % (charset, named)
    for name in CHARSETS:
        value = want.get(name)
        implied = named if name == b"collation_connection" else charset
        if value == implied:
            written.pop(name, None)
        elif value is not None:
            written[name] = assignment(name, value)
    if b"collation_connection" not in want:  # it follows the charset
        name = b"character_set_connection"
        written[name] = assignment(name, want.get(name, charset))
        written.pop(b"collation_connection", None)


def replay(current: State, wanted: State) -> Replay | Impossible:
    """The commands that turn one state into the other.

    A schema's name is known in UTF-8, so one that is not plain ASCII is sent while the server
    reads UTF-8.
    """
    if not is_reachable(current, wanted):
        return Impossible("a default schema cannot be unset")
    steps: list[Step] = []
    characteristics = current.next_transaction
    if characteristics not in (b"", wanted.next_transaction):
        steps += _EMPTY_TRANSACTION
        characteristics = b""
    have, want = dict(current.variables), dict(wanted.variables)
    if wanted.schema is not None and wanted.schema != current.schema:
        if not wanted.schema.isascii():
            have[b"character_set_client"] = b"utf8mb4"
            have.pop(NAMES, None)
            steps.append(Query(b"SET character_set_client = utf8mb4"))
        steps.append(init_db(wanted.schema))
    written = _written(have, want)
    _name_charsets(written, have, want)
    said = [written[name] for name in sorted(written, key=rank)]
    had, has = dict(current.user_variables), dict(wanted.user_variables)
    said += [text for name, text in has.items() if had.get(name) != text]
    if said:
        steps.append(Query(b"SET " + b", ".join(said)))
    if wanted.multi_statements != current.multi_statements:
        steps.append(set_multi_statements(wanted.multi_statements))
    if wanted.next_transaction != characteristics:
        texts = (text.strip() for text in wanted.next_transaction.split(b";"))
        steps += [Query(text) for text in texts if text]
    return Replay(tuple(steps))
