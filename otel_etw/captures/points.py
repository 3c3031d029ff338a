"""A frame → its points, flat: each with its metric, scope and resource beside its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_etw.captures.quantiles import (
    Bucket,
    explicit_buckets,
    exponential_buckets,
    trusted_quantile,
)

if TYPE_CHECKING:
    # For types alone: who reads batches needs points, and none of protobuf's classes.
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
    from opentelemetry.proto.resource.v1 import resource_pb2

    from otel_etw.captures.requests import ExportMetricsServiceRequest

__all__ = ["Attributes", "Buckets", "Exemplar", "Point", "Resource", "Scope", "Value", "points"]

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = dict[str, Value]

NO_RECORDED_VALUE = 1
"""OTLP's DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK."""

_TEMPORALITIES = {1: "delta", 2: "cumulative"}


@dataclass(frozen=True, slots=True)
class Resource:
    """What produced the points; its own schema URL is that of the ResourceMetrics."""

    attributes: Attributes
    schema_url: str = ""
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """The library that recorded the points."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)
    schema_url: str = ""
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One of the values that went into a point; ids in hex, empty when there are none."""

    value: int | float | None
    time: int
    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Buckets:
    """One side of an exponential histogram."""

    offset: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of any kind; what its kind does not have is None. Times are ns since 1970."""

    metric: str
    kind: str
    """``gauge``, ``sum``, ``histogram``, ``exponential_histogram`` or ``summary``."""
    unit: str
    description: str
    metadata: Attributes
    temporality: str | None
    """``delta`` or ``cumulative``; None where the kind has none or the file does not say."""
    monotonic: bool | None
    attributes: Attributes
    scope: Scope
    resource: Resource
    start: int
    time: int
    flags: int
    value: int | float | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bounds: tuple[float, ...] | None = None
    bucket_counts: tuple[int, ...] | None = None
    scale: int | None = None
    zero_count: int | None = None
    zero_threshold: float | None = None
    positive: Buckets | None = None
    negative: Buckets | None = None
    quantiles: tuple[tuple[float, float], ...] | None = None
    """Of a summary: quantile and value."""
    exemplars: tuple[Exemplar, ...] = ()

    def quantile(self, q: float) -> float | None:
        """The estimated quantile ``q`` (0 to 1) of a histogram; None for other kinds, without
        values, and where its buckets are too coarse for an estimate."""
        return trusted_quantile(q, self._buckets(), self.min, self.max)

    def _buckets(self) -> Iterator[Bucket]:
        if self.bucket_counts is not None and self.bounds is not None:
            # Without buckets all values are in one.
            return explicit_buckets(self.bucket_counts or (self.count or 0,), self.bounds)
        if self.positive and self.negative:
            return exponential_buckets(
                self.scale or 0,
                self.zero_count or 0,
                (self.positive.offset, self.positive.counts),
                (self.negative.offset, self.negative.counts),
            )
        return iter(())


def points(request: ExportMetricsServiceRequest) -> Iterator[Point]:
    """All points of a frame in its order."""
    for resource_metrics in request.resource_metrics:
        resource = _resource(resource_metrics.resource, resource_metrics.schema_url)
        for scope_metrics in resource_metrics.scope_metrics:
            scope = _scope(scope_metrics.scope, scope_metrics.schema_url)
            for metric in scope_metrics.metrics:
                yield from _points(metric, scope, resource)


def _points(metric: otlp.Metric, scope: Scope, resource: Resource) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data: Any = getattr(metric, kind)
    common = Point(
        metric=metric.name,
        kind=kind,
        unit=metric.unit,
        description=metric.description,
        metadata=attributes(metric.metadata),
        temporality=_TEMPORALITIES.get(getattr(data, "aggregation_temporality", 0)),
        monotonic=data.is_monotonic if kind == "sum" else None,
        attributes={},
        scope=scope,
        resource=resource,
        start=0,
        time=0,
        flags=0,
    )
    own = _OWN[kind]
    for point in data.data_points:
        yield replace(
            common,
            attributes=attributes(point.attributes),
            start=point.start_time_unix_nano,
            time=point.time_unix_nano,
            flags=point.flags,
            **own(point),
        )


def _number(point: otlp.NumberDataPoint) -> dict[str, Any]:
    return {"value": _value(point), "exemplars": _exemplars(point.exemplars)}


def _histogram(point: otlp.HistogramDataPoint) -> dict[str, Any]:
    return {
        "count": point.count,
        **_optional(point),
        "bounds": tuple(point.explicit_bounds),
        "bucket_counts": tuple(point.bucket_counts),
        "exemplars": _exemplars(point.exemplars),
    }


def _exponential(point: otlp.ExponentialHistogramDataPoint) -> dict[str, Any]:
    return {
        "count": point.count,
        **_optional(point),
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": point.zero_threshold,
        "positive": Buckets(point.positive.offset, tuple(point.positive.bucket_counts)),
        "negative": Buckets(point.negative.offset, tuple(point.negative.bucket_counts)),
        "exemplars": _exemplars(point.exemplars),
    }


def _summary(point: otlp.SummaryDataPoint) -> dict[str, Any]:
    return {
        "count": point.count,
        "sum": point.sum,
        "quantiles": tuple((entry.quantile, entry.value) for entry in point.quantile_values),
    }


_OWN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}


def _optional(
    point: otlp.HistogramDataPoint | otlp.ExponentialHistogramDataPoint,
) -> dict[str, float | None]:
    return {
        "sum": point.sum if point.HasField("sum") else None,
        "min": point.min if point.HasField("min") else None,
        "max": point.max if point.HasField("max") else None,
    }


def _value(message: otlp.NumberDataPoint | otlp.Exemplar) -> int | float | None:
    kind = message.WhichOneof("value")
    if kind == "as_int":
        return message.as_int
    return message.as_double if kind else None


def _exemplars(messages: Sequence[otlp.Exemplar]) -> tuple[Exemplar, ...]:
    return tuple(
        Exemplar(
            _value(message),
            message.time_unix_nano,
            message.trace_id.hex(),
            message.span_id.hex(),
            attributes(message.filtered_attributes),
        )
        for message in messages
    )


def _resource(message: resource_pb2.Resource, schema_url: str) -> Resource:
    return Resource(attributes(message.attributes), schema_url, message.dropped_attributes_count)


def _scope(message: InstrumentationScope, schema_url: str) -> Scope:
    return Scope(
        message.name,
        message.version,
        attributes(message.attributes),
        schema_url,
        message.dropped_attributes_count,
    )


def attributes(pairs: Sequence[KeyValue]) -> Attributes:
    """Attributes as a dict; of a key that stands twice the last value counts.

    An index into the table of strings that profiles have (``string_value_strindex``) is no value:
    metrics come without such a table, and opentelemetry-proto knows the field only of late.
    """
    return {pair.key: _any(pair.value) for pair in pairs}


def _any(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind is None or kind == "string_value_strindex":
        return None
    if kind == "array_value":
        return [_any(member) for member in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    content: Value = getattr(value, kind)
    return content
