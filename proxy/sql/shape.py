"""What texts have in common that differ in their numbers only."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = bytes.maketrans(b"0123456789", b"7777777777")


def shape(text: bytes) -> bytes:
    """
    The text with other digits, and fewer of them.

    Where this is plain, so is the text, and in the same way: a digit is no sign, begins no word
    and ends none, and no word that matters has one.  Hence 7, which is no part of a function's
    name either: `sha1(` becomes the name of no function that anybody knows, and `0x1f` no
    number, so that their texts are looked at as they are.
    """
    digits = text.translate(_DIGITS)
    # Not always one digit in the end, but a few kinds of numbers.
    return digits.replace(b"7777", b"7").replace(b"77", b"7").replace(b"77", b"7")
