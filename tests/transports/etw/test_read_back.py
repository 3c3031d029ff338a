"""From a program to its points again: what ETW was called with, laid into a log, and read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_etw import ETWMetricExporter, captures
from otel_etw.captures import Frame
from otel_etw.cli import otel_etw
from tests.support.capture_files import framed
from tests.support.command_line import run
from tests.support.converted import READERS, expected
from tests.support.etl_files import OURS, EtlWriter, our_event, recorded_event
from tests.support.etw_recorder import Recorder, Register, Write
from tests.support.otlp_files import from_json, read_frames


def log_of(recorder: Recorder, **settings: Any) -> bytes:
    """The log of a session that listened, its events on all processors in turn."""
    writer = EtlWriter(buffer_size=1 << 20, **settings)
    guids = {call.handle: call.guid for call in recorder.calls if isinstance(call, Register)}
    for number, write in enumerate(recorder.writes):
        time = writer.reference + 1000 * number
        record = recorded_event(time, guids[write.handle], write.descriptor, write.data)
        writer.add(record, number % writer.processors)
    return writer.file().data


def points(*arguments: str) -> list[dict[str, Any]]:
    """What ``view --format jsonl`` prints."""
    result = CliRunner().invoke(otel_etw, ["view", "--format", "jsonl", *arguments])
    assert (result.stderr, result.exit_code) == ("", 0)
    return without_places([json.loads(line) for line in result.stdout.splitlines()])


PLACES = {"file", "offset", "event_time", "pid", "tid", "processor"}
PLACES |= {"File", "Offset", "EventTime", "ProcessId", "ThreadId", "Processor"}


def without_places(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without where they were read."""
    return [{key: value for key, value in point.items() if key not in PLACES} for point in points]


def test_the_demo_is_read_back_as_it_was_exported(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exported: list[ExportMetricsServiceRequest] = []
    export = ETWMetricExporter.export

    def export_and_keep(
        self: ETWMetricExporter, metrics_data: MetricsData, *arguments: Any, **options: Any
    ) -> MetricExportResult:
        exported.append(encode_metrics(metrics_data))
        return export(self, metrics_data, *arguments, **options)

    monkeypatch.setattr(ETWMetricExporter, "export", export_and_keep)
    recorder.start()
    arguments = ["demo", "--transport", "etw", "--seconds", "1.5", "--interval", "1"]
    result = CliRunner().invoke(otel_etw, arguments)
    assert (result.stderr, result.exit_code) == ("", 0)
    log, frames = tmp_path / "otel.etl", tmp_path / "otel.pb"
    log.write_bytes(log_of(recorder))
    frames.write_bytes(framed(*exported))
    want = points(str(frames))
    assert len(want) > 20
    assert points(str(log)) == want
    payloads = [item.payload for item in captures.open(log) if isinstance(item, Frame)]
    assert payloads == recorder.payloads

    # Converted, they are the same: points as text, as tables, and as OTLP that a Collector reads.
    for ending in ("parquet", "arrow", "csv", "jsonl", "otlp.jsonl", "pb"):
        result = run("convert", log, "-o", tmp_path / f"converted.{ending}")
        assert (result.output, result.exit_code) == ("", 0)
    lines = (tmp_path / "converted.jsonl").read_text("utf-8").splitlines()
    assert without_places([json.loads(line) for line in lines]) == want
    for ending, read_table in READERS.items():
        rows = read_table(tmp_path / f"converted.{ending}")
        assert without_places(rows) == without_places(expected(frames))
        # Here the events have what ETW adds to them.
        assert rows == expected(log)
    with (tmp_path / "converted.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(want)
    assert read_frames(tmp_path / "converted.pb") == recorder.payloads
    otlp = (tmp_path / "converted.otlp.jsonl").read_bytes().splitlines()
    requests = [ExportMetricsServiceRequest.FromString(payload) for payload in payloads]
    assert [from_json(line) for line in otlp] == requests


def test_the_records_are_those_of_the_rust_exporter(recorder: Recorder) -> None:
    """Byte for byte, as etl.md describes them: the payload begins at 152."""
    recorder.start()
    arguments = ["demo", "--transport", "etw", "--seconds", "0.1"]
    assert CliRunner().invoke(otel_etw, arguments).exit_code == 0
    write: Write = recorder.writes[0]
    record = recorded_event(5, OURS.bytes_le, write.descriptor, write.data)
    assert record == our_event(5, write.payload)
    assert record[152:] == write.payload
