"""What of a statement may be shown in a log: all of it, or only what has no values.

Most statements hold data of the application, which is what somebody wants to see who logs
statements.  Some hold passwords, tokens or keys.  What is shown whole is what is known to hold
none: the first word of each statement is in a table, and no word of a secret stands anywhere,
be it in a name, a string or a comment.  All else is shown without its values, and of what could
not be read the way that the server reads it only the beginning is.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect
from proxy.sql.digest import READ_LIMIT, digest
from proxy.sql.lexer import PARENTHESES, UNENDED, Tokens, lex, words

READ_LIMIT_BYTES: Final = 8192
"""Longest text that is looked through, in some milliseconds; of longer ones the log would show
the beginning only, and has the digest instead."""

SHOWN_LIMIT: Final = 2000
"""Characters of a statement in a log: a screen full."""

_SECRET: Final = re.compile(
    r"""pass (?!age|eng|ive|port)     # password, passwd, passphrase, passcode, pass
    | pwd | psw | pswd | pw (?![a-z])
    | secret | token | credential | bearer | jwt | identified | signature
    | auth (?!or(?!iz))               # authentication_string, authorization; no author
    | crypt | keyring | md5 | hmac | kdf
    | (?<![a-z]) (?:sha [0-9]{0,3} | (?:en|de)code | t?otp | pin | cv[cv]) (?![a-z])
    | cookie | sess (?:ion)? [\s_-]{0,3} id (?![a-z])  # who has one of these is logged in
    | (?:access|account|api|client|encryption|master|private|session|shared|signing|ssh)
        [\s_-]{0,3} key
    | :// (?: [^'"`\\] | '' | "" | \\. ){0,300} @  # a URL with a user in it
    | rds_                            # procedures that take the passwords of replicas
    | (?:akia|asia) [0-9a-z]{16}      # keys that are known by how they begin: of AWS,
    | eyj [0-9a-z_-]{8} | sk_live_    # in JSON Web Tokens, of payments,
    | \$ (?: 2[abxy]? | argon2 [a-z]{0,2} | [1567y] ) \$  # and what crypt(3) makes
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

_KNOWN: Final = words(
    """
    SELECT TABLE VALUES WITH INSERT REPLACE UPDATE DELETE DO SHOW EXPLAIN DESCRIBE DESC HELP
    USE BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE XA LOCK UNLOCK FLUSH HANDLER GET SIGNAL
    TRUNCATE ANALYZE CHECK CHECKSUM OPTIMIZE REPAIR KILL DEALLOCATE LOAD SET CREATE ALTER DROP
    RENAME PREPARE EXECUTE CALL
    """
)
"""Statements that are shown, as far as the others have no objection."""

_OF_DATA: Final = words("SELECT INSERT REPLACE UPDATE DELETE WITH")
_OBJECTS: Final = words("TABLE VIEW INDEX DATABASE SCHEMA SEQUENCE")
_MODIFIERS: Final = words("OR REPLACE TEMPORARY UNIQUE FULLTEXT SPATIAL ONLINE OFFLINE IGNORE")

_QUOTES: Final = ("'", '"')
_HEX: Final = re.compile("`0[XB]", re.IGNORECASE)
"""What a text in hexadecimal or binary digits begins with, which the lexer takes for a name."""

_END_OF_WORD: Final = re.compile(r"\w*")
_DOUBTFUL: Final = re.compile(rb"\$|/\*[Mm]?!")
"""Dollars quote on some servers, and a comment that is executed may hold quotes."""

_CLEAR_BEGINNING: Final = re.compile(rb"[A-Za-z_ \t\r\n(]*")
"""What a text that cannot be read begins with: words, and nothing that could be a value."""


def show(text: bytes, dialect: Dialect = DEFAULT_DIALECT) -> str:
    """The text as far as a log may show it, cut to `SHOWN_LIMIT`."""
    if is_confidential(text, dialect):
        return outline(text, dialect)
    shown = text.decode("utf-8", "replace")
    return shown if len(shown) <= SHOWN_LIMIT else shown[: SHOWN_LIMIT - 1] + "…"


def outline(text: bytes, dialect: Dialect = DEFAULT_DIALECT) -> str:
    """The text without any value; of one that cannot be read the first words.

    A statement about an account ends at the first word of a secret: a password without quotes
    is no literal.
    """
    if not _is_readable(text, dialect):
        beginning = _CLEAR_BEGINNING.match(text)
        assert beginning is not None  # it takes nothing as well
        return f"{digest(beginning.group(), dialect)} …".lstrip()
    bare = digest(text, dialect)
    found = _SECRET.search(bare)
    verb = bare.lstrip("( ").partition(" ")[0].upper()
    if found is None or (verb in _OF_DATA and ";" not in bare):
        return bare
    rest = _END_OF_WORD.match(bare, found.end())
    assert rest is not None  # likewise
    return f"{bare[: rest.end()]} …"


def _is_readable(text: bytes, dialect: Dialect) -> bool:
    """Whether the server sees the same strings in it as we do, as far as the digest goes."""
    beginning = text[:READ_LIMIT]
    trouble = lex(beginning, dialect).trouble
    if len(text) <= READ_LIMIT or trouble not in UNENDED:
        return not trouble
    # The end of a string was cut off, which may hide any other trouble.
    return dialect.charset_safe and not _DOUBTFUL.search(beginning)


def is_confidential(text: bytes, dialect: Dialect = DEFAULT_DIALECT) -> bool:
    """Whether a log must not show the values in this text; so it is where that is unclear."""
    if len(text) > READ_LIMIT_BYTES or _SECRET.search(text.decode("latin-1")):
        return True
    lexed = lex(text, dialect)
    if lexed.trouble or lexed.without is not None:
        return True
    statement: Tokens = []
    for piece in [*lexed.tokens, ";"]:
        if piece != ";":
            statement.append(piece)
        elif statement:
            if not _is_open(statement, dialect):
                return True
            statement = []
    return False


def _is_open(statement: Tokens, dialect: Dialect) -> bool:
    """Whether one statement, which has no word of a secret, is known to hold none."""
    verb = next((piece for piece in statement if piece not in PARENTHESES), "")
    if verb not in _KNOWN:
        return False
    second = statement[1] if len(statement) > 1 else ""
    match verb:
        case "CREATE" | "ALTER":
            first = next((piece for piece in statement[1:] if piece not in _MODIFIERS), "")
            return first in _OBJECTS
        case "SET":
            return second != "STATEMENT"
        case "EXECUTE":
            return second != "IMMEDIATE"
        case "CALL":
            # Nobody knows what a procedure takes.
            return not any(piece[0] in _QUOTES or _HEX.match(piece) for piece in statement)
        case "PREPARE":
            return _prepares_open(statement, dialect)
    return True


def _prepares_open(statement: Tokens, dialect: Dialect) -> bool:
    """Whether the text that is prepared is known, and holds no secret."""
    if len(statement) != 4:
        return False
    source = statement[3]
    if source[0] == "@":
        return True
    if source[0] not in _QUOTES or "\\" in source:
        return False
    inner = source[1:-1].replace(source[0] * 2, source[0])
    return not is_confidential(inner.encode("latin-1"), dialect)
