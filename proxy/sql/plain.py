"""
The quick look that proves the common statement harmless.

It knows SELECT, INSERT, REPLACE, UPDATE and DELETE without anything that could matter, and the
plain transaction statements.  It never says what a statement does, only that it does nothing
more; whatever it has doubts about is left to the lexer.  Its pattern takes over whatever needs
no look (blanks, numbers, strings, signs) together with the word that follows, so that a long
list of values costs no step of its own.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from proxy.sql import effects
from proxy.sql.dialect import Dialect
from proxy.sql.effects import Effect
from proxy.sql.functions import BUILT_IN, KEYWORDS, TIGHT
from proxy.sql.lexer import COMMENT, quoting

LIMIT_BYTES: Final = 4_194_304
"""Longest text that is looked at: some 10 to 40 ms for each MiB of values to insert."""


class Plain(enum.Enum):
    """What a plain text is: verb, effects, whether it only reads."""

    SELECT = ("SELECT", (), True)
    INSERT = ("INSERT", (), False)
    REPLACE = ("REPLACE", (), False)
    UPDATE = ("UPDATE", (), False)
    DELETE = ("DELETE", (), False)
    BEGIN = ("BEGIN", (effects.BeginsTransaction(),), False)
    START = ("START", (effects.BeginsTransaction(),), False)
    COMMIT = ("COMMIT", (effects.EndsTransaction(commit=True),), False)
    ROLLBACK = ("ROLLBACK", (effects.EndsTransaction(commit=False),), False)

    def __init__(self, verb: str, found: tuple[Effect, ...], reads_only: bool) -> None:  # noqa: FBT001 - the values above are positional
        self.verb = verb
        self.effects = found
        self.reads_only = reads_only


_WHOLE: Final = {
    b"begin": Plain.BEGIN,
    b"start transaction": Plain.START,
    b"commit": Plain.COMMIT,
    b"rollback": Plain.ROLLBACK,
}
_LONGEST_WHOLE: Final = max(map(len, _WHOLE))

_VERBS: Final = {plain.verb.lower().encode(): plain for plain in list(Plain)[:5]}

_SPACE: Final = r"[\ \t-\r]"
_COMMENT: Final = rf"{COMMENT}|(?:\#|--(?=[\x01-\x20\x7f]))[^\n\0]*+\n?"
_HEAD: Final = re.compile(
    rf"""(?:{_SPACE}|{_COMMENT}|(?!))*+(?:
    (select|update|delete)(?![0-9a-z_$\x80-\xff])
    |(insert|replace){_SPACE}++(?:ignore{_SPACE}++)?into{_SPACE}++
     (?:[a-z_][0-9a-z_]*+|`[^`\0]++`)(?:\.(?:[a-z_][0-9a-z_]*+|`[^`\0]++`)|(?!))?+(?![$\x80-\xff`.])
    )""".encode(),
    re.VERBOSE,
)


def _compile(dialect: Dialect) -> re.Pattern[bytes]:
    """
    The pattern of a word with all before it that needs no look.

    What is no word takes the rest of the text with it: nothing is looked at twice.
    """
    string, name = quoting(dialect)
    ident = r"0-9a-z_$\x80-\xff"
    return re.compile(
        rf"""(?:
        [\ \t-\r,()=<>+%!&|^~?:]++
        |(?<![.{ident}])[0-9]++(?:\.[0-9]*+|(?!))?+(?:e[+-]?[0-9]++|(?!))?+(?![.{ident}])
        |(?<![.{ident}])0x[0-9a-f]++(?![.{ident}]|{_SPACE}*+[(/]) # 0X would begin a name
        |{string}
        |(?:{name})(?!(?:{_SPACE}|{_COMMENT}|(?!))*+\()
        |-(?!-)|/(?!\*)|\*(?!/)
        |{_COMMENT}
        |(?!))*+
        (\.?[a-z_][0-9a-z_$]*+(?:(?:{_SPACE}|{_COMMENT}|(?!))*+\(|(?!))?+|\.(?=[*`"])|\Z|.++)
        """.encode("latin-1"),
        re.VERBOSE | re.DOTALL,
    )


_PATTERNS: Final = {
    (ansi, plain): _compile(Dialect(ansi_quotes=ansi, no_backslash_escapes=plain))
    for ansi in (False, True)
    for plain in (False, True)
}

_STOP: Final = frozenset(
    (
        b"into",
        b"sql_calc_found_rows",
        b"next",
        b"previous",
        b".nextval",
        b".currval",
        b"returning",
    )
)
"""Words that need the lexer."""

_BEGINS_WORD: Final = re.compile(rb"\.?[a-z_]|\.\Z")

_ANY_SPACE: Final = tuple(
    frozenset(name.lower().encode() for name in names | (KEYWORDS - {"INTO"}))
    for names in BUILT_IN
)
_NO_SPACE: Final = tuple(
    frozenset(name.lower().encode() + b"(" for name in names | built_in | (KEYWORDS - {"INTO"}))
    for names, built_in in zip(TIGHT, BUILT_IN, strict=True)
)


def read_plain(text: bytes, dialect: Dialect) -> Plain | None:
    """What kind of plain text it is; None where it may be anything."""
    letters = text.strip(b" \t\n\v\f\r;").lower()
    if len(letters) <= _LONGEST_WHOLE and letters in _WHOLE:
        return _WHOLE[letters]
    head = _HEAD.match(letters)
    if head is None or len(letters) > LIMIT_BYTES:
        return None
    if not dialect.charset_safe and not letters.isascii():
        return None
    pattern = _PATTERNS[dialect.ansi_quotes, dialect.no_backslash_escapes]
    found = pattern.findall(letters, head.end())
    while found and not found[-1]:
        found.pop()  # the end of the text
    if found and not _BEGINS_WORD.match(found[-1]):
        return None
    words = set(found)
    if not words.isdisjoint(_STOP):
        return None
    no_space, any_space = _NO_SPACE[dialect.mariadb], _ANY_SPACE[dialect.mariadb]
    for word in words:
        if (
            word[-1] == 0x28  # an opening parenthesis
            and word not in no_space
            and word[:-1].rstrip(b" \t\n\v\f\r") not in any_space
        ):
            return None
    return _VERBS[head[head.lastindex or 0]]
