"""The columns as Parquet stores them: each leaf of the table apart, whole values and levels.

https://parquet.apache.org/docs/file-format/nestedencoding/ and
https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from otel_etw.captures.columns.schema import COLUMNS, Type

__all__ = ["LEAVES", "Leaf", "Page"]

# Doubles whose bytes compress better one beside the other.
_SPLIT = ("Value", "Sum", "Min", "Max")


class Leaf(NamedTuple):
    """What Parquet calls a column: values of a plain type."""

    path: tuple[str, ...]
    """The names that lead to it."""
    column: int
    """The number of the column that it is, or is in."""
    member: int
    """Of lists of structs: which member of them; -1 for what is none."""
    kind: Type
    is_list: bool
    row_level: int
    """The definition level of a row that is not null: 0 where none may be null, else 1."""
    most_level: int
    """The definition level of a value that is there."""
    is_split: bool
    """Whether the values' bytes are stored apart (BYTE_STREAM_SPLIT)."""


class Page(NamedTuple):
    """Some rows' values of a leaf."""

    body: bytes | memoryview
    """Repetition levels, definition levels and values, as in a data page of version 1; texts of
    dictionaries as their numbers."""
    length: int
    """Values, nulls and empty lists."""
    nulls: int
    """Those that are no values."""
    least: Any
    """The least of the numbers, None where that is not known; of times the integers."""
    greatest: Any


def _leaves() -> Iterator[Leaf]:
    for number, column in enumerate(COLUMNS):
        row_level = int(column.is_nullable)
        if column.type.format != "+l":
            is_split = column.name in _SPLIT
            yield Leaf(
                (column.name,), number, -1, column.type, False, row_level, row_level, is_split
            )
            continue
        # Items are never null, only members of structs are.
        item, path = column.type.children[0].type, (column.name, "list", "element")
        if item.format != "+s":
            yield Leaf(path, number, -1, item, True, row_level, row_level + 1, False)
        for position, member in enumerate(item.children):
            level = row_level + 1 + member.is_nullable
            yield Leaf(
                (*path, member.name), number, position, member.type, True, row_level, level, False
            )


LEAVES = tuple(_leaves())
"""All of them, in their order."""
