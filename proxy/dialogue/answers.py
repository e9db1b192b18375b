"""The shapes of answers and how far one can have come, as tables."""

from __future__ import annotations

import enum
from typing import Final


class Kind(enum.IntEnum):
    """Shape of an answer, by command."""

    SIMPLE = 0  # one OK, EOF or ERR
    RESULT = 1  # COM_QUERY, COM_STMT_EXECUTE, COM_PROCESS_INFO
    PREPARE = 2
    ROWS = 3  # COM_STMT_FETCH
    FIELDS = 4  # COM_FIELD_LIST
    TEXT = 5  # COM_STATISTICS: one packet of any content


class State(enum.IntEnum):
    """How far an answer has come."""

    FIRST = 0
    COLUMNS = 1
    COLUMNS_END = 2
    ROWS = 3
    BLOCKS = 4
    FILE = 5
    ENDED = 6
    BROKEN = 7


TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    State.FIRST: (State.FIRST, State.COLUMNS, State.BLOCKS, State.FILE, State.ENDED),
    State.COLUMNS: (State.COLUMNS_END, State.ROWS),
    State.COLUMNS_END: (State.ROWS, State.FIRST, State.ENDED),
    State.ROWS: (State.FIRST, State.ENDED),
    State.BLOCKS: (State.ENDED,),
    State.FILE: (State.FIRST,),
    State.ENDED: (State.FIRST,),
    State.BROKEN: (),
}
"""Every state may also become BROKEN.  The documentation draws this table."""
