"""Sends an export through the native transport, and compares with the frames in memory."""

from __future__ import annotations

from joined import joined
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_etw import Delivery, ETWMetricExporter, Transport
from otel_etw.transports import Frames


class Native(Transport):
    def __init__(self) -> None:
        self.native = self.plain = b""

    def send(self, frames: Frames) -> Delivery:
        self.native += joined(frames)
        self.plain += b"".join(frames)
        return Delivery.of(frames)


transport = Native()
# One point a frame, so that a batch has several.
exporter = ETWMetricExporter(transport, max_points_per_event=1)
provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
counter = provider.get_meter("packaging").create_counter("native")
for number in range(3):
    counter.add(1, {"number": number})
provider.shutdown()
assert transport.native == transport.plain != b""
assert transport.native.count(b"native") == exporter.counts.points_exported == 3
