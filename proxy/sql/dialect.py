"""What decides how the bytes of a statement are read."""

from __future__ import annotations

from typing import Final, NamedTuple


class Dialect(NamedTuple):
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
        version: The server's, 90704 for 9.7.4; 0 where it is not known.
    """

    ansi_quotes: bool = False
    no_backslash_escapes: bool = False
    charset_safe: bool = True
    mariadb: bool = False
    version: int = 0

    def executes(self, opening: str) -> bool | None:
        """
        Whether the server reads the contents of a comment that begins so; None: nobody knows.

        Source: MySQL manual, "Comments"; MariaDB's "Comment Syntax".

        Args:
            opening: `/*!` or `/*M!`, and the digits of a version.
        """
        marker, _, digits = opening[2:].partition("!")
        if marker and not self.mariadb:
            return False
        if not digits:
            return True
        if not self.version or (len(digits) > 5 and not self.mariadb):
            return None
        least = int(digits)
        if self.mariadb and not marker and len(digits) == 5 and least >= _MYSQL_ALONE:
            return False
        return self.version >= least


_MYSQL_ALONE: Final = 50700
"""From here on MariaDB leaves version comments of five digits to MySQL."""

DEFAULT_DIALECT: Final = Dialect()
