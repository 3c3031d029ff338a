"""Points: what the SDK was given is what is read back from every file of the known set."""

from __future__ import annotations

import math
from bisect import bisect_left
from importlib.util import module_from_spec, spec_from_file_location
from random import Random
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.sdk.metrics.export import Gauge

from otel_etw import captures
from otel_etw.captures import Frame, Point, points
from otel_etw.captures.points import NO_RECORDED_VALUE
from otel_etw.captures.requests import ExportMetricsServiceRequest
from tests.support.capture_files import START, TIME
from tests.support.data import COLLECTOR

FILES = [
    "proto.pb",
    "official.pb",
    "json.jsonl",
    "official.jsonl",
    "proto-framed-zst",
    "json-framed-zst",
    "proto-native.zst",
    "json-native.zst",
]

KINDS = {
    "Gauge": "gauge",
    "Sum": "sum",
    "Histogram": "histogram",
    "ExponentialHistogram": "exponential_histogram",
}


def known_exports() -> list[Any]:
    spec = spec_from_file_location("known", COLLECTOR / "known.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return [data for _, data in module.batches()]


def as_read(value: Any) -> Any:
    """An SDK attribute value as it comes back."""
    if isinstance(value, tuple | list):
        return [as_read(member) for member in value]
    if hasattr(value, "items"):
        return {key: as_read(member) for key, member in value.items()}
    return value


def expected(data: Any) -> list[dict[str, Any]]:
    """The points of one export, as far as they say, straight from the SDK's own types."""
    return [
        {
            "metric": metric.name,
            "kind": KINDS[type(metric.data).__name__],
            "unit": metric.unit,
            "description": metric.description,
            "temporality": {1: "delta", 2: "cumulative", None: None}[
                getattr(metric.data, "aggregation_temporality", None)
            ],
            "monotonic": getattr(metric.data, "is_monotonic", None),
            "scope": (
                scope_metrics.scope.name,
                scope_metrics.scope.version or "",
                as_read(scope_metrics.scope.attributes or {}),
                scope_metrics.schema_url or "",
            ),
            "resource": (
                as_read(resource_metrics.resource.attributes),
                resource_metrics.schema_url or "",
            ),
            **of_point(point),
            # The official encoder and the Collector give a gauge no start.
            **({"start": 0} if isinstance(metric.data, Gauge) else {}),
        }
        for resource_metrics in data.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        for point in metric.data.data_points
    ]


def of_point(point: Any) -> dict[str, Any]:
    return {
        "attributes": as_read(point.attributes),
        "start": point.start_time_unix_nano or 0,
        "time": point.time_unix_nano,
        "exemplars": [
            (
                exemplar.value,
                exemplar.time_unix_nano,
                f"{exemplar.trace_id:032x}" if exemplar.trace_id else "",
                f"{exemplar.span_id:016x}" if exemplar.span_id else "",
                as_read(exemplar.filtered_attributes),
            )
            for exemplar in point.exemplars
        ],
        **{
            name: getattr(point, name, None)
            for name in ("value", "count", "sum", "min", "max", "scale", "zero_count")
        },
        "bounds": listed(getattr(point, "explicit_bounds", None)),
        "bucket_counts": listed(getattr(point, "bucket_counts", None)),
        **{side: of_buckets(getattr(point, side, None)) for side in ("positive", "negative")},
    }


def listed(values: Any) -> list[Any] | None:
    return None if values is None else list(values)


def of_buckets(buckets: Any) -> tuple[int, list[int]] | None:
    return None if buckets is None else (buckets.offset, list(buckets.bucket_counts))


def seen(point: Point) -> dict[str, Any]:
    """The same of a point that was read."""
    names = ["metric", "kind", "unit", "description", "temporality", "monotonic", "attributes"]
    names += ["start", "time", "value", "count", "sum", "min", "max", "scale", "zero_count"]
    sides = {"positive": point.positive, "negative": point.negative}
    return {
        **{name: getattr(point, name) for name in names},
        "scope": (
            point.scope.name,
            point.scope.version,
            point.scope.attributes,
            point.scope.schema_url,
        ),
        "resource": (point.resource.attributes, point.resource.schema_url),
        "exemplars": [
            (
                exemplar.value,
                exemplar.time,
                "" if not exemplar.trace_id.strip("0") else exemplar.trace_id,
                "" if not exemplar.span_id.strip("0") else exemplar.span_id,
                exemplar.attributes,
            )
            for exemplar in point.exemplars
        ],
        "bounds": listed(point.bounds),
        "bucket_counts": listed(point.bucket_counts),
        **{name: side and (side.offset, list(side.counts)) for name, side in sides.items()},
    }


def exactly(value: Any) -> Any:
    """So that NaN equals itself, 3 is not 3.0, and -0.0 is not 0.0."""
    if isinstance(value, dict):
        return {key: exactly(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [exactly(member) for member in value]
    return repr(value)


def metrics(request: ExportMetricsServiceRequest) -> list[Metric]:
    return [
        metric
        for resource_metrics in request.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
    ]


@pytest.mark.parametrize("name", FILES)
def test_the_known_set_comes_back_whole(name: str) -> None:
    items = list(captures.open(COLLECTOR / name))
    exports = known_exports()
    assert len(items) == len(exports) == 6
    requests = [item.request for item in items if isinstance(item, Frame)]
    assert len({metric.name for request in requests for metric in metrics(request)}) == 21
    read = [[seen(point) for point in points(request)] for request in requests]
    assert sum(map(len, read)) == 36
    for export, data in zip(read, exports, strict=True):
        assert exactly(export) == exactly(expected(data))


def one(metric: Metric) -> Point:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.append(metric)
    (point,) = points(request)
    return point


def test_a_summary_has_its_quantiles() -> None:
    metric = Metric(name="s")
    point = metric.summary.data_points.add(count=4, sum=10.5, time_unix_nano=TIME)
    point.quantile_values.add(quantile=0.5, value=2.5)
    point.quantile_values.add(quantile=0.99, value=7)
    read = one(metric)
    assert (read.kind, read.count, read.sum, read.temporality) == ("summary", 4, 10.5, None)
    assert read.quantiles == ((0.5, 2.5), (0.99, 7.0))
    assert read.quantile(0.5) is None


def test_a_point_without_a_recorded_value() -> None:
    metric = Metric(name="g")
    metric.gauge.data_points.add(flags=1, time_unix_nano=TIME, start_time_unix_nano=START)
    read = one(metric)
    assert (read.value, read.flags, read.start, read.time) == (None, 1, START, TIME)


def test_what_is_optional_and_absent_is_none() -> None:
    metric = Metric(name="h")
    metric.histogram.data_points.add(count=3)
    read = one(metric)
    assert (read.count, read.sum, read.min, read.max) == (3, None, None, None)
    assert read.quantile(0.5) is None


def test_a_histogram_without_buckets_is_one_bucket() -> None:
    metric = Metric(name="h")
    metric.histogram.data_points.add(count=3, min=1, max=3)
    assert one(metric).quantile(0.5) is None, "which says nothing of where in it the values are"
    metric.histogram.data_points[0].min = 2
    assert one(metric).quantile(0.5) == 2.5


def test_durations_in_seconds_have_no_quantiles_in_the_default_buckets() -> None:
    """All of them are in the bucket from 0 to 5."""
    draw = Random(3)
    bounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
    metric = Metric(name="http.server.request.duration", unit="s")
    values = [draw.lognormvariate(math.log(0.05), 0.5) for _ in range(1000)] + [7.0, 8.0]
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    metric.histogram.data_points.add(
        count=len(values),
        min=min(values),
        max=max(values),
        bucket_counts=counts,
        explicit_bounds=bounds,
    )
    point = one(metric)
    assert [point.quantile(q) for q in (0.5, 0.9, 0.99)] == [None] * 3
    assert point.quantile(0.999) == pytest.approx(6.5, abs=1.5)


def test_the_last_of_two_values_of_a_key_counts() -> None:
    metric = Metric(name="g")
    point = metric.gauge.data_points.add(as_int=1)
    point.attributes.add(key="a").value.int_value = 1
    point.attributes.add(key="a").value.int_value = 2
    assert one(metric).attributes == {"a": 2}


def test_metrics_without_data_have_no_points() -> None:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.add(name="nothing")
    assert list(points(request)) == []


def test_metadata_and_dropped_counts_are_kept() -> None:
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.dropped_attributes_count = 2
    scope_metrics = resource_metrics.scope_metrics.add()
    scope_metrics.scope.dropped_attributes_count = 3
    metric = scope_metrics.metrics.add(name="m")
    metric.metadata.add(key="log.file.name").value.string_value = "m.jsonl"
    metric.sum.data_points.add(as_double=1.5)
    (point,) = points(request)
    assert point.resource.dropped_attributes_count == 2
    assert point.scope.dropped_attributes_count == 3
    assert point.metadata == {"log.file.name": "m.jsonl"}
    assert (point.value, point.temporality, point.monotonic) == (1.5, None, False)


def test_the_flag_and_the_temporalities_are_those_of_the_protocol() -> None:
    assert otlp.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK == NO_RECORDED_VALUE
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    for temporality in otlp.AggregationTemporality.values():
        metric = metrics.add()
        metric.sum.aggregation_temporality = temporality
        metric.sum.data_points.add()
    assert [point.temporality for point in points(request)] == [None, "delta", "cumulative"]
