"""The bodies of Parquet's data pages: the specification, which runs where nothing is compiled. It
takes batches of the reference decoder.

https://github.com/apache/parquet-format/blob/master/Encodings.md
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from otel_etw.captures.columns.parquet_leaves import Leaf, Page
from otel_etw.captures.columns.reference import Batch, row_values
from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.columns.varint import varint

__all__ = ["Pages"]

# Runs that are shorter are written value by value.
_LEAST_RUN = 8
# Of `struct`; Parquet has no numbers of 16 bits.
_CODES = {"i": "i", "l": "q", "S": "i", "I": "I", "L": "Q", "g": "d", "tsn:UTC": "q"}


class Pages:
    """What Parquet stores of batches."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._texts: dict[int, dict[str, int]] = {}

    def __len__(self) -> int:
        """How many rows the batch has."""
        return len(self._rows)

    def batch(self, batch: Batch | None) -> None:
        """The pages that follow are of this batch; None: it is not needed any more."""
        self._rows = [row_values(row) for row in batch.rows] if batch else []
        self._texts = {}

    def texts(self, column: int) -> tuple[bytes, int]:
        """The distinct texts of a column of dictionaries in the order of their numbers, each
        behind its length in 4 bytes, little-endian; and how many there are."""
        if not COLUMNS[column].type.is_dictionary:
            raise ValueError(f"column {column} is no dictionary")
        texts = self._numbered(column)
        return b"".join(_behind_length(text.encode()) for text in texts), len(texts)

    def page(self, leaf: Leaf, numbers: array[int] | None = None) -> Page:
        """The page of all rows of one of `LEAVES`. ``numbers``: an ``array('i')`` with what stands
        in place of the number of each text; None: the numbers are those of `texts`.

        Its body must be let go before the next one is asked for: BufferError.
        """
        repeated, defined, values = self._levels(leaf)
        body = b""
        if leaf.is_list:
            body += _behind_length(_hybrid(repeated, 1))
        if leaf.most_level:
            body += _behind_length(_hybrid(defined, leaf.most_level.bit_length()))
        least = greatest = None
        if leaf.kind.is_dictionary:
            numbered = self._numbered(leaf.column)
            indices = [numbered[value] for value in values]
            if numbers is not None:
                indices = [numbers[index] for index in indices]
            width = max(1, max(indices, default=0).bit_length()) if indices else 0
            body += bytes([width]) + _hybrid(indices, width)
        else:
            body += _plain(leaf, values)
            if not leaf.is_list and leaf.kind.format in _CODES:
                least, greatest = _extremes(values)
        return Page(body, len(defined), len(defined) - len(values), least, greatest)

    def _numbered(self, column: int) -> dict[str, int]:
        if column not in self._texts:
            name = COLUMNS[column].name
            texts = dict.fromkeys(row[name] for row in self._rows if row[name] is not None)
            self._texts[column] = {text: number for number, text in enumerate(texts)}
        return self._texts[column]

    def _levels(self, leaf: Leaf) -> tuple[list[int], list[int], list[Any]]:
        """Repetition and definition levels, and the values that are there."""
        name = COLUMNS[leaf.column].name
        repeated, defined, values = [], [], []
        for row in self._rows:
            value = row[name]
            if value is None or (leaf.is_list and not value):
                repeated.append(0)
                defined.append(0 if value is None else leaf.row_level)
                continue
            for number, item in enumerate(value if leaf.is_list else [value]):
                inner = item if leaf.member < 0 else item[leaf.path[-1]]
                repeated.append(int(number > 0))
                defined.append(leaf.most_level - (inner is None))
                if inner is not None:
                    values.append(inner)
        return repeated, defined, values


def _behind_length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _plain(leaf: Leaf, values: Sequence[Any]) -> bytes:
    form = leaf.kind.format
    if form == "u":
        return b"".join(_behind_length(value.encode()) for value in values)
    if form == "b":
        bits = sum(1 << number for number, value in enumerate(values) if value)
        return bits.to_bytes((len(values) + 7) // 8, "little")
    data = struct.pack(f"<{len(values)}{_CODES[form]}", *values)
    return b"".join(data[byte::8] for byte in range(8)) if leaf.is_split else data


def _extremes(values: Sequence[Any]) -> tuple[Any, Any]:
    # NaN has no place in an order, and a reader must not look past it.
    if not values or any(map(math.isnan, values)):
        return None, None
    least, greatest = min(values), max(values)
    if isinstance(least, float):
        # So that neither zero is missed.
        return least or -0.0, greatest or 0.0
    return least, greatest


def _hybrid(values: Sequence[int], width: int) -> bytes:
    """Runs of equal values, and what stands between them packed."""
    return b"".join(_pieces(values, width))


def _pieces(values: Sequence[int], width: int) -> Iterator[bytes]:
    pending: list[int] = []
    for value, equal in groupby(values):
        count = len(list(equal))
        if count == len(values):
            yield _run(value, count, width)
            return
        # What is packed in front of a run fills whole groups of eight.
        more = -len(pending) % 8
        if count < _LEAST_RUN + more:
            pending += [value] * count
            continue
        pending += [value] * more
        yield _packed(pending, width)
        pending = []
        yield _run(value, count - more, width)
    yield _packed(pending, width)


def _run(value: int, count: int, width: int) -> bytes:
    return varint(count << 1) + value.to_bytes((width + 7) // 8, "little")


def _packed(values: Sequence[int], width: int) -> bytes:
    if not values:
        return b""
    groups = (len(values) + 7) // 8
    bits = sum(value << (number * width) for number, value in enumerate(values))
    return varint(groups << 1 | 1) + bits.to_bytes(groups * width, "little")
