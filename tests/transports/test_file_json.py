"""OTLP JSON Lines say exactly what the frames say, as the Collector writes and reads it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from otel_etw.limits import WRITTEN_LINE_MAXIMUM
from otel_etw.transports.file import FileTransport
from otel_etw.transports.json_encoding import JsonEncoder
from tests.support.data import COLLECTOR
from tests.support.otlp_files import (
    batch,
    frame,
    from_json,
    identify,
    plain,
    read_frames,
    read_lines,
)


def line_of(request: ExportMetricsServiceRequest) -> bytes:
    return JsonEncoder().line(request.SerializeToString())


def attribute(value: Any, kind: str = "string_value") -> bytes:
    """The JSON of a point's attribute; the line it stands in says what the request says."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    point = metric.gauge.data_points.add()
    setattr(point.attributes.add(key="k").value, kind, value)
    line = line_of(request)
    assert plain(from_json(line)) == plain(request)
    begin = b'{"gauge":{"dataPoints":[{"attributes":[{"key":"k","value":{'
    assert begin in line
    return line.split(begin)[1].split(b"}}]")[0]


@pytest.mark.parametrize(
    ("kind", "value", "json_text"),
    [
        ("int_value", 0, '"intValue":"0"'),
        ("int_value", 2**63 - 1, '"intValue":"9223372036854775807"'),
        ("int_value", -(2**63), '"intValue":"-9223372036854775808"'),
        ("int_value", 2**53 + 1, '"intValue":"9007199254740993"'),
        ("double_value", 0.1, '"doubleValue":0.1'),
        ("double_value", -0.0, '"doubleValue":-0.0'),
        ("double_value", 5e-324, '"doubleValue":5e-324'),
        ("double_value", 1.7976931348623157e308, '"doubleValue":1.7976931348623157e+308'),
        ("double_value", math.nan, '"doubleValue":"NaN"'),
        ("double_value", math.inf, '"doubleValue":"Infinity"'),
        ("double_value", -math.inf, '"doubleValue":"-Infinity"'),
        ("bool_value", False, '"boolValue":false'),
        ("string_value", "", '"stringValue":""'),
        ("string_value", "Grüße, 世界 😀 \u2028", '"stringValue":"Grüße, 世界 😀 \u2028"'),
        ("string_value", "<a href='x'>&", '"stringValue":"<a href=\'x\'>&"'),
        ("string_value", '"\\/\b\f\n\r\t', r'"stringValue":"\"\\/\b\f\n\r\t"'),
        ("string_value", "\0\x1f\x7f", '"stringValue":"\\u0000\\u001f\x7f"'),
        ("bytes_value", b"", '"bytesValue":""'),
        ("bytes_value", b"\xff\xfe\xfd\xfc", '"bytesValue":"//79/A=="'),
    ],
)
def test_values_have_their_form(kind: str, value: Any, json_text: str) -> None:
    assert attribute(value, kind).decode() == json_text


