"""Requests written byte by byte, for each rule of the wire format what stands in the columns."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from otel_etw.captures.columns import Decoder, reference
from otel_etw.captures.items import Event
from tests.support.batch_rows import comparable, rows
from tests.support.wire_requests import delimited as field
from tests.support.wire_requests import varint

DECODERS = [Decoder] if Decoder is reference.Decoder else [Decoder, reference.Decoder]


@pytest.fixture(params=DECODERS, ids=lambda decoder: str(decoder.__module__).rpartition(".")[2])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param  # type: ignore[no-any-return]


def number(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value & 2**64 - 1)


def fixed(tag: int, value: int) -> bytes:
    return varint(tag << 3 | 1) + value.to_bytes(8, "little", signed=value < 0)


def double(tag: int, value: float) -> bytes:
    return varint(tag << 3 | 1) + struct.pack("<d", value)


def text(tag: int, value: str) -> bytes:
    return field(tag, value.encode())


def attribute(tag: int, key: str, value: bytes) -> bytes:
    """A KeyValue with this AnyValue."""
    return field(tag, text(1, key) + field(2, value))


GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY = 5, 7, 9, 10, 11


def of_metric(content: bytes, scope: bytes = b"", resource: bytes = b"") -> bytes:
    return field(1, resource + field(2, scope + field(2, content)))


def of_points(kind: int, *points: bytes) -> bytes:
    return of_metric(field(kind, b"".join(field(1, point) for point in points)))


def decoded(make: Callable[..., Any], payload: bytes) -> list[dict[str, Any]]:
    decoder = make()
    assert not decoder.add(payload, 0)
    batch = decoder.take()
    return rows(batch) if batch else []


def values(make: Callable[..., Any], payload: bytes, names: Iterable[str]) -> list[Any]:
    return [comparable([row[name] for name in names]) for row in decoded(make, payload)]


def check(make: Callable[..., Any], payload: bytes, **expected: Any) -> None:
    """Of the one row that the payload has."""
    assert values(make, payload, expected) == [comparable(list(expected.values()))]


NOT_OF_NUMBERS = dict.fromkeys(
    (
        *("Count", "Sum", "Min", "Max", "ExplicitBounds", "BucketCounts", "Scale", "ZeroCount"),
        *("ZeroThreshold", "PositiveOffset", "PositiveBucketCounts", "NegativeOffset"),
        *("NegativeBucketCounts", "ValueAtQuantiles"),
    )
)


# Kinds of points ---------------------------------------------------------------------------------


def test_an_empty_point_has_what_the_format_says_by_default(make: Callable[..., Any]) -> None:
    (row,) = decoded(make, of_points(GAUGE, b""))
    assert row.pop("SeriesId")
    assert row == {
        "MetricName": "",
        "MetricKind": "gauge",
        "MetricUnit": "",
        "MetricDescription": "",
        "MetricMetadata": "{}",
        "AggregationTemporality": None,
        "IsMonotonic": None,
        "Attributes": "{}",
        "ScopeName": "",
        "ScopeVersion": "",
        "ScopeAttributes": "{}",
        "ScopeDroppedAttrCount": 0,
        "ScopeSchemaUrl": "",
        "ServiceName": None,
        "ResourceAttributes": "{}",
        "ResourceDroppedAttrCount": 0,
        "ResourceSchemaUrl": "",
        "StartTimeUnix": None,
        "TimeUnix": None,
        "Flags": 0,
        "Value": None,
        "ValueInt": None,
        "Exemplars": [],
        "File": "",
        "Offset": 0,
        "EventTime": None,
        "ProcessId": None,
        "ThreadId": None,
        "Processor": None,
        **NOT_OF_NUMBERS,
    }


def test_a_sum_has_all_that_is_around_it(make: Callable[..., Any]) -> None:
    point = fixed(2, 5) + fixed(3, 2**64 - 1) + fixed(6, -3) + number(8, 2**32 + 1)
    string = text(1, "shop")
    metric = (
        text(1, "requests")
        + text(2, "how many")
        + text(3, "{request}")
        + attribute(12, "m", number(2, 7))
        + field(SUM, field(1, point + attribute(7, "k", string)) + number(2, 2) + number(3, 1))
    )
    scope = field(
        1, text(1, "library") + text(2, "1.0") + attribute(3, "s", b"") + number(4, 3)
    ) + text(3, "https://scope")
    resource = field(1, attribute(1, "service.name", string) + number(2, 4)) + text(3, "https://r")
    check(
        make,
        of_metric(metric, scope, resource),
        MetricName="requests",
        MetricKind="sum",
        MetricUnit="{request}",
        MetricDescription="how many",
        MetricMetadata='{"m": true}',
        AggregationTemporality="cumulative",
        IsMonotonic=True,
        Attributes='{"k": "shop"}',
        ScopeName="library",
        ScopeVersion="1.0",
        ScopeAttributes='{"s": null}',
        ScopeDroppedAttrCount=3,
        ScopeSchemaUrl="https://scope",
        ServiceName="shop",
        ResourceAttributes='{"service.name": "shop"}',
        ResourceDroppedAttrCount=4,
        ResourceSchemaUrl="https://r",
        StartTimeUnix=5,
        TimeUnix=-1,
        Flags=1,
        Value=-3.0,
        ValueInt=-3,
        **NOT_OF_NUMBERS,
    )


def test_histograms_have_lists_and_what_is_optional(make: Callable[..., Any]) -> None:
    full = (
        fixed(4, 9)
        + double(5, -0.0)
        + double(11, 1.5)
        + double(12, 2.5)
        # Packed, alone, and packed again.
        + field(6, struct.pack("<QQ", 1, 2**64 - 1))
        + fixed(6, 3)
        + field(6, struct.pack("<Q", 4))
        + double(7, 0.5)
        + field(7, struct.pack("<d", 1.0))
        + number(10, 1)
    )
    names = ("Count", "Sum", "Min", "Max", "ExplicitBounds", "BucketCounts", "Flags", "Value")
    assert values(make, of_points(HISTOGRAM, full, b""), names) == [
        comparable([9, -0.0, 1.5, 2.5, [0.5, 1.0], [1, 2**64 - 1, 3, 4], 1, None]),
        comparable([0, None, None, None, [], [], 0, None]),
    ]


def test_exponential_histograms_have_both_sides(make: Callable[..., Any]) -> None:
    full = (
        fixed(4, 9)
        + double(5, 2.0)
        + number(6, 3)
        + fixed(7, 2)
        # The pieces of a side are merged: its counts are added, its last offset counts.
        + field(8, number(1, 4) + field(2, varint(1) + varint(300) + varint(2**64 - 1)))
        + field(9, b"")
        + field(8, number(2, 5) + number(1, 2**32 - 1))
        + double(12, 1.0)
        + double(13, 4.0)
        + double(14, 0.25)
    )
    names = (
        *("Count", "Sum", "Min", "Max", "Scale", "ZeroCount", "ZeroThreshold"),
        *("PositiveOffset", "PositiveBucketCounts", "NegativeOffset", "NegativeBucketCounts"),
    )
    assert values(make, of_points(EXPONENTIAL, full, b""), names) == [
        comparable([9, 2.0, 1.0, 4.0, -2, 2, 0.25, -(2**31), [1, 300, 2**64 - 1, 5], 0, []]),
        comparable([0, None, None, None, 0, 0, 0.0, 0, [], 0, []]),
    ]


def test_summaries_have_quantiles(make: Callable[..., Any]) -> None:
    quantiles = field(6, double(1, 0.5) + double(2, 3.0)) + field(6, b"")
    names = ("Count", "Sum", "ValueAtQuantiles", "AggregationTemporality")
    assert values(make, of_points(SUMMARY, fixed(4, 2) + quantiles, b""), names) == [
        comparable(
            [2, 0.0, [{"Quantile": 0.5, "Value": 3.0}, {"Quantile": 0.0, "Value": 0.0}], None]
        ),
        comparable([0, 0.0, [], None]),
    ]


@pytest.mark.parametrize(("kind", "tag"), [(GAUGE, 5), (SUM, 5), (HISTOGRAM, 8), (EXPONENTIAL, 11)])
def test_exemplars_stand_with_their_point(make: Callable[..., Any], kind: int, tag: int) -> None:
    full = (
        fixed(2, 7)
        + double(3, 1.5)
        + fixed(6, 2**53 + 1)
        + field(4, b"\x01\xab")
        + field(5, bytes(range(16)))
        + attribute(7, "b", number(3, 1))
        + number(15, 1)
        + attribute(7, "a", number(3, 2))
    )
    payload = of_points(kind, b"", field(tag, full) + field(tag, b""), b"")
    empty = {
        "TimeUnix": None,
        "Value": None,
        "ValueInt": None,
        "TraceId": "",
        "SpanId": "",
        "FilteredAttributes": "{}",
    }
    one = {
        "TimeUnix": 7,
        "Value": float(2**53),
        "ValueInt": 2**53 + 1,
        "TraceId": bytes(range(16)).hex(),
        "SpanId": "01ab",
        "FilteredAttributes": '{"a": 2, "b": 1}',
    }
    expected = [comparable([each]) for each in ([], [one, empty], [])]
    assert values(make, payload, ["Exemplars"]) == expected


def test_events_say_who_wrote_them(make: Callable[..., Any]) -> None:
    decoder = make()
    payload = of_points(GAUGE, b"")
    decoder.file("trace.etl")
    decoder.add(payload, 2**63, Event(2**63 + 5, 2**32 - 1, 7, 65_535))
    decoder.add(payload, 1)
    names = ("File", "Offset", "EventTime", "ProcessId", "ThreadId", "Processor")
    assert [[row[name] for name in names] for row in rows(decoder.take())] == [
        ["trace.etl", 2**63, -(2**63) + 5, 2**32 - 1, 7, 65_535],
        ["trace.etl", 1, None, None, None, None],
    ]


# Rules of protobuf -------------------------------------------------------------------------------


def test_of_a_single_number_the_last_one_counts(make: Callable[..., Any]) -> None:
    point = fixed(3, 1) + number(8, 1) + fixed(3, 2) + number(8, 0)
    check(make, of_points(GAUGE, point), TimeUnix=2, Flags=0)
    check(make, of_points(GAUGE, fixed(3, 1) + fixed(3, 0)), TimeUnix=None)


@pytest.mark.parametrize(
    ("point", "value", "integer"),
    [
        (double(4, 1.5) + fixed(6, 2), 2.0, 2),
        (fixed(6, 2) + double(4, 1.5), 1.5, None),
        (fixed(6, 2**63 - 1), 2.0**63, 2**63 - 1),
        (double(4, float("nan")), float("nan"), None),
        (b"", None, None),
    ],
)
def test_of_a_value_the_last_type_counts(
    make: Callable[..., Any], point: bytes, value: float | None, integer: int | None
) -> None:
    check(make, of_points(SUM, point), Value=value, ValueInt=integer)


def test_pieces_of_one_kind_are_merged_and_another_kind_replaces(make: Callable[..., Any]) -> None:
    def data(kind: int, value: int, *others: bytes) -> bytes:
        return field(kind, field(1, fixed(6, value)) + b"".join(others))

    names = ("MetricKind", "ValueInt", "AggregationTemporality", "IsMonotonic")
    merged = data(SUM, 1, number(2, 1)) + text(1, "late") + data(SUM, 2, number(3, 5))
    assert values(make, of_metric(merged), ("MetricName", *names)) == [
        comparable(["late", "sum", value, "delta", True]) for value in (1, 2)
    ]
    replaced = data(SUM, 1, number(2, 1), number(3, 1)) + data(GAUGE, 2) + data(SUM, 3)
    assert values(make, of_metric(replaced), names) == [comparable(["sum", 3, None, False])]
    assert decoded(make, of_metric(data(GAUGE, 1) + field(SUM, b""))) == []
    assert decoded(make, of_metric(text(1, "no data"))) == []


@pytest.mark.parametrize(
    ("temporality", "word"),
    [(1, "delta"), (2, "cumulative"), (0, None), (3, None), (-1, None), (2**32 + 1, "delta")],
)
def test_unknown_temporalities_are_null(
    make: Callable[..., Any], temporality: int, word: str | None
) -> None:
    metric = field(HISTOGRAM, field(1, b"") + number(2, temporality))
    check(make, of_metric(metric), AggregationTemporality=word)


def test_resources_and_scopes_in_pieces_are_merged(make: Callable[..., Any]) -> None:
    resource = (
        field(1, attribute(1, "b", number(3, 1)) + number(2, 5))
        + text(3, "first")
        + field(1, attribute(1, "a", number(3, 2)) + number(15, 1) + attribute(1, "b", b""))
        + text(3, "last")
    )
    scope = field(1, text(1, "name") + attribute(3, "x", b""))
    scope += field(1, text(2, "2") + number(4, 9))
    check(
        make,
        of_metric(field(GAUGE, field(1, b"")), scope, resource),
        ResourceAttributes='{"a": 2, "b": null}',
        ResourceDroppedAttrCount=5,
        ResourceSchemaUrl="last",
        ScopeName="name",
        ScopeVersion="2",
        ScopeAttributes='{"x": null}',
        ScopeDroppedAttrCount=9,
    )


@pytest.mark.parametrize(
    ("attributes", "service"),
    [
        (attribute(1, "service.name", text(1, "")), ""),
        (attribute(1, "service.name", number(3, 1)), None),
        (attribute(1, "service.name", text(1, "a")) + attribute(1, "service.name", b""), None),
        (attribute(1, "service.name", b"") + attribute(1, "service.name", text(1, "b")), "b"),
        # Of a key in pieces the last one counts, of a value in pieces the last member.
        (field(1, text(1, "k") + text(1, "service.name") + field(2, text(1, "c"))), "c"),
        (field(1, text(1, "service.name") + field(2, number(3, 1)) + field(2, text(1, "d"))), "d"),
        (attribute(1, "service.namespace", text(1, "e")), None),
    ],
)
def test_the_service_is_named_where_its_name_is_text(
    make: Callable[..., Any], attributes: bytes, service: str | None
) -> None:
    metric = field(GAUGE, field(1, b""))
    check(make, of_metric(metric, resource=field(1, attributes)), ServiceName=service)


def test_unknown_fields_and_other_wire_types_are_passed_over(make: Callable[..., Any]) -> None:
    group = varint(20 << 3 | 3) + number(1, 5) + field(2, b"x") + varint(20 << 3 | 4)
    unknown = group + field(99, b"junk") + varint(31 << 3 | 5) + b"1234" + fixed(2047, 1)
    # Fields of the point with wire types that they do not have.
    other_types = number(3, 9) + field(4, b"12345678") + number(7, 1) + fixed(8, 1) + number(6, 1)
    longer_tag = bytes([0x99, 0x80, 0x00]) + (5).to_bytes(8, "little")
    point = unknown + other_types + longer_tag + unknown
    metric = unknown + field(GAUGE, unknown + field(1, point))
    payload = unknown + field(1, unknown + field(2, unknown + field(2, metric))) + unknown
    check(make, payload, TimeUnix=5, Value=None, Attributes="{}", Flags=0)


def test_attributes_in_pieces_are_those_in_one(make: Callable[..., Any]) -> None:
    one, other = attribute(7, "a", number(3, 1)), attribute(7, "b", number(3, 2))
    points = (one + other, one + fixed(3, 1) + other, other + fixed(3, 1) + one, one + other + one)
    found = decoded(make, of_points(GAUGE, *points))
    assert {row["Attributes"] for row in found} == {'{"a": 1, "b": 2}'}
    assert len({row["SeriesId"] for row in found}) == 1


# Attributes --------------------------------------------------------------------------------------


def item(content: bytes) -> bytes:
    return field(1, content)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "null"),
        (
            text(1, 'é"\\/\n\r\t\f\b\x00\x1f\x7f😀'),
            '"é\\"\\\\/\\n\\r\\t\\f\\b\\u0000\\u001f\x7f😀"',
        ),
        (number(2, 0), "false"),
        (number(2, 256), "true"),
        (number(3, 0), "0"),
        (number(3, -(2**63)), "-9223372036854775808"),
        (number(3, 2**63 - 1), "9223372036854775807"),
        (double(4, 1.0), "1.0"),
        (double(4, -0.0), "-0.0"),
        (double(4, 0.1), "0.1"),
        (double(4, 1e16), "1e+16"),
        (double(4, 5e-324), "5e-324"),
        (double(4, float("nan")), '"NaN"'),
        (double(4, float("inf")), '"Infinity"'),
        (double(4, float("-inf")), '"-Infinity"'),
        (field(7, b""), '{"base64": ""}'),
        (field(7, b"a"), '{"base64": "YQ=="}'),
        (field(7, b"\xff\xfe"), '{"base64": "//4="}'),
        (field(7, b"abc"), '{"base64": "YWJj"}'),
        (field(7, b"abcd"), '{"base64": "YWJjZA=="}'),
        (field(5, b""), "[]"),
        (field(5, item(number(3, 1)) + item(b"") + item(field(5, b""))), "[1, null, []]"),
        (field(6, b""), "{}"),
        (
            field(
                6, attribute(1, "b", b"") + attribute(1, "a", b"") + attribute(1, "b", b"\x10\1")
            ),
            '{"a": null, "b": true}',
        ),
        # An index into a table of strings, which metrics have not.
        (number(8, 7), "null"),
        (field(5, item(number(8, 0)) + item(number(3, 1))), "[null, 1]"),
        (number(8, 7) + text(1, "x"), '"x"'),
        # Of several members the last one counts; pieces of a list or of an object are merged.
        (text(1, "x") + number(3, 1), "1"),
        (number(3, 1) + field(5, item(number(3, 2))), "[2]"),
        (field(5, item(number(3, 1))) + field(5, item(number(3, 2))), "[1, 2]"),
        (field(5, item(number(3, 1))) + text(1, "x") + field(5, item(number(3, 2))), "[2]"),
        (
            field(6, attribute(1, "a", number(3, 1))) + field(6, attribute(1, "a", number(3, 2))),
            '{"a": 2}',
        ),
    ],
)
def test_values_of_attributes_are_json(
    make: Callable[..., Any], value: bytes, expected: str
) -> None:
    check(make, of_points(GAUGE, attribute(7, "k", value)), Attributes=f'{{"k": {expected}}}')


def test_a_value_in_pieces_is_merged(make: Callable[..., Any]) -> None:
    pieces = [field(5, item(number(3, 1))), field(5, item(number(3, 2))) + number(15, 1)]
    spread = field(7, text(1, "k") + b"".join(field(2, piece) for piece in pieces))
    check(make, of_points(GAUGE, spread), Attributes='{"k": [1, 2]}')
    replaced = field(7, text(1, "k") + field(2, pieces[0]) + field(2, b"") + field(2, text(1, "x")))
    check(make, of_points(GAUGE, replaced), Attributes='{"k": "x"}')


def test_many_keys_are_sorted_by_code_points(make: Callable[..., Any]) -> None:
    keys = ["\uffff", "\U0001f600", "", "a", "aa", "B", "é"]
    keys += [f"{at * 7919 % 1000:03}" for at in range(1000)]
    point = b"".join(attribute(7, key, number(3, at)) for at, key in enumerate(keys * 2))
    last = {key: len(keys) + at for at, key in enumerate(keys)}
    expected = ", ".join(f'"{key}": {last[key]}' for key in sorted(keys))
    check(make, of_points(GAUGE, point), Attributes=f"{{{expected}}}")


def test_keys_in_the_opposite_order_take_no_quadratic_time(make: Callable[..., Any]) -> None:
    # Some 5 * 10**9 steps, if each one were put in its place.
    point = b"".join(attribute(7, f"{at:06}", b"") for at in range(100_000, 0, -1))
    (row,) = decoded(make, of_points(GAUGE, point))
    assert row["Attributes"].startswith('{"000001": null, "000002": null, ')
    assert row["Attributes"].count("null") == 100_000


def test_the_deepest_value_that_protobuf_takes_is_read(make: Callable[..., Any]) -> None:
    def nested(depth: int) -> bytes:
        value = b""
        for _ in range(depth):
            value = field(5, item(value))
        return of_points(GAUGE, attribute(7, "k", value))

    # Seven messages are around it, and each list is two.
    check(make, nested(46), Attributes='{"k": ' + "[" * 46 + "null" + "]" * 46 + "}")
    with pytest.raises(ValueError, match="its protobuf is broken"):
        make().add(nested(60), 0)
