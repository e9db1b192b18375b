"""Writes the tables of docs/metrics.rst, from the series as the proxy makes them.

Run it after a change of proxy/observe/metrics_table.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proxy.observe import metrics_table as table
from proxy.observe.metrics_table import Series

PAGE = Path(__file__).parent / "metrics.rst"
BEGIN = ".. The rest of this page is written by write_metrics.py.\n"

_LABELS = "The labels are {}, ``target_group``, ``target`` and ``target_role``."

SECTIONS = (
    (
        "Endpoints",
        "What clients do, by endpoint: the labels are ``proxy`` and ``endpoint``.",
        table.OF_ENDPOINT,
    ),
    (
        "Latency of the targets",
        "By endpoint and target. " + _LABELS.format("``proxy``, ``endpoint``"),
        (table.DATABASE_LATENCY,),
    ),
    (
        "Targets",
        "Connections to the database, by target. " + _LABELS.format("``proxy``"),
        (table.TARGET_STATE, *table.OF_TARGET),
    ),
    (
        "Proxies",
        "What concerns a proxy as a whole: the label is ``proxy``.",
        (table.AVAILABILITY, table.SESSION_PINS, table.SESSION_PINS_NOW, *table.OF_PROXY),
    ),
    (
        "Workers",
        (
            "Each of the processes that serve clients, where there are several (``workers``): "
            "the label is ``worker``, its number. What the other series say is the sum over "
            "all of them; what a worker has counted stays counted when another one takes its "
            "place."
        ),
        table.OF_WORKER,
    ),
    (
        "The process",
        (
            "What all proxies have in common. The series that begin with ``process_`` and "
            "``python_`` are those that all programs have; with workers they are of the "
            "process that has started these."
        ),
        table.OF_PROCESS,
    ),
)
"""Title, what stands under it, and the series."""


def render() -> str:
    """Write all series as reStructuredText, a table for each section."""
    return "\n".join(
        f"{title}\n{'-' * len(title)}\n\n{text}\n\n{_table(series)}"
        for title, text, series in SECTIONS
    )


def _table(series: Iterable[Series]) -> str:
    usual = _usual(series := tuple(series))
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 42 30 14 50",
        "",
        "   * - Series",
        "     - RDS Proxy",
        "     - Type",
        "     - Meaning",
    ]
    for one in series:
        doc = one.doc
        if one.labels != usual:
            doc += (
                " Labels: " + (", ".join(f"``{name}``" for name in one.labels) or "none") + "."
            )
        lines += [
            f"   * - ``{one.shown}``",
            f"     - ``{one.rds}``" if one.rds else "     -",
            f"     - {one.kind}",
            f"     - {doc}",
        ]
    return "\n".join(lines) + "\n"


def _usual(series: tuple[Series, ...]) -> tuple[str, ...]:
    """The labels that most of a section have."""
    labels = [one.labels for one in series]
    return max(labels, key=labels.count)


def main() -> None:
    """Rewrite the part of the page behind the mark."""
    before, mark, _ = PAGE.read_text("utf-8").partition(BEGIN)
    assert mark, f"there is no mark in {PAGE}"
    PAGE.write_text(before + mark + "\n" + render(), "utf-8")


if __name__ == "__main__":
    main()
