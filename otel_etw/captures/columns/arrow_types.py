"""The columns in the types of arro3, the Arrow library of the extra ``otel-etw[arrow]``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from types import ModuleType
from typing import Any

from otel_etw.captures.columns.schema import COLUMNS, Column, Type

__all__ = ["arro3", "arrow_array", "arrow_batch", "arrow_schema"]

# Formats of Arrow's C data interface.
_PLAIN = {
    "u": "string",
    "b": "bool",
    "i": "int32",
    "l": "int64",
    "S": "uint16",
    "I": "uint32",
    "L": "uint64",
    "g": "float64",
}


def arro3() -> ModuleType:
    """The package ``arro3.core``; ImportError that says how to install it."""
    try:
        import arro3.core
    except ImportError as error:
        raise ImportError(
            "Arrow needs the packages arro3-core and arro3-io: pip install 'otel-etw[arrow]'"
        ) from error
    return arro3.core


def arrow_schema(plain_texts: bool = False) -> Any:
    """`COLUMNS` as an ``arro3.core.Schema``; ``plain_texts``: strings in place of dictionaries."""
    return arro3().Schema([_field(column, plain_texts) for column in COLUMNS])


def arrow_batch(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows with the values of all columns as an ``arro3.core.RecordBatch``."""
    arrays = [arrow_array([row[column.name] for row in rows], column.type) for column in COLUMNS]
    return arro3().RecordBatch.from_arrays(arrays, schema=arrow_schema())


def arrow_array(values: Sequence[Any], kind: Type) -> Any:
    """Values, None for null, as an ``arro3.core.Array``. No struct may be null."""
    core = arro3()
    if kind.format == "+l":
        ends = accumulate((len(value or ()) for value in values), initial=0)
        items = list(chain.from_iterable(value for value in values if value))
        return core.list_array(
            core.Array(list(ends), core.DataType.int32()),
            arrow_array(items, kind.children[0].type),
            type=_type(kind),
            mask=core.Array([value is None for value in values], core.DataType.bool()),
        )
    if kind.format == "+s":
        members = [
            arrow_array([value[each.name] for value in values], each.type) for each in kind.children
        ]
        return core.struct_array(members, fields=[_field(each) for each in kind.children])
    first = "l" if kind.format.startswith("ts") else kind.format
    return core.Array(values, getattr(core.DataType, _PLAIN[first])()).cast(_type(kind))


def _type(kind: Type, plain_texts: bool = False) -> Any:
    types = arro3().DataType
    if kind.format == "+l":
        return types.list(_field(kind.children[0], plain_texts))
    if kind.format == "+s":
        return types.struct([_field(member, plain_texts) for member in kind.children])
    if kind.format.startswith("ts"):
        return types.timestamp("ns", tz="UTC")
    plain = getattr(types, _PLAIN[kind.format])()
    is_dictionary = kind.is_dictionary and not plain_texts
    return types.dictionary(types.int32(), plain) if is_dictionary else plain


def _field(column: Column, plain_texts: bool = False) -> Any:
    kind = _type(column.type, plain_texts)
    return arro3().Field(column.name, kind, nullable=column.is_nullable)
