"""A table of text whose columns are aligned by what a terminal shows of each character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wcwidth import wcswidth

__all__ = ["table_lines", "width"]

_GAP = "  "
# Columns of a terminal. One cell of a megabyte would pad each other line of a table by as much.
_WIDEST = 200


def width(text: str) -> int:
    """How many columns of a terminal a printable text takes: two for an East Asian wide character
    and most emoji, none for what is drawn onto the character before."""
    return len(text) if text.isascii() else max(wcswidth(text), 0)


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table: headers, a rule, and a line for each row.

    No cell is cut off. One wider than 200 columns moves what stands behind it in its line.
    """
    widths = [min(max(map(width, column)), _WIDEST) for column in zip(headers, *rows, strict=True)]
    yield _line(headers, widths)
    yield _GAP.join("-" * columns for columns in widths)
    for row in rows:
        yield _line(row, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (columns - width(cell)) for cell, columns in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()
