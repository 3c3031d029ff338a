"""Parquet's pages: what other libraries read from them is what the rows have, of both twins."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures.columns import NATIVE, Pages, parquet
from otel_etw.captures.columns.parquet_leaves import LEAVES, Page
from otel_etw.captures.columns.reference import Batch, Row, row_values
from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.cli import parquet_output
from otel_etw.cli.parquet_output import ParquetOutput
from tests.support.batches import LAYOUTS, ROWS, gauge_row, pyarrow_batch
from tests.support.converted import comparable, tables

compiled = pytest.mark.skipif(not NATIVE, reason="nothing is compiled here")
TWINS = [parquet.Pages, *([Pages] if NATIVE else [])]


def written(batches: Sequence[Any]) -> pq.ParquetFile:
    content = io.BytesIO()
    output = ParquetOutput(content)
    for batch in batches:
        output.batch(batch)
    output.finish()
    return pq.ParquetFile(io.BytesIO(content.getvalue()))


def read(file: pq.ParquetFile) -> list[Any]:
    return tables(file.iter_batches())


def wanted(rows: Sequence[Row]) -> list[Any]:
    return [comparable(row_values(row)) for row in rows]


@pytest.fixture(params=TWINS, ids=lambda twin: str(twin.__module__).rpartition(".")[2])
def pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Either twin, by which files are written."""
    monkeypatch.setattr(parquet_output, "Pages", request.param)
    return request.param  # type: ignore[no-any-return]


def body_of(page: Page) -> bytes:
    return bytes(page.body)


# Any rows ----------------------------------------------------------------------------------------


@compiled
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(ROWS, max_size=3), layout=st.sampled_from(LAYOUTS))
def test_what_is_read_is_what_was_written(
    parts: list[list[Row]], layout: Callable[[Sequence[Row]], Any]
) -> None:
    file = written([layout(rows) for rows in parts])
    assert read(file) == wanted([row for rows in parts for row in rows])


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(ROWS, max_size=3))
def test_what_the_reference_writes_is_read_too(parts: list[list[Row]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_output, "Pages", parquet.Pages)
        file = written([Batch(rows) for rows in parts])
    assert read(file) == wanted([row for rows in parts for row in rows])


@compiled
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_both_twins_write_the_same_bytes(rows: list[Row]) -> None:
    ours, reference = Pages(), parquet.Pages()
    ours.batch(Batch(rows))
    reference.batch(Batch(rows))
    assert len(ours) == len(reference) == len(rows)
    for leaf in LEAVES:
        numbers = None
        if leaf.kind.is_dictionary:
            texts = ours.texts(leaf.column)
            assert texts == reference.texts(leaf.column)
            numbers = array("i", range(100, 100 + texts[1]))
        for given_numbers in (None, numbers):
            page = ours.page(leaf, given_numbers)
            found = comparable([body_of(page), *page[1:]])
            del page
            assert found == comparable(list(reference.page(leaf, given_numbers)))


RUNS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 40)), max_size=20)


@settings(max_examples=60, deadline=None)
@given(runs=RUNS)
def test_runs_of_texts_and_what_is_between_them(runs: list[tuple[str, int]]) -> None:
    rows = [gauge_row(1.0, name=name) for name, count in runs for _ in range(count)]
    names = [row.point.metric for row in rows]
    for twin in TWINS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parquet_output, "Pages", twin)
            file = written([Batch(rows)])
        assert file.read(["MetricName"]).column(0).to_pylist() == names


# Row groups --------------------------------------------------------------------------------------


def test_small_batches_share_a_row_group_and_its_texts(pages: Callable[[], Any]) -> None:
    batches = [[gauge_row(float(n), name=name, k=str(n % 3)) for name in "ab"] for n in range(20)]
    batches.append([gauge_row(1.0, name="zz", k="new"), gauge_row(1.0, name="a", k="1")])
    file = written([Batch(rows) for rows in batches])
    assert file.num_row_groups == 1
    assert read(file) == wanted([row for rows in batches for row in rows])


