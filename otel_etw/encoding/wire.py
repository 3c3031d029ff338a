"""Fields of the protobuf wire format: Python's values to bytes. The compiled twin is ``_wire.pxd``.

A value is converted as protobuf converts it: integers by ``__index__``, doubles by ``__float__``.
What a field cannot hold raises `Rejected`, which names the field and the value's type. ``tag`` is
a field's number and wire type, one byte.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from operator import index

from .losses import Losses, Rejected

__all__ = [
    "INT32",
    "INT64",
    "UINT64",
    "as_double",
    "described",
    "fixed64",
    "integer",
    "message",
    "optional_double",
    "packed",
    "signed",
    "text",
    "utf8",
    "varint",
    "varint_field",
    "zigzag_field",
]


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first. ``number`` is 0 to 2**64 - 1."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field, written even when empty."""
    return tag + varint(len(body)) + body


def signed(number: int) -> bytes:
    """A negative number takes ten bytes: its two's complement in 64 bits."""
    return varint(number & 0xFFFF_FFFF_FFFF_FFFF)


def zigzag(number: int) -> bytes:
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def integer(field: str, value: object, low: int, high: int) -> int:
    """``value`` as an int from ``low`` to ``high``; a bool is refused, as protobuf 7 does."""
    if isinstance(value, bool):
        raise Rejected("unsupported_type", field, "bool")
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise Rejected("unsupported_type", field, type(value).__name__) from None
    if not low <= number <= high:
        raise Rejected("out_of_range", field, type(value).__name__)
    return number


INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
UINT32 = (0, 2**32 - 1)
UINT64 = (0, 2**64 - 1)


def fixed64(tag: bytes, field: str, value: object) -> bytes:
    """An unsigned number without presence: None and 0 are left out."""
    if value is None:
        return b""
    number = integer(field, value, *UINT64)
    return tag + struct.pack("<Q", number) if number else b""


def as_double(field: str, value: object) -> bytes:
    kind = type(value)
    # float() would take texts too.
    if not hasattr(kind, "__float__") and not hasattr(kind, "__index__"):
        raise Rejected("unsupported_type", field, kind.__name__)
    try:
        return struct.pack("<d", float(value))  # type: ignore[arg-type]
    except OverflowError:
        raise Rejected("out_of_range", field, kind.__name__) from None
    except Exception:
        raise Rejected("unsupported_type", field, kind.__name__) from None


def optional_double(tag: bytes, field: str, value: object) -> bytes:
    """A double with presence: only None is left out."""
    return b"" if value is None else tag + as_double(field, value)


def text(tag: bytes, field: str, value: object) -> bytes:
    """A string, or bytes that are UTF-8; None and empty are left out."""
    if value is None:
        return b""
    encoded = utf8(field, value)
    return message(tag, encoded) if encoded else b""


def utf8(field: str, value: object) -> bytes:
    try:
        if isinstance(value, str):
            return str.encode(value)
        if isinstance(value, bytes):
            return bytes.decode(value).encode()
    except UnicodeError:
        raise Rejected("not_unicode", field, type(value).__name__) from None
    raise Rejected("unsupported_type", field, type(value).__name__)


def described(tag: bytes, field: str, value: object, losses: Losses, where: str) -> bytes:
    """A text that only describes: lone surrogates become U+FFFD rather than cost its points."""
    try:
        return text(tag, field, value)
    except Rejected as rejected:
        if rejected.reason != "not_unicode" or not isinstance(value, str):
            raise
        losses.add("text", "not_unicode", f"{where}, {rejected}")
        return text(tag, field, re.sub("[\ud800-\udfff]", "\ufffd", value))


def packed(tag: bytes, values: Iterable[bytes]) -> bytes:
    """A repeated number; nothing at all when it is empty."""
    body = b"".join(values)
    return message(tag, body) if body else b""


def zigzag_field(tag: bytes, field: str, value: object) -> bytes:
    number = 0 if value is None else integer(field, value, *INT32)
    return tag + zigzag(number) if number else b""


def varint_field(tag: bytes, field: str, value: object) -> bytes:
    number = 0 if value is None else integer(field, value, *UINT32)
    return tag + varint(number) if number else b""
