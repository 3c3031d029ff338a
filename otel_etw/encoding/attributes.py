"""Attributes, in pure Python: mappings to KeyValue fields."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from .losses import Losses, Rejected, quoted
from .otlp import ANY_VALUE, KEY_VALUE, LIST
from .wire import INT64, integer, message, signed, text, utf8

__all__ = ["Constants", "attributes", "key_value"]

Constants = Sequence[tuple[str, bytes]]
"""Attributes that every point gets: the key and the encoded KeyValue."""


def any_value(value: object, room: int) -> bytes:
    """The body of an AnyValue. ``room``: levels of messages that may stand below it."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return ANY_VALUE.BOOL + (b"\1" if value else b"\0")
    if isinstance(value, str):
        return message(ANY_VALUE.STRING, utf8("value", value))
    if isinstance(value, int):
        return ANY_VALUE.INT + signed(integer("value", value, *INT64))
    if isinstance(value, float):
        return ANY_VALUE.DOUBLE + struct.pack("<d", value)
    if isinstance(value, bytes):
        return message(ANY_VALUE.BYTES, bytes(memoryview(value)))
    if isinstance(value, Sequence):
        _descend(value, room, 2 if len(value) else 1)
        items = [message(LIST.VALUES, any_value(item, room - 2)) for item in value]
        return message(ANY_VALUE.ARRAY, b"".join(items))
    if isinstance(value, Mapping):
        _descend(value, room, 3 if len(value) else 1)
        items = [
            message(LIST.VALUES, key_value(str(key), item, room - 3)) for key, item in value.items()
        ]
        return message(ANY_VALUE.MAP, b"".join(items))
    raise Rejected("unsupported_type", "value", type(value).__name__)


def _descend(value: object, room: int, levels: int) -> None:
    if room < levels:
        raise Rejected("too_deep", "value", type(value).__name__)


def key_value(key: object, value: object, room: int) -> bytes:
    """The body of a KeyValue. An empty key and None are left out, the value never is."""
    return text(KEY_VALUE.KEY, "key", key) + message(KEY_VALUE.VALUE, any_value(value, room))


def attributes(
    tag: bytes, mapping: Any, room: int, losses: Losses, where: str, constants: Constants = ()
) -> bytes:
    """All attributes as fields ``tag``; one that cannot be written is left out and counted.

    A constant gives way to an attribute of the same key.
    """
    out = []
    try:
        items = list(mapping.items()) if mapping else []
    except Exception:
        raise Rejected("malformed", "attributes", type(mapping).__name__) from None
    for key, value in items:
        try:
            out.append(message(tag, key_value(key, value, room)))
        except Exception as error:
            rejected = Rejected.of(error, "value", value)
            example = f"{where}, attribute {quoted(key)}, {rejected}"
            losses.add("attribute", rejected.reason, example)
    out += [message(tag, body) for key, body in constants if not mapping or key not in mapping]
    return b"".join(out)
