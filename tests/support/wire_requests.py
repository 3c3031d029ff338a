"""Bytes that are almost a serialized request: whatever protobuf's wire format has, and faults."""

from __future__ import annotations

from random import Random

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

__all__ = ["WireRequests", "delimited", "varint"]

_WIRE_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: 1,
    FieldDescriptor.TYPE_FIXED64: 1,
    FieldDescriptor.TYPE_SFIXED64: 1,
    FieldDescriptor.TYPE_FIXED32: 5,
    FieldDescriptor.TYPE_STRING: 2,
    FieldDescriptor.TYPE_BYTES: 2,
    FieldDescriptor.TYPE_MESSAGE: 2,
}
_NUMBERS = [0, 1, 2, 127, 128, 300, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
_FIELDS = [0, 1, 3, 13, 15, 16, 100, 2047, 2048, 2**28, 2**29 - 1, 2**29, 2**30, 2**32]
_TEXTS = [
    *(b"", b"a", b"12345678", b"123456789", b"a longer text of some words" * 3),
    *(
        "é".encode(),
        "日本語テキスト".encode(),
        "😀".encode() * 5,
        b"abcdefg\xc3\xa9",
        b"\xef\xbf\xbf",
    ),
    *(b"\xf4\x8f\xbf\xbf", b"\0"),
]
_NO_TEXTS = [
    *(
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\xff",
    ),
    *(b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf5\x80\x80\x80", b"1234567\xc3", b"12345678\x80"),
    *(
        b"\xc3(",
        b"\xe2\x28\xa1",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x98(",
        b"a" * 20 + b"\xff" + b"a" * 20,
    ),
]


def varint(number: int, length: int = 1) -> bytes:
    """A number as a varint of at least so many bytes."""
    data = bytearray()
    while number > 0x7F or len(data) + 1 < length:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def delimited(number: int, content: bytes) -> bytes:
    """A field that a length delimits."""
    return varint(number << 3 | 2) + varint(len(content)) + content


class WireRequests:
    """Gives random ones; of ``faults`` each is about as likely as the number says, at each place
    where it may be. The same seed gives the same ones."""

    def __init__(self, seed: int, faults: float = 0.003) -> None:
        self._random = Random(seed)
        self._faults = faults

    def give(self) -> bytes:
        self._left = 300  # fields, so that none grows without bound
        data = self._message(ExportMetricsServiceRequest.DESCRIPTOR, 0)
        if self._rarely(20):
            data = self._cut_up(data)
        return data

    def _rarely(self, times: float = 1) -> bool:
        return self._random.random() < self._faults * times

    def _cut_up(self, data: bytes) -> bytes:
        """Bits turned, a piece taken out, doubled or moved."""
        random = self._random
        broken = bytearray(data)
        for _ in range(random.randint(1, 3)):
            if broken:
                at, end = sorted(random.randint(0, len(broken)) for _ in range(2))
                end = min(end, at + random.choice([1, 2, 4, 8, 1000]))
                piece = broken[at:end]
                kind = random.randrange(4)
                if kind == 0 and piece:
                    broken[at] ^= 1 << random.randrange(8)
                elif kind == 1:
                    del broken[at:end]
                elif kind == 2:
                    broken[at:at] = piece
                else:
                    broken[at:end] = random.randbytes(len(piece))
        return bytes(broken)

    def _varint(self, number: int, most: int) -> bytes:
        if self._rarely(5):
            return varint(number, self._random.randint(1, most + 1))
        if self._rarely(2):
            length = self._random.randint(1, most)
            return b"\xff" * length + bytes([self._random.choice([0, 1, 2, 7, 8, 15, 16, 0x7F])])
        return varint(number)

    def _tag(self, number: int, wire_type: int) -> bytes:
        return self._varint(number << 3 | wire_type, 5)

    def _content(self, data: bytes) -> bytes:
        length = len(data)
        if self._rarely():
            length = max(0, length + self._random.choice([-2, -1, 1, 2, 3, 100, 2**31 - 1, 2**32]))
        return self._varint(length, 5) + data

    def _message(self, message: Descriptor, depth: int) -> bytes:
        random = self._random
        if self._rarely(0.5):
            return random.randbytes(random.randint(0, 20))
        fields = []
        for _ in range(random.choice([0, 1, 1, 2, 3, 5]) + (not depth)):
            self._left -= 1
            if self._left < 0:
                break
            if self._rarely(10):
                fields.append(self._unknown(message, depth))
            else:
                fields.append(self._known(random.choice(message.fields), depth))
        return b"".join(fields)

    def _known(self, field: FieldDescriptor, depth: int) -> bytes:
        random = self._random
        number = field.number
        wire_type = _WIRE_TYPES.get(field.type, 0)
        if self._rarely():
            wire_type = random.randrange(8)
            return self._tag(number, wire_type) + self._value(wire_type, number, depth)
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = field.message_type
            assert inner
            if inner.name in ("ArrayValue", "KeyValueList") and self._rarely(3):
                return self._deep(number, inner, depth)
            return self._tag(number, 2) + self._content(self._message(inner, depth + 1))
        if field.type == FieldDescriptor.TYPE_STRING:
            texts = _NO_TEXTS if self._rarely() else _TEXTS
            return self._tag(number, 2) + self._content(random.choice(texts))
        if wire_type != 2 and field.is_repeated and random.random() < 0.8:
            packed = [self._value(wire_type, number, depth) for _ in range(random.randint(0, 12))]
            data = b"".join(packed)
            if self._rarely():
                data = data[: random.randint(0, len(data))]
            if self._rarely():
                data += random.randbytes(random.randint(1, 8))
            return self._tag(number, 2) + self._content(data)
        return self._tag(number, wire_type) + self._value(wire_type, number, depth)

    def _deep(self, number: int, message: Descriptor, depth: int) -> bytes:
        """Values in one another, about as deep as they may be."""
        values = 5 if message.name == "ArrayValue" else None
        data = self._message(message, depth + 1)
        levels = self._random.choice([5, 40, 46, 47, 48, 49, 50])
        for _ in range(levels):
            data = delimited(values, delimited(1, data)) if values else delimited(1, data)
            if not values:
                data = delimited(6, delimited(1, delimited(2, delimited(6, data))))
        return delimited(number, delimited(1, data))

    def _unknown(self, message: Descriptor, depth: int) -> bytes:
        random = self._random
        wire_type = random.choice([0, 1, 2, 3, 5])
        if self._rarely(3):
            wire_type = random.randrange(8)
        number = random.choice(_FIELDS if self._rarely(10) else [13, 15, 16, 100, 2047, 2**29 - 1])
        return self._tag(number, wire_type) + self._value(wire_type, number, depth)

    def _value(self, wire_type: int, number: int, depth: int) -> bytes:
        random = self._random
        if wire_type == 0:
            return self._varint(random.choice(_NUMBERS), 10)
        if wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
            return random.randbytes(size - self._rarely())
        if wire_type == 2:
            return self._content(random.choice(_TEXTS + _NO_TEXTS))
        if wire_type == 3:
            if self._rarely(5):
                levels = max(0, 100 - depth - random.randint(-2, 3))
                return b"\x7b" * levels + b"\x7c" * levels + self._tag(number, 4)
            fields = b""
            for _ in range(random.choice([0, 1, 2])):
                inner = random.choice([0, 1, 15, 16, 2047])
                kind = random.choice([0, 1, 2, 3, 5, 0, 1, 2, 3, 5, 6])
                self._left -= 1
                if self._left > 0:
                    fields += self._tag(inner, kind) + self._value(kind, inner, depth + 1)
            end = random.choice([1, 16, number]) if self._rarely(5) else number
            return fields + self._tag(end, 4)
        return b""
