"""OTLP JSON Lines: what the Collector's reader takes, and what a damaged file still gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import Damage, Foreign, Frame, Item, json_requests, points
from otel_etw.captures.json_lines import LineReader
from tests.support.capture_files import File, damage, line, numbers, read_by, request
from tests.support.damaged_files import damaged

REQUESTS = [request(n, filling) for n, filling in enumerate([0, 1, 300, 5, 3000])]
LINES = [line(message) for message in REQUESTS]
HEADER = b'{"file":"6f1d"}\n'


def read(data: bytes, chunk: int = 1 << 16) -> list[Item]:
    return read_by(LineReader(), data, chunk)


def with_point(**fields: Any) -> bytes:
    """A line with one gauge point of these fields."""
    gauge = {"name": "m", "gauge": {"dataPoints": [fields]}}
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [gauge]}]}]}).encode()


def value(data: bytes) -> int | float | None:
    (frame,) = read(data)
    assert isinstance(frame, Frame), frame
    return next(points(frame.request)).value


@pytest.mark.parametrize("chunk", [1, 10, 4096])
def test_lines_come_with_their_place_whatever_the_chunks(chunk: int) -> None:
    items = read(HEADER + b"".join(LINES), chunk)
    assert [item.request for item in items if isinstance(item, Frame)] == REQUESTS
    places = [(item.offset, item.length) for item in items]
    assert places == [
        (len(HEADER) + sum(map(len, LINES[:index])), len(text)) for index, text in enumerate(LINES)
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\n" + LINES[0] + b"  \n\r\n" + LINES[1],
        LINES[0].replace(b"\n", b"\r\n") + b" \t" + LINES[1],
        b"\xef\xbb\xbf" + LINES[0] + LINES[1],
        LINES[0] + LINES[1].rstrip(b"\n"),
        LINES[0].rstrip(b"\n") + LINES[1],
        LINES[0] + b"{}\n" + b'{"created":"today"}\n' + LINES[1],
    ],
    ids=["blank", "crlf", "bom", "no-newline", "glued", "labels"],
)
def test_layout_that_is_no_damage(data: bytes) -> None:
    items = read(data)
    assert numbers(items) == [0, 1]
    assert len(items) == 2


def test_a_line_of_spans_is_ignored_and_named() -> None:
    spans, logs = b'{"resourceSpans":[]}\n', b'{"resource_logs":[]}\n'
    assert read(spans + LINES[0] + logs + b'{"resourceMetric":[]}\n') == [
        Foreign(0, len(spans), "spans", "line"),
        Frame(len(spans), len(LINES[0]), REQUESTS[0].SerializeToString()),
        Foreign(len(spans) + len(LINES[0]), len(logs), "log records", "line"),
        Foreign(
            len(spans) + len(LINES[0]) + len(logs), 22, "objects without resourceMetrics", "line"
        ),
    ]


@pytest.mark.parametrize(
    ("given", "read_as"),
    [
        ({"asInt": "9007199254740993"}, 2**53 + 1),
        ({"asInt": 9007199254740993}, 2**53 + 1),
        ({"as_int": "-9223372036854775808"}, -(2**63)),
        ({"asDouble": 3}, 3.0),
        ({"asDouble": "0.5"}, 0.5),
        ({"asDouble": "Infinity"}, float("inf")),
        ({"asDouble": "-Infinity"}, float("-inf")),
        ({"asDouble": 5e-324}, 5e-324),
        ({"as_double": 1.5, "unknown": [{"x": None}]}, 1.5),
        ({"flags": 1}, None),
    ],
)
def test_numbers_in_each_form(given: dict[str, Any], read_as: int | float | None) -> None:
    assert value(with_point(**given)) == read_as


def test_not_a_number() -> None:
    assert str(value(with_point(asDouble="NaN"))) == "nan"


@pytest.mark.parametrize(
    "given",
    [
        {"asInt": "7.5"},
        {"asInt": str(2**63)},
        {"asDouble": float("nan")},
        {"asDouble": {}},
        {"timeUnixNano": "yesterday"},
        {"attributes": {"a": 1}},
        {"exemplars": [{"traceId": "AQIDBAUGBwg="}]},
    ],
)
def test_what_has_no_meaning_costs_its_line_alone(given: dict[str, Any]) -> None:
    bad = with_point(**given) + b"\n"
    items = read(LINES[0] + bad + LINES[1])
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(LINES[0]), len(bad))]


@pytest.mark.parametrize("name", [2, "AGGREGATION_TEMPORALITY_CUMULATIVE"])
@pytest.mark.parametrize("key", ["aggregationTemporality", "aggregation_temporality"])
def test_enums_by_number_and_full_name(name: object, key: str) -> None:
    metric = {"name": "m", "sum": {"dataPoints": [{}], key: name}}
    (item,) = read(
        json.dumps({"resource_metrics": [{"scope_metrics": [{"metrics": [metric]}]}]}).encode()
    )
    assert isinstance(item, Frame)
    assert next(points(item.request)).temporality == "cumulative"


@pytest.mark.parametrize("keys", [("traceId", "spanId"), ("trace_id", "span_id")])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_ids_are_hex_of_either_case(keys: tuple[str, str], case: Any) -> None:
    trace, span = case("0102030405060708090a0b0c0d0e0f10"), case("a1a2a3a4a5a6a7a8")
    data = with_point(exemplars=[{keys[0]: trace, keys[1]: span}, {keys[0]: "", keys[1]: ""}])
    (item,) = read(data)
    assert isinstance(item, Frame)
    first, second = next(points(item.request)).exemplars
    assert (first.trace_id, first.span_id) == (trace.lower(), span.lower())
    assert (second.trace_id, second.span_id) == ("", "")


@pytest.mark.parametrize("text", [b"caf\xe9", b"\xff\xfe", b"\\ud800", b"\\uDC00x"])
def test_text_that_is_no_unicode_is_replaced(text: bytes) -> None:
    data = LINES[0].replace(b"tests", text) + LINES[1]
    items = read(data)
    assert numbers(items) == [0, 1]
    assert [item.length for item in items] == [data.index(b"\n") + 1, len(LINES[1])]
    assert isinstance(items[0], Frame)
    service = items[0].request.resource_metrics[0].resource.attributes[0].value.string_value
    assert "\ufffd" in service


@pytest.mark.parametrize("left", range(1, len(LINES[0]) - 1, 7))
def test_what_is_glued_to_a_torn_line_is_found(left: int) -> None:
    """The Collector's own ``append: true`` does this after a crash, and loses both."""
    torn = LINES[0][:left]
    items = read(LINES[2] + torn + LINES[1] + LINES[3])
    assert numbers(items) == [2, 1, 3]
    assert damage(items) == [(len(LINES[2]), left)]


