"""What the settings add to or change in what is exported: attributes, account, sizes."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_etw import ETWMetricExporter, InMemoryTransport, Transport
from tests.support.exports import some
from tests.support.transport_doubles import Scripted

from .conftest import Warnings


def export(
    transport: Transport,
    recorded: dict[str, Any] | None = None,
    resource: Resource | None = None,
    count: int = 1,
    **arguments: Any,
) -> None:
    """A program that adds once under each of ``count`` attribute sets, and ends."""
    reader = PeriodicExportingMetricReader(
        ETWMetricExporter(transport, **arguments), export_interval_millis=math.inf
    )
    provider = MeterProvider(
        metric_readers=[reader], resource=resource or Resource({}), shutdown_on_exit=False
    )
    counter = provider.get_meter("program").create_counter("requests")
    for n in range(count):
        counter.add(1, {**(recorded or {}), **({"n": n} if count > 1 else {})})
    provider.force_flush()
    provider.shutdown()


def attributes_of(thing: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in thing.attributes}


@pytest.mark.usefixtures("encoder")
def test_constant_attributes_are_added_to_points_that_lack_them() -> None:
    transport = InMemoryTransport()
    export(transport, {"region": "own", "path": "/"}, attributes="region=const,zone=1")
    (point,) = transport.points("requests")
    assert attributes_of(point) == {"region": "own", "path": "/", "zone": "1"}


@pytest.mark.usefixtures("encoder")
def test_constant_attributes_may_come_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_ETW_ATTRIBUTES", "zone=1")
    transport = InMemoryTransport()
    export(transport)
    assert attributes_of(transport.points("requests")[0]) == {"zone": "1"}


@pytest.mark.usefixtures("encoder")
def test_constant_attributes_keep_their_types() -> None:
    transport = InMemoryTransport()
    export(transport, attributes={"i": 1, "f": 1.5, "b": True, "l": ["x", 2], "n": None})
    (point,) = transport.points("requests")
    kinds = {pair.key: pair.value.WhichOneof("value") for pair in point.attributes}
    assert kinds == {
        "i": "int_value",
        "f": "double_value",
        "b": "bool_value",
        "l": "array_value",
        "n": None,
    }


@pytest.mark.usefixtures("encoder")
def test_account_and_namespace_become_resource_attributes() -> None:
    transport = InMemoryTransport()
    resource = Resource({"service.name": "x", "_microsoft_metrics_account": "old"})
    export(transport, resource=resource, account="A", namespace="N")
    (request,) = transport.metrics()
    assert attributes_of(request.resource_metrics[0].resource) == {
        "service.name": "x",
        "_microsoft_metrics_account": "A",
        "_microsoft_metrics_namespace": "N",
    }


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("points", [1, 2, 7])
def test_a_frame_has_at_most_so_many_points(points: int) -> None:
    transport = InMemoryTransport()
    export(transport, count=10, max_points_per_event=points)
    sizes = [
        len(request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points)
        for request in transport.metrics()
    ]
    assert sizes == [points] * (10 // points) + ([10 % points] if 10 % points else [])


@pytest.mark.parametrize(
    ("own", "transports", "effective"), [(None, 300, 300), (300, None, 300), (300, 900, 300)]
)
def test_the_smaller_of_both_limits_counts(
    own: int | None, transports: int | None, effective: int
) -> None:
    transport = Scripted(limit=transports)
    exporter = ETWMetricExporter(transport, limit=own)
    assert exporter.export(some(50)) is MetricExportResult.SUCCESS
    sizes = [len(frame) for batch in transport.batches for frame in batch]
    assert len(sizes) > 1
    assert max(sizes) <= effective
    assert max(sizes) > effective - 50


def test_the_limit_is_asked_before_each_export() -> None:
    transport = Scripted(limit=300)
    exporter = ETWMetricExporter(transport)
    exporter.export(some(50))
    many = len(transport.batches[-1])
    transport.frame_limit = None
    exporter.export(some(50))
    assert many > 1
    assert len(transport.batches[-1]) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a transport of its own")
def test_without_a_word_an_exporter_sends_to_nobody_off_windows(warnings: Warnings) -> None:
    exporter = ETWMetricExporter()
    assert exporter.export(some(5)) is MetricExportResult.SUCCESS
    assert exporter.counts.points_exported == exporter.counts.points_lost == 0
    ETWMetricExporter()
    (warning,) = warnings()
    assert "file:PATH" in warning
    assert "InMemoryTransport" in warning
