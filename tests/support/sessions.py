"""Sessions of a client that has just logged in, and answers to its statements."""

from __future__ import annotations

from typing import Any

from proxy.session import follow as following
from proxy.session.meaning import meaning
from proxy.session.outcome import Outcome, Target
from proxy.session.pins import Pin
from proxy.session.session import Session
from proxy.session.state import State
from proxy.sql.classify import classify
from proxy.vocabulary import ServerKind
from proxy.wire.constants import SessionTrack, Status

MYSQL, MARIADB = ServerKind.MYSQL, ServerKind.MARIADB
AUTOCOMMIT = int(Status.AUTOCOMMIT)
IN_TRANSACTION = int(Status.AUTOCOMMIT | Status.IN_TRANS)
FIRST = State(b"shop", ((b"character_set_client", b"utf8mb4"),))
STATE_CHANGED = (int(SessionTrack.STATE_CHANGE), b"\x011")
NOW = 100.0


def target(kind: ServerKind = MYSQL, **changed: Any) -> Target:
    """A server whose account may see everything."""
    settings = {"sees_user_variables": True, "sees_locks": kind is MYSQL}
    return Target(kind, **{**settings, **changed})


def session(kind: ServerKind = MYSQL, **changed: Any) -> Session:
    """A session; what is no argument of its own is of its target."""
    own: dict[str, Any] = {
        "user": "app",
        "state": FIRST,
        "first_state": FIRST,
        "collation": 45,
        "ignored": frozenset(),
        "status": AUTOCOMMIT,
    }
    own |= {name: changed.pop(name) for name in [*changed] if name in own}
    return Session(target=target(kind, **changed), **own)


def follow(one: Session, text: str = "SELECT 1", **told: Any) -> list[Pin]:
    """A statement runs, and this is what its answer tells; the pins that are new."""
    outcome = Outcome(**{"status": AUTOCOMMIT, "changes": [], **told})
    means = meaning(classify(text.encode(), one.dialect))
    return following.follow(one, means, text.encode(), outcome, NOW)
