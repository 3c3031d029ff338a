"""The rows of a batch, as Python values."""

from __future__ import annotations

import math
import struct
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

__all__ = ["all_rows", "arrow_batch", "comparable", "rows"]


def arrow_batch(batch: Any) -> pa.RecordBatch:
    """What pyarrow takes a batch for, once all of it was found valid."""
    taken = pa.record_batch(batch)
    taken.validate(full=True)
    return taken


def rows(batch: Any) -> list[dict[str, Any]]:
    """A dict a row: text, numbers, lists and dicts. Times are integers, null is None."""
    taken = arrow_batch(batch)
    columns = [_without_times(column).to_pylist() for column in taken.columns]
    return [dict(zip(taken.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def all_rows(decoder: Any, is_full: bool) -> list[dict[str, Any]]:
    """Of what was added last, and of what was left."""
    found = []
    while is_full:
        found += rows(decoder.take())
        is_full = decoder.resume()
    rest = decoder.take()
    return found + rows(rest) if rest else found


def comparable(value: Any) -> Any:
    """NaN and -0.0 are themselves, and 1 is not 1.0 or true."""
    if isinstance(value, float):
        return ("double", "NaN" if math.isnan(value) else struct.pack("<d", value))
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return value


def _without_times(column: pa.Array) -> pa.Array:
    """Python has no times of nanoseconds."""
    return column.cast(_type_without_times(column.type))


def _type_without_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_type_without_times(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_type_without_times(field.type)) for field in kind])
    return kind