@pytest.mark.parametrize(
    ("limit", "value"),
    [("_MOST_ROWS", 10), ("_MOST_BYTES", 1), ("_MOST_TEXTS", 2), ("_MOST_TEXT_BYTES", 1)],
)
def test_a_row_group_ends_when_it_is_full(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_output, limit, value)
    batches = [
        [gauge_row(float(n), name=f"m{n // 2}", k=str(n)) for _ in range(5)] for n in range(8)
    ]
    file = written([Batch(rows) for rows in batches])
    assert file.num_row_groups >= 4
    assert read(file) == wanted([row for rows in batches for row in rows])


def test_no_rows_are_a_file_too(pages: Callable[[], Any]) -> None:
    for batches in ([], [Batch([])]):
        file = written(batches)
        assert (file.num_row_groups, file.metadata.num_rows) == (0, 0)
        assert file.schema_arrow.names == [column.name for column in COLUMNS]


# Statistics, by which readers look past row groups ---------------------------------------------


def statistics(file: pq.ParquetFile, name: str) -> Any:
    group = file.metadata.row_group(0)
    (found,) = (
        group.column(number)
        for number in range(group.num_columns)
        if group.column(number).path_in_schema == name
    )
    return found.statistics


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([3.0, -1.5, 2.0], (-1.5, 3.0)),
        ([3.0, math.inf, -math.inf], (-math.inf, math.inf)),
        ([0.0], (-0.0, 0.0)),
        ([-0.0, 1.0], (-0.0, 1.0)),
        ([1.0, math.nan], None),
        ([None, None], None),
    ],
)
def test_bounds_of_doubles(
    values: list[Any], bounds: tuple[float, float] | None, pages: Callable[[], Any]
) -> None:
    found = statistics(written([Batch([gauge_row(value)]) for value in values]), "Value")
    assert found.null_count == values.count(None)
    assert found.has_min_max == (bounds is not None)
    if bounds:
        assert comparable([found.min, found.max]) == comparable(list(bounds))


def test_bounds_of_other_columns(pages: Callable[[], Any]) -> None:
    rows = [gauge_row(1.0, name=name) for name in ("é", "b", "z")]
    file = written([Batch(rows[:2]), Batch(rows[2:])])
    names = statistics(file, "MetricName")
    assert (names.min, names.max) == ("b", "é")
    assert not statistics(file, "Attributes").has_min_max
    ids = [row_values(row)["SeriesId"] for row in rows]
    found = statistics(file, "SeriesId")
    assert (found.min, found.max) == (min(ids), max(ids))
    assert statistics(file, "Count").null_count == 3
    long = written([Batch([gauge_row(1.0, name="x" * 300)])])
    assert not statistics(long, "MetricName").has_min_max


# What is wrong ----------------------------------------------------------------------------------


@compiled
def test_a_body_is_let_go_before_the_next_page() -> None:
    found = Pages()
    with pytest.raises(ValueError, match="there is no batch"):
        found.page(LEAVES[0])
    found.batch(pyarrow_batch([gauge_row(1.0)]))
    page = found.page(LEAVES[0])
    with pytest.raises(BufferError, match="still in use"):
        found.page(LEAVES[1])
    with pytest.raises(BufferError, match="still in use"):
        found.texts(0)
    del page
    assert found.page(LEAVES[1]).length == 1


def test_only_dictionaries_have_texts(pages: Callable[[], Any]) -> None:
    found = pages()
    found.batch(Batch([gauge_row(1.0, name="m")]))
    assert found.texts(0) == (b"\1\0\0\0m", 1)
    with pytest.raises(ValueError, match="no dictionary"):
        found.texts([column.name for column in COLUMNS].index("Value"))
    with pytest.raises(IndexError):
        found.texts(len(COLUMNS))


@compiled
def test_numbers_without_a_text_are_refused() -> None:
    found = Pages()
    found.batch(pyarrow_batch([gauge_row(1.0, name="a"), gauge_row(1.0, name="b")]))
    with pytest.raises(ValueError, match="1 numbers for 2 texts"):
        found.page(LEAVES[0], array("i", [5]))
    with pytest.raises(TypeError):
        found.batch("no batch")
