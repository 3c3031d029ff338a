"""Captures whose overview is known: series with values over time, of several services and kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
)

# 2023-11-14T22:13:20Z, and seconds between two exports.
BEGIN = 1_700_000_000
STEP = 10


def exports(
    metrics: Mapping[tuple[str, str, str], Mapping[str, Sequence[float]]],
    service: str = "shop",
    scope: str = "lib",
    begin: int = BEGIN,
) -> list[ExportMetricsServiceRequest]:
    """A request for each value: (name, kind, unit) → attributes (``key=value, …``) → values.

    Kinds: ``gauge``, ``counter``, ``up-down`` and ``delta``; and ``histogram``, a cumulative one of
    so many values, half of them up to 0.1, the others up to 0.2.
    """
    count = max(len(values) for series in metrics.values() for values in series.values())
    requests = []
    for index in range(count):
        message = ExportMetricsServiceRequest()
        resource_metrics = message.resource_metrics.add()
        resource = resource_metrics.resource
        resource.attributes.add(key="service.name").value.string_value = service
        resource.attributes.add(key="host.name").value.string_value = "web-1"
        scope_metrics = resource_metrics.scope_metrics.add()
        scope_metrics.scope.name = scope
        for (name, kind, unit), series in metrics.items():
            metric = scope_metrics.metrics.add(name=name, unit=unit, description=f"What {name} is")
            points = _points(metric, kind)
            for attributes, values in series.items():
                if index < len(values):
                    seconds = begin + index * STEP
                    point = points.add(
                        time_unix_nano=seconds * 10**9, **_value(kind, values[index])
                    )
                    if kind == "delta":
                        point.start_time_unix_nano = (seconds - STEP) * 10**9
                    for pair in filter(None, attributes.split(", ")):
                        key, _, text = pair.partition("=")
                        point.attributes.add(key=key).value.string_value = text
        requests.append(message)
    return requests


def _points(metric: Any, kind: str) -> Any:
    if kind == "gauge":
        return metric.gauge.data_points
    data = metric.histogram if kind == "histogram" else metric.sum
    data.aggregation_temporality = (
        AGGREGATION_TEMPORALITY_DELTA if kind == "delta" else AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    if kind != "histogram":
        data.is_monotonic = kind != "up-down"
    return data.data_points


def _value(kind: str, value: float) -> dict[str, Any]:
    if kind == "histogram":
        half = int(value) // 2
        return {
            "count": int(value),
            "sum": value * 0.1,
            "bucket_counts": [0, half, int(value) - half, 0],
            "explicit_bounds": [0.05, 0.1, 0.2],
        }
    return {"as_int": value} if isinstance(value, int) else {"as_double": value}
