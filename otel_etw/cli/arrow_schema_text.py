"""The schema as Parquet files keep it for Arrow's libraries: under the key ``ARROW:schema``.

By it pyarrow and pandas give columns of repeated texts as dictionaries (categories), as they are in
the file, and not as a string a row. It is the schema message of
https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format in base64; its
content is a FlatBuffer, https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from otel_etw.captures.columns.schema import COLUMNS, Column

__all__ = ["arrow_schema_text"]


class _Number(NamedTuple):
    """A number of so many bytes: 1, 2, 4 or 8."""

    size: int
    value: int


class _Table(NamedTuple):
    """A table with the values of its fields by their numbers; None: the default."""

    fields: Sequence[_Value]


_Value: TypeAlias = "_Number | _Table | str | list[_Table] | None"


def arrow_schema_text() -> bytes:
    """The text for `COLUMNS`."""
    numbers = count()
    fields = [_field(column, numbers) for column in COLUMNS]
    # Version 5, a header of type 1: a schema.
    content = _buffer(_Table([_Number(2, 4), _Number(1, 1), _Table([_Number(2, 0), fields])]))
    return b64encode(b"\xff\xff\xff\xff" + len(content).to_bytes(4, "little") + content)


def _field(column: Column, numbers: Any) -> _Table:
    kind = column.type
    dictionary = None
    if kind.is_dictionary:
        dictionary = _Table([_Number(8, next(numbers)), _integer(32, True)])
    children = [_field(child, numbers) for child in kind.children]
    number, table = _type(kind.format)
    nullable = _Number(1, int(column.is_nullable))
    return _Table([column.name, nullable, _Number(1, number), table, dictionary, children])


def _type(form: str) -> tuple[int, _Table]:
    """The number of a type in the union, and what says more about it."""
    return {
        "u": (5, _Table([])),
        "b": (6, _Table([])),
        "g": (3, _Table([_Number(2, 2)])),
        "i": (2, _integer(32, True)),
        "l": (2, _integer(64, True)),
        "S": (2, _integer(16, False)),
        "I": (2, _integer(32, False)),
        "L": (2, _integer(64, False)),
        "tsn:UTC": (10, _Table([_Number(2, 3), "UTC"])),
        "+l": (12, _Table([])),
        "+s": (13, _Table([])),
    }[form]


def _integer(bits: int, is_signed: bool) -> _Table:
    return _Table([_Number(4, bits), _Number(1, int(is_signed))])


# FlatBuffers -------------------------------------------------------------------------------------


def _buffer(root: _Table) -> bytes:
    """A FlatBuffer, padded to a multiple of eight bytes."""
    out = bytearray(4)
    _put(out, 0, root)
    return bytes(out) + bytes(-len(out) % 8)


def _put(out: bytearray, place: int, value: _Table | str | list[_Table]) -> None:
    """Append a value, and write at a place how far from there it is."""
    if isinstance(value, _Table):
        begin = _put_table(out, value)
    else:
        out += bytes(-len(out) % 4)
        begin = len(out)
        out += len(value if isinstance(value, list) else value.encode()).to_bytes(4, "little")
        if isinstance(value, str):
            out += value.encode() + b"\0"
        else:
            out += bytes(4 * len(value))
            for number, item in enumerate(value):
                _put(out, begin + 4 + 4 * number, item)
    struct.pack_into("<I", out, place, begin - place)


def _put_table(out: bytearray, table: _Table) -> int:
    """Append a table: where its fields are, itself, and what its fields lead to."""
    offsets, size = [], 4
    for value in table.fields:
        width = value.size if isinstance(value, _Number) else 4
        if value is not None:
            size += -size % width
        offsets.append(0 if value is None else size)
        size += 0 if value is None else width
    head = struct.pack(f"<{2 + len(offsets)}H", 4 + 2 * len(offsets), size, *offsets)
    out += bytes(-(len(out) + len(head)) % 8)
    out += head
    begin = len(out)
    out += len(head).to_bytes(4, "little") + bytes(size - 4)
    for offset, value in zip(offsets, table.fields, strict=True):
        if isinstance(value, _Number):
            out[begin + offset : begin + offset + value.size] = value.value.to_bytes(
                value.size, "little"
            )
        elif value is not None:
            _put(out, begin + offset, value)
    return begin
