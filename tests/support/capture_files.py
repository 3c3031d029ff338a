"""Requests to read back, files of them, and files that were damaged in a known way."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.captures import Damage, Frame, Item
from otel_etw.captures.items import Reader

START, TIME = 1_700_000_000_000_000_000, 1_700_000_060_123_456_789


def request(number: int = 1, filling: int = 0, resources: int = 1) -> ExportMetricsServiceRequest:
    """One gauge point with the value ``number`` in each of so many resources."""
    message = ExportMetricsServiceRequest()
    for index in range(resources):
        resource_metrics = message.resource_metrics.add()
        resource_metrics.resource.attributes.add(key="service.name").value.string_value = "tests"
        metric = resource_metrics.scope_metrics.add().metrics.add(name=f"metric.{index}", unit="1")
        point = metric.gauge.data_points.add(as_int=number, time_unix_nano=TIME)
        if filling:
            point.attributes.add(key="filling").value.string_value = "x" * filling
    return message


def framed(*messages: ExportMetricsServiceRequest) -> bytes:
    bodies = [message.SerializeToString() for message in messages]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def line(message: ExportMetricsServiceRequest) -> bytes:
    content = MessageToDict(message, use_integers_for_enums=True)
    _hex_ids(content)
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _hex_ids(value: Any) -> None:
    members = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict):
        for key in ("traceId", "spanId"):
            if key in value:
                value[key] = b64decode(value[key]).hex()
    for member in members:
        if isinstance(member, dict | list):
            _hex_ids(member)


def read_by(reader: Reader, data: bytes, chunk: int = 1 << 16) -> list[Item]:
    return [*fed(reader, data, chunk), *reader.finish()]


def fed(reader: Reader, data: bytes, chunk: int = 1 << 16) -> Iterator[Item]:
    for start in range(0, len(data), chunk):
        yield from reader.feed(data[start : start + chunk])


def numbers(items: Iterable[Item | None]) -> list[int]:
    """The values of the points of `request`, one a frame."""
    return [
        item.request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].as_int
        for item in items
        if isinstance(item, Frame) and item.request.resource_metrics
    ]


def damage(items: Iterable[Item | None]) -> list[tuple[int, int]]:
    """Offset and length of each damage."""
    return [(item.offset, item.length) for item in items if isinstance(item, Damage)]


def reasons(items: Iterable[Item | None]) -> list[str]:
    return [item.reason for item in items if isinstance(item, Damage)]


@dataclass
class File:
    """A file of pieces that damage is done to, and what is left of the pieces."""

    data: bytes
    whole: dict[int, int]
    """The pieces that nothing was done to: number → offset."""
    lengths: list[int]

    @classmethod
    def of(cls, pieces: list[bytes]) -> File:
        offsets = {}
        position = 0
        for number, piece in enumerate(pieces):
            offsets[number] = position
            position += len(piece)
        return cls(b"".join(pieces), offsets, [len(piece) for piece in pieces])

    def replace(self, start: int, length: int, by: bytes) -> None:
        end = min(len(self.data), start + length)
        shift = len(by) - (end - start)
        left = {}
        for number, offset in self.whole.items():
            if offset >= end and (offset > start or not length):
                left[number] = offset + shift
            elif offset + self.lengths[number] <= start:
                left[number] = offset
        self.whole = left
        self.data = self.data[:start] + by + self.data[end:]