def with_exemplars() -> ExportMetricsServiceRequest:
    """Each kind with exemplars, ids of which one begins with zeros, and one without ids."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for kind in ("gauge", "sum", "histogram", "exponential_histogram"):
        point = getattr(scope.metrics.add(name=kind), kind).data_points.add()
        point.exemplars.add(as_int=1, trace_id=bytes(range(16)), span_id=bytes(range(0xF8, 0x100)))
        point.exemplars.add(as_double=0.0)
        point.attributes.add(key="traceId").value.bytes_value = bytes(range(16))
    scope.metrics.add(name="summary").summary.data_points.add(count=1)
    scope.metrics.add(name="none")
    return request


def test_ids_are_lower_case_hex_and_nothing_else_is() -> None:
    request = with_exemplars()
    line = line_of(request)
    assert plain(from_json(line)) == plain(request)
    assert line.count(b'"traceId":"000102030405060708090a0b0c0d0e0f"') == 4
    assert line.count(b'"spanId":"f8f9fafbfcfdfeff"') == 4
    assert line.count(b'"bytesValue":"AAECAwQFBgcICQoLDA0ODw=="') == 4


def test_enums_are_numbers_and_zeros_are_left_out() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="n")
    metric.histogram.aggregation_temporality = AggregationTemporality.Value(
        "AGGREGATION_TEMPORALITY_CUMULATIVE"
    )
    point = metric.histogram.data_points.add(count=3, bucket_counts=[0, 3], explicit_bounds=[5.0])
    point.sum = 0.0
    assert line_of(request) == (
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"n","histogram":'
        b'{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["0","3"],"explicitBounds":[5.0]}],'
        b'"aggregationTemporality":2}}]}]}]}\n'
    )


FLOATS = st.floats(allow_nan=False) | st.sampled_from([math.nan, -0.0, math.inf, -math.inf])
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INT64 | FLOATS | TEXT | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=3)


def put(target: AnyValue, value: Any) -> None:
    if isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            put(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        put_all(target.kvlist_value.values, value)
    elif value is not None:
        kinds = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes"}
        setattr(target, f"{kinds[type(value)]}_value", value)


def put_all(target: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        put(target.add(key=key).value, value)


@st.composite
def requests(draw: st.DrawFn) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add(schema_url=draw(TEXT))
    put_all(resource_metrics.resource.attributes, draw(ATTRIBUTES))
    scope_metrics = resource_metrics.scope_metrics.add()
    scope_metrics.scope.name = draw(TEXT)
    put_all(scope_metrics.scope.attributes, draw(ATTRIBUTES))
    for kind in draw(
        st.lists(st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram"]))
    ):
        metric = scope_metrics.metrics.add(name=draw(TEXT), unit=draw(TEXT))
        data = getattr(metric, kind)
        data.SetInParent()
        if kind != "gauge":
            data.aggregation_temporality = draw(st.integers(0, 2))
        for _ in range(draw(st.integers(0, 3))):
            point = data.data_points.add(time_unix_nano=draw(UINT64), flags=draw(st.integers(0, 1)))
            put_all(point.attributes, draw(ATTRIBUTES))
            if kind in ("gauge", "sum"):
                if draw(st.booleans()):
                    point.as_int = draw(INT64)
                else:
                    point.as_double = draw(FLOATS)
            else:
                point.count = draw(UINT64)
                point.sum = draw(FLOATS)
                point.min = draw(FLOATS)
            if kind == "histogram":
                point.bucket_counts.extend(draw(st.lists(UINT64, max_size=3)))
                point.explicit_bounds.extend(draw(st.lists(FLOATS, max_size=3)))
            if kind == "exponential_histogram":
                point.scale = draw(st.integers(-(2**31), 2**31 - 1))
                point.positive.offset = draw(st.integers(-(2**31), 2**31 - 1))
                point.positive.bucket_counts.extend(draw(st.lists(UINT64, max_size=3)))
            if draw(st.booleans()):
                exemplar = point.exemplars.add(
                    as_double=draw(FLOATS),
                    trace_id=draw(st.binary(min_size=16, max_size=16) | st.just(b"")),
                    span_id=draw(st.binary(min_size=8, max_size=8) | st.just(b"")),
                )
                put_all(exemplar.filtered_attributes, draw(ATTRIBUTES))
    return request


@settings(max_examples=100)
@given(requests())
def test_any_request_is_the_same_when_read_back(request: ExportMetricsServiceRequest) -> None:
    line = line_of(request)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert plain(from_json(line)) == plain(request)


def test_each_file_begins_with_a_line_that_no_other_file_has(tmp_path: Path) -> None:
    firsts = set()
    for number in range(20):
        path = tmp_path / f"{number}.jsonl"
        FileTransport(path).send(batch(frame(1, 0)))
        first, second = path.read_bytes().splitlines()
        assert set(json.loads(first)) == {"file"}
        assert identify(from_json(second)) == (1, 0)
        firsts.add(first)
    assert len(firsts) == 20


def test_a_file_has_one_first_line_however_often_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for number in range(3):
        FileTransport(path).send(batch(frame(1, number)))
    assert path.read_bytes().count(b'"file"') == 1
    assert [identify(request) for request in read_lines(path)] == [(1, 0), (1, 1), (1, 2)]


def test_a_line_of_the_most_bytes_is_taken_and_a_longer_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    room = WRITTEN_LINE_MAXIMUM - len(JsonEncoder().line(frame(1, 0, 0)))
    # The checksum's digits differ: find the filling whose line is exactly as long as allowed.
    fitting = next(
        filling
        for filling in range(room, room - 12, -1)
        if len(JsonEncoder().line(frame(1, 0, filling))) == WRITTEN_LINE_MAXIMUM
    )
    transport = FileTransport(path, limit=2_000_000)
    delivery = transport.send(batch(frame(1, 0, fitting), frame(1, 0, fitting + 12), frame(1, 1)))
    (loss,) = delivery.losses
    assert (delivery.taken, loss.reason, loss.frames) == (2, "line_too_long", 1)
    assert "set a lower limit" in loss.detail
    assert [len(line) + 1 for line in path.read_bytes().splitlines()][1] == WRITTEN_LINE_MAXIMUM
    assert [identify(request)[1] for request in read_lines(path)] == [0, 1]


# What grows most in JSON: a piece of each, to be repeated until the frame is full.
WORST = {
    "control characters": AnyValue(string_value="\1" * 1_000),
    "bytes": AnyValue(bytes_value=b"\xff" * 1_000),
    "empty lists": AnyValue(
        array_value=ArrayValue(values=[AnyValue(array_value=ArrayValue())] * 100)
    ),
    "false": AnyValue(array_value=ArrayValue(values=[AnyValue(bool_value=False)] * 100)),
    "doubles": AnyValue(array_value=ArrayValue(values=[AnyValue(double_value=-1e-300 / 7)] * 100)),
    "none": AnyValue(array_value=ArrayValue(values=[AnyValue()] * 100)),
}


@pytest.mark.parametrize("name", WORST)
def test_a_frame_within_the_limit_becomes_a_line_that_readers_take(
    tmp_path: Path, name: str
) -> None:
    transport = FileTransport(tmp_path / "m.jsonl")
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    attributes = metric.gauge.data_points.add().attributes
    while request.ByteSize() < transport.limit - 1_500:
        attributes.add().value.CopyFrom(WORST[name])
    content = request.SerializeToString()
    assert len(content) <= transport.limit
    assert transport.send(batch(content)).losses == ()


@pytest.mark.parametrize("content", [b"\xff", b"\x0a\x05ab", b"\x0a\x04\x1a\x02\xff\xff"])
def test_what_is_no_request_costs_that_frame_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.jsonl"
    delivery = FileTransport(path).send(batch(frame(1, 0), content, frame(1, 1)))
    (loss,) = delivery.losses
    assert (delivery.taken, loss.reason, loss.frames) == (2, "not_otlp", 1)
    assert [identify(request)[1] for request in read_lines(path)] == [0, 1]


def leveled(request: ExportMetricsServiceRequest) -> str:
    """A request without what the Collector writes differently: empty buckets of exponential
    points, ids of zeros, and the kind of a metric without points."""
    level = ExportMetricsServiceRequest()
    level.CopyFrom(request)
    for resource_metrics in level.resource_metrics:
        resource_metrics.resource.SetInParent()
        for scope_metrics in resource_metrics.scope_metrics:
            scope_metrics.scope.SetInParent()
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                points = getattr(metric, kind).data_points if kind else []
                if kind and not points:
                    metric.ClearField(kind)
                for point in points:
                    if kind == "exponential_histogram":
                        point.positive.SetInParent()
                        point.negative.SetInParent()
                    for exemplar in point.exemplars:
                        for field in ("trace_id", "span_id"):
                            if not any(getattr(exemplar, field)):
                                exemplar.ClearField(field)
    return plain(level)


@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_the_known_set_is_what_the_collector_made_of_it(tmp_path: Path, name: str) -> None:
    """official.pb is known.py by the official encoder, the other two by a Collector."""
    path = tmp_path / name
    frames = read_frames(COLLECTOR / "official.pb")
    assert FileTransport(path).send(batch(*frames)).losses == ()
    parse = ExportMetricsServiceRequest.FromString
    ours = read_lines(path) if name == "m.jsonl" else [parse(item) for item in read_frames(path)]
    assert [plain(request) for request in ours] == [plain(parse(item)) for item in frames]
    collector_proto = [parse(item) for item in read_frames(COLLECTOR / "proto.pb")]
    collector_json = [
        from_json(line) for line in (COLLECTOR / "json.jsonl").read_bytes().splitlines()
    ]
    assert len(ours) == 6
    leveled_ours = [leveled(request) for request in ours]
    assert leveled_ours == [leveled(request) for request in collector_proto]
    assert leveled_ours == [leveled(request) for request in collector_json]


def test_the_collector_s_lines_are_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    content = (COLLECTOR / "json.jsonl").read_bytes()
    path.write_bytes(content)
    FileTransport(path).send(batch(frame(1, 0)))
    added = path.read_bytes().removeprefix(content)
    assert identify(from_json(added)) == (1, 0)