@pytest.mark.parametrize("left", range(1, len(LINES[0]) - 1, 7))
def test_a_torn_last_line_is_named(left: int) -> None:
    items = read(LINES[1] + LINES[0][:left])
    assert numbers(items) == [1]
    assert items[1] == Damage(len(LINES[1]), left, "a torn last line")


def test_nuls_before_a_line_do_not_cost_it() -> None:
    items = read(LINES[0] + bytes(512) + LINES[1])
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(LINES[0]), 512)]


def test_other_json_is_one_damage() -> None:
    data = json.dumps([1, 2, {"b": 3}], indent=2).encode()
    assert damage(read(data)) == [(0, len(data))]


def test_another_object_is_ignored_and_named_even_if_spread_over_lines() -> None:
    data = json.dumps({"a": [1, 2, {"b": 3}]}, indent=2).encode()
    assert read(data) == [Foreign(0, len(data), "objects without resourceMetrics", "line")]


def spread(number: int, **layout: Any) -> bytes:
    return json.dumps(json.loads(LINES[number]), **(layout or {"indent": 2})).encode() + b"\n"


@pytest.mark.parametrize("chunk", [1, 100, 1 << 16])
@pytest.mark.parametrize(
    "data",
    [
        spread(0) + spread(1),
        spread(0, indent="\t").replace(b"\n", b"\r\n") + spread(1),
        b"\xef\xbb\xbf" + spread(0) + b"\n\n" + spread(1),
        LINES[0] + spread(1),
        spread(0) + LINES[1],
        spread(0) + spread(1).rstrip(),
        LINES[0].replace(b"[", b"[\n ") + LINES[1].replace(b":[", b":\n["),
    ],
    ids=["indented", "tabs", "bom", "line-first", "line-second", "no-newline", "bare"],
)
def test_objects_may_be_spread_over_lines(data: bytes, chunk: int) -> None:
    """As examples are published, and as jq prints."""
    items = read(data, chunk)
    assert [item.request for item in items if isinstance(item, Frame)] == REQUESTS[:2]
    assert len(items) == 2


@pytest.mark.parametrize("left", range(1, len(spread(0)), 13))
def test_a_torn_spread_object_does_not_cost_the_next_one(left: int) -> None:
    torn = spread(0)[:left]
    for data in (torn + b"\n" + spread(1), torn + b"\n" + LINES[1], torn + LINES[1]):
        items = read(LINES[2] + data + LINES[3])
        assert numbers(items) == [2, 1, 3]


