"""Events as they come, from one process after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.cli.reaching import Way
from proxy.observe.events import KEPT


class Following:
    """Asks the proxy for what it has not told yet.

    Attributes:
        last: The number of the last event that was told; 0 for none.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._process: object = None
        self.last = 0

    def __repr__(self) -> str:
        """How far it has come."""
        return f"<Following up to {self.last}>"

    def new(self, newest: int = KEPT) -> list[Mapping[str, Any]]:
        """All that is kept at first, then what has come since; the oldest first.

        Args:
            newest: The most that are wanted, of the last ones.

        A new process counts from 1 again, so all that it has to tell is new.

        Raises:
            click.ClickException: the proxy was not reached, or refused it.
        """
        process = self._way.see("process")["pid"]
        if process != self._process:
            self._process, self.last = process, 0
        answer = self._way.see("events", after=self.last, newest=newest, limit=KEPT)
        self.last = int(answer["last"])
        return list(answer["events"])
