"""Where we do not do as the crate: rows of docs/rust.md that single events do not show."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_etw import InMemoryTransport
from otel_etw.event import ETW_LIMIT_MAXIMUM
from tests.support.rust_edits import edited, metric, parsed, point
from tests.support.rust_recordings import payloads
from tests.support.sdk_rebuilding import rebuilt

from .conftest import Make

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE


def test_resource_and_scope_have_each_its_own_schema_url(one_point: Make) -> None:
    resource = "https://opentelemetry.io/schemas/1.27.0"
    scope = "https://opentelemetry.io/schemas/1.30.0"
    (theirs,) = (parsed(payload).resource_metrics[0] for payload in payloads("schema"))
    assert (theirs.schema_url, theirs.scope_metrics[0].schema_url) == (resource, resource)

    transport = InMemoryTransport()
    reader = PeriodicExportingMetricReader(one_point(transport), export_interval_millis=3_600_000)
    provider = MeterProvider(
        metric_readers=[reader],
        resource=Resource({"service.name": "rust-etw-reference"}, resource),
        shutdown_on_exit=False,
    )
    provider.get_meter("reference.scope", "1.2.3", scope).create_counter("c").add(1)
    provider.shutdown()
    (ours,) = (request.resource_metrics[0] for request in transport.metrics())
    assert (ours.schema_url, ours.scope_metrics[0].schema_url) == (resource, scope)


def test_a_count_above_int64_is_lost_and_counted(one_point: Make) -> None:
    (theirs,) = (p for p in payloads("standard") if metric(parsed(p)).name == "huge")
    assert point(parsed(theirs)).as_int == 0
    export = rebuilt(theirs)
    given = export.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    object.__setattr__(given, "value", 2**64 - 1)
    transport = InMemoryTransport()
    exporter = one_point(transport)
    assert exporter.export(export) is FAILURE
    assert transport.frames == []
    assert exporter.counts.lost == {("point", "out_of_range"): 1}


def test_by_default_points_share_an_event(one_point: Make) -> None:
    theirs = payloads("readme")
    together, second = map(parsed, theirs)
    metric(together).sum.data_points.append(point(second))
    export = rebuilt(together.SerializeToString())

    apart, shared = InMemoryTransport(), InMemoryTransport()
    one_point(apart).export(export)
    one_point(shared, max_points_per_event=None).export(export)
    assert apart.frames == theirs
    assert shared.frames == [together.SerializeToString()]


def test_a_point_above_the_limit_is_counted_and_the_next_written(one_point: Make) -> None:
    (largest, *_) = payloads("size")
    assert len(largest) == ETW_LIMIT_MAXIMUM
    ours, _ = edited(largest)  # without the start time there is room for some bytes more
    transport = InMemoryTransport()
    exporter = one_point(transport)
    sizes = []
    results = []
    for size in (ETW_LIMIT_MAXIMUM, ETW_LIMIT_MAXIMUM + 1, ETW_LIMIT_MAXIMUM):
        request = parsed(ours)
        point(request).attributes[0].value.string_value += "x" * (size - len(ours))
        sizes.append(len(request.SerializeToString()))
        results.append(exporter.export(rebuilt(request.SerializeToString())))
    assert sizes == [65_360, 65_361, 65_360]
    assert results == [SUCCESS, FAILURE, SUCCESS]
    assert list(map(len, transport.frames)) == [65_360, 65_360]
    assert exporter.counts.lost == {("point", "too_large"): 1}
