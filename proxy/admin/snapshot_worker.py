"""How one of the processes that serve clients stands, as a frozen value."""

from __future__ import annotations

import attrs

WORKER_STATES = ("starting", "serving", "silent", "replaced")
"""It is not ready yet; it serves; it has told nothing of itself for some seconds; it has ended,
and another process takes its place."""


@attrs.frozen(kw_only=True)
class WorkerStatus:
    """A process that serves clients: one of several, or the only one.

    Attributes:
        number: Its own, from 1; another process that takes its place has the same.
        pid: Its process id; 0 while there is none.
        state: One of `WORKER_STATES`.
        uptime: Since it began to serve.
        clients: Of all proxies.
        statements: That its clients sent in the last second.
        cpu: Processor time that it used in that second, in seconds: 1 is all of one processor.
        cpu_seconds: Processor time that it has used.
        resident_bytes: Memory that it takes.
        open_files: File descriptors in use.
        max_open_files: How many it may have.
        delay: How late something that was due each second came at most in the last minute.
        restarts: How often another process has taken its place.
    """

    number: int
    pid: int = 0
    state: str = attrs.field(default="serving", validator=attrs.validators.in_(WORKER_STATES))
    uptime: float = 0.0
    clients: int = 0
    statements: int = 0
    cpu: float = 0.0
    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    open_files: int = 0
    max_open_files: int = 0
    delay: float = 0.0
    restarts: int = 0
