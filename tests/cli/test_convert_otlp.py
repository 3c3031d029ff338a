"""``convert`` to OTLP: what a Collector reads, with every point, or the chosen ones alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw import captures
from otel_etw.captures import Frame
from tests.support.command_line import capture, framed, gauge, request, run
from tests.support.converted import comparable, expected, odd_payloads
from tests.support.data import COLLECTOR
from tests.support.etl_files import EtlWriter
from tests.support.otlp_files import from_json, plain, read_frames
from tests.support.wire_requests import delimited

# Bytes of a line that the Collector's receiver takes, unless it is told to take more.
LONGEST_LINE = 1 << 20


def from_proto(path: Path) -> list[ExportMetricsServiceRequest]:
    """As the Collector reads its own files: a length, a request, and nothing else."""
    return [ExportMetricsServiceRequest.FromString(frame) for frame in read_frames(path)]


def from_lines(path: Path) -> list[ExportMetricsServiceRequest]:
    """As the Collector's receiver does: one request a line, by the rules of OTLP JSON."""
    content = path.read_bytes()
    assert content.endswith(b"\n") or not content
    lines = content.split(b"\n")[:-1]
    assert all(0 < len(line) <= LONGEST_LINE for line in lines)
    return [from_json(line) for line in lines]


READERS: dict[str, Callable[[Path], list[ExportMetricsServiceRequest]]] = {
    "pb": from_proto,
    "otlp.jsonl": from_lines,
}
endings = pytest.mark.parametrize("ending", READERS)


def converted(output: Path, *arguments: object) -> Path:
    result = run("convert", *arguments, "-o", output)
    assert result.exit_code == 0, result.output
    return output


def points(path: Path) -> list[Any]:
    """The rows of a file, without where they were read."""
    places = ("File", "Offset", "EventTime", "ProcessId", "ThreadId", "Processor")
    return [
        {name: value for name, value in row.items() if name not in places} for row in expected(path)
    ]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "odd.pb"
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in odd_payloads()))
    return path


def with_unknown_field(message: ExportMetricsServiceRequest) -> bytes:
    """As a later version of OTLP may write it."""
    return delimited(1, message.resource_metrics[0].SerializeToString() + delimited(1015, b"new"))


@endings
def test_requests_pass_as_they_are(ending: str, odd: Path, tmp_path: Path) -> None:
    output = converted(tmp_path / f"out.{ending}", odd)
    assert list(map(plain, READERS[ending](output))) == list(map(plain, from_proto(odd)))
    assert points(output) == points(odd)


def test_frames_keep_their_bytes(odd: Path, tmp_path: Path) -> None:
    """Fields that are not known, and another order of them, too."""
    assert converted(tmp_path / "out.pb", odd).read_bytes() == odd.read_bytes()
    collector = COLLECTOR / "proto.pb"
    assert converted(tmp_path / "out.pb", collector).read_bytes() == collector.read_bytes()
    later = tmp_path / "later.pb"
    body = with_unknown_field(gauge(1))
    later.write_bytes(len(body).to_bytes(4, "big") + body)
    assert converted(tmp_path / "out.pb", later).read_bytes() == later.read_bytes()


def test_a_collectors_lines_become_its_frames_and_back(tmp_path: Path) -> None:
    frames = converted(tmp_path / "m.pb", COLLECTOR / "json.jsonl")
    lines = converted(tmp_path / "m.otlp.jsonl", COLLECTOR / "proto.pb")
    wanted = list(map(plain, from_proto(COLLECTOR / "proto.pb")))
    assert len(wanted) == 6
    assert list(map(plain, from_lines(lines))) == wanted
    assert len(from_proto(frames)) == 6
    # What the Collector's JSON does not have: the kind of a gauge without points.
    assert points(frames) == points(COLLECTOR / "proto.pb")
    assert points(converted(tmp_path / "again.pb", lines)) == points(COLLECTOR / "proto.pb")


@endings
def test_an_etl_becomes_what_a_collector_reads(ending: str, tmp_path: Path) -> None:
    writer = EtlWriter()
    sent = [gauge(number, name=f"m{number}") for number in range(20)]
    for number, message in enumerate(sent):
        time = writer.reference + number * 1000
        writer.frame(time, message.SerializeToString(), number % 3, process=100 + number % 2)
    path = tmp_path / "trace.etl"
    path.write_bytes(writer.file().data)
    output = converted(tmp_path / f"out.{ending}", path)
    assert READERS[ending](output) == sent
    # Processes are conditions too, although OTLP has no place for them.
    output = converted(tmp_path / f"out.{ending}", path, "--pid", 101)
    assert READERS[ending](output) == sent[1::2]


