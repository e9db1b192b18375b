"""What decides how the bytes of a statement are read."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(cache_hash=True)
class Dialect:
    """
    Settings of a session that change what its text means; equal ones may be shared.

    Attributes:
        ansi_quotes: `"` quotes a name, not a string (sql_mode ANSI_QUOTES).
        no_backslash_escapes: A backslash in a string is a character like any other
            (sql_mode NO_BACKSLASH_ESCAPES).
        charset_safe: No character of the client's charset has a second byte that is a backslash
            or a backtick.  False for big5, cp932, gb18030, gbk and sjis, and for what is not
            known.
        mariadb: The server is a MariaDB.
    """

    ansi_quotes: bool = False
    no_backslash_escapes: bool = False
    charset_safe: bool = True
    mariadb: bool = False


DEFAULT_DIALECT: Final = Dialect()
