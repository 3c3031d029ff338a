"""OTLP JSON with a value that no field expects, in each field: a frame or a damage, no error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from otel_etw.captures import Damage, Frame, points
from otel_etw.captures.json_lines import LineReader
from otel_etw.captures.requests import ExportMetricsServiceRequest
from tests.support.capture_files import line, numbers, read_by, request

# As they stand in a file: Python writes some of them otherwise or not at all.
UNEXPECTED = [
    *("1e400", "-1e400", "NaN", "Infinity", "-Infinity", "-0", "-0.0", "0.5", "1e18", "5e-324"),
    *(
        "9" * 400,
        "-" + "9" * 400,
        "9" * 300,
        "9" * 5000,
        "9" * 400 + ".0",
        str(2**64),
        str(-(2**63)),
    ),
    *(f'"{text}"' for text in ("9" * 400, "9" * 5000, "1e400", "-1", "nan", "0x10", "1.5", "")),
    *('"\\ud800"', '"\\u0000"', '"x"', '"\u0663"', '"1_000"', '" 1 "', '"AGGREGATION"'),
    *("null", "true", "false", "[]", "{}", "[[]]", "[[[1]]]", "[null]", "[{}]", '["x"]', "[1e400]"),
    *('{"\\ud800":1}', '{"":null}', '{"value":{"value":1}}', '[{"key":{}}]', '{"stringValue":[]}'),
]
MARK = "@value@"


def fields(descriptor: Descriptor, depth: int = 0) -> Iterator[Any]:
    """An object for each field below a message, with the mark in the field's place."""
    for field in descriptor.fields:
        name = field.json_name
        yield {name: MARK}
        if field.is_repeated:
            yield {name: [MARK]}
        if field.type == FieldDescriptor.TYPE_MESSAGE and depth < 9:
            if field.message_type.name in ("AnyValue", "KeyValue") and depth > 6:
                continue
            for inner in fields(field.message_type, depth + 1):
                yield {name: [inner] if field.is_repeated else inner}


FIELDS = [json.dumps(field) for field in fields(ExportMetricsServiceRequest.DESCRIPTOR)]


def test_all_fields_are_tried() -> None:
    for name in ("asDouble", "asInt", "aggregationTemporality", "bucketCounts", "traceId", "flags"):
        assert any(f'"{name}": ' in field for field in FIELDS)
    assert len(FIELDS) > 300


@pytest.mark.parametrize("value", UNEXPECTED, ids=lambda value: value[:12])
def test_each_field_with_an_unexpected_value_costs_one_object_at_most(value: str) -> None:
    good = line(request(1))
    for field in FIELDS:
        data = field.replace(f'"{MARK}"', value).encode() + b"\n"
        items = read_by(LineReader(), data + good)
        assert len(items) == 2, field
        assert isinstance(items[0], Frame | Damage), field
        assert items[0].length == len(data)
        assert numbers(items[1:]) == [1]
        if isinstance(items[0], Frame):
            list(points(items[0].request))


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (
            '{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asInt":"seven"}]}}]}]}',
            "resourceMetrics.scopeMetrics.metrics.dataPoints.asInt: "
            "invalid literal for int() with base 10: 'seven'",
        ),
        (
            '{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"attributes":{"a":1}}]}}]}]}',
            "resourceMetrics.scopeMetrics.metrics.dataPoints.attributes: "
            "repeated field attributes must be in [] which is {'a': 1}",
        ),
    ],
)
def test_the_reason_names_the_field_and_says_the_cause_once(field: str, reason: str) -> None:
    (item,) = read_by(LineReader(), f'{{"resourceMetrics":[{field}]}}'.encode())
    assert isinstance(item, Damage)
    assert item.reason == f"no OTLP JSON metrics: {reason}"
