"""Batches as JSON Lines and CSV: the compiled twin equals the one in Python, byte for byte."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_etw.captures.columns import _text, text
from otel_etw.captures.columns.reference import Batch, Row
from otel_etw.captures.items import Event
from otel_etw.captures.points import Buckets, Exemplar
from otel_etw.captures.texts import time_text
from tests.support.any_rows import DOUBLES, ROWS, TIMES, a_row

TWINS = pytest.mark.parametrize("twin", [text, _text], ids=["python", "compiled"])


def test_there_are_not_more_cells_than_there_is_room_for() -> None:
    batch = Batch([a_row()])
    made: Any = _text.csv_rows(batch)
    assert not hasattr(made, "add_cell")
    with pytest.raises(ValueError, match="more than 64 cells a row"):
        type(made)(batch, ((b"", "MetricName", 0, b"", b""),) * 65, b"", b"\n", False, False)


def json_of(twin: Any, *rows: Row, **options: Any) -> list[dict[str, Any]]:
    lines = b"".join(twin.json_rows(Batch(list(rows)), **options)).decode().splitlines()
    return [json.loads(line) for line in lines]


def csv_of(twin: Any, *rows: Row, **options: Any) -> list[dict[str, str]]:
    data = text.CSV_HEADER + b"".join(twin.csv_rows(Batch(list(rows)), **options))
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def both(function: str, batch: Any, reference: Batch, **options: Any) -> tuple[bytes, bytes]:
    made, expected = (
        b"".join(getattr(twin, function)(given, **options))
        for twin, given in ((_text, batch), (text, reference))
    )
    return made, expected


# The twins ---------------------------------------------------------------------------------------


@given(st.lists(ROWS, max_size=6), st.booleans())
def test_any_points_are_the_same_bytes(rows: list[Row], ascii_only: bool) -> None:
    batch = Batch(rows)
    for function in ("json_rows", "csv_rows"):
        made, expected = both(function, batch, batch, ascii_only=ascii_only)
        assert made == expected


SHARED = ("metric", "unit", "temporality", "attributes", "scope", "resource", "start", "time")


@given(
    st.lists(ROWS, min_size=2, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.sets(st.sampled_from(SHARED))), max_size=12),
)
def test_rows_that_have_much_in_common_are_the_same_bytes(
    pool: list[Row], picks: list[tuple[int, set[str]]]
) -> None:
    """The compiled twin copies what is as in the row before."""
    rows: list[Row] = []
    for number, names in picks:
        row = pool[number % len(pool)]
        other = pool[(number + 1) % len(pool)]
        shared = {name: getattr(other.point, name) for name in names}
        rows.append(row._replace(point=replace(row.point, **shared)))
    batch = Batch(rows)
    for function in ("json_rows", "csv_rows"):
        made, expected = both(function, batch, batch)
        assert made == expected


@given(st.lists(ROWS, min_size=1, max_size=6), st.data())
def test_any_part_of_a_batch_is_the_same_bytes(rows: list[Row], data: st.DataObject) -> None:
    """Arrays of other libraries begin at an offset, have whole dictionaries, and validity bitmaps
    or none."""
    start = data.draw(st.integers(0, len(rows)))
    length = data.draw(st.integers(0, len(rows) - start))
    part = pa.record_batch(Batch(rows)).slice(start, length)
    copied = part.take(pa.array(range(length), pa.int64()))
    for batch in (part, part.to_struct_array(), copied):
        for function in ("json_rows", "csv_rows"):
            made, expected = both(function, batch, Batch(rows[start : start + length]))
            assert made == expected


@given(st.lists(DOUBLES, max_size=200))
def test_any_double_is_what_python_prints(numbers: list[float]) -> None:
    batch = Batch([a_row(value=number) for number in numbers])
    made, expected = both("csv_rows", batch, batch)
    assert made == expected


@given(st.lists(TIMES, max_size=200))
def test_any_time_is_what_python_prints(times: list[int]) -> None:
    batch = Batch([a_row(time=time, value=1) for time in times])
    made, expected = both("json_rows", batch, batch)
    assert made == expected


def test_every_third_day_of_all_centuries_has_its_date() -> None:
    times = [day * 86_400 * 10**9 + day for day in range(1, 213_503, 3)]
    batch = Batch([a_row(time=time) for time in times])
    cells = csv.DictReader(
        io.StringIO((text.CSV_HEADER + b"".join(_text.csv_rows(batch))).decode())
    )
    assert [row["time"] for row in cells] == list(map(time_text, times))


def a_histogram(**fields: Any) -> Row:
    defaults: dict[str, Any] = {"count": 1, "bounds": (), "bucket_counts": ()}
    return a_row(kind="histogram", **{**defaults, **fields})


@pytest.mark.parametrize(
    "row",
    [
        a_histogram(count=3, bounds=(5.0,)),
        a_histogram(bucket_counts=(2**64 - 1,) * 5, bounds=(1.0, 2.0, 4.0, 8.0)),
        a_histogram(bucket_counts=(2**63, 2**63 - 1, 2**63 + 1), bounds=(1.0, 1.5), min=0.5),
        a_histogram(bucket_counts=(2**53 + 1, 1, 2**53 + 1), bounds=(1.0, 3.0), max=4.0),
        a_histogram(bucket_counts=(1, 1), bounds=(float("nan"),)),
        a_histogram(bucket_counts=(3, 1), bounds=(10.0,), min=9.0, max=12.0),
        a_histogram(bucket_counts=(0, 3, 1), bounds=(1e-308, 1e308)),
        *(
            a_row(
                kind="exponential_histogram",
                count=3,
                scale=scale,
                zero_count=zero,
                zero_threshold=0.0,
                positive=Buckets(offset, (1, 0, 2)),
                negative=Buckets(-offset - 1, (2, 1)),
            )
            for scale in (-(2**31), -1100, -1, 0, 3, 20, 2**31 - 1)
            for zero in (0, 1, 2**64 - 1)
            for offset in (-(2**31), -1, 0, 5, 2**31 - 1)
        ),
    ],
)
def test_estimated_quantiles_are_the_same_to_the_bit(row: Row) -> None:
    batch = Batch([row])
    made, expected = both("json_rows", batch, batch)
    assert made == expected


# What they print ---------------------------------------------------------------------------------


@TWINS
def test_every_key_of_an_object(twin: Any) -> None:
    exemplar = Exemplar(7, 1_700_000_000_000_000_000, "00ff", "", {"b": 1, "a": b"\0"})
    event = Event(1_700_000_000_000_000_001, 4711, 12, 3)
    row = a_row(
        event,
        kind="histogram",
        temporality="delta",
        attributes={"z": {"y": 1, "x": [1.0, True]}, "a": None},
        count=4,
        sum=50.0,
        min=5.0,
        max=20.0,
        bounds=(10.0, 30.0),
        bucket_counts=(2, 2, 0),
        exemplars=(exemplar,),
    )
    (record,) = json_of(twin, row)
    assert list(record["attributes"]) == ["a", "z"]
    assert list(record["attributes"]["z"]) == ["x", "y"]
    assert record == {
        "file": "m.pb",
        "offset": 7,
        "event_time": "2023-11-14T22:13:20.000000001Z",
        "pid": 4711,
        "tid": 12,
        "processor": 3,
        "metric": "m",
        "kind": "histogram",
        "unit": "1",
        "description": "",
        "metadata": {},
        "temporality": "delta",
        "attributes": {"a": None, "z": {"x": [1.0, True], "y": 1}},
        "scope": {
            "name": "lib",
            "version": "2.0",
            "attributes": {},
            "schema_url": "",
            "dropped_attributes_count": 0,
        },
        "resource": {
            "attributes": {"service.name": "tests"},
            "schema_url": "",
            "dropped_attributes_count": 0,
        },
        "start": None,
        "time": "2023-11-14T22:14:20.123456789Z",
        "flags": 0,
        "count": 4,
        "sum": 50.0,
        "min": 5.0,
        "max": 20.0,
        "bounds": [10.0, 30.0],
        "bucket_counts": [2, 2, 0],
        "exemplars": [
            {
                "value": 7,
                "time": "2023-11-14T22:13:20.000000000Z",
                "trace_id": "00ff",
                "span_id": "",
                "attributes": {"a": {"base64": "AA=="}, "b": 1},
            }
        ],
        "estimates": {"p50": 10.0, "p90": 18.0, "p99": 19.8},
    }


@TWINS
def test_the_columns_of_csv(twin: Any) -> None:
    event = Event(1_700_000_000_000_000_001, 4711, 12, 3)
    plain, with_event = csv_of(twin, a_row(value=1.5), a_row(event, value=-3))
    assert plain | {} == {
        **dict.fromkeys(text.CSV_COLUMNS, ""),
        "file": "m.pb",
        "offset": "7",
        "metric": "m",
        "kind": "gauge",
        "unit": "1",
        "attributes": "{}",
        "value": "1.5",
        "time": "2023-11-14T22:14:20.123456789Z",
        "flags": "0",
        "exemplars": "0",
        "scope": "lib",
        "scope_version": "2.0",
        "resource": '{"service.name": "tests"}',
    }
    assert list(with_event.items())[-4:] == [
        ("event_time", "2023-11-14T22:13:20.000000001Z"),
        ("pid", "4711"),
        ("tid", "12"),
        ("processor", "3"),
    ]


@TWINS
def test_cells_of_csv_act_on_nothing(twin: Any) -> None:
    names = ["=1+2", "+1", "-1", "@SUM(A1)", "a\x1b[31m\r\nb", "-", "a=1", 'a,"b"', "=\u200b"]
    rows = csv_of(twin, *(a_row(metric=name, value=-5) for name in names))
    assert [row["metric"] for row in rows] == [
        *("'=1+2", "'+1", "'-1", "'@SUM(A1)", r"a\x1b[31m\r\nb", "-", "a=1", 'a,"b"'),
        r"'=\u200b",
    ]
    assert {row["value"] for row in rows} == {"-5"}


@TWINS
def test_nothing_unprintable_stands_in_json(twin: Any) -> None:
    odd = 'a\x1b[31m\x7f\x85\u2028\u200b\U000e0001é世😀"\\'
    row = a_row(metric=odd, attributes={odd: odd})
    written = b"".join(twin.json_rows(Batch([row]))).decode()
    assert written.rstrip("\n").isprintable()
    assert "é世😀" in written
    (record,) = json_of(twin, row)
    assert (record["metric"], record["attributes"]) == (odd, {odd: odd})


@TWINS
def test_ascii_is_enough_where_it_must_be(twin: Any) -> None:
    row = a_row(metric="é", attributes={"世": "😀"})
    assert b"".join(twin.json_rows(Batch([row]), ascii_only=True)).isascii()
    (record,) = json_of(twin, row, ascii_only=True)
    assert (record["metric"], record["attributes"]) == ("é", {"世": "😀"})
    (cells,) = csv_of(twin, row, ascii_only=True)
    assert cells["attributes"].isascii()
    assert (cells["metric"], json.loads(cells["attributes"])) == ("é", {"世": "😀"})


@TWINS
def test_what_stands_between_rows_is_asked_for(twin: Any) -> None:
    rows = [a_row(value=number) for number in range(1000)]
    pieces = list(twin.json_rows(Batch(rows), before=b",\n", after=b""))
    assert all(piece.startswith(b",\n{") and piece.endswith(b"}") for piece in pieces)
    array = json.loads(b"[" + b"".join(pieces)[1:] + b"]")
    assert [record["value"] for record in array] == list(range(1000))


@TWINS
@pytest.mark.parametrize("function", ["json_rows", "csv_rows"])
def test_large_batches_come_in_pieces_of_whole_rows(twin: Any, function: str) -> None:
    row = a_row(value=1, attributes={"long": "x" * 20_000})
    pieces = list(getattr(twin, function)(Batch([row] * 300)))
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 6 << 20
    assert all(piece.endswith(b"\n") for piece in pieces)


@TWINS
@pytest.mark.parametrize("function", ["json_rows", "csv_rows"])
def test_a_batch_without_rows_is_no_text(twin: Any, function: str) -> None:
    batch = pa.record_batch(Batch([a_row()])).slice(0, 0) if twin is _text else Batch([])
    assert list(getattr(twin, function)(batch)) == []


# Batches that are none ---------------------------------------------------------------------------


def test_an_entry_that_the_dictionary_lacks_is_an_error() -> None:
    batch = pa.record_batch(Batch([a_row()]))
    wrong = pa.DictionaryArray.from_arrays(pa.array([1], pa.int32()), ["m"], safe=False)
    batch = batch.set_column(0, batch.schema.field(0), wrong)
    with pytest.raises(ValueError, match="a dictionary of 1 texts has no entry 1"):
        list(_text.json_rows(batch))


def test_a_null_where_none_may_be_is_an_error() -> None:
    batch = pa.record_batch(Batch([a_row()]))
    number = batch.schema.get_field_index("Flags")
    nulls = pa.array([None], pa.uint32())
    batch = batch.set_column(number, pa.field("Flags", pa.uint32()), nulls)
    with pytest.raises(ValueError, match="row 0 has a null in a column that has none"):
        list(_text.csv_rows(batch))


def test_other_columns_are_an_error() -> None:
    with pytest.raises(ValueError, match="columns"):
        _text.csv_rows(pa.record_batch({"a": [1]}))
    with pytest.raises(TypeError, match="int"):
        _text.json_rows(1)
