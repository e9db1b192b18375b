"""What was measured, kept in a file to which later runs add their rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.failover.samples import Measure


class OtherWorkError(Exception):
    """The file has figures of something else; the text says of what."""


def recall(path: Path, measures: Mapping[str, Measure]) -> dict[str, Any]:
    """Take in the rounds of an earlier run, if there is one.

    Returns:
        The facts that stand there.

    Raises:
        OtherWorkError: its figures cannot be compared with these.
    """
    if not path.exists():
        return {}
    told = json.loads(path.read_text("utf-8"))
    for mode, one in measures.items():
        earlier = told["modes"].get(mode)
        if earlier is None:
            continue
        if earlier["title"] != one.title:
            raise OtherWorkError(f"{path} has figures of other work: {earlier['title']}")
        for name, row in earlier["figures"].items():
            for way, values in row.items():
                one.figures[name][way] += values["samples"]
    facts: dict[str, Any] = told["facts"]
    return facts


def keep(path: Path, measures: Mapping[str, Measure], facts: Mapping[str, Any]) -> None:
    """Write all rounds; what of an earlier run is not measured now stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier = json.loads(path.read_text("utf-8"))["modes"] if path.exists() else {}
    modes = {mode: one.as_json() for mode, one in measures.items() if one.figures}
    told = {"facts": dict(facts), "modes": earlier | modes}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
