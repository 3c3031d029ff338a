"""Text fitted to the columns of a terminal: measured, cut, wrapped, isolated."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import bidirectional

from rich.cells import cell_len, chop_cells, set_cell_size

__all__ = ["cut", "isolated", "width", "wrapped"]

_RIGHT_TO_LEFT = {"R", "AL", "AN"}
# Unicode's first strong isolate, and the end of an isolate; both take no column.
_ISOLATE, _END = "\u2068", "\u2069"


def width(text: str) -> int:
    """How many columns of a terminal a printable text takes: two for an East Asian wide character
    and most emoji, none for what is drawn onto the character before."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, columns: int, ellipsis: str) -> str:
    """Text that takes at most so many columns; an ellipsis stands for what is cut off."""
    if width(text) <= columns:
        return text
    return set_cell_size(text, max(columns - len(ellipsis), 0)).rstrip() + ellipsis


def wrapped(pieces: Sequence[str], columns: int, separator: str = ", ") -> list[list[str]]:
    """Pieces of text in lines of at most so many columns, to be joined with nothing between them.

    Lines are broken between pieces; a piece that is wider than a line is broken where it must be.
    """
    lines: list[list[str]] = []
    line: list[str] = []
    room = columns
    for index, piece in enumerate(pieces):
        text = piece + separator if index < len(pieces) - 1 else piece
        taken = width(text.rstrip())
        if line and taken > room:
            lines.append(line)
            line, room = [], columns
        if taken > columns:
            *full, text = chop_cells(text, columns)
            lines += [[part] for part in full]
        line.append(text)
        room -= width(text)
    return [*lines, line] if line else lines


def isolated(text: str) -> str:
    """Text whose right-to-left characters do not reorder what stands beside it on a line."""
    if text.isascii() or not any(bidirectional(each) in _RIGHT_TO_LEFT for each in text):
        return text
    return f"{_ISOLATE}{text}{_END}"
