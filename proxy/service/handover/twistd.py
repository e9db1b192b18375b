"""twistd's file with the process id, when another process becomes the service."""

from __future__ import annotations

import contextlib
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any


class TwistdPidFile:
    """See `handover.PidFile`.

    A twistd does not start while the file names a process that lives, writes its own id there,
    and takes the file away at its end, whoever's id is in it by then.

    Args:
        options: Those of twistd itself; the path is "pidfile", and empty for no file.
    """

    def __init__(self, options: MutableMapping[str, Any]) -> None:
        self._options = options

    @property
    def _path(self) -> Path | None:
        name = self._options.get("pidfile")
        return Path(name) if name else None

    def put_away(self) -> None:
        """Let another twistd start."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def put_back(self) -> None:
        """It has not come: this process is still the service."""
        if self._path is not None:
            with contextlib.suppress(OSError):  # as twistd, which only says so
                self._path.write_text(str(os.getpid()))

    def leave(self) -> None:
        """Leave the file alone at the end of this process."""
        self._options["pidfile"] = ""
