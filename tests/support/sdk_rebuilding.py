"""A payload back into the SDK's own data classes: what an exporter must be given to write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def rebuilt(payload: bytes) -> MetricsData:
    request = ExportMetricsServiceRequest.FromString(payload)
    return MetricsData(list(map(_of_resource, request.resource_metrics)))


def _of_resource(given: Any) -> ResourceMetrics:
    resource = Resource(_attributes(given.resource.attributes), given.schema_url)
    return ResourceMetrics(resource, list(map(_of_scope, given.scope_metrics)), given.schema_url)


def _of_scope(given: Any) -> ScopeMetrics:
    scope = InstrumentationScope(
        given.scope.name, given.scope.version, given.schema_url, _attributes(given.scope.attributes)
    )
    return ScopeMetrics(scope, list(map(_metric, given.metrics)), given.schema_url)


def _metric(given: Any) -> Metric:
    kind = given.WhichOneof("data")
    data = getattr(given, kind)
    points = [POINTS[kind](point) for point in data.data_points]
    made: Any
    if kind == "gauge":
        made = Gauge(points)
    else:
        temporality = AggregationTemporality(data.aggregation_temporality)
        if kind == "sum":
            made = Sum(points, temporality, data.is_monotonic)
        elif kind == "histogram":
            made = Histogram(points, temporality)
        else:
            made = ExponentialHistogram(points, temporality)
    return Metric(given.name, given.description, given.unit, made)


def _number(point: Any) -> NumberDataPoint:
    return NumberDataPoint(
        attributes=_attributes(point.attributes),
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        value=getattr(point, point.WhichOneof("value")),
    )


def _histogram(point: Any) -> HistogramDataPoint:
    return HistogramDataPoint(
        bucket_counts=list(point.bucket_counts),
        explicit_bounds=list(point.explicit_bounds),
        **_of_every_histogram(point),
    )


def _exponential(point: Any) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        scale=point.scale,
        zero_count=point.zero_count,
        positive=Buckets(point.positive.offset, list(point.positive.bucket_counts)),
        negative=Buckets(point.negative.offset, list(point.negative.bucket_counts)),
        flags=point.flags,
        **_of_every_histogram(point),
    )


def _of_every_histogram(point: Any) -> dict[str, Any]:
    return {
        "attributes": _attributes(point.attributes),
        "start_time_unix_nano": point.start_time_unix_nano,
        "time_unix_nano": point.time_unix_nano,
        "count": point.count,
        "sum": point.sum if point.HasField("sum") else None,
        "min": point.min if point.HasField("min") else None,
        "max": point.max if point.HasField("max") else None,
    }


POINTS = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
}


def _attributes(given: Iterable[Any]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in given}


def _value(given: Any) -> Any:
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return tuple(map(_value, given.array_value.values))
    return getattr(given, kind)
