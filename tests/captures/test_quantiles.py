"""The estimator against distributions whose quantiles are known."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_etw.captures.quantiles import explicit_buckets, exponential_buckets, quantile

INFINITY = math.inf


def explicit(
    q: float,
    counts: list[int],
    bounds: list[float],
    least: float | None = None,
    most: float | None = None,
) -> float | None:
    return quantile(q, explicit_buckets(counts, bounds), least, most)


@pytest.mark.parametrize(
    ("q", "estimate"), [(0, 0), (0.25, 5), (0.5, 10), (0.75, 15), (0.9, 18), (1, 20)]
)
def test_values_are_spread_evenly_in_a_bucket(q: float, estimate: float) -> None:
    assert explicit(q, [0, 10, 10, 0], [0.0, 10.0, 20.0]) == pytest.approx(estimate)


def test_edges_are_drawn_in_to_minimum_and_maximum() -> None:
    assert explicit(0.5, [4], [], 10.0, 20.0) == 15
    assert explicit(0.5, [0, 4, 0], [0.0, 100.0], 40.0, 60.0) == 50
    assert explicit(0.0, [1, 1], [10.0], 3.0, 30.0) == 3
    assert explicit(1.0, [1, 1], [10.0], 3.0, 30.0) == 30


@pytest.mark.parametrize(
    ("q", "counts", "bounds", "estimate"),
    [
        (0.5, [4, 0], [10.0], 5.0),
        (0.5, [4, 0], [-10.0], -10.0),
        (0.5, [0, 4], [10.0], 10.0),
        (0.5, [4], [], None),
        (0.5, [0, 0], [10.0], None),
        (0.5, [], [], None),
    ],
)
def test_outer_buckets_without_minimum_and_maximum(
    q: float, counts: list[int], bounds: list[float], estimate: float | None
) -> None:
    assert explicit(q, counts, bounds) == estimate


def test_the_sdk_writes_infinities_for_a_minimum_it_does_not_keep() -> None:
    assert explicit(0.5, [0, 4, 0], [0.0, 10.0], INFINITY, -INFINITY) == 5


def exact(values: list[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


@pytest.mark.parametrize("q", [0.01, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["uniform", "normal", "exponential"])
def test_explicit_estimates_are_within_a_bucket_of_the_truth(name: str, q: float) -> None:
    draw = random.Random(7)
    makes: dict[str, Callable[[], float]] = {
        "uniform": lambda: draw.uniform(-50, 50),
        "normal": lambda: draw.gauss(0, 15),
        "exponential": lambda: draw.expovariate(0.1),
    }
    values = [makes[name]() for _ in range(5000)]
    bounds = [float(edge) for edge in range(-60, 121, 2)]
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    estimate = explicit(q, counts, bounds, min(values), max(values))
    assert estimate == pytest.approx(exact(values, q), abs=2)


def exponential(
    values: list[float], scale: int
) -> tuple[int, int, tuple[int, list[int]], tuple[int, list[int]]]:
    """The buckets that the specification prescribes: index = ceil(log_base(value)) - 1."""
    sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
    zeros = 0
    for value in values:
        if value == 0:
            zeros += 1
            continue
        index = math.ceil(math.log2(abs(value)) * 2.0**scale) - 1
        side = sides[1 if value > 0 else -1]
        side[index] = side.get(index, 0) + 1
    dense = []
    for side in (sides[1], sides[-1]):
        indices = range(min(side, default=0), max(side, default=-1) + 1)
        dense.append((indices.start, [side.get(index, 0) for index in indices]))
    return scale, zeros, dense[0], dense[1]


@pytest.mark.parametrize("q", [0.01, 0.1, 0.4, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("scale", [0, 3, 6])
def test_exponential_estimates_are_within_the_base_of_the_truth(scale: int, q: float) -> None:
    draw = random.Random(11)
    values = [draw.lognormvariate(2, 2) * draw.choice([1, 1, -1]) for _ in range(4000)]
    values += [0.0] * 400
    estimate = quantile(q, exponential_buckets(*exponential(values, scale)))
    truth = exact(values, q)
    base = 2**2.0**-scale
    assert estimate is not None
    if truth == 0:
        assert estimate == 0
    else:
        assert 1 / base / 1.02 <= estimate / truth <= base * 1.02


def test_within_an_exponential_bucket_the_scale_is_logarithmic() -> None:
    assert quantile(0.5, exponential_buckets(0, 0, (0, [2]), (0, []))) == pytest.approx(2**0.5)
    assert quantile(0.5, exponential_buckets(0, 0, (0, []), (0, [2]))) == pytest.approx(-(2**0.5))
    assert quantile(0.25, exponential_buckets(0, 0, (0, []), (0, [2]))) == pytest.approx(-(2**0.75))


def test_the_order_is_negative_zero_positive() -> None:
    buckets = list(exponential_buckets(0, 2, (0, [1, 1]), (0, [1, 1])))
    estimates = [quantile(q / 6, buckets) for q in range(7)]
    assert estimates == pytest.approx([-4, -2, -1, 0, 0, 2, 4], abs=1e-9)


@pytest.mark.parametrize("scale", [-1100, -11, 20, 1100])
@pytest.mark.parametrize("offset", [-(2**31), -1, 0, 2**31 - 2])
def test_no_scale_and_no_offset_is_too_much(scale: int, offset: int) -> None:
    buckets = list(exponential_buckets(scale, 0, (offset, [1, 1]), (offset, [1])))
    for q in (0, 0.3, 0.5, 1):
        estimate = quantile(q, buckets)
        assert estimate is None or not math.isnan(estimate)
        within = quantile(q, buckets, -5.0, 5.0)
        assert within is not None
        assert -5 <= within <= 5


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=6),
    st.lists(st.floats(), max_size=6),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.floats(0, 1),
)
def test_no_histogram_breaks_it(
    counts: list[int],
    bounds: list[float],
    least: float | None,
    most: float | None,
    q: float,
) -> None:
    estimate = explicit(q, counts, bounds, least, most)
    assert estimate is None or not math.isnan(estimate)


@pytest.mark.parametrize("bounds", [[math.nan, 5.0], [1.0, math.nan], [math.nan, math.nan]])
def test_a_bound_that_is_nan_gives_no_estimate(bounds: list[float]) -> None:
    assert explicit(0.5, [0, 4, 0], bounds) is None
    assert explicit(0.5, [0, 4, 0], bounds, 0.5, 6.0) is None
    assert explicit(0.5, [4, 0, 0], [5.0, math.nan], 1.0, 6.0) == 3.0


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_greater_quantile_is_not_smaller(counts: list[int], p: float, q: float) -> None:
    low, high = sorted((p, q))
    first = explicit(low, counts, [1.0, 5.0, 6.0], 0.5, 9.0)
    second = explicit(high, counts, [1.0, 5.0, 6.0], 0.5, 9.0)
    assert first is not None
    assert second is not None
    assert first <= second + 1e-12
