"""Rows of batches that match, and the newest points: compiled code and its specification agree."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures.columns import select
from otel_etw.captures.columns.conditions import NameConditions
from otel_etw.captures.columns.reference import Batch, Row
from otel_etw.captures.items import Event
from tests.support.batches import (
    LAYOUTS,
    ROWS,
    SCHEMA,
    contents,
    gauge_row,
    pyarrow_batch,
    row_contents,
)

try:
    from otel_etw.captures.columns import _select
except ImportError:
    _select = None  # type: ignore[assignment]

compiled = pytest.mark.skipif(_select is None, reason="otel_etw.captures.columns not compiled here")

SELECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "names": st.lists(
            st.sampled_from(["http.*", "*", "HTTP*", "db.calls", "x", "", "*世", "[h]*s"]),
            max_size=2,
        ),
        "attributes": st.lists(
            st.sampled_from(
                [
                    *("route", "route=/api", "route=", "method=GET", "n=1", "n=1.0", "n=true"),
                    *("k=null", "k=NaN", 'k={"k": 1}', 'k=[1, "x"]', "k=a=b", "zzz", "k=世\n"),
                    'n={"base64": "AP8="}',
                ]
            ),
            max_size=2,
        ),
        "since": st.sampled_from([None, -5, 0, 1, 5, 1 << 63, (1 << 64) - 1, 1 << 64, 10**400]),
        "until": st.sampled_from([None, -(10**400), 0, 4, 5, 1 << 63, (1 << 64) - 1, 10**400]),
        "pids": st.lists(st.sampled_from([0, 1, 42, -1, 1 << 32, (1 << 32) - 1]), max_size=2),
    },
)


# Choosing ----------------------------------------------------------------------------------------


@compiled
@settings(max_examples=300)
@given(ROWS, SELECTIONS, st.sampled_from(LAYOUTS))
def test_both_choose_the_same_rows(
    rows: list[Row], asked: dict[str, Any], layout: Callable[[Sequence[Row]], Any]
) -> None:
    expected = select.Selector(**asked)(Batch(rows))
    found = _select.Selector(**asked)(layout(rows))
    assert contents([found]) == row_contents(expected.rows)


CHOICES = [
    ({}, [0, 1, 2, 3]),
    ({"names": ["http.*"]}, [0, 1]),
    ({"names": ["*.errors", "db.*"]}, [1, 3]),
    ({"attributes": ["route"]}, [0, 1]),
    ({"attributes": ["route=/api"]}, [0]),
    ({"attributes": ["route=/api", "n=1"]}, [0]),
    ({"attributes": ["n=1"]}, [0, 2]),
    ({"names": ["HTTP.*"], "attributes": ["n"]}, [2]),
    ({"since": 2, "until": 3}, [1, 2]),
    ({"until": 3}, [0, 1, 2]),
    ({"since": 5}, []),
]


def four() -> list[Row]:
    return [
        gauge_row(0.0, time=1, name="http.requests", route="/api", n=1),
        gauge_row(1.0, time=2, name="http.errors", route="/"),
        gauge_row(2.0, time=3, name="HTTP.other", n="1"),
        gauge_row(3.0, time=0, name="db.calls"),
    ]


@pytest.mark.parametrize(("asked", "chosen"), CHOICES)
def test_the_specification_chooses_what_was_asked_for(
    asked: dict[str, Any], chosen: list[int]
) -> None:
    batch = select.Selector(**asked)(Batch(four()))
    assert [row.point.value for row in batch.rows] == chosen
    assert len(batch) == len(chosen)


@compiled
def test_a_batch_that_matches_is_handed_on_as_it_is() -> None:
    batch = pyarrow_batch(four())
    assert _select.Selector()(batch) is batch
    assert _select.Selector(names=["*"], attributes=())(batch) is batch


def test_there_may_be_64_conditions() -> None:
    asked = [f"k{number}" for number in range(65)]
    row = gauge_row(1.0, **dict.fromkeys(asked, 1))
    for selector in [select.Selector, *([_select.Selector] if _select else [])]:
        batch = Batch([row])
        assert selector(attributes=asked[:64] * 2)(batch) is batch
        with pytest.raises(ValueError, match="65 conditions on attributes; 64 are allowed"):
            selector(attributes=asked)


def test_the_answer_for_a_very_long_name_is_not_kept() -> None:
    conditions = NameConditions(["x*"])
    tracemalloc.start()
    try:
        for number in range(50):
            assert conditions.matches("x" * 100_000 + str(number))
            assert not conditions.matches("y" * 100_000 + str(number))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


@compiled
def test_no_memory_for_the_pair_of_capsules_does_no_harm() -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    found = _select.Selector(names=["http.*"])(pyarrow_batch(four()))
    # Now there is no freed tuple that could be used again.
    tuples = [(number, number) for number in range(5_000)]
    failures = 0
    for allocation in range(20):
        testcapi.set_nomemory(allocation, allocation + 1)
        try:
            found.__arrow_c_array__()
        except MemoryError:
            failures += 1
        finally:
            testcapi.remove_mem_hooks()
    assert failures
    del tuples
    assert len(contents([found])) == 2


@compiled
def test_what_was_chosen_outlives_all_it_came_from() -> None:
    batch = pyarrow_batch(four())
    found = _select.Selector(names=["http.errors"])(batch)
    del batch
    taken = pa.record_batch(found)
    column = taken.column("Attributes")
    assert len(found) == 1
    del found, taken
    gc.collect()
    assert column.to_pylist() == ['{"route": "/"}']
    assert len(column.dictionary) == 1


@compiled
def test_parts_of_a_chosen_batch_may_be_taken_alone() -> None:
    found = _select.Selector(names=["http.*"])(pyarrow_batch(four()))
    members = pa.array(found).field("Attributes")
    schema = pa.schema(found)
    del found
    gc.collect()
    assert members.to_pylist() == ['{"n": 1, "route": "/api"}', '{"route": "/"}']
    assert schema.equals(SCHEMA)


@compiled
def test_capsules_that_nobody_takes_are_freed() -> None:
    found = _select.Selector(names=["http.*"])(pyarrow_batch(four()))
    for _ in range(100):
        found.__arrow_c_array__()
        found.__arrow_c_schema__()
    assert len(contents([found])) == 2


@compiled
@pytest.mark.parametrize("what", [1, None, "text", [1]])
def test_what_is_no_batch_is_a_type_error(what: object) -> None:
    with pytest.raises(TypeError, match="__arrow_c_array__"):
        _select.Selector(names=["x"])(what)


def _wrong() -> list[tuple[pa.RecordBatch, str]]:
    batch = pyarrow_batch(four())
    index = SCHEMA.get_field_index("TimeUnix")
    texts = pa.array(["x"] * 4)
    return [
        (pa.record_batch({"a": [1]}), "44 columns, and this has 1"),
        (batch.set_column(index, "Time", batch.column(index)), "is TimeUnix, and this has Time"),
        (batch.set_column(index, "TimeUnix", texts), "TimeUnix has Arrow's format u, not tsn:UTC"),
        (batch.set_column(0, "MetricName", texts), "MetricName has Arrow's format u, not i"),
        (
            batch.set_column(0, "MetricName", pa.array(range(4), pa.int32())),
            "MetricName must be a dictionary",
        ),
        (
            batch.set_column(0, "MetricName", texts.cast(pa.large_string()).dictionary_encode()),
            "dictionary of MetricName has Arrow's format U, not u",
        ),
        (
            batch.set_column(
                SCHEMA.get_field_index("BucketCounts"),
                "BucketCounts",
                pa.array([[1.5]] * 4, pa.list_(pa.float64())),
            ),
            "BucketCounts has Arrow's format g, not L",
        ),
    ]


@compiled
@pytest.mark.parametrize("number", range(7))
def test_other_columns_are_refused_by_name(number: int) -> None:
    batch, words = _wrong()[number]
    with pytest.raises(ValueError, match=words):
        _select.Selector(names=["x"])(batch)
    with pytest.raises(ValueError, match="struct"):
        _select.Selector()(pa.array([1]))


@compiled
def test_columns_at_the_end_that_are_not_known_yet_are_kept() -> None:
    batch = pyarrow_batch(four()).append_column("New", pa.array([1, 2, 3, 4], pa.int64()))
    found = pa.record_batch(_select.Selector(names=["http.*"])(batch))
    assert found.column("New").to_pylist() == [1, 2]


# The newest --------------------------------------------------------------------------------------


@compiled
@settings(max_examples=200)
@given(st.lists(ROWS, max_size=6), st.sampled_from(LAYOUTS))
def test_both_keep_the_same_newest_rows(
    batches: list[list[Row]], layout: Callable[[Sequence[Row]], Any]
) -> None:
    expected, found = select.Newest(), _select.Newest()
    for rows in batches:
        expected.add(Batch(rows))
        found.add(layout(rows))
    assert len(found) == len(expected)
    newest = row_contents(row for batch in expected.finish() for row in batch.rows)
    assert contents(found.finish()) == newest
    assert contents(found.finish()) == newest


def test_the_newest_are_these() -> None:
    newest = select.Newest()
    newest.add(Batch([gauge_row(1.0, k="a"), gauge_row(2.0, k="b"), gauge_row(3.0, time=2, k="a")]))
    newest.add(Batch([gauge_row(4.0, time=0, k="b"), gauge_row(5.0, k="c"), gauge_row(6.0, k="b")]))
    (batch,) = newest.finish()
    assert [row.point.value for row in batch.rows] == [3.0, 5.0, 6.0]


def test_the_newest_are_those_of_each_process() -> None:
    processes = [None, 7, 8, (1 << 32) - 1, 7]
    events = [None if process is None else Event(1, process, 1, 0) for process in processes]
    rows = [gauge_row(float(n))._replace(event=event) for n, event in enumerate(events)]
    newest = select.Newest()
    newest.add(Batch(rows))
    (batch,) = newest.finish()
    assert [row.point.value for row in batch.rows] == [0.0, 2.0, 3.0, 4.0]
    assert len(newest) == 4
    if _select:
        found = _select.Newest()
        found.add(pyarrow_batch(rows))
        assert contents(found.finish()) == row_contents(batch.rows)


@compiled
def test_the_newest_of_many_batches() -> None:
    """Series that stay and series that go, so that batches are copied again and again."""
    dice = random.Random(7)
    expected, found = select.Newest(), _select.Newest()
    for number in range(120):
        rows = [
            gauge_row(float(number), time=dice.randrange(50), k=dice.randrange(40 + number))
            for _ in range(dice.randrange(60))
        ]
        expected.add(Batch(rows))
        found.add(pyarrow_batch(rows))
    newest = row_contents(row for batch in expected.finish() for row in batch.rows)
    assert contents(found.finish()) == newest
    assert len(newest) == len(found) > 100


@compiled
def test_memory_grows_with_the_series_alone() -> None:
    """Batches whose rows are all outdone are let go of."""
    newest = _select.Newest()
    before = pa.total_allocated_bytes()
    for time in range(300):
        newest.add(pyarrow_batch([gauge_row(1.0, time=time, k=k) for k in range(100)]))
    assert pa.total_allocated_bytes() - before < 1 << 20
    assert len(contents(newest.finish())) == 100


@compiled
def test_two_threads_at_once_are_refused_or_take_turns() -> None:
    newest = _select.Newest()
    batch = pyarrow_batch([gauge_row(1.0, time=k, k=k) for k in range(20_000)])
    refused = []

    def add() -> None:
        for _ in range(20):
            try:
                newest.add(batch)
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another thread" in text for text in refused)
    assert len(contents(newest.finish())) == 20_000
