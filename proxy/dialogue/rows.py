"""The rows of a result, counted as they go by; the first may get values of ours."""

from __future__ import annotations

from typing import Final

from proxy.dialogue.edits import Edit
from proxy.wire.constants import HEADER, MAX_PACKET
from proxy.wire.patch import Patch, patched
from proxy.wire.scan import skip_rows

PATCHED_BYTES: Final = 1 << 20
"""Rows of a few numbers are patched; one that is longer is no such row and stays as it is."""


class Rows:
    """See the module.

    Attributes:
        counted: How many there were so far.
        patches: What the first one is to say; empty when there is none, or it has been.
    """

    __slots__ = ("_continues", "counted", "patches")

    def begin(self, patches: tuple[Patch, ...]) -> None:
        """An answer begins."""
        self._continues = False
        self.counted = 0
        self.patches = patches

    def __repr__(self) -> str:
        """How many."""
        return f"<Rows {self.counted}>"

    def follow(
        self, chunk: bytes, position: int, longest_end: int, edits: list[Edit]
    ) -> tuple[int, bool]:
        """Walk over rows.

        Args:
            chunk: Bytes of the answer.
            position: Where a packet begins.
            longest_end: See `skip_rows`.
            edits: What changes in this chunk.

        Returns:
            The position behind the rows, and whether the packet that ends them is what begins
            there; -1 when nothing can be said without more bytes.
        """
        if self._continues:
            return self._split(chunk, position), False
        if self.patches:
            behind = self._patch(chunk, position, edits)
            if behind != position:
                return behind, False
        position, found, rows = skip_rows(chunk, position, longest_end)
        self.counted += rows
        if rows or position >= len(chunk):
            return position, False  # what may have to wait for more does so without these rows
        return (position, True) if found else (self._split(chunk, position), False)

    def _split(self, chunk: bytes, position: int) -> int:
        """A row of 16 MiB or more: its next physical packets may begin with any byte."""
        if len(chunk) - position < HEADER:
            return -1
        length = chunk[position] | chunk[position + 1] << 8 | chunk[position + 2] << 16
        if length != MAX_PACKET and not self._continues:
            return -1
        self._continues = length == MAX_PACKET
        self.counted += not self._continues
        return position + HEADER + length

    def _patch(self, chunk: bytes, position: int, edits: list[Edit]) -> int:
        """The first row, with values of ours in the place of the server's."""
        at = position + HEADER
        if len(chunk) <= at:
            return -1
        length = chunk[position] | chunk[position + 1] << 8 | chunk[position + 2] << 16
        behind = at + length
        if length <= PATCHED_BYTES and behind > len(chunk):
            return -1
        patches, self.patches = self.patches, ()
        if length > PATCHED_BYTES or chunk[at] >= 0xFE:
            return position
        edits.append((position, behind, patched(chunk[position:behind], patches)))
        self.counted += 1
        return behind
