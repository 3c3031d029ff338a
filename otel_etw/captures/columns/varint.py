"""Varints, in which Thrift and Parquet write lengths and numbers.

Not the function of ``otel_etw.encoding.wire``: that package imports the SDK, without which captures
are read.
"""

from __future__ import annotations

__all__ = ["varint"]


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; 0 or more."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
