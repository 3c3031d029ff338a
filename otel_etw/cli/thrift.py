"""Structs in Thrift's compact protocol, as Parquet's metadata are.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any, TypeAlias

from otel_etw.captures.columns.varint import varint

__all__ = ["I8", "I16", "I32", "I64", "Field", "Struct", "struct_bytes"]


class I8(int):
    """An integer of one byte."""


class I16(int):
    """An integer that is written as i16; as the others, zigzag in a varint."""


class I32(int):
    """As i32."""


class I64(int):
    """As i64."""


class Struct(bytes):
    """A struct that is serialized already."""


Field: TypeAlias = "tuple[int, Any]"
"""The number of a field and what it holds: bool, one of the integers, bytes, `Struct`, or a list of
one of these. None: the field is left out."""

_TYPES: dict[type, int] = {I8: 3, I16: 4, I32: 5, I64: 6, bytes: 8, list: 9, Struct: 12}


def struct_bytes(*fields: Field) -> Struct:
    """Fields in the order of their numbers."""
    out = bytearray()
    last = 0
    for number, value in fields:
        if value is None:
            continue
        kind = (1 if value else 2) if isinstance(value, bool) else _TYPES[type(value)]
        out.append((number - last) << 4 | kind)
        if not isinstance(value, bool):
            out += _value(value)
        last = number
    out.append(0)
    return Struct(out)


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        kind = _TYPES[type(value[0])] if value else 12
        head = (
            bytes([len(value) << 4 | kind])
            if len(value) < 15
            else (bytes([0xF0 | kind]) + varint(len(value)))
        )
        return head + b"".join(map(_value, value))
    if isinstance(value, Struct):
        return value
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, I8):
        return value.to_bytes(1, "little", signed=True)
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)
