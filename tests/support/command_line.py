"""Captures to view, and the command run in this process and in one of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    ScopeMetrics,
)

from otel_etw.cli import otel_etw

START, TIME = 1_700_000_000_000_000_000, 1_700_000_060_123_456_789
ISO = "2023-11-14T22:14:20.123456789Z"


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """The command in this process; an error that it does not expect is raised."""
    return CliRunner().invoke(
        otel_etw, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False
    )


def process(
    *arguments: object, env: Mapping[str, str] = os.environ, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose output is UTF-8 unless ``env`` says otherwise."""
    if sys.platform == "win32":
        # Into a pipe Python writes the code page of the system.
        env = {"PYTHONIOENCODING": "utf-8", **env}
    return subprocess.run(
        [sys.executable, "-m", "otel_etw", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env=env,
        **options,
    )


def request(service: str = "tests") -> tuple[ExportMetricsServiceRequest, ScopeMetrics]:
    message = ExportMetricsServiceRequest()
    resource_metrics = message.resource_metrics.add(schema_url="https://example.org/r")
    resource_metrics.resource.attributes.add(key="service.name").value.string_value = service
    scope_metrics = resource_metrics.scope_metrics.add(schema_url="https://example.org/s")
    scope_metrics.scope.name, scope_metrics.scope.version = "lib", "2.0"
    scope_metrics.scope.attributes.add(key="pool").value.string_value = "main"
    return message, scope_metrics


def gauge(
    value: int,
    name: str = "g",
    time: int = TIME,
    service: str = "tests",
    attributes: dict[str, str] | None = None,
    **more: str,
) -> ExportMetricsServiceRequest:
    message, scope_metrics = request(service)
    metric = scope_metrics.metrics.add(name=name, unit="1")
    point = metric.gauge.data_points.add(as_int=value, time_unix_nano=time)
    for key, text in {**(attributes or {}), **more}.items():
        point.attributes.add(key=key).value.string_value = text
    return message


def every_kind() -> ExportMetricsServiceRequest:
    """One point of every kind, with the values that formats treat apart."""
    message, scope_metrics = request()
    common: dict[str, Any] = {"start_time_unix_nano": START, "time_unix_nano": TIME}
    metrics = scope_metrics.metrics
    metrics.add(name="int").gauge.data_points.add(as_int=2**63 - 1, **common)
    metrics.add(name="nan").gauge.data_points.add(as_double=math.nan, **common)
    metrics.add(name="inf").gauge.data_points.add(as_double=-math.inf, **common)
    total = metrics.add(name="sum", unit="By", description="bytes").sum
    total.aggregation_temporality, total.is_monotonic = AGGREGATION_TEMPORALITY_DELTA, True
    point = total.data_points.add(as_double=0.1, **common)
    point.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    point.attributes.add(key="nothing").value.SetInParent()
    point.attributes.add(key="list").value.array_value.values.add().int_value = 2**53 + 1
    exemplar = point.exemplars.add(as_int=7, time_unix_nano=TIME - 1)
    exemplar.trace_id, exemplar.span_id = bytes(range(16)), bytes(range(8))
    histogram = metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    histogram.data_points.add(
        count=4,
        sum=50.0,
        min=5,
        max=20,
        bucket_counts=[2, 2, 0],
        explicit_bounds=[10, 30],
        **common,
    )
    exponential = metrics.add(name="exponential").exponential_histogram
    point_e = exponential.data_points.add(count=3, zero_count=1, scale=1, **common)
    point_e.positive.offset = 3
    point_e.positive.bucket_counts.extend([1, 1])
    summary = metrics.add(name="summary").summary.data_points.add(count=9, sum=1, **common)
    summary.quantile_values.add(quantile=0.99, value=4.5)
    metrics.add(name="gone").gauge.data_points.add(flags=1, **common)
    return message


def framed(*messages: ExportMetricsServiceRequest) -> bytes:
    bodies = [message.SerializeToString() for message in messages]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def capture(path: Path, *messages: ExportMetricsServiceRequest) -> Path:
    path.write_bytes(framed(*messages))
    return path


def records(result: Result) -> list[dict[str, Any]]:
    """The objects of ``--format jsonl``."""
    return [json.loads(text) for text in result.stdout.splitlines()]


def values(*arguments: object) -> list[Any]:
    """The values that ``view`` shows when it is asked so."""
    result = run("view", "--format", "jsonl", *arguments)
    assert result.exit_code == 0, result.output
    return [record["value"] for record in records(result)]
