"""How far the conversation with a client is, and what may come next."""

from __future__ import annotations

import enum
from typing import Final


class State(enum.Enum):
    """How far the conversation with a client has come."""

    __hash__ = object.__hash__  # in C, as each member is one object

    LOGIN = "waiting for the login"
    TLS = "starting TLS"
    IDENTIFYING = "looking up the user"
    PROVING = "waiting for a proof"
    PROVED = "waiting for the verdict"
    READY = "waiting for a command"
    ANSWERING = "answering"
    FILE = "receiving a file"
    CLOSED = "closed"
    BROKEN = "broken"


TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    State.LOGIN: (State.TLS, State.IDENTIFYING, State.CLOSED),
    State.TLS: (State.LOGIN, State.CLOSED),
    State.IDENTIFYING: (State.PROVING, State.PROVED, State.CLOSED),
    State.PROVING: (State.PROVED, State.CLOSED),
    State.PROVED: (State.READY, State.CLOSED),
    State.READY: (State.ANSWERING, State.IDENTIFYING, State.CLOSED),
    State.ANSWERING: (State.READY, State.FILE, State.CLOSED),
    State.FILE: (State.ANSWERING, State.CLOSED),
    State.CLOSED: (),
    State.BROKEN: (),
}
"""From each state to the next; each but CLOSED may become BROKEN.  The manual draws it."""
