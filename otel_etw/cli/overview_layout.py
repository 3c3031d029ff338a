"""The lines of an overview's series: how their columns are aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_etw.cli.fitting import width

__all__ = ["GAP", "INDENT", "Block", "Layout", "SeriesRow"]

INDENT = "  "
GAP = "  "
# Attributes get at least so many columns beside numbers, or lines of their own.
_LEAST_ATTRIBUTES = 24
_WIDEST_ATTRIBUTES = 72


@dataclass(slots=True)
class SeriesRow:
    """A series as texts."""

    origin: int
    attributes: list[str]
    numbers: list[str]
    sparkline: str

    def attributes_width(self) -> int:
        return sum(width(text) + 2 for text in self.attributes) - 2 if self.attributes else 0


@dataclass(slots=True)
class Block:
    """A metric, or a part of one with very many series."""

    metric: int
    """Its number."""
    rows: list[SeriesRow]
    is_first: bool
    more: int
    """How many series are not shown behind it."""
    widths: list[int] = field(init=False)
    """Of each column of numbers."""

    def __post_init__(self) -> None:
        count = max((len(row.numbers) for row in self.rows), default=0)
        for row in self.rows:
            row.numbers += [""] * (count - len(row.numbers))
        columns = zip(*(row.numbers for row in self.rows), strict=True)
        self.widths = [max(map(width, cells)) for cells in columns]

    @property
    def numbers_width(self) -> int:
        return sum(self.widths) + len(GAP) * (len(self.widths) - 1)


class Layout:
    """The columns of lines: attributes, numbers, sparkline."""

    def __init__(self, columns: int, blocks: Sequence[Block]) -> None:
        rows = [row for block in blocks for row in block.rows]
        drawn = max((len(row.sparkline) for row in rows), default=0)
        room = columns - len(INDENT) - len(GAP) - (len(GAP) + drawn if drawn else 0)
        widest = max((row.attributes_width() for row in rows), default=0)
        widest = min(widest, _WIDEST_ATTRIBUTES)
        self._room = room - min(widest, _LEAST_ATTRIBUTES)
        widths = [block.numbers_width for block in blocks if self.fits(block)]
        # Numbers end where all do; those that are shorter leave more room for attributes.
        numbers = max(widths, default=0)
        self._end = min(widest, room - numbers) + len(GAP) + numbers
        self.sparkline = len(INDENT) + self._end + len(GAP) if widths else 0
        """The column where sparklines begin; 0 where none stands beside attributes."""

    def fits(self, block: Block) -> bool:
        """Whether numbers have room beside attributes."""
        return block.numbers_width <= self._room

    def columns(self, block: Block) -> int:
        """How many columns the attributes have beside numbers."""
        return self._end - len(GAP) - block.numbers_width
