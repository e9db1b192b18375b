"""A configured proxy as its supervisor has it: all its clients are with workers."""

from __future__ import annotations

from proxy.config.log import LoggedLogins
from proxy.config.model import ProxyConfig
from proxy.credentials.source import CredentialSource
from proxy.failover.course import Course
from proxy.failover.distant import DistantPool, DistantPools
from proxy.observe.counters import Counters


class DistantProxy:
    """What there is to `proxy.front.proxy.Proxy` where it serves nobody itself.

    Attributes:
        config: The configuration in force.
        counters: What has happened that is decided here.
        course: What workers are told.
        credentials: All its users.
        count: How many clients all workers have; whoever knows writes it here.
        draining: Whether it takes no new clients.
        logged_logins: Of no use here.
        slow_statement_time: Likewise.
    """

    def __init__(
        self,
        config: ProxyConfig,
        credentials: CredentialSource,
        counters: Counters,
        course: Course,
    ) -> None:
        self.config = config
        self.counters = counters
        self.course = course
        self.credentials = credentials
        self.count = 0
        self.draining = False
        self.logged_logins: LoggedLogins = "failed"
        self.slow_statement_time: float | None = None

    def __repr__(self) -> str:
        """Its name, and how busy it is."""
        return f"<DistantProxy {self.config.name!r} {self.count} clients>"

    @property
    def pools(self) -> DistantPools:
        """Those of its targets."""
        return self.course.pools

    @property
    def pool(self) -> DistantPool:
        """That of the target that takes writes."""
        return self.course.writers.pool

    def reconfigure(self, config: ProxyConfig) -> None:
        """Go by this configuration from now on."""
        self.config = config
