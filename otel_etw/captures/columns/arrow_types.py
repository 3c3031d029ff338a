"""The columns as a schema of pyarrow, the package of the extra ``otel-etw[arrow]``."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from otel_etw.captures.columns.schema import COLUMNS, Column, Type

__all__ = ["arrow_schema", "arrow_type", "pyarrow"]


def pyarrow() -> ModuleType:
    """The package; ImportError that says how to install it."""
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "Parquet and Arrow need the package pyarrow: pip install 'otel-etw[arrow]'"
        ) from error
    return pyarrow


def arrow_schema(plain_texts: bool = False) -> Any:
    """`COLUMNS` as a ``pyarrow.Schema``; ``plain_texts``: texts are strings, not dictionaries."""
    return pyarrow().schema([_field(column, plain_texts) for column in COLUMNS])


def arrow_type(kind: Type, plain_texts: bool = False) -> Any:
    """The data type that a format string of Arrow stands for."""
    pa = pyarrow()
    if kind.format == "+l":
        return pa.list_(_field(kind.children[0], plain_texts))
    if kind.format == "+s":
        return pa.struct([_field(member, plain_texts) for member in kind.children])
    plain = {
        "u": pa.string(),
        "b": pa.bool_(),
        "i": pa.int32(),
        "l": pa.int64(),
        "S": pa.uint16(),
        "I": pa.uint32(),
        "L": pa.uint64(),
        "g": pa.float64(),
        "tsn:UTC": pa.timestamp("ns", "UTC"),
    }[kind.format]
    is_dictionary = kind.is_dictionary and not plain_texts
    return pa.dictionary(pa.int32(), plain) if is_dictionary else plain


def _field(column: Column, plain_texts: bool) -> Any:
    return pyarrow().field(column.name, arrow_type(column.type, plain_texts), column.is_nullable)
