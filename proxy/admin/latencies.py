"""What a proxy has counted and timed, as its history reads it once a second."""

from __future__ import annotations

import attrs

from proxy.admin.sight import Sight
from proxy.admin.snapshot import LatencyStatus
from proxy.observe.latency import Histogram


@attrs.frozen(kw_only=True)
class Counted:
    """What has come together from the start on, or in some time.

    Attributes:
        requests: Commands that clients sent.
        statements: How long statements took, until their answers had gone out.
        database: The part of that which the targets took.
        borrows: How long clients waited for connections.
    """

    requests: int = 0
    statements: Histogram = attrs.field(factory=Histogram)
    database: Histogram = attrs.field(factory=Histogram)
    borrows: Histogram = attrs.field(factory=Histogram)

    @classmethod
    def of(cls, sight: Sight) -> Counted:
        """All of a proxy up to now."""
        counters = sight.counters
        return cls(
            requests=counters.query_requests,
            statements=counters.statement_latency(),
            database=counters.database_latency(),
            borrows=counters.borrow_latency(),
        )

    def since(self, before: Counted) -> Counted:
        """What came after that."""
        return Counted(
            requests=self.requests - before.requests,
            statements=self.statements.minus(before.statements),
            database=self.database.minus(before.database),
            borrows=self.borrows.minus(before.borrows),
        )


def latency(histogram: Histogram) -> LatencyStatus:
    """What is shown of a histogram."""
    return LatencyStatus(
        count=histogram.count,
        mean=histogram.mean,
        p50=histogram.quantile(0.50),
        p95=histogram.quantile(0.95),
        p99=histogram.quantile(0.99),
    )
