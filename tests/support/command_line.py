"""Captures to view, and the command run in this process and in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics

from otel_etw.cli import otel_etw

START, TIME = 1_700_000_000_000_000_000, 1_700_000_060_123_456_789
ISO = "2023-11-14T22:14:20.123456789Z"


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """The command in this process; an error that it does not expect is raised."""
    return CliRunner().invoke(
        otel_etw, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False
    )


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otel_etw", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
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
