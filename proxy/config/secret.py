"""A password that shows itself to nobody who does not ask."""

from __future__ import annotations


class Secret:
    """A text that must not reach a log, an error or a `repr`.

    A plain class and no attrs value: `attrs.asdict` and whatever walks attrs fields to print
    them would look inside.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself.  Each call is a place where it could leak."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
