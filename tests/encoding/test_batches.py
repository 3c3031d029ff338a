"""Large exports come in batches of bounded size, each as soon as it is full."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Metric, MetricsData, NumberDataPoint

from otel_etw.encoding import Encoder, Losses
from otel_etw.encoding.packing import BATCH_BYTES, PAUSE_BYTES
from tests.support.official_encoder import Encoded, of_metrics, of_points, official
from tests.support.points import KINDS, POINTS

POINTS_IN_ALL = 12_000


def one_metric(kind: type) -> MetricsData:
    return of_points([POINTS[kind]] * POINTS_IN_ALL, kind)


def many_metrics() -> MetricsData:
    some = Gauge([POINTS[Gauge]] * 20)
    return of_metrics([Metric(f"metric {n}", "", "", some) for n in range(POINTS_IN_ALL // 20)])


def fallback_points() -> MetricsData:
    """Points that do not take the fast path."""
    return of_points([NumberDataPoint({"k": [1, 2]}, 0, 1, 1)] * POINTS_IN_ALL)


DATA: dict[str, Any] = {
    **{kind.__name__: lambda kind=kind: one_metric(kind) for kind in KINDS},
    "many metrics": many_metrics,
    "fallback points": fallback_points,
}


@pytest.mark.parametrize("limit", [200, 4096, 61_440])
@pytest.mark.parametrize("name", DATA)
def test_batches_are_bounded(name: str, limit: int, native: bool) -> None:
    """A batch is less than BATCH_BYTES, and one frame."""
    data = DATA[name]()
    ours = Encoded(data, native, limit)
    assert sum(ours.counts) == POINTS_IN_ALL
    assert not ours.lost
    assert len(ours.batches) > 3
    assert all(batch.nbytes < BATCH_BYTES + limit for batch in ours.batches)
    assert all(batch.nbytes >= BATCH_BYTES for batch in ours.batches[:-1])
    assert all(len(batch) for batch in ours.batches)


@pytest.mark.parametrize(("limit", "max_points"), [(4096, None), (None, 1)])
def test_a_batch_comes_as_soon_as_it_is_full(
    limit: int | None, max_points: int | None, native: bool
) -> None:
    """Seen by the losses, which grow as points are encoded."""
    data = of_points([NumberDataPoint({"lost": {1}}, 0, 1, 1)] * POINTS_IN_ALL)
    losses = Losses()
    batches = Encoder(native=native, max_points=max_points).encode(data, limit, losses)
    assert not losses
    points = 0
    for batch in batches:
        points += batch.points
        seen = losses.counts["attribute", "unsupported_type"]
        assert points <= seen < points + 4096
    assert points == POINTS_IN_ALL


def test_a_batch_stays_what_it_is(native: bool) -> None:
    """Whatever comes after it."""
    encoder = Encoder(native=native)
    seen = []
    for batch in encoder.encode(many_metrics(), 4096, Losses()):
        seen.append((batch, b"".join(batch)))
    assert all(b"".join(batch) == content for batch, content in seen)


def test_without_a_limit_there_is_one_frame_of_any_size(native: bool) -> None:
    data = many_metrics()
    (batch,) = Encoded(data, native).batches
    assert [bytes(frame) for frame in batch] == [official(data)]
    assert batch.nbytes > 5 * BATCH_BYTES


@pytest.mark.parametrize("name", DATA)
def test_empty_batches_come_while_a_large_frame_grows(name: str, native: bool) -> None:
    """For the caller to let other threads run: nothing interrupts compiled code."""
    data = DATA[name]()
    *before, last = Encoder(native=native).encode(data, None, Losses())
    assert [len(batch) for batch in before] == [0] * len(before)
    assert bytes(last[0]) == official(data)
    # Each comes with the point that goes beyond; only points count.
    assert last.nbytes // 2 < len(before) * PAUSE_BYTES <= last.nbytes


def test_no_batch_is_empty_where_frames_are_small(native: bool) -> None:
    for batch in Encoder(native=native).encode(one_metric(Gauge), 61_440, Losses()):
        assert len(batch)


def test_an_export_left_half_way_harms_nothing(native: bool) -> None:
    encoder = Encoder(native=native)
    data = one_metric(Gauge)
    half = encoder.encode(data, 4096, Losses())
    next(half)
    whole = [bytes(f) for batch in encoder.encode(data, 4096, Losses()) for f in batch]
    rest = sum(batch.points for batch in half)
    assert whole == Encoded(data, native, 4096).frames
    assert 0 < rest < POINTS_IN_ALL
