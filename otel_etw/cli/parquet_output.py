"""Parquet files of points: https://parquet.apache.org/docs/file-format/

Written by ourselves: Arrow's libraries encode each of the texts of a row anew, which are hundreds
of bytes, where a batch has their numbers already.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, BinaryIO

from otel_etw.captures.columns import COLUMNS, Pages
from otel_etw.captures.columns.parquet_leaves import LEAVES, Leaf, Page
from otel_etw.captures.columns.schema import Column
from otel_etw.cli.arrow_schema_text import arrow_schema_text
from otel_etw.cli.thrift import I8, I16, I32, I64, Struct, struct_bytes
from otel_etw.cli.zstd import compressor

__all__ = ["ParquetOutput"]

_MAGIC = b"PAR1"

# A row group ends when it has so many rows, compressed bytes, or texts and bytes of them in a
# dictionary: all of that stays in memory until then.
_MOST_ROWS = 524_288
_MOST_BYTES = 16 << 20
_MOST_TEXTS = 16_384
_MOST_TEXT_BYTES = 8 << 20

# Columns of text that people ask for by value: of these the least and the greatest are said, unless
# they are longer than this.
_SOUGHT = ("MetricName", "ServiceName")
_LONGEST_BOUND = 256

# The format's numbers.
_BOOLEAN, _INT32, _INT64, _DOUBLE, _BYTE_ARRAY = 0, 1, 2, 5, 6
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_PLAIN, _RLE, _RLE_DICTIONARY, _BYTE_STREAM_SPLIT = 0, 3, 8, 9
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_ZSTD = 6

_EMPTY = struct_bytes()
# Of each format of Arrow: physical type, converted type and logical type; both say the same, the
# first to readers before 2018.
_TYPES: dict[str, tuple[int, int | None, Struct | None]] = {
    "u": (_BYTE_ARRAY, 0, struct_bytes((1, _EMPTY))),
    "b": (_BOOLEAN, None, None),
    "g": (_DOUBLE, None, None),
    "i": (_INT32, None, None),
    "l": (_INT64, None, None),
    "S": (_INT32, 12, struct_bytes((10, struct_bytes((1, I8(16)), (2, False))))),
    "I": (_INT32, 13, struct_bytes((10, struct_bytes((1, I8(32)), (2, False))))),
    "L": (_INT64, 14, struct_bytes((10, struct_bytes((1, I8(64)), (2, False))))),
    "tsn:UTC": (
        _INT64,
        None,
        struct_bytes((8, struct_bytes((1, True), (2, struct_bytes((3, _EMPTY)))))),
    ),
}
_LIST = struct_bytes((3, _EMPTY))
# Little-endian, of `struct`.
_BOUNDS = {"i": "<i", "l": "<q", "S": "<I", "I": "<I", "L": "<Q", "g": "<d", "tsn:UTC": "<q"}


# The schema --------------------------------------------------------------------------------------


def _schema() -> Iterator[Struct]:
    yield struct_bytes((4, b"points"), (5, I32(len(COLUMNS))))
    for column in COLUMNS:
        yield from _elements(column.name, column)


def _elements(name: str, column: Column) -> Iterator[Struct]:
    kind, repetition = column.type, I32(_OPTIONAL if column.is_nullable else _REQUIRED)
    if kind.format == "+l":
        yield struct_bytes(
            (3, repetition), (4, name.encode()), (5, I32(1)), (6, I32(3)), (10, _LIST)
        )
        yield struct_bytes((3, I32(_REPEATED)), (4, b"list"), (5, I32(1)))
        yield from _elements("element", kind.children[0])
    elif kind.format == "+s":
        yield struct_bytes((3, repetition), (4, name.encode()), (5, I32(len(kind.children))))
        for member in kind.children:
            yield from _elements(member.name, member)
    else:
        physical, converted, logical = _TYPES[kind.format]
        yield struct_bytes(
            (1, I32(physical)),
            (3, repetition),
            (4, name.encode()),
            (6, None if converted is None else I32(converted)),
            (10, logical),
        )


# Row groups --------------------------------------------------------------------------------------


class _Texts:
    """The texts of a column in a row group: each once, and the numbers that stand for them."""

    def __init__(self) -> None:
        self.body = b""
        """All of them, each behind its length: what a dictionary page holds."""
        self.count = 0
        self._numbers: dict[bytes, int] = {}

    def numbers(self, body: bytes, count: int) -> array[int] | None:
        """Add the texts of a batch. What stands here in place of their numbers there; None where
        these are the same."""
        if not self.count:
            self.body, self.count = body, count
        # Most columns have the same few texts in every batch.
        if self.body.startswith(body):
            return None
        if not self._numbers:
            self._numbers = {text: number for number, text in enumerate(self)}
        found = array("i", bytes(4 * count))
        new = []
        for place, text in enumerate(_split(body)):
            number = self._numbers.setdefault(text, self.count)
            if number == self.count:
                self.count += 1
                new.append(len(text).to_bytes(4, "little") + text)
            found[place] = number
        self.body += b"".join(new)
        return found

    def __iter__(self) -> Iterator[bytes]:
        return _split(self.body)


def _split(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        begin = at + 4
        at = begin + int.from_bytes(body[at:begin], "little")
        yield body[begin:at]


class _Chunk:
    """A leaf of a row group: its pages, and what is known of its values."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.texts = _Texts() if leaf.kind.is_dictionary else None
        self.pages: list[bytes] = []
        self.size = self.compressed = 0
        """Bytes of pages with their headers: expanded, and in the file."""
        self._encoding = _RLE_DICTIONARY if self.texts else _PLAIN
        if leaf.is_split:
            self._encoding = _BYTE_STREAM_SPLIT
        self._count = self._nulls = 0
        self._least: list[Any] = []
        self._greatest: list[Any] = []
        self._has_bounds = leaf.kind.format in _BOUNDS and not leaf.is_list

    def add(self, pages: Pages) -> None:
        numbers = self.texts.numbers(*pages.texts(self.leaf.column)) if self.texts else None
        page: Page = pages.page(self.leaf, numbers)
        head = struct_bytes(
            *((1, I32(page.length)), (2, I32(self._encoding)), (3, I32(_RLE)), (4, I32(_RLE)))
        )
        self.pages.append(self._page(_DATA_PAGE, page.body, (5, head)))
        self._count += page.length
        self._nulls += page.nulls
        if page.least is not None:
            self._least.append(page.least)
            self._greatest.append(page.greatest)
        elif page.nulls < page.length:
            self._has_bounds = False

    def _page(self, kind: int, body: bytes | memoryview, head: tuple[int, Struct]) -> bytes:
        data = compressor()(body)
        header = struct_bytes((1, I32(kind)), (2, I32(len(body))), (3, I32(len(data))), head)
        self.size += len(header) + len(body)
        self.compressed += len(header) + len(data)
        return header + data

    def close(self, file: BinaryIO, offset: int) -> Struct:
        """Write all from an offset on; its metadata."""
        first: bytes = b""
        if self.texts is not None:
            head = struct_bytes((1, I32(self.texts.count)), (2, I32(_PLAIN)))
            first = self._page(_DICTIONARY_PAGE, self.texts.body, (7, head))
        for piece in (first, *self.pages) if first else self.pages:
            file.write(piece)
        encodings = {_RLE, self._encoding, *([_PLAIN] if first else [])}
        metadata = struct_bytes(
            (1, I32(_TYPES[self.leaf.kind.format][0])),
            (2, [I32(encoding) for encoding in sorted(encodings)]),
            (3, [name.encode() for name in self.leaf.path]),
            (4, I32(_ZSTD)),
            (5, I64(self._count)),
            (6, I64(self.size)),
            (7, I64(self.compressed)),
            (9, I64(offset + len(first))),
            (11, I64(offset) if first else None),
            (12, self._statistics()),
        )
        return struct_bytes((2, I64(offset)), (3, metadata))

    def _statistics(self) -> Struct:
        least, greatest = self._bounds()
        return struct_bytes((3, I64(self._nulls)), (5, greatest), (6, least))

    def _bounds(self) -> tuple[bytes | None, bytes | None]:
        if self.texts and self.leaf.path[0] in _SOUGHT and self.texts.count:
            bounds = min(self.texts), max(self.texts)
            return bounds if max(map(len, bounds)) <= _LONGEST_BOUND else (None, None)
        if not self._has_bounds or not self._least:
            return None, None
        form = _BOUNDS[self.leaf.kind.format]
        least, greatest = min(self._least), max(self._greatest)
        if isinstance(least, float):
            least, greatest = least or -0.0, greatest or 0.0
        return struct.pack(form, least), struct.pack(form, greatest)