def test_a_spread_object_is_given_when_its_last_line_comes() -> None:
    reader = LineReader()
    assert list(reader.feed(spread(1)[:-3])) == []
    assert list(reader.settle()) == []
    assert numbers(reader.feed(spread(1)[-3:])) == [1]


def test_a_spread_object_ends_at_the_maximum_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.spread_object.LINE_MAXIMUM", 5000)
    reader = LineReader()
    items = list(reader.feed(b'{"resourceMetrics":[\n'))
    for _ in range(1000):
        items += reader.feed(b' "scopeMetrics",\n')
        assert len(reader._spread._lines) <= 5000
    items += [*reader.feed(LINES[0]), *reader.finish()]
    assert numbers(items) == [0]
    assert len(damage(items)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b'{"a":' + b"1" * 10_000 + b"}",
        b'{"resourceMetrics":' * 20_000,
        b'{"\\ud800":' * 2000 + b"1" + b"}" * 2000,
    ],
    ids=["lists", "objects", "digits", "digits-in-object", "beginnings", "deep-surrogates"],
)
def test_deep_and_long_nonsense_is_damage(data: bytes) -> None:
    items = read(LINES[0] + data + b"\n" + LINES[1])
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(LINES[0]), len(data) + 1)]


def test_a_number_of_thousands_of_digits_is_not_converted() -> None:
    """Python before 3.10.7 takes quadratic time for it."""
    (item,) = read(b'{"resourceMetrics":' + b"1" * 3000 + b"}\n")
    assert isinstance(item, Damage)
    assert "a number of 3,000 digits" in item.reason


def test_after_many_broken_beginnings_the_last_is_tried() -> None:
    broken = b'{"resourceMetrics":[{"resource' * 100
    items = read(broken + LINES[0])
    assert numbers(items) == [0]
    assert damage(items) == [(0, len(broken))]


def test_nested_attributes_too_deep_for_protobuf_cost_their_line() -> None:
    nested: dict[str, Any] = {"intValue": 1}
    for _ in range(120):
        nested = {"arrayValue": {"values": [nested]}}
    items = read(with_point(attributes=[{"key": "a", "value": nested}]) + b"\n" + LINES[1])
    assert numbers(items) == [1]
    assert len(damage(items)) == 1


@pytest.mark.parametrize("value", ["[]", "{}", "[[]]"])
def test_a_line_of_empty_values_is_damage_and_costs_little(value: str) -> None:
    count = (4 << 20) // (len(value) + 1)
    data = f'{{"resourceMetrics":[{",".join([value] * count)}]}}\n'.encode()
    tracemalloc.start()
    try:
        items = read(LINES[0] + data + LINES[1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(LINES[0]), len(data))]
    assert peak < 6 * len(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{\n"' + b'\\"' * 400_000 + b"\n",
        b'{"resourceMetrics":' + b"[" * 300_000 + b'"' + b'\\"' * 400_000 + b"\n",
        b'{"resourceMetrics":' + b"[" * 300_000 + b'"' * 400_001 + b"\n",
        b"{\n" + b'"[' * 400_000 + b"\n",
    ],
    ids=["spread", "lists", "quotes", "brackets"],
)
def test_a_string_without_an_end_is_searched_for_once(data: bytes) -> None:
    """A tenth of each took half a minute when each of its quotes was taken for a beginning."""
    program = """
import sys
from otel_etw.captures.json_lines import LineReader
reader = LineReader()
items = [*reader.feed(sys.stdin.buffer.read()), *reader.finish()]
print(*[type(item).__name__ for item in items])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], input=data + LINES[0], capture_output=True, timeout=20
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.split() == [b"Damage", b"Frame"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r'["a]"', (1, 0, False)),
        (r'["a]', (1, 0, True)),
        (r'["\\"]', (1, 1, False)),
        (r'["\\\"]', (1, 0, True)),
        (r'["\"]"]', (1, 1, False)),
        ('["a\\', (1, 0, True)),
        (r'{"":["", "{"]}', (2, 2, False)),
    ],
)
def test_brackets_are_counted_outside_of_strings(text: str, found: tuple[int, int, bool]) -> None:
    assert json_requests.brackets(text) == found


def test_a_quote_before_an_object_does_not_hide_its_lists() -> None:
    hidden = b'" {"resourceMetrics":[' + b",".join([b"[]"] * 1_000_000) + b'],"a":""}\n'
    items = read(LINES[0] + hidden + LINES[1])
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(LINES[0]), len(hidden))]
    with pytest.raises(ValueError, match="1,000,00"):
        json_requests.check_values(hidden.decode()[2:])
    tracemalloc.start()
    try:
        read(hidden)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(hidden)


def test_a_reason_stays_short_whatever_the_value_is() -> None:
    text = "Failed to parse x field: " * 10_000
    (item,) = read(with_point(asInt=text))
    assert isinstance(item, Damage)
    assert len(item.reason) < 1000


def test_brackets_in_text_are_not_counted_as_values() -> None:
    message = request(0)
    text = "[{" * 200_000
    message.resource_metrics[0].resource.attributes.add(key="t").value.string_value = text
    (item,) = read(line(message))
    assert isinstance(item, Frame)
    assert item.request == message


def test_a_line_is_looked_at_a_few_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.json_lines._ALLOWANCE", 0)
    looked_at = []

    def object_from(text: str, start: int = 0) -> Any:
        try:
            return json_requests.object_from(text, start)
        except json_requests.NoObject as error:
            looked_at.append(error.looked_at)
            raise

    monkeypatch.setattr("otel_etw.captures.json_lines.object_from", object_from)
    data = b'{"resourceMetrics":[' * 30 + b"1," * 50_000 + b"x" + LINES[1]
    assert numbers(read(data)) == [1]
    assert sum(looked_at) < 6 * len(data)


@pytest.mark.parametrize("text", [b"x", b"[", b'{"a":', b'"', b"9"])
def test_a_line_of_a_quarter_of_a_gigabyte_is_damage(text: bytes) -> None:
    """In a process of its own, which one ended by signal 11, and which may not take a gigabyte."""
    program = f"""
