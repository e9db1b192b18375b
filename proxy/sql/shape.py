"""What texts have in common that differ in their numbers only."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = bytes.maketrans(b"0123456789", b"7777777777")


def shape(text: bytes) -> bytes:
    """
    The text with other digits, and fewer of them.

    Where this is plain, so is the text, and in the same way: one digit is read like another or
    like many, but for names of functions and hexadecimal numbers.  Hence 7, which no such name
    has: `sha1(` becomes the name of no function that is known, and `0x1f` no number, so
    that their texts are looked at as they are.
    """
    digits = text.translate(_DIGITS)
    # Not always one digit in the end, but a few kinds of numbers.
    return digits.replace(b"7777", b"7").replace(b"77", b"7").replace(b"77", b"7")
