"""
Tokens of a statement, as the server's own lexer would cut them.

What servers cut differently, or not at all, is trouble: a sentence that says why the text
cannot be trusted.  All is done by compiled patterns that never go back, so that the time grows
with the length only.

Source: MySQL manual, "Language Structure" (literals, names, comments, user variables);
MariaDB's differences stand in the same places of its documentation.

A token is a text that tells its kind by its first character: a word is in upper case and stands
for itself; a name in quotes, after a dot or with a digit in front begins with a backtick; a
string begins with its quote, a number with a digit or a dot, a user variable with `@` and its
name in lower case, or with `@` and a NUL where its name cannot be told; `@@` begins a system
variable. An opening parenthesis is `(` directly after a name and `( ` otherwise: some functions
are functions only in the first case.  The text is read as Latin-1, that is, byte by byte.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from proxy.sql.dialect import Dialect

Tokens = list[str]


def words(text: str) -> frozenset[str]:
    """The set of the words of a text, for tables of keywords."""
    return frozenset(text.split())


PARENTHESES: Final = frozenset(("(", "( "))

_NAME: Final = r"0-9A-Za-z_$\x80-\xff"
# Each group that takes all it can, for good, has a last choice that never fits, `|(?!)`: Python
# before 3.11.5 goes back to where a choice began that fails half-way for the next one only.
_BACKTICKS: Final = r"`[^`\0]*+(?:``[^`\0]*+|(?!))*+`"
_QUOTED_NAME: Final = r'"[^"\0]*+(?:""[^"\0]*+|(?!))*+"'
_ESCAPED: Final = (
    r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+|(?!))*+'",
    r'"[^"\\]*+(?:(?:\\.|"")[^"\\]*+|(?!))*+"',
)
_UNESCAPED: Final = (r"'[^']*+(?:''[^']*+|(?!))*+'", r'"[^"]*+(?:""[^"]*+|(?!))*+"')
_NUMBER: Final = (
    r"[0-9]++(?:[eE][+-]?[0-9]++|\.[0-9]*+(?:[eE][+-]?[0-9]++|(?!))?+|(?!))?+"
    rf'|(?<![{_NAME}`"])\.[0-9]++(?:[eE][+-]?[0-9]++|(?!))?+'
)

COMMENT: Final = r"/\*(?!!|[Mm]!|\+)[^*]*+(?:\*(?!/)[^*]*+|(?!))*+\*/"
HINTS: Final = r"/\*\+[^*'\"`\\\0]*+(?:\*(?!/)[^*'\"`\\\0]*+|(?!))*+\*/"
"""Optimizer hints; their own lexer knows quotes and would not see an end inside of them."""

LINE_COMMENT: Final = r"(?:\#|--(?=[\x01-\x20\x7f]|\Z))[^\n\0]*+\n?"
_EXECUTABLE: Final = r"/\*[Mm]?!(?:[0-9]{5,6}|(?!))?+(?![0-9])"
# Where nothing inside could hide the end, reading and skipping agree on where it is.
_CLEAR: Final = (
    r"[^*/'\"`\\\#;\0-]*+(?:(?:\*(?!/)|/(?!\*)|-(?!-))[^*/'\"`\\\#;\0-]*+|(?!))*+\*/"
)

(
    _WORD,
    _STRING,
    _QUOTED,
    _VARIABLE,
    _TIGHT,
    _OPENING,
    _CLOSING,
    _SKIPPED,
    _TROUBLE,
    _SPACED,
    _AS_IS,
) = range(1, 12)
_CHANGED: Final = frozenset((_QUOTED, _VARIABLE, _SPACED))


def quoting(dialect: Dialect) -> tuple[str, str]:
    """Patterns of a string and of a name in quotes."""
    single, double = _UNESCAPED if dialect.no_backslash_escapes else _ESCAPED
    if dialect.ansi_quotes:
        return single, f"{_BACKTICKS}|{_QUOTED_NAME}"
    return f"{single}|{double}", _BACKTICKS


def _compile(dialect: Dialect) -> re.Pattern[str]:
    string, name = quoting(dialect)
    # 1e5 is a number whatever follows, 1a is a name, and after a name's dot everything is one.
    digits = (
        rf'(?<=[{_NAME}`"]\.)[0-9][{_NAME}]*+'
        rf"|(?![0-9]++[eE][+-]?[0-9])[0-9]++(?=[{_NAME}])[{_NAME}]++"
    )
    return re.compile(
        rf"""[\ \t-\r]*+(?:
        ((?![0-9])[{_NAME}]++|{digits})
        |({string})
        |({name})
        |(@(?!@)(?:{string}|{name}|[.{_NAME}]*+))
        |((?<=[{_NAME}`"])\()
        |({_EXECUTABLE})
        |(\*/)
        |({COMMENT}|{HINTS}|{LINE_COMMENT})
        |([\[\]\\'"`\0-\x1f\x7f]|/(?=\*)|-(?=-[\x80-\xff]))
        |(\()
        |({_NUMBER}|:=|@@|.)
        )""",
        re.VERBOSE | re.DOTALL,
    )


_PATTERNS: Final = {
    (ansi, plain): _compile(Dialect(ansi_quotes=ansi, no_backslash_escapes=plain))
    for ansi in (False, True)
    for plain in (False, True)
}
_CLEAR_END: Final = re.compile(_CLEAR)
_SWALLOWED: Final = re.compile(r"[\x80-\xff][\\`]")
_CUT_BY_SPACE: Final = re.compile(r"(?:\A|\xa0)[0-9A-Za-z_$]++(?:\Z|\xa0)")

_UNKNOWN_NAME: Final = "@\0"


@attrs.frozen
class Lexed:
    """
    The tokens of a text.

    Attributes:
        tokens: With the contents of executable comments (`/*! */`), as if all of them ran.
        without: Without these contents, as if none of them ran; None where there are none.
        trouble: Why the tokens may not be the server's; empty where they are.
        condition: What they begin with, `/*!50100` for instance; several are trouble.
    """

    tokens: Tokens
    without: Tokens | None
    trouble: str
    condition: str = ""


class _Cutter:
    """What has been cut off a text so far."""

    def __init__(self) -> None:
        self.tokens: Tokens = []
        self.without: Tokens = []
        self.conditions: set[str] = set()
        self.conditional = False
        self.trouble = ""
        self._dollars_quote = True

    def cut(self, letters: str, dialect: Dialect) -> None:
        """Cut everything."""
        self._dollars_quote = not dialect.mariadb
        tokens, without = self.tokens, self.without
        pattern = _PATTERNS[dialect.ansi_quotes, dialect.no_backslash_escapes]
        for found in pattern.finditer(letters):
            group = found.lastindex or 0
            piece = found[group]
            if group == _WORD:
                piece = self._word(piece)
            elif group == _OPENING:
                self._open(piece, letters, found.end())
                continue
            elif group == _CLOSING:
                self._close()
                continue
            elif group == _SKIPPED:
                continue
            elif group == _TROUBLE:
                # The server stops here too, and looking further could take long.
                self.trouble = _TROUBLES.get(piece, "a character that begins no token")
                return
            elif group in _CHANGED:
                piece = self._changed(group, piece)
            tokens.append(piece)
            if not self.conditional:
                without.append(piece)

    def _word(self, word: str) -> str:
        """The token of a word or of a name without quotes."""
        if word.isascii():
            if word[0] == "$" and self._dollars_quote:
                self.trouble = "a dollar quotes text on some servers"
            if word[0] <= "9" or (self.tokens and self.tokens[-1] == "."):
                return "`" + word
            return word.upper()
        if "\xa0" in word and (_CUT_BY_SPACE.search(word) or not word.strip("\xa0")):
            self.trouble = _MAYBE_SPACE
        return "`" + word

    def _changed(self, group: int, piece: str) -> str:
        """The token of what is written in another way."""
        if group == _QUOTED:
            quote = piece[0]
            return "`" + piece[1:-1].replace(quote * 2, quote)
        if group == _VARIABLE:
            piece = _variable(piece)
            if "\xa0" in piece:
                self.trouble = _MAYBE_SPACE
                return _UNKNOWN_NAME
            return piece
        return "( "

    def _open(self, opening: str, letters: str, end: int) -> None:
        if self.conditional or not _CLEAR_END.match(letters, end):
            self.trouble = "an executable comment holds quotes, comments or statements"
        self.conditional = True
        self.conditions.add(opening)

    def _close(self) -> None:
        if not self.conditional:
            self.trouble = "a comment ends that did not begin"
        self.conditional = False


def lex(text: bytes, dialect: Dialect) -> Lexed:
    """Cut a text into tokens; any bytes will do."""
    letters = text.decode("latin-1").strip(" \t\n\v\f\r")
    cutter = _Cutter()
    if not dialect.charset_safe and _SWALLOWED.search(letters):
        cutter.trouble = "a character of the charset may end in a quote or a backslash"
    cutter.cut(letters, dialect)
    if len(cutter.conditions) > 1:
        cutter.trouble = "executable comments have several conditions"
    without = cutter.without if cutter.conditions else None
    return Lexed(cutter.tokens, without, cutter.trouble, next(iter(cutter.conditions), ""))


_MAYBE_SPACE: Final = "a byte may be a space in the client's charset"
_TROUBLES: Final = {
    "'": "a quote does not end",
    '"': "a quote does not end",
    "`": "a quoted name does not end",
    "-": "a dash may begin a comment in the client's charset",
    "[": "a bracket quotes names in one mode of a server",
    "/": "a comment does not end, or its end is not clear",
    "\0": "a NUL stands outside of quotes",
}
UNENDED: Final = frozenset(_TROUBLES[quote] for quote in "'\"`")
"""What is wrong with a text that was cut off in a string or in a quoted name."""


def _variable(piece: str) -> str:
    """The token of a user variable as written."""
    name = piece[1:]
    if name[:1] in ("'", '"', "`"):
        quote = name[0]
        name = name[1:-1].replace(quote * 2, quote)
        if "\\" in name or not name.isascii():
            return _UNKNOWN_NAME
    elif not name.isascii():
        return "@\xa0" if "\xa0" in name else _UNKNOWN_NAME
    return "@" + name.lower()


def name_of(piece: str) -> str:
    """The name that a token stands for, in lower case; bytes beyond ASCII are read as UTF-8."""
    name = piece[1:] if piece[:1] in ("`", "'", '"', "@") else piece
    if not name.isascii():
        name = name.encode("latin-1").decode("utf-8", "replace")
    return name.lower()
