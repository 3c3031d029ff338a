"""What stands in the columns, whichever decoder makes them, is what `points` reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import points
from otel_etw.captures.columns import COLUMNS, Decoder, check_request, reference
from otel_etw.captures.columns.reference import attributes_json, series_id
from otel_etw.captures.columns.xxh64 import xxh64
from otel_etw.captures.items import Event
from otel_etw.captures.points import Point, Resource, Scope
from otel_etw.captures.requests import parse_request
from tests.support.any_requests import payloads
from tests.support.arrow_fields import arrow_field
from tests.support.batch_rows import all_rows, arrow_batch, comparable, rows
from tests.support.capture_files import request

DECODERS = [Decoder] if Decoder is reference.Decoder else [Decoder, reference.Decoder]


@pytest.fixture(params=DECODERS, ids=lambda decoder: str(decoder.__module__).rpartition(".")[2])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param  # type: ignore[no-any-return]


def test_the_schema_is_the_documented_one(make: Callable[..., Any]) -> None:
    decoder = make()
    decoder.add(request().SerializeToString(), 0)
    schema = arrow_batch(decoder.take()).schema
    for field, column in zip(schema, COLUMNS, strict=True):
        assert field.equals(arrow_field(column)), column.name


def expected_rows(payload: bytes, file: str, offset: int, event: Event | None) -> list[Any]:
    return [
        reference.row_values(reference.Row(file, offset, event, point))
        for point in points(parse_request(payload))
    ]


@given(payloads(), st.sampled_from([1, 3, 1000]), st.none() | st.builds(Event, *[st.just(7)] * 4))
@settings(max_examples=200, deadline=None)
def test_rows_have_the_values_of_the_points(payload: bytes, most: int, event: Event | None) -> None:
    check_request(payload)
    expected = expected_rows(payload, "a file", 2**40, event)
    for make in DECODERS:
        decoder = make(rows=most)
        decoder.file("a file")
        found = all_rows(decoder, decoder.add(payload, 2**40, event))
        assert comparable(found) == comparable(expected)
        assert decoder.points == len(expected)


def test_a_broken_frame_leaves_nothing(make: Callable[..., Any]) -> None:
    decoder = make()
    sound = request(1).SerializeToString()
    assert not decoder.add(sound, 0)
    with pytest.raises(ValueError, match="its protobuf is broken"):
        decoder.add(sound[:-1], 1)
    assert not decoder.add(sound, 2)
    assert [row["Offset"] for row in rows(decoder.take())] == [0, 2]
    assert decoder.points == 2


def test_batches_are_cut_by_rows(make: Callable[..., Any]) -> None:
    decoder = make(rows=4)
    assert decoder.add(request(1, resources=10).SerializeToString(), 0)
    sizes = [len(decoder.take())]
    while decoder.resume():
        sizes.append(len(decoder.take()))
    sizes.append(len(decoder.take()))
    assert sizes == [4, 4, 2]
    assert decoder.take() is None


def test_batches_are_cut_by_bytes(make: Callable[..., Any]) -> None:
    message = request(1)
    metric = message.resource_metrics[0].scope_metrics[0].metrics.add(name="h")
    for _ in range(200):
        metric.histogram.data_points.add(bucket_counts=range(2000), explicit_bounds=[1.0] * 1999)
    decoder = make(batch_bytes=1 << 20)
    is_full = decoder.add(message.SerializeToString(), 0)
    assert is_full
    sizes = []
    while is_full:
        sizes.append(arrow_batch(decoder.take()).nbytes)
        is_full = decoder.resume()
    assert len(sizes) >= 4
    assert max(sizes) < 2 << 20


def test_the_file_counts_from_where_it_is_named(make: Callable[..., Any]) -> None:
    decoder = make()
    for name in ("one", "two \udcff", "one"):
        decoder.file(name)
        decoder.add(request().SerializeToString(), 0)
    assert [row["File"] for row in rows(decoder.take())] == ["one", "two ?", "one"]


# What the columns mean ---------------------------------------------------------------------------


def point(**values: Any) -> Point:
    return Point(
        metric="",
        kind="gauge",
        unit="",
        description="",
        metadata={},
        temporality=None,
        monotonic=None,
        scope=Scope(),
        resource=Resource({}),
        start=0,
        time=0,
        flags=0,
        **{"attributes": {}, **values},
    )


def test_attributes_are_json_with_sorted_keys() -> None:
    attributes = {
        "é": 'a "quote"\n',
        "\U0001f600": None,
        "b": [1, 1.0, True, "1", [], {}],
        "a": {"z": b"\xff", "A": float("nan")},
        "": float("-inf"),
        "Z": 1e16,
        "\uffff": 2**63 - 1,
    }
    text = attributes_json(attributes)  # type: ignore[arg-type]
    assert text == (
        '{"": "-Infinity", "Z": 1e+16, "a": {"A": "NaN", "z": {"base64": "/w=="}}, '
        '"b": [1, 1.0, true, "1", [], {}], "é": "a \\"quote\\"\\n", '
        '"\uffff": 9223372036854775807, "\U0001f600": null}'
    )
    assert json.loads(text)["b"] == [1, 1.0, True, "1", [], {}]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_hash_is_xxh64(data: bytes, expected: int) -> None:
    """Vectors of the specification's own implementations."""
    assert xxh64(data) == expected


def test_series_keep_their_number() -> None:
    """It is stored in files: it may never change."""
    one = point(attributes={"a": 1})
    assert series_id(one) == SERIES
    assert series_id(point(attributes={"a": 1.0})) != SERIES
    assert series_id(point(attributes={"a": 1}, value=5)) == SERIES


SERIES = 12_627_335_748_970_273_708
