"""Points into frames: none lost, none twice, in order, and every frame as full as it may be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support import frame_rules
from tests.support.any_metrics import metrics_data
from tests.support.official_encoder import Encoded, of_points
from tests.support.points import KINDS, POINTS
from tests.support.recombining import recombined, vocabularies

LIMITS = st.none() | st.sampled_from([0, 20, 127, 128, 16_383, 16_384]) | st.integers(20, 1500)
MAX_POINTS = st.sampled_from([None, 1, 2, 7])


def check(data: Any, native: bool, limit: int | None, max_points: int | None) -> Encoded:
    big = Encoded(data, native)
    packed = Encoded(data, native, limit, max_points=max_points)
    if limit is None and max_points is None:
        assert packed.frames == big.frames
        return packed
    too_large = frame_rules.check(big.frames[0], packed.frames, packed.counts, limit, max_points)
    assert packed.lost["point", "too_large"] == too_large
    assert {**packed.lost, ("point", "too_large"): 0} == {**big.lost, ("point", "too_large"): 0}
    return packed


@given(data=metrics_data(hostile=True), limit=LIMITS, max_points=MAX_POINTS)
@settings(max_examples=100)
def test_arbitrary_data(
    native: bool, data: MetricsData, limit: int | None, max_points: int | None
) -> None:
    # Attributes as deep as the official encoder takes make a request too deep for parsers.
    assume(frame_rules.parses(Encoded(data, native).frames[0]))
    assume(frame_rules.readable(Encoded(data, native).frames[0]))
    check(data, native, limit, max_points)


@given(
    words=vocabularies(),
    seed=st.integers(0, 2**32),
    limit=LIMITS.filter(bool),
    max_points=MAX_POINTS,
)
@settings(max_examples=15)
def test_many_points(
    native: bool, words: Any, seed: int, limit: int | None, max_points: int | None
) -> None:
    check(recombined(words, seed, 200), native, limit, max_points)


def several(sizes: list[int]) -> MetricsData:
    """Two resources of two scopes of two metrics, of points with texts of these sizes."""
    points = [
        NumberDataPoint({"filler": "x" * size}, 0, 5, number) for number, size in enumerate(sizes)
    ]
    metrics = [Metric("one", "", "", Gauge(points)), Metric("two", "", "By", Gauge(points[::-1]))]
    scopes = [
        ScopeMetrics(InstrumentationScope(name, "1", "http://schema"), metrics, "") for name in "ab"
    ]
    return MetricsData(
        [ResourceMetrics(Resource({"n": name}, "http://schema"), scopes, "") for name in "xy"]
    )


@pytest.mark.parametrize("max_points", [None, 1])
@pytest.mark.parametrize(
    "sizes",
    [[0] * 12, [0, 40, 0, 90, 3], [60, 61, 62, 63], [0, 35, 0, 0, 0, 9, 9, 0]],
    ids=str,
)
def test_every_limit(sizes: list[int], max_points: int | None, native: bool) -> None:
    data = several(sizes)
    for limit in [*range(60, 200), *range(200, 900, 23)]:
        check(data, native, limit, max_points)


@pytest.mark.parametrize("max_points", [1, 2, 7])
def test_number_of_points_in_a_frame(max_points: int, native: bool) -> None:
    """Frames reach over metrics and scopes, never over resources."""
    packed = check(several([0] * 5), native, None, max_points)
    whole, rest = divmod(20, max_points)
    assert packed.counts == ([max_points] * whole + [rest] * bool(rest)) * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("points", [1, 2, 9])
def test_a_frame_of_exactly_the_limit(kind: type, points: int, native: bool) -> None:
    data = of_points([POINTS[kind]] * points, kind)
    (whole,) = Encoded(data, native).frames
    assert Encoded(data, native, len(whole)).frames == [whole]
    under = Encoded(data, native, len(whole) - 1)
    if points == 1:
        assert under.frames == []
        assert under.lost == {("point", "too_large"): 1}
    else:
        assert under.counts == [points - 1, 1]
        assert not under.lost


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [60, 200, 400])
def test_a_point_too_large_is_lost_alone(kind: type, limit: int, native: bool) -> None:
    """Also where it comes first, and where the frame before it is open."""
    good = POINTS[kind]
    large = dataclasses.replace(good, attributes={"filler": "x" * 400})
    check(of_points([large, good, good, large, large, good, large], kind), native, limit, None)


def test_what_holds_no_point_is_in_no_frame_of_a_limit(native: bool) -> None:
    empty = Metric("empty", "", "", Gauge([]))
    full = Metric("full", "", "", Gauge([NumberDataPoint({}, 0, 5, 1)]))

    def of(*metrics: Metric) -> MetricsData:
        scopes = [ScopeMetrics(InstrumentationScope("s"), each, "") for each in ([], [*metrics])]
        scopes[0] = ScopeMetrics(InstrumentationScope("nothing"), [], "")
        return MetricsData(
            [ResourceMetrics(Resource({"n": 1}), [], ""), ResourceMetrics(Resource({}), scopes, "")]
        )

    (frame,) = Encoded(of(empty, full, empty), native, 1000).frames
    assert b"full" in frame
    assert b"empty" not in frame
    assert b"nothing" not in frame
    assert Encoded(of(empty), native, 1000).frames == []
    assert Encoded(of(empty), native, max_points=1).frames == []
    assert b"nothing" in Encoded(of(empty), native).frames[0]
