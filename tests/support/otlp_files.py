"""Real frames to write, and readers of files that share no code with the product."""

from __future__ import annotations

import json
import math
import struct
import zlib
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.encoding.frames import Frames


def frame(writer: int, number: int, filling: int = 20) -> bytes:
    """A request with one point that says who wrote it, its number, and a checksum of the rest."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.add(key="service.name").value.string_value = "tests"
    metric = resource_metrics.scope_metrics.add().metrics.add(name=f"writer.{writer}")
    point = metric.gauge.data_points.add(as_int=number)
    text = (f"{writer}/{number};" * (filling // 4 + 1))[:filling]
    point.attributes.add(key="filling").value.string_value = text
    point.attributes.add(key="crc").value.int_value = _checksum(writer, number, text)
    return request.SerializeToString()


def _checksum(writer: int, number: int, text: str) -> int:
    return zlib.crc32(f"{writer} {number} {text}".encode())


def identify(request: ExportMetricsServiceRequest) -> tuple[int, int]:
    """Writer and number of a request made by `frame`; fails when anything in it is damaged."""
    (resource_metrics,) = request.resource_metrics
    (scope_metrics,) = resource_metrics.scope_metrics
    (metric,) = scope_metrics.metrics
    (point,) = metric.gauge.data_points
    values = {attribute.key: attribute.value for attribute in point.attributes}
    writer, number = int(metric.name.removeprefix("writer.")), int(point.as_int)
    assert values["crc"].int_value == _checksum(writer, number, values["filling"].string_value)
    return writer, number


def numbers(frames: Iterable[bytes]) -> list[tuple[int, int]]:
    return [identify(ExportMetricsServiceRequest.FromString(item)) for item in frames]


def batch(*frames: bytes) -> Frames:
    return Frames(frames, [1] * len(frames))


def windows_error(number: int) -> PermissionError:
    """What Python makes of Windows' ERROR_ACCESS_DENIED (5), ERROR_SHARING_VIOLATION (32) and
    ERROR_LOCK_VIOLATION (33), on any system."""
    error = PermissionError(13, "as Windows says it")
    error.winerror = number
    return error


def split_frames(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole frames of a proto file, and the torn piece after them."""
    frames = []
    start = 0
    while start + 4 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        end = start + 4 + length
        if end > len(content):
            break
        frames.append(content[start + 4 : end])
        start = end
    return frames, content[start:]


def read_frames(path: Path) -> list[bytes]:
    """All frames of a proto file that must end with a whole one."""
    frames, rest = split_frames(path.read_bytes())
    assert rest == b"", f"{path} ends inside a frame"
    return frames


def read_lines(path: Path) -> list[ExportMetricsServiceRequest]:
    """All requests of a JSON Lines file that must begin with a line of its own."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    assert content.lstrip().startswith(b'{"file":"')
    lines = (line for line in content.splitlines() if line)
    return [from_json(line) for line in lines if set(json.loads(line)) != {"file"}]


def from_json(line: bytes) -> ExportMetricsServiceRequest:
    """OTLP JSON to a request, as strictly as the specification has it."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"bare {constant}")

    def whole(text: str) -> int | float:
        return -0.0 if text == "-0" else int(text)

    content = json.loads(line.decode(), parse_constant=refuse, parse_int=whole)
    request = ExportMetricsServiceRequest()
    _fill(request, content)
    return request


_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INT64 = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}


def _fill(message: Any, content: dict[str, Any]) -> None:
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    for key, value in content.items():
        field = fields[key]
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if isinstance(value, list):
                for item in value:
                    _fill(getattr(message, field.name).add(), item)
            else:
                getattr(message, field.name).SetInParent()
                _fill(getattr(message, field.name), value)
        elif isinstance(value, list):
            getattr(message, field.name).extend(_scalar(field, item) for item in value)
        else:
            setattr(message, field.name, _scalar(field, value))


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.type in _INT64:
        assert isinstance(value, str)
        return int(value)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _SPECIAL[value] if isinstance(value, str) else value
    if field.name in ("trace_id", "span_id"):
        assert value == value.lower()
        return bytes.fromhex(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b64decode(value, validate=True)
    return value


def plain(request: ExportMetricsServiceRequest) -> str:
    """A text by which requests compare: NaN equals NaN, -0.0 is not 0.0."""
    return json.dumps(MessageToDict(request), sort_keys=True)
