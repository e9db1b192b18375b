"""What a series is: its name, what RDS Proxy calls it, and what it means."""

from __future__ import annotations

import attrs

PREFIX = "mysqlproxy_"

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"


@attrs.frozen
class Series:
    """One metric.

    Attributes:
        field: Its name without prefix, unit and suffix: that of the number here.
        kind: counter, gauge or histogram.
        labels: Their names.
        rds: What RDS Proxy calls it; empty where it has none like it.
        doc: What it says, in a sentence.
    """

    field: str
    kind: str
    labels: tuple[str, ...]
    rds: str
    doc: str

    @property
    def name(self) -> str:
        """With the prefix and the unit, as in HELP and TYPE lines."""
        return PREFIX + self.field + ("_seconds" if self.kind == HISTOGRAM else "")

    @property
    def shown(self) -> str:
        """As it is asked for: a counter ends in `_total`."""
        return self.name + ("_total" if self.kind == COUNTER else "")


def series(
    kind: str, labels: tuple[str, ...], *rows: tuple[str, str, str]
) -> tuple[Series, ...]:
    """Some that have all but their names and meanings in common.

    Args:
        kind: See `Series`.
        labels: Likewise.
        rows: Each the field, RDS Proxy's name and the sentence of one.
    """
    return tuple(Series(field, kind, labels, rds, doc) for field, rds, doc in rows)
