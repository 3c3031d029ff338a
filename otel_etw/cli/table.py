"""A table of text whose columns are aligned by what a terminal shows of each character."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

__all__ = ["table_lines", "width"]

_GAP = "  "
_EMOJI_STYLE = "\ufe0f"
# Unicode's categories of marks that are drawn onto the character before them.
_DRAWN_ONTO = ("Mn", "Me")
# The middle and the end of a Korean syllable, which are drawn into its beginning.
_JAMO = range(0x1160, 0x1200)


def width(text: str) -> int:
    """How many columns of a terminal a text takes: two for an East Asian wide character and most
    emoji, none for what is drawn onto the character before."""
    if text.isascii():
        return len(text)
    columns = 0
    before = 0
    for character in text:
        if character == _EMOJI_STYLE and before == 1:
            own = 1  # what stands before it is shown as an emoji
        elif unicodedata.category(character) in _DRAWN_ONTO or ord(character) in _JAMO:
            own = 0
        else:
            own = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        before = own
        columns += own
    return columns


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table: headers, a rule, and a line for each row. No cell is cut off."""
    widths = [max(map(width, column)) for column in zip(headers, *rows, strict=True)]
    yield _line(headers, widths)
    yield _GAP.join("-" * columns for columns in widths)
    for row in rows:
        yield _line(row, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (columns - width(cell)) for cell, columns in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()
