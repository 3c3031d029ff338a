"""The official encoder, ours, and small data to give to both."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_etw.encoding import Encoder, Losses
from tests.support.odd_values import fresh
from tests.support.protobuf_limits import as_upb_takes, check_depth

ENCODER = "opentelemetry-exporter-otlp-proto-common"
# What the reference describes, and what byte equality is promised with.
NEWEST = tuple(map(int, version(ENCODER).split(".")[:2])) >= (1, 45)


def official(data: Any) -> bytes | None:
    """The official encoder's request; None where it raises. Reads a copy: see `fresh`.

    With a protobuf other than upb, as upb would have it.
    """
    try:
        request = encode_metrics(as_upb_takes(data))
        check_depth(request)
        return request.SerializeToString()
    except Exception:
        return None


class Encoded:
    """Our frames, their numbers of points, and what was lost. Without empty batches."""

    def __init__(self, data: Any, native: bool, limit: int | None = None, **options: Any) -> None:
        self.losses = Losses()
        batches = Encoder(native=native, **options).encode(fresh(data), limit, self.losses)
        self.batches = [batch for batch in batches if len(batch)]
        self.frames = [bytes(frame) for batch in self.batches for frame in batch]
        self.counts = [batch.points_in(i) for batch in self.batches for i in range(len(batch))]

    @property
    def lost(self) -> dict[tuple[str, str], int]:
        return self.losses.counts


def of_metric(metric: Any) -> MetricsData:
    return of_metrics([metric])


def of_metrics(metrics: Any) -> MetricsData:
    return of_scope(ScopeMetrics(InstrumentationScope("scope"), metrics, ""))


def of_scope(scope_metrics: Any) -> MetricsData:
    return MetricsData([ResourceMetrics(Resource({}), [scope_metrics], "")])


def of_points(points: Any, kind: type = Gauge, **fields: Any) -> MetricsData:
    """One metric; a Gauge unless said otherwise, else of delta temporality."""
    if kind is not Gauge:
        fields.setdefault("aggregation_temporality", AggregationTemporality.DELTA)
    if kind is Sum:
        fields.setdefault("is_monotonic", True)
    return of_metric(Metric("metric", "", "", kind(data_points=points, **fields)))


def gauge(
    value: Any = 1, attributes: Any = None, exemplars: Any = (), time: Any = 1
) -> MetricsData:
    return of_points([NumberDataPoint(attributes, 0, time, value, exemplars)])


def written(listing: str) -> bytes:
    """The bytes of a listing: what stands before each |."""
    return bytes.fromhex(" ".join(line.partition("|")[0] for line in listing.splitlines()))


def field(tag: int, body: bytes) -> bytes:
    """A message or text in another message; here up to 16,383 bytes long."""
    size = len(body)
    length = [size] if size < 128 else [size & 127 | 128, size >> 7]
    return bytes([tag, *length]) + body
