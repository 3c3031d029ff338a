"""Arbitrary serialized requests that protobuf takes.

They are written field by field, so that there is what no serializer makes: fields in any order and
in pieces, single fields that stand twice, several kinds of data in one metric, lists packed, not
packed and both, unknown fields everywhere, longer forms of numbers. Points have all fields, with
the values that are easy to get wrong.
"""

from __future__ import annotations

import struct
from random import Random

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from tests.support.wire_requests import delimited, varint

__all__ = ["payloads", "random_payload"]

_TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "key",
    "service.name",
    "é",
    "\U0001f600",
    '"\\\n\x01\x7f',
    "\0",
    "z" * 40,
]
_BYTES = [b"", b"\0", b"\xff\xfe", bytes(range(16)), b"text"]
_DOUBLES = [
    *(0.0, -0.0, 1.0, 1.5, -2.25, 0.1, 1e16, 1e22, 123456789012345680.0, 5e-324, 1e-5),
    *(1.7976931348623157e308, float("inf"), float("-inf"), float("nan")),
]
_NUMBERS = [
    *(0, 1, 2, 3, 127, 128, 255, 300, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1),
    *(2**63, 2**63 + 1, 2**64 - 1, 1_700_000_000_123_456_789),
]
_UNKNOWN = [13, 15, 16, 2047, 2**29 - 1]
_DEPTH = 9

# The fields that lead to points.
_TO_POINTS = {"resource_metrics", "scope_metrics", "metrics", "data_points"}
_KINDS = {"gauge", "sum", "histogram", "exponential_histogram", "summary"}

_64_BITS = {FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}


def payloads() -> st.SearchStrategy[bytes]:
    """Serialized requests, most with some points. They shrink to ones of fewer fields."""
    return st.builds(
        lambda fields, seed: random_payload(Random(seed), fields),
        st.integers(1, 300),
        st.integers(0, 2**32 - 1),
    )


def random_payload(random: Random, fields: int = 300) -> bytes:
    """One of so many fields at most."""
    return _Payload(random, fields).message(ExportMetricsServiceRequest.DESCRIPTOR, 0)


class _Payload:
    def __init__(self, random: Random, fields: int) -> None:
        self._random = random
        self._left = fields

    def message(self, message: Descriptor, depth: int) -> bytes:
        random = self._random
        fields = list(message.fields)
        if depth >= _DEPTH:
            fields = [field for field in fields if not field.message_type]
        chosen = random.choices(fields, k=random.randint(0, 4)) if fields else []
        if message.name.endswith("DataPoint") and random.random() < 0.5:
            chosen += fields
        for needed in (_TO_POINTS, _KINDS):
            leading = [field for field in fields if field.name in needed]
            if leading and random.random() < 0.95:
                chosen.append(random.choice(leading))
        random.shuffle(chosen)
        data = b""
        for field in chosen:
            self._left -= 1
            if self._left >= 0:
                data += self._field(field, depth)
            if random.random() < 0.03:
                data += self._unknown_field()
        return data

    def _field(self, field: FieldDescriptor, depth: int) -> bytes:
        random = self._random
        number = field.number
        if field.message_type:
            return self._delimited(number, self.message(field.message_type, depth + 1))
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._delimited(number, random.choice(_TEXTS).encode())
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._delimited(number, random.choice(_BYTES))
        if not field.is_repeated:
            return self._number(field)
        if random.random() < 0.3:
            return b"".join(self._number(field) for _ in range(random.randint(0, 3)))
        packed = [self._value(field)[1] for _ in range(random.choice([0, 1, 2, 3, 17]))]
        return self._delimited(number, b"".join(packed))

    def _number(self, field: FieldDescriptor) -> bytes:
        wire_type, data = self._value(field)
        return self._tag(field.number, wire_type) + data

    def _value(self, field: FieldDescriptor) -> tuple[int, bytes]:
        random = self._random
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            return 1, struct.pack("<d", random.choice(_DOUBLES))
        if field.type in _64_BITS:
            return 1, random.choice(_NUMBERS).to_bytes(8, "little")
        return 0, varint(random.choice(_NUMBERS), self._length(10))

    def _delimited(self, number: int, content: bytes) -> bytes:
        return self._tag(number, 2) + varint(len(content), self._length(5)) + content

    def _tag(self, number: int, wire_type: int) -> bytes:
        return varint(number << 3 | wire_type, self._length(5))

    def _length(self, most: int) -> int:
        """Mostly the shortest form."""
        return self._random.randint(2, most) if self._random.random() < 0.03 else 1

    def _unknown_field(self) -> bytes:
        number = self._random.choice(_UNKNOWN)
        return self._random.choice(
            [
                varint(number << 3) + b"\x80\1",
                varint(number << 3 | 1) + bytes(8),
                varint(number << 3 | 5) + bytes(4),
                delimited(number, b"\xff\xfe"),
                varint(number << 3 | 3) + b"\x08\1\x1b\x1c" + varint(number << 3 | 4),
                # Known numbers with other wire types than theirs.
                b"\x0d" + bytes(4),
                b"\x15" + bytes(4),
                b"\x4d" + bytes(4),
            ]
        )
