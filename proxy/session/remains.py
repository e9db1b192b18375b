"""What only the backend of a session knows of it, to be asked before somebody else gets it."""

from __future__ import annotations

import enum
from typing import Final


class Remains(enum.IntFlag):
    """One bit for each thing; none means that the session knows all by itself."""

    DIAGNOSTICS = 1
    """Warnings and errors of the last statement: SHOW WARNINGS."""
    FOUND_ROWS = 2
    """What FOUND_ROWS() gives."""
    STATUS = 4
    """Whether a transaction is open: the last statement failed."""
    REPORTS = 8
    """Changes that an ERR packet had no room for."""
    VARIABLES = 16
    """Any variable may have changed without a report."""
    COLLATION = 32
    """The charset changed, and nobody said with which collation."""
    INSERT_ID = 64
    """What LAST_INSERT_ID() gives."""
    TIMESTAMP = 128
    """Whether the clock of the session stands still."""
    USER_VARIABLES = 256
    """Values of user variables."""
    NAMED_LOCKS = 512
    """Which named locks it holds still."""


DIAGNOSTICS, FOUND_ROWS, STATUS, REPORTS, VARIABLES = (int(one) for one in list(Remains)[:5])
COLLATION, INSERT_ID, TIMESTAMP, USER_VARIABLES, NAMED_LOCKS = (
    int(one) for one in list(Remains)[5:]
)

TO_BE_READ = DIAGNOSTICS | FOUND_ROWS
"""What a statement left to be read; the rest belongs to the session's state."""

UNTIL_NEXT: Final = TO_BE_READ | STATUS | REPORTS
"""What the answer to any statement may settle; a plain statement that went well, and has
nothing to tell, leaves the rest as it is."""
