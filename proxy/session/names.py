"""SET NAMES, of whose collation servers report nothing, read from its text."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = re.compile(
    rb"""\s*+set\s++names\s*+(?P<quote>['"]?)(?P<charset>\w++)(?P=quote)
    (?:\s*+collate\s*+(?P<other>['"]?)(?P<collation>\w++)(?P=other))?+\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE,
)

_DEFAULT: Final = b"default"
"""In the place of a name: whatever the server has been told."""


def named_collation(text: bytes) -> bytes | None:
    """The collation that a SET NAMES sets if it succeeds.

    Returns:
        Its name in lower case; empty for that of the charset; None where the text does not
        tell, or is more than a SET NAMES.
    """
    found = _NAMES.fullmatch(text)
    if found is None or found["charset"].lower() == _DEFAULT:
        return None
    collation: bytes = (found["collation"] or b"").lower()
    return None if collation == _DEFAULT else collation
