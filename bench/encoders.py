"""What is compared: name → a function that makes an encoder of one export.

The official encoders stand beside ours only where their package is installed (dependency group
``bench``); it is imported when asked for.
"""

from __future__ import annotations

import atexit
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from otel_etw import ETWMetricExporter, FileTransport, InMemoryTransport
from otel_etw.encoding import Encoder, Losses
from otel_etw.encoding.kinds import kind_of
from otel_etw.event import ETW_LIMIT
from otel_etw.transports.null import NullTransport

__all__ = ["ENCODERS", "EXPORTS", "TRANSPORTS"]

Export = Callable[[Any], Any]


def packed() -> Export:
    return ETWMetricExporter(transport=NullTransport()).export


def one_point() -> Export:
    return ETWMetricExporter(transport=NullTransport(), max_points_per_event=1).export


def pure_python() -> Export:
    encoder = Encoder(native=False)

    def export(data: Any) -> None:
        for _ in encoder.encode(data, ETW_LIMIT, Losses()):
            pass

    return export


def touch() -> Export:
    """The floor: each point's fields are read as ours are, and nothing is done with them."""
    nothing = "".format  # takes whatever it is given
    taker = SimpleNamespace(number=nothing, histogram=nothing, exponential=nothing)

    def export(data: Any) -> None:
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    kind = kind_of(metric.data)
                    assert kind
                    for _ in kind.read_points(metric.data.data_points, taker):
                        pass

    return export


def official() -> Export:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    return lambda data: encode_metrics(data).SerializeToString()


def official_one_point() -> Export:
    """One official request a point: what a Python exporter of the Rust crate's layout would do."""
    encode = official()

    def export(data: Any) -> None:
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        alone = replace(metric, data=replace(metric.data, data_points=[point]))
                        around = replace(scope, metrics=[alone])
                        encode(
                            replace(
                                data,
                                resource_metrics=[replace(resource, scope_metrics=[around])],
                            )
                        )

    return export


def official_json() -> Export:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    return lambda data: json.dumps(MessageToDict(encode_metrics(data)))


class Nobody(NullTransport):
    """A provider that no session has enabled."""

    @property
    def enabled(self) -> bool:
        return False


def into_file() -> Export:
    return ETWMetricExporter(transport=FileTransport(_scratch())).export


def write_alone() -> Export:
    """What the kernel takes for as many bytes as the export has, without any encoding."""
    path = _scratch()
    encoder = Encoder()

    def export(data: Any) -> None:
        with path.open("ab", buffering=0) as file:
            file.write(payload)

    payload = b""

    def first(data: Any) -> None:
        nonlocal payload
        payload = b"".join(map(bytes, encoder.encode(data, None, Losses())))

    return lambda data: export(data) if payload else first(data)


def _scratch() -> Path:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name) / "frames.pb"


# Ours by where frames go; the first is the measure of the others.
TRANSPORTS: dict[str, Callable[[], Export]] = {
    "null": packed,
    "memory": lambda: ETWMetricExporter(transport=InMemoryTransport()).export,
    "file": into_file,
    "write alone": write_alone,
    "nobody": lambda: ETWMetricExporter(transport=Nobody()).export,
}

ENCODERS: dict[str, Callable[[], Export]] = {
    "packed": packed,
    "one point": one_point,
    "pure Python": pure_python,
    "touch": touch,
    "official": official,
    "official, one point": official_one_point,
    "official JSON": official_json,
}

EXPORTS = {**TRANSPORTS, **ENCODERS}