class _RowGroup:
    def __init__(self) -> None:
        self.rows = 0
        self._chunks = [_Chunk(leaf) for leaf in LEAVES]

    def add(self, pages: Pages) -> None:
        self.rows += len(pages)
        for chunk in self._chunks:
            chunk.add(pages)

    def is_full(self) -> bool:
        texts = [chunk.texts for chunk in self._chunks if chunk.texts]
        return (
            self.rows >= _MOST_ROWS
            or sum(chunk.compressed for chunk in self._chunks) >= _MOST_BYTES
            or max(each.count for each in texts) >= _MOST_TEXTS
            or sum(len(each.body) for each in texts) >= _MOST_TEXT_BYTES
        )

    def close(self, file: BinaryIO, offset: int, ordinal: int) -> tuple[Struct, int]:
        """Write all from an offset on; its metadata, and how many bytes it has."""
        begin, columns = offset, []
        for chunk in self._chunks:
            columns.append(chunk.close(file, offset))
            offset += chunk.compressed
        metadata = struct_bytes(
            (1, columns),
            (2, I64(sum(chunk.size for chunk in self._chunks))),
            (3, I64(self.rows)),
            (5, I64(begin)),
            (6, I64(offset - begin)),
            (7, I16(ordinal) if ordinal < 1 << 15 else None),
        )
        return metadata, offset - begin


class ParquetOutput:
    """Writes batches to a file, from its beginning to its end.

    Memory holds one row group as it is written, compressed: some 16 MiB; and some 10 KB for each
    that was.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        compressor()  # ImportError before anything is written
        self._pages = Pages()
        self._group = _RowGroup()
        self._groups: list[Struct] = []
        self._rows = 0
        file.write(_MAGIC)
        self._offset = len(_MAGIC)

    def batch(self, batch: Any) -> None:
        """Add the points of a batch."""
        self._pages.batch(batch)
        if len(self._pages):
            self._group.add(self._pages)
        self._pages.batch(None)
        if self._group.is_full():
            self._end_group()

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        """Write what ends the file, which stays open."""
        self._end_group()
        leaf_order = struct_bytes((1, _EMPTY))
        footer = struct_bytes(
            (1, I32(2)),
            (2, list(_schema())),
            (3, I64(self._rows)),
            (4, self._groups),
            (5, [struct_bytes((1, b"ARROW:schema"), (2, arrow_schema_text()))]),
            (6, f"otel-etw version {version('otel-etw')}".encode()),
            (7, [leaf_order] * len(LEAVES)),
        )
        self._file.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)

    def _end_group(self) -> None:
        if not self._group.rows:
            return
        group, self._group = self._group, _RowGroup()
        metadata, size = group.close(self._file, self._offset, len(self._groups))
        self._rows += group.rows
        self._offset += size
        self._groups.append(metadata)
