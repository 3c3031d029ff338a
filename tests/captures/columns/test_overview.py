"""What is kept of series over a capture: compiled code and its specification agree."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures.columns import overview
from otel_etw.captures.columns.reference import Batch, Row
from otel_etw.captures.columns.series import SLOTS, Series
from otel_etw.captures.items import Event
from otel_etw.captures.points import Buckets, Point, Resource, Scope
from tests.support.batches import any_row, gauge_row, pyarrow_batch

try:
    from otel_etw.captures.columns import _overview
except ImportError:
    _overview = None  # type: ignore[assignment]

compiled = pytest.mark.skipif(
    _overview is None, reason="otel_etw.captures.columns not compiled here"
)
SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND

BOTH = [overview.Overview, *([_overview.Overview] if _overview else [])]


def comparable(value: Any) -> Any:
    """NaN is equal to itself; 1 and 1.0 are apart."""
    return repr(value)


def told(kept: Any) -> Any:
    """All that an overview tells."""
    return [
        *(len(kept), kept.points, kept.left_out, kept.first_time, kept.newest_time),
        *(kept.metrics, kept.descriptions, kept.origins),
        [
            (
                kept.series_count(number),
                kept.point_count(number),
                [comparable(asdict(each)) for each in kept.series(number)],
            )
            for number in range(len(kept.metrics))
        ],
    ]


def both_told(batches: Sequence[Sequence[Row]], **limits: int) -> tuple[Any, Any]:
    expected, found = overview.Overview(**limits), _overview.Overview(**limits)
    for rows in batches:
        expected.add(Batch(list(rows)))
        found.add(pyarrow_batch(rows))
    return told(found), told(expected)


@compiled
@settings(max_examples=150)
@given(st.lists(st.lists(any_row, max_size=12), max_size=3))
def test_both_tell_the_same_of_anything(batches: list[list[Row]]) -> None:
    found, expected = both_told(batches)
    assert found == expected


TIMES = st.one_of(
    st.integers(0, 3),
    st.integers(BEGIN, BEGIN + 100),
    st.builds(lambda second: BEGIN + second * SECOND, st.integers(0, 100)),
    st.integers(0, (1 << 64) - 1),
)
SMALL = st.builds(
    Buckets,
    offset=st.integers(-600, 600),
    counts=st.lists(st.integers(0, 2), max_size=9).map(tuple),
)


@st.composite
def points_of_few_series(draw: st.DrawFn) -> list[Row]:
    """Points that mostly belong together, one temporality a kind."""
    temporality = draw(st.sampled_from([None, "delta", "cumulative"]))
    monotonic = draw(st.booleans())
    rows = []
    for row in draw(st.lists(any_row, max_size=25)):
        point = replace(
            row.point,
            metric="m",
            unit="",
            attributes={"k": draw(st.integers(0, 1))},
            scope=Scope(),
            resource=Resource({}),
            time=draw(TIMES),
            start=draw(st.sampled_from([0, 1, BEGIN - SECOND])),
            flags=draw(st.sampled_from([0, 0, 0, 1])),
        )
        if point.kind not in ("gauge", "summary"):
            point = replace(point, temporality=temporality)
        if point.kind == "sum":
            point = replace(point, monotonic=monotonic)
        if point.kind == "exponential_histogram" and draw(st.booleans()):
            point = replace(
                point, scale=draw(st.integers(-3, 5)), positive=draw(SMALL), negative=draw(SMALL)
            )
        if point.kind == "histogram" and draw(st.booleans()):
            counts = tuple(draw(st.lists(st.integers(0, 5), min_size=3, max_size=3)))
            point = replace(point, bounds=(1.0, 2.0), bucket_counts=counts)
        rows.append(row._replace(point=point))
    return rows


@compiled
@settings(max_examples=400)
@given(points_of_few_series(), st.integers(0, 25))
def test_both_tell_the_same_of_series_of_many_points(rows: list[Row], cut: int) -> None:
    found, expected = both_told([rows[:cut], rows[cut:]])
    assert found == expected


@compiled
@settings(max_examples=400)
@given(points_of_few_series(), st.integers(0, 25))
def test_both_tell_the_same_where_there_is_room_for_one_series(rows: list[Row], cut: int) -> None:
    found, expected = both_told([rows[:cut], rows[cut:]], max_bytes=1)
    assert found == expected


# What it means -----------------------------------------------------------------------------------


@pytest.fixture(params=BOTH, ids=lambda made: made.__module__.rpartition(".")[2])
def kept(request: pytest.FixtureRequest) -> Any:
    return request.param()


def add(kept: Any, rows: Sequence[Row]) -> None:
    kept.add(Batch(list(rows)) if isinstance(kept, overview.Overview) else pyarrow_batch(rows))


def only(kept: Any) -> Series:
    (series,) = kept.series(0)
    return series  # type: ignore[no-any-return]


def number_rows(
    values: Sequence[float | None],
    kind: str = "sum",
    temporality: str | None = "cumulative",
    **more: Any,
) -> Iterator[Row]:
    """Points a second apart; None leaves one out."""
    monotonic = more.pop("monotonic", True if kind == "sum" else None)
    for second, value in enumerate(values):
        if value is None:
            continue
        row = gauge_row(value, time=BEGIN + second * SECOND)
        point = replace(row.point, kind=kind, temporality=temporality, monotonic=monotonic, **more)
        yield row._replace(point=point)


def test_a_level_has_a_change(kept: Any) -> None:
    add(kept, list(number_rows([5, 9, 7.5], "gauge", None)))
    series = only(kept)
    assert (series.value, series.change, series.total, series.rate) == (7.5, 2.5, None, None)
    assert (series.points, series.first_time, series.newest_time) == (3, BEGIN, BEGIN + 2 * SECOND)
    assert [slot for slot in series.slots if slot is not None] == [5, 9, 7.5]
    assert series.distribution is None


def test_a_single_level_has_none(kept: Any) -> None:
    add(kept, list(number_rows([5], "gauge", None)))
    series = only(kept)
    assert (series.value, series.change, series.slots) == (5, None, ())
    assert isinstance(series.value, int)


def test_a_counter_has_a_rate_and_may_begin_anew(kept: Any) -> None:
    add(kept, list(number_rows([100, 110, 130, 4, 10])))
    series = only(kept)
    assert (series.value, series.total, series.rate) == (10, 40.0, 10.0)
    assert [slot for slot in series.slots if slot is not None] == [10, 20, 4, 6]


def test_files_may_be_read_in_another_order(kept: Any) -> None:
    rows = list(number_rows([100, 110, 130, 134, 140]))
    add(kept, rows[3:])
    add(kept, rows[:3])
    series = only(kept)
    assert (series.value, series.total, series.rate) == (140, 40.0, 10.0)
    assert (series.first_time, series.newest_time) == (BEGIN, BEGIN + 4 * SECOND)


def test_deltas_have_a_total(kept: Any) -> None:
    add(kept, list(number_rows([3, 4, 5], temporality="delta", start=BEGIN - SECOND)))
    series = only(kept)
    assert (series.value, series.total, series.rate) == (5, 12.0, 4.0)


def test_without_a_start_the_first_of_deltas_has_no_time(kept: Any) -> None:
    add(kept, list(number_rows([3, 4, 5], temporality="delta")))
    assert only(kept).rate == 4.5


def test_a_sum_that_may_fall_is_a_level(kept: Any) -> None:
    add(kept, list(number_rows([3, 1], monotonic=False)))
    series = only(kept)
    assert (series.value, series.change, series.rate) == (1, -2.0, None)


def test_the_newest_may_have_no_value(kept: Any) -> None:
    rows = list(number_rows([3, 4]))
    add(kept, [rows[0], rows[1]._replace(point=replace(rows[1].point, flags=1))])
    series = only(kept)
    assert (series.value, series.points, series.total) == (None, 2, 0.0)


def histogram(counts: Sequence[int], bounds: Sequence[float] = (10, 30), **more: Any) -> Point:
    common: dict[str, Any] = {
        "metric": "h",
        "kind": "histogram",
        "unit": "s",
        "description": "",
        "metadata": {},
        "temporality": "delta",
        "monotonic": None,
        "attributes": {},
        "scope": Scope(),
        "resource": Resource({}),
        "start": 0,
        "flags": 0,
        "time": BEGIN,
        "count": sum(counts),
        "sum": 50.0,
        "min": 5.0,
        "max": 20.0,
        "bounds": tuple(bounds),
        "bucket_counts": tuple(counts),
    }
    return Point(**{**common, **more})


def test_histograms_of_deltas_are_added_up(kept: Any) -> None:
    points = [histogram([2, 2, 0]), histogram([0, 0, 4], min=31.0, max=40.0, sum=140.0)]
    add(kept, [Row("f", 0, None, point) for point in points])
    found = only(kept).distribution
    assert found is not None
    assert (found.count, found.sum, found.min, found.max) == (8, 190.0, 5.0, 40.0)
    assert [bucket.size for bucket in found.buckets] == [2, 2, 4]
    assert found.quantile(0.5) == histogram([2, 2, 4], min=5.0, max=40.0).quantile(0.5)


def test_other_bounds_replace_what_there_was(kept: Any) -> None:
    points = [histogram([2, 2, 0]), histogram([0, 0, 4], [1, 2]), histogram([1, 0, 0], [1, 2])]
    add(kept, [Row("f", 0, None, point) for point in points])
    found = only(kept).distribution
    assert found is not None
    assert found.count == 9
    assert [(bucket.size, bucket.high) for bucket in found.buckets] == [
        (1, 1.0),
        (0, 2.0),
        (4, math.inf),
    ]


def test_of_cumulative_histograms_the_newest_counts(kept: Any) -> None:
    points = [
        histogram([2, 2, 0], temporality="cumulative", time=BEGIN),
        histogram([2, 3, 1], temporality="cumulative", time=BEGIN + SECOND),
        histogram([1, 0, 0], temporality="cumulative", time=BEGIN - SECOND),
    ]
    add(kept, [Row("f", 0, None, point) for point in points])
    series = only(kept)
    assert series.distribution is not None
    assert [bucket.size for bucket in series.distribution.buckets] == [2, 3, 1]
    assert (series.total, series.rate) == (5.0, 2.5)


def exponential(scale: int, offset: int, counts: Sequence[int], **more: Any) -> Point:
    return replace(
        histogram(counts),
        kind="exponential_histogram",
        bounds=None,
        bucket_counts=None,
        scale=scale,
        zero_count=0,
        zero_threshold=0.0,
        positive=Buckets(offset, tuple(counts)),
        negative=Buckets(0, ()),
        **more,
    )


def test_exponential_histograms_are_added_at_the_smaller_scale(kept: Any) -> None:
    points = [exponential(1, 2, [1, 2, 3]), exponential(0, 1, [4, 0])]
    add(kept, [Row("f", 0, None, point) for point in points])
    found = only(kept).distribution
    assert found is not None
    # Of scale 1 the buckets 2 and 3 are bucket 1 of scale 0, and bucket 4 is bucket 2.
    assert [(bucket.size, bucket.low, bucket.high) for bucket in found.buckets] == [
        (0, 0.0, 0.0),
        (7, 2.0, 4.0),
        (3, 4.0, 8.0),
    ]


def test_exponential_histograms_have_a_bounded_number_of_buckets(kept: Any) -> None:
    add(kept, [Row("f", 0, None, exponential(3, 0, [1] * 5000))])
    found = only(kept).distribution
    assert found is not None
    assert len(found.buckets) <= overview.SIDE + 1
    assert sum(bucket.size for bucket in found.buckets) == 5000


def test_slots_are_those_of_the_whole_capture(kept: Any) -> None:
    early = [gauge_row(float(s), time=BEGIN + s * SECOND, k="early") for s in range(10)]
    late = [gauge_row(1.0, time=BEGIN + s * SECOND, k="late") for s in range(90, 100)]
    add(kept, early + late)
    first, second = kept.series(0)
    assert len(first.slots) == len(second.slots) <= SLOTS
    assert first.slots[0] is not None
    assert first.slots[-1] is None
    assert second.slots[0] is None
    assert second.slots[-1] == 1.0


@pytest.mark.parametrize("step", [9, 30, 80, 1 << 50])
def test_points_may_be_added_between_two_series(kept: Any, step: int) -> None:
    def rows(step: int) -> list[Row]:
        return [gauge_row(1.0, time=BEGIN + s * step, k=k) for k in (1, 2) for s in range(4)]

    add(kept, rows(1))
    found = kept.series(0)
    assert len(next(found).slots) == 4
    add(kept, [*rows(step), gauge_row(1.0, time=BEGIN, k=3)])
    (second,) = found
    assert second == list(kept.series(0))[1]
    assert len(second.slots) <= SLOTS


def test_series_beyond_the_limit_are_counted() -> None:
    for made in BOTH:
        kept = made(max_series=2)
        add(kept, [gauge_row(1.0, k=k) for k in (1, 2, 3, 1, 3)])
        assert (len(kept), kept.points, kept.left_out) == (2, 5, 2)
        full = made(max_bytes=1)
        add(full, [gauge_row(1.0, k=k) for k in (1, 2, 3, 1, 3)])
        assert (len(full), full.left_out) == (1, 3)


def test_series_of_two_processes_are_two(kept: Any) -> None:
    rows = []
    for second in range(4):
        for process, begin in ((None, 5), (0, 70), ((1 << 32) - 1, 900)):
            event = None if process is None else Event(BEGIN, process, 1, 0)
            (row,) = number_rows([begin + second * 10])
            point = replace(row.point, time=BEGIN + second * SECOND)
            rows.append(row._replace(event=event, point=point))
    add(kept, rows)
    assert [origin.process for origin in kept.origins] == [None, 0, (1 << 32) - 1]
    found = list(kept.series(0))
    assert [series.origin for series in found] == [0, 1, 2]
    assert [(series.value, series.rate) for series in found] == [(35, 10), (100, 10), (930, 10)]


@pytest.mark.parametrize("made", BOTH)
def test_descriptions_take_of_the_bytes_that_there_are(made: Any) -> None:
    kept = made(max_bytes=4_000_000)
    for number in range(5):
        row = gauge_row(1.0, name=f"m{number}")
        text = str(number) * 2_500_000
        add(kept, [row._replace(point=replace(row.point, description=text))])
    assert (len(kept), kept.left_out) == (2, 3)


@pytest.mark.parametrize("made", BOTH)
@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_where_there_is_no_room_distributions_do_not_grow(made: Any, temporality: str) -> None:
    def rows(second: int, *points: Point) -> list[Row]:
        changes: dict[str, Any] = {"temporality": temporality, "time": BEGIN + second * SECOND}
        return [Row("f", 0, None, replace(point, **changes)) for point in points]

    kept = made(max_bytes=2_000_000)
    small = (
        histogram([2, 2, 0]),
        exponential(0, 1, [4, 1], metric="e"),
        histogram([1], (), metric="nothing yet", count=None),
    )
    add(kept, rows(0, *small))
    text = "d" * 2_000_000
    add(kept, rows(0, histogram([1, 0, 0], metric="described", description=text)))
    large = (
        histogram([1] * 9, range(8)),
        exponential(0, 1, [1] * 9, metric="e"),
        histogram([1] * 9, range(8), metric="nothing yet"),
    )
    add(kept, rows(1, *large))
    found = [next(kept.series(number)) for number in range(4)]
    assert [series.points for series in found] == [2, 2, 2, 1]
    counts = [series.distribution and series.distribution.count for series in found]
    assert counts == [4, 5, None, 1]
    # What needs no more than there is replaces it, or is added.
    add(kept, rows(2, histogram([1, 1, 1]), exponential(0, 1, [1, 1], metric="e")))
    found = [next(kept.series(number)) for number in range(2)]
    counts = [series.distribution and series.distribution.count for series in found]
    assert counts == ([7, 7] if temporality == "delta" else [3, 2])
    assert kept.left_out == 0


@compiled
def test_texts_of_an_origin_are_kept_once() -> None:
    kept = _overview.Overview()
    for number in range(3):
        rows = [gauge_row(1.0, name=f"m{number}.{index}") for index in range(3000)]
        scopes = [
            row._replace(point=replace(row.point, scope=Scope(name=str(index % 2 + 2 * number))))
            for index, row in enumerate(rows)
        ]
        add(kept, scopes)
    assert (len(kept), len(kept.metrics), len(kept.origins)) == (9000, 9000, 6)
    assert len({id(origin.resource_attributes) for origin in kept.origins}) == 1


def test_only_as_many_series_are_made_as_asked_for(kept: Any) -> None:
    add(kept, [gauge_row(1.0, k=k) for k in range(10)])
    assert [series.attributes for series in kept.series(0, 2)] == ['{"k": 0}', '{"k": 1}']
    assert kept.series_count(0) == 10
    with pytest.raises(IndexError):
        kept.series_count(1)


@compiled
def test_two_threads_at_once_are_refused_or_take_turns() -> None:
    kept = _overview.Overview()
    batch = pyarrow_batch([gauge_row(1.0, time=k, k=k) for k in range(20_000)])
    refused = []

    def work() -> None:
        for _ in range(20):
            try:
                kept.add(batch)
                list(kept.series(0, 100))
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another thread" in text for text in refused)
    assert len(kept) == 20_000