@endings
def test_other_providers_events_by_option(ending: str, tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    output = converted(tmp_path / f"out.{ending}", path, "--provider", "Some-Other-Name")
    assert READERS[ending](output) == [gauge(1)]  # only events have providers


# Chosen points -----------------------------------------------------------------------------------


def mixed() -> ExportMetricsServiceRequest:
    """Two resources, the metrics of the first with points of two routes."""
    message, scope_metrics = request("first")
    for name in ("http.requests", "http.errors", "db.calls"):
        total = scope_metrics.metrics.add(name=name, unit="1", description="how many").sum
        total.is_monotonic, total.aggregation_temporality = True, 2
        for number, route in enumerate(("/a", "/b")):
            point = total.data_points.add(as_int=number, time_unix_nano=5 + number)
            point.attributes.add(key="route").value.string_value = route
    empty = message.resource_metrics[0].scope_metrics.add()
    empty.scope.name = "nothing"
    message.MergeFrom(gauge(7, service="second", time=100))
    return message


@endings
def test_points_are_chosen_inside_requests(ending: str, tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", mixed(), gauge(8, name="only", time=100))
    output = converted(tmp_path / f"out.{ending}", path, "-n", "http.*", "-a", "route=/b")
    (found,) = READERS[ending](output)
    (resource_metrics,) = found.resource_metrics
    (scope_metrics,) = resource_metrics.scope_metrics
    assert resource_metrics.resource == mixed().resource_metrics[0].resource
    assert resource_metrics.schema_url == "https://example.org/r"
    assert scope_metrics.scope == mixed().resource_metrics[0].scope_metrics[0].scope
    assert [metric.name for metric in scope_metrics.metrics] == ["http.requests", "http.errors"]
    for metric in scope_metrics.metrics:
        assert metric.description == "how many"
        assert metric.sum.is_monotonic
        assert [point.as_int for point in metric.sum.data_points] == [1]


CHOICES = [
    ["--name", "db.*"],
    ["--name", "none"],
    ["--attribute", "service.name=second"],
    ["--attribute", "route"],
    ["--since", "1970-01-01T00:00:00.000000006Z"],
    ["--until", "1970-01-01T00:00:00.000000005Z"],
    ["--last"],
    ["--last", "--name", "http.*", "--attribute", "route=/a"],
    ["--pid", "1"],
]


@endings
@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_the_chosen_points_are_those_of_view(
    ending: str, choice: list[str], tmp_path: Path
) -> None:
    path = capture(tmp_path / "m.pb", mixed(), gauge(8, time=50), mixed(), gauge(9, time=7))
    output = converted(tmp_path / f"out.{ending}", path, *choice)
    shown = [_essence(line) for line in _view(path, *choice)]
    assert (
        [_essence(line) for line in _view(output)] == shown
        if READERS[ending](output)
        else (shown == [])
    )


@endings
def test_the_newest_points_are_those_of_each_process(ending: str, tmp_path: Path) -> None:
    """Two processes have the same resource, as workers of one service have."""
    writer = EtlWriter()
    for number in range(6):
        message = gauge(number, time=number + 1).SerializeToString()
        writer.frame(writer.reference + number, message, process=100 + number % 2)
    path = tmp_path / "trace.etl"
    path.write_bytes(writer.file().data)
    output = converted(tmp_path / f"out.{ending}", path, "--last")
    assert READERS[ending](output) == [gauge(4, time=5), gauge(5, time=6)]


def _view(path: Path, *choice: str) -> list[dict[str, Any]]:
    text = run("view", path, "--format", "jsonl", *choice).stdout
    return [json.loads(line) for line in text.splitlines()]


def _essence(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("file", "offset")}


@endings
def test_a_request_that_is_chosen_whole_keeps_its_bytes(ending: str, tmp_path: Path) -> None:
    body = with_unknown_field(gauge(1))
    path = tmp_path / "m.pb"
    path.write_bytes(len(body).to_bytes(4, "big") + body + framed(gauge(2, name="other")))
    output = converted(tmp_path / f"out.{ending}", path, "--name", "g")
    if ending == "pb":
        assert read_frames(output) == [body]
    else:
        assert from_lines(output) == [gauge(1)]


@endings
def test_all_odd_points_are_chosen_one_by_one(ending: str, odd: Path, tmp_path: Path) -> None:
    """Those of each name together are all of them."""
    rows = points(odd)
    names = {row["MetricName"] for row in rows if not set(row["MetricName"]) & set("[]*?\0\\")}
    found = 0
    for name in names:
        output = converted(tmp_path / f"out.{ending}", odd, "--name", name)
        wanted = [row for row in rows if row["MetricName"] == name]
        assert comparable(points(output)) == comparable(wanted)
        found += len(wanted)
    assert found > 200


def test_long_requests_become_lines_that_a_collector_takes(tmp_path: Path) -> None:
    message, scope_metrics = request()
    data_points = scope_metrics.metrics.add(name="m").gauge.data_points
    for number in range(30_000):
        point = data_points.add(as_int=number)
        point.attributes.add(key="route").value.string_value = f"/api/{number}"
    path = capture(tmp_path / "m.pb", message)
    output = converted(tmp_path / "m.otlp.jsonl", path)
    assert len(from_lines(output)) > 2
    assert points(output) == points(path)


def test_one_point_that_is_longer_than_a_line_is_written(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key="x" * (LONGEST_LINE + 1)))
    output = converted(tmp_path / "m.otlp.jsonl", path)
    assert [item.request for item in captures.open(output) if isinstance(item, Frame)] == [
        gauge(1, key="x" * (LONGEST_LINE + 1))
    ]


@endings
def test_damage_costs_itself_alone(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(framed(gauge(1)) + b"garbage" + framed(gauge(2)))
    output = tmp_path / f"out.{ending}"
    result = run("convert", path, "-o", output)
    assert result.exit_code == 1
    assert f"{path}: damaged at byte" in result.stderr
    assert READERS[ending](output) == [gauge(1), gauge(2)]


@endings
@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_compressed_files_are_read_again(
    ending: str, compression: str, odd: Path, tmp_path: Path
) -> None:
    output = converted(tmp_path / f"out.{ending}{compression}", odd)
    assert output.stat().st_size < odd.stat().st_size
    assert points(output) == points(odd)
