"""Metrics for exporters to export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def number(
    value: Any = 1, attributes: Mapping[str, Any] | None = None, exemplars: Any = ()
) -> NumberDataPoint:
    return NumberDataPoint(attributes, 1, 2, value, list(exemplars))


def counter(*points: Any, name: str = "requests") -> Metric:
    return Metric(name, "", "1", Sum(points, AggregationTemporality.DELTA, True))


def data(*metrics: Any, resource: Any = None, scope: Any = None) -> MetricsData:
    """An export of these metrics, all of one resource and scope."""
    return MetricsData(
        [
            ResourceMetrics(
                resource or Resource({"service.name": "test"}),
                [ScopeMetrics(scope or InstrumentationScope("test"), metrics, "")],
                "",
            )
        ]
    )


def some(count: int, text: str = "") -> MetricsData:
    """An export of so many good points, each as large as ``text`` makes it."""
    return data(counter(*(number(n, {"n": n, "text": text}) for n in range(count))))


def large(count: int = 3000) -> MetricsData:
    """Good points that fill more than two batches when frames are small."""
    return some(count, "x" * 80)


class Trap:
    """Raises at each touch."""

    def __init__(self, error: BaseException | None = None) -> None:
        object.__setattr__(self, "error", error or RuntimeError("touched"))

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Trap
        raise object.__getattribute__(self, "error")
