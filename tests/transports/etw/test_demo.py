"""``otel-etw demo`` over ETW: this system measured, and its events decoded to the same metrics."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_etw import ETWMetricExporter
from otel_etw.cli import otel_etw
from tests.support.etw_recorder import Recorder


def series(request: ExportMetricsServiceRequest) -> list[tuple[bytes, str, str, bytes]]:
    """Every point with its resource, scope and metric, in order."""
    found = []
    for resource_metrics in request.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                resource = resource_metrics.resource.SerializeToString()
                found += [
                    (resource, scope_metrics.scope.name, metric.name, point.SerializeToString())
                    for point in getattr(metric, kind).data_points
                ]
    return found


def test_the_events_are_the_metrics(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[ExportMetricsServiceRequest] = []
    export = ETWMetricExporter.export

    def export_and_keep(
        self: ETWMetricExporter, metrics_data: MetricsData, *arguments: Any, **options: Any
    ) -> MetricExportResult:
        exported.append(encode_metrics(metrics_data))
        return export(self, metrics_data, *arguments, **options)

    monkeypatch.setattr(ETWMetricExporter, "export", export_and_keep)
    recorder.start()
    arguments = ["demo", "--transport", "etw", "--seconds", "2.5", "--interval", "1"]
    result = CliRunner().invoke(otel_etw, arguments)
    assert (result.stderr, result.exit_code) == ("", 0)
    events = [ExportMetricsServiceRequest.FromString(payload) for payload in recorder.payloads]
    want = [point for request in exported for point in series(request)]
    assert [point for event in events for point in series(event)] == want
    assert len(exported) >= 2
    assert {"system.memory.usage", "system.cpu.time"} <= {name for _, _, name, _ in want}
    assert f"In all {len(want):,} points in {len(events)} frames" in result.stdout
    assert recorder.names[:2] == ["Register", "SetInformation"]
    assert recorder.names[-1] == "Unregister"
