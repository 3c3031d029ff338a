"""``export`` given what is no MetricsData, or is one of broken parts, never raises."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport
from otel_etw.encoding import count_points
from otel_etw.transports import Frames
from tests.support.exports import Trap, counter, data, number, some
from tests.support.transport_doubles import Scripted

from .conftest import Warnings

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE
pytestmark = pytest.mark.usefixtures("encoder")

GARBAGE = [
    None,
    5,
    "metrics",
    b"\x0a\x00",
    object(),
    Trap(),
    MetricsData(None),  # type: ignore[arg-type]
    MetricsData(5),  # type: ignore[arg-type]
    MetricsData([None]),  # type: ignore[list-item]
    MetricsData([Trap()]),  # type: ignore[list-item]
    MetricsData([ResourceMetrics(None, [], "")]),  # type: ignore[arg-type]
    MetricsData([ResourceMetrics(Resource({}), None, "")]),  # type: ignore[arg-type]
    MetricsData([ResourceMetrics(Resource({}), [Trap()], "")]),  # type: ignore[list-item]
    MetricsData([ResourceMetrics(Resource({}), [ScopeMetrics(None, [], "")], "")]),  # type: ignore[arg-type]
    data(None),
    data(5),
    data(Trap()),
    data(Metric("requests", "", "", None)),  # type: ignore[arg-type]
    data(Metric("requests", "", "", Sum(None, 1, True))),  # type: ignore[arg-type]
    data(counter(None)),
    data(counter(Trap())),
    data(counter(number(Trap()))),
    data(counter(number(1, Trap()))),  # type: ignore[arg-type]
    data(counter(number(1, {"a": Trap()}))),
    data(counter(number(1, {}, [Trap()]))),
]


def names(thing: Any) -> str:
    return type(thing).__name__


@pytest.mark.parametrize("garbage", GARBAGE, ids=names)
def test_garbage_is_a_failure_and_the_next_export_is_none(garbage: Any) -> None:
    transport = InMemoryTransport()
    exporter = ETWMetricExporter(transport)
    assert exporter.export(garbage) is FAILURE
    assert exporter.counts.lost
    assert exporter.export(some(2)) is SUCCESS
    assert len(transport.points("requests")) >= 2


@pytest.mark.parametrize("garbage", GARBAGE, ids=names)
def test_garbage_after_shutdown_is_a_failure_too(garbage: Any) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.shutdown()
    assert exporter.export(garbage) is FAILURE
    assert exporter.counts.lost[("export", "shutdown")] == 1


@pytest.mark.parametrize("garbage", GARBAGE, ids=names)
def test_garbage_is_a_failure_with_self_metrics_too(
    monkeypatch: pytest.MonkeyPatch, garbage: Any
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    exporter = ETWMetricExporter(InMemoryTransport())
    assert exporter.export(garbage) is FAILURE
    assert exporter.export(some(2)) is SUCCESS


def test_good_points_beside_garbage_are_delivered() -> None:
    transport = InMemoryTransport()
    exporter = ETWMetricExporter(transport)
    mixed = data(
        counter(number(1), None, number(Trap()), number(2)),
        Trap(),
        None,
        Metric("nothing", "", "", None),  # type: ignore[arg-type]
        counter(number(3), name="other"),
    )
    assert exporter.export(mixed) is FAILURE
    assert [point.as_int for point in transport.points("requests")] == [1, 2]
    assert [point.as_int for point in transport.points("other")] == [3]


@pytest.mark.parametrize("self_metrics", ["false", "true"])
def test_iterators_are_read_once_whatever_is_counted(
    monkeypatch: pytest.MonkeyPatch, self_metrics: str
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", self_metrics)

    def once(*things: Any) -> Iterator[Any]:
        yield from things

    (resource_metrics,) = some(3).resource_metrics
    transport = InMemoryTransport()
    exporter = ETWMetricExporter(transport)
    exporter.export(MetricsData(once(resource_metrics)))  # type: ignore[arg-type]
    assert len(transport.points("requests")) == 3
    assert exporter.counts.points_exported == 3


class Summary(SimpleNamespace):
    """A kind of data that the SDK does not have."""


def everything_bad() -> MetricsData:
    """Good points among bad ones of each sort; how many there are is for ``count_points``."""
    delta = AggregationTemporality.DELTA
    big = {"text": "x" * 5000}
    resource = Resource({"service.name": "twice"})
    return MetricsData(
        [
            *data(
                counter(number(1), number(None), number("1"), number(2**70), number(math.nan)),
                counter(number(1, {"bad": {1}}), number(1, {5: 1}), number(1, [1])),  # type: ignore
                counter(number(1, big), None, number(1, {}, [None]), name="sizes"),
                counter(number(True), number(1.5), number(-1), name="kinds"),
                Metric("\ud800", "\ud800", "", Sum([number(1)], delta, True)),
                Metric("temporal", "", "", Sum([number(1), number(2)], None, True)),  # type: ignore
                Metric("empty", "", "", Sum([], delta, True)),
                None,
            ).resource_metrics,
            *data(counter(number(1), number(2)), resource=resource).resource_metrics,
            *data(counter(number(3), number(4)), resource=resource).resource_metrics,
        ]
    )


@pytest.mark.parametrize("limit", [None, 6000, 300, 60])
@pytest.mark.parametrize("max_points", [None, 1, 3])
@pytest.mark.parametrize("lossy", [False, True])
def test_every_point_is_either_exported_or_lost(
    limit: int | None, max_points: int | None, lossy: bool
) -> None:
    def react(frames: Frames) -> Delivery:
        gone = range(0, len(frames), 2) if lossy else ()
        return Delivery.of(frames, dict.fromkeys(gone, "gone"))

    transport = Scripted(react, limit=limit)
    exporter = ETWMetricExporter(transport, max_points_per_event=max_points)
    given = everything_bad()
    assert exporter.export(given) is FAILURE
    counts = exporter.counts
    assert counts.points_exported == transport.points
    assert counts.points_exported + counts.points_lost == count_points(given) == 21
    if limit == 300:
        assert counts.lost[("point", "too_large")] == 1


def test_a_metric_of_an_unknown_kind_loses_its_points(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    summary: Any = Metric("latency", "", "", Summary(data_points=[1, 2, 3]))  # type: ignore[arg-type]
    assert exporter.export(data(summary)) is FAILURE
    assert exporter.counts.points_lost == 3
    assert exporter.counts.lost[("metric", "unsupported_type")] == 1
    assert any("'latency'" in line and "Summary" in line for line in warnings())
