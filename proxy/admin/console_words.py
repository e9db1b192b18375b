"""The words of a statement to the console, read from left to right."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Final

import attrs

from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.sql.dialect import DEFAULT_DIALECT
from proxy.sql.lexer import lex

LONGEST: Final = 16 * 1024
"""Bytes of a statement: the longest ones that there are have some names.  Every word of a
megabyte of them would be read while nobody else is served."""

MORE = "SHOW HELP lists all that there is"

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_ESCAPED: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)


def not_understood(why: str) -> StatementRefusedError:
    """A statement that is none here (ER_PARSE_ERROR)."""
    text = f"The console of mysqlproxy does not understand this: {why}; {MORE}"
    return StatementRefusedError(ErrorReply(1064, "42000", text, Fault.CLIENT))


class Words:
    """What is left of a statement.

    Keywords and names without quotes are the same in any case, and come in upper case.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self._left = list(tokens)

    def __repr__(self) -> str:
        """What is left."""
        return f"<Words {' '.join(self._left)}>"

    @property
    def next(self) -> str:
        """The next token as the lexer has it; empty at the end."""
        return self._left[0] if self._left else ""

    def take(self) -> str:
        """The same, and go on."""
        return self._left.pop(0) if self._left else ""

    def accept(self, *words: str) -> bool:
        """Whether these come next; if so, go on behind them."""
        if tuple(self._left[: len(words)]) != words:
            return False
        del self._left[: len(words)]
        return True

    def accept_one(self, words: Container[str]) -> str:
        """The next word if it is one of these, and go on; else an empty text."""
        return self.take() if self.next and self.next in words else ""

    def expect_end(self) -> None:
        """Nothing may follow.

        Raises:
            StatementRefusedError: something does.
        """
        if self._left:
            raise not_understood(f"nothing may follow before {shown(self.next)}")

    def number(self, what: str) -> int:
        """A whole number that is not negative.

        Raises:
            StatementRefusedError: it is none.
        """
        token = self.take()
        if not (token.isascii() and token.isdigit() and len(token) < 20):
            raise not_understood(f"{what} has to be a number")
        return int(token)

    def text(self, what: str) -> str:
        """A text in quotes.

        Raises:
            StatementRefusedError: it is none.
        """
        token = self.take()
        if token[:1] not in {"'", '"'}:
            raise not_understood(f"{what} has to be a text in quotes")
        return value(token)

    def name(self, what: str, ends: Container[str] = ()) -> str:
        """A name, in quotes or not, up to one of these words or the end.

        Without quotes its case may be lost: whoever looks for it has to allow for that.

        Raises:
            StatementRefusedError: there is none.
        """
        if self.next[:1] in {"'", '"'}:
            return value(self.take())
        pieces = []
        while self._left and self.next not in ends:
            pieces.append(self.piece(what))
        if not pieces:
            raise not_understood(f"{what} is missing")
        return "".join(pieces)

    def piece(self, what: str) -> str:
        """A name of one token only, or a part of another one.

        Raises:
            StatementRefusedError: there is none.
        """
        token = self.take()
        if not token:
            raise not_understood(f"{what} is missing")
        if token[0] in {"'", '"'}:
            return value(token)
        return _decoded(token[1:]) if token[0] == "`" else token.strip().lower()


def read(text: bytes) -> Words:
    """The words of one statement.

    Raises:
        StatementRefusedError: there are several or none, or they cannot be told.
    """
    if len(text) > LONGEST:
        raise not_understood(f"it takes statements of up to {LONGEST:,} bytes")
    lexed = lex(text, DEFAULT_DIALECT)
    if lexed.trouble:
        raise not_understood(f"{lexed.trouble}, so put names in quotes")
    tokens = lexed.tokens
    while tokens and tokens[-1] == ";":
        tokens.pop()
    if not tokens:
        raise StatementRefusedError(ErrorReply(1065, "42000", "Query was empty", Fault.CLIENT))
    if ";" in tokens:
        raise not_understood("it takes one statement at a time")
    return Words(tokens)


def value(token: str) -> str:
    """The text that a string in quotes stands for."""
    return _decoded(
        _ESCAPED.sub(
            lambda found: (
                _ESCAPES.get(found[1], found[1]) if found[1] is not None else found[0][0]
            ),
            token[1:-1],
        )
    )


def shown(token: str) -> str:
    """A token as people wrote it, more or less, and not too long."""
    return repr(_decoded(token.strip().removeprefix("`"))[:40])


@attrs.frozen
class Like:
    """A pattern of LIKE.

    Attributes:
        pieces: What stands before, between and behind the percent signs.
        last: Characters of the last one; each text that fits a piece has the same length.
    """

    pieces: tuple[re.Pattern[str], ...]
    last: int

    def fits(self, text: str) -> bool:
        """Whether all of a text is so.

        It never goes back: else a pattern with ten percent signs takes hours for a long text,
        in which nobody is served.
        """
        first, *others = self.pieces
        if not others:
            return first.fullmatch(text) is not None
        found = first.match(text)
        for piece in others[:-1]:
            if found is None:
                return False
            found = piece.search(text, found.end())
        if found is None:
            return False
        begin = len(text) - self.last
        return begin >= found.end() and others[-1].fullmatch(text, begin) is not None


def like(pattern: str) -> Like:
    r"""A pattern of LIKE, as in MySQL: % and _, a backslash before them, any case."""
    pieces: list[list[str]] = [[]]
    for found in re.finditer(r"\\(.)|(.)", pattern, re.DOTALL):
        escaped, plain = found.groups()
        if plain == "%":
            pieces.append([])
        elif escaped is not None and escaped not in "%_\\":
            pieces[-1] += ["\\\\", re.escape(escaped)]
        else:
            pieces[-1].append("(?s:.)" if plain == "_" else re.escape(escaped or plain))
    compiled = (re.compile("".join(piece), re.IGNORECASE) for piece in pieces)
    return Like(tuple(compiled), len(pieces[-1]))


def _decoded(text: str) -> str:
    """The lexer reads bytes; beyond ASCII they are UTF-8."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")