import sys
from otel_etw.captures.json_lines import LineReader
if sys.platform == "linux":
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
reader, text = LineReader(), {text!r} * ((1 << 20) // len({text!r}))
items = [*reader.feed(b'{{"resourceMetrics":[')]
for _ in range(250):
    items += reader.feed(text)
items += [*reader.feed(b"\\n" + {LINES[0]!r}), *reader.finish()]
print(*[type(item).__name__ for item in items])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Damage Frame\n"


def test_a_line_that_comes_at_once_is_not_longer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.json_lines.LINE_MAXIMUM", len(LINES[1]) - 1)
    items = read(LINES[0] + LINES[1] + LINES[0])
    assert numbers(items) == [0, 0]
    assert damage(items) == [(len(LINES[0]), len(LINES[1]))]


def test_a_line_beyond_the_maximum_is_dropped_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.json_lines.LINE_MAXIMUM", 5000)
    reader = LineReader()
    for _ in range(10):
        assert list(reader.feed(b"x" * 4000)) == []
        assert len(reader._buffer) <= 9000
    items = [*reader.feed(b"x\n" + LINES[0]), *reader.finish()]
    assert numbers(items) == [0]
    assert damage(items) == [(0, 40_002)]


def test_an_incomplete_line_waits_for_its_rest() -> None:
    reader = LineReader()
    assert list(reader.feed(LINES[0][:50])) == []
    assert list(reader.settle()) == []
    assert numbers(reader.feed(LINES[0][50:])) == [0]


def test_damage_is_told_when_nothing_more_comes() -> None:
    reader = LineReader()
    assert list(reader.feed(b"nonsense\n")) == []
    assert damage(reader.settle()) == [(0, 9)]


@given(st.data())
@settings(max_examples=200)
def test_every_line_that_nothing_was_done_to_is_found(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=7))
    # The object is what counts: its newline may be lost.
    pieces = [piece for number in order for piece in (LINES[number][:-1], b"\n")]
    file = data.draw(damaged(File.of(pieces)))
    items = read(file.data, data.draw(st.sampled_from([1 << 16, 97])))
    found = {item.offset: item.request for item in items if isinstance(item, Frame)}
    for index, offset in file.whole.items():
        if index % 2 == 0:
            assert found.get(offset) == REQUESTS[order[index // 2]], f"line {index} at {offset}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("resource", "scopeMetrics", "metrics", "name", "gauge", "sum", "histogram"),
                    *("dataPoints", "attributes", "key", "value", "stringValue", "asInt"),
                    *("exemplars", "traceId", "bucketCounts", "timeUnixNano"),
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["resourceMetrics", "resource_metrics"]), JSON, min_size=1))
@settings(max_examples=300)
def test_any_json_gives_a_frame_or_a_damage(content: dict[str, Any]) -> None:
    (item,) = read(json.dumps(content).encode())
    assert isinstance(item, Frame | Damage)
    assert item.length == len(json.dumps(content))


def test_reasons_say_what_is_wrong() -> None:
    (item,) = read(with_point(asInt="seven"))
    assert isinstance(item, Damage)
    assert re.search(r"asInt.*seven", item.reason)
