"""The columns of points as fields of pyarrow."""

from __future__ import annotations

import pyarrow as pa

from otel_etw.captures.columns import COLUMNS
from otel_etw.captures.columns.schema import Column, Type

__all__ = ["SCHEMA", "arrow_field", "arrow_type"]

_PLAIN = {
    "u": pa.string(),
    "b": pa.bool_(),
    "i": pa.int32(),
    "l": pa.int64(),
    "S": pa.uint16(),
    "I": pa.uint32(),
    "L": pa.uint64(),
    "g": pa.float64(),
    "tsn:UTC": pa.timestamp("ns", "UTC"),
}


def arrow_type(kind: Type) -> pa.DataType:
    if kind.format == "+l":
        return pa.list_(arrow_field(kind.children[0]))
    if kind.format == "+s":
        return pa.struct([arrow_field(member) for member in kind.children])
    plain = _PLAIN[kind.format]
    return pa.dictionary(pa.int32(), plain) if kind.is_dictionary else plain


def arrow_field(column: Column) -> pa.Field:
    return pa.field(column.name, arrow_type(column.type), nullable=column.is_nullable)


SCHEMA = pa.schema([arrow_field(column) for column in COLUMNS])
