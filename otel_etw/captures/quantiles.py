"""Quantiles estimated from the buckets of a histogram.

The rule. Of n recorded values the quantile q is the one of rank q·n, found by counting through the
buckets in ascending order. Within its bucket values are taken to be spread evenly: on a straight
scale in an explicit histogram, on a logarithmic one in an exponential histogram, whose zero bucket
counts as 0. The edges of a bucket are drawn in to the recorded minimum and maximum. Where these
are not known, an outer bucket has one edge only, and that is the answer; but 0 stands below a
first bucket whose edge is positive.

Such an estimate is worth nothing where one wide bucket holds nearly all values. With the SDK's
default bounds that is so for every duration in seconds: all are in the bucket from 0 to 5, and a
median of 0.05 would be shown as 2.5. `trusted_quantile` gives none there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Bucket", "explicit_buckets", "exponential_buckets", "quantile", "trusted_quantile"]


NEARLY_ALL = 0.75
"""The part of all values that makes a bucket too coarse, unless it is narrow."""

NARROW = 2.0
"""A bucket of an exponential histogram of scale 0 is as wide."""


class Bucket(NamedTuple):
    """So many values between two edges, and on which scale they are spread."""

    size: int
    low: float
    high: float
    logarithmic: bool = False


def explicit_buckets(counts: Sequence[int], bounds: Sequence[float]) -> Iterator[Bucket]:
    """The buckets of a histogram with explicit bounds, ascending."""
    edges = [-math.inf, *bounds, math.inf]
    return map(Bucket, counts, edges, edges[1:])


def exponential_buckets(
    scale: int,
    zero_count: int,
    positive: tuple[int, Sequence[int]],
    negative: tuple[int, Sequence[int]],
) -> Iterator[Bucket]:
    """The buckets of an exponential histogram, ascending; a side is its offset and its counts.

    Bucket i of a side holds magnitudes from 2**(i·2**-scale) to 2**((i+1)·2**-scale).
    """
    offset, counts = negative
    for index in reversed(range(len(counts))):
        edge = offset + index
        yield Bucket(counts[index], -_edge(edge + 1, scale), -_edge(edge, scale), True)
    yield Bucket(zero_count, 0.0, 0.0)
    offset, counts = positive
    for edge, count in enumerate(counts, offset):
        yield Bucket(count, _edge(edge, scale), _edge(edge + 1, scale), True)


def quantile(
    q: float,
    buckets: Iterable[Bucket],
    least: float | None = None,
    most: float | None = None,
) -> float | None:
    """The estimate for 0 ≤ q ≤ 1; None when nothing was recorded, or nothing is known of it.

    ``least`` and ``most``: the recorded minimum and maximum, where they are known.
    """
    least, most = _limits(least, most)
    found = _find(q, buckets)
    if not found:
        return None
    estimate = _within(found.bucket, found.part, least, most)
    # A file may hold NaN as a bound.
    if estimate is None or math.isnan(estimate):
        return None
    return min(max(estimate, least), most)


def trusted_quantile(
    q: float,
    buckets: Iterable[Bucket],
    least: float | None = None,
    most: float | None = None,
) -> float | None:
    """The same; also None when more than `NEARLY_ALL` of the values are in the quantile's bucket
    and this, drawn in to minimum and maximum, is wider than a factor of `NARROW`."""
    found = _find(q, buckets := list(buckets))
    is_coarse = found and found.bucket.size > NEARLY_ALL * found.total
    if found and is_coarse and not _is_narrow(*_edges(found.bucket, *_limits(least, most))):
        return None
    return quantile(q, buckets, least, most)


class _Found(NamedTuple):
    """The bucket of a quantile, and behind which part of its values the quantile is."""

    bucket: Bucket
    part: float
    total: int


def _find(q: float, buckets: Iterable[Bucket]) -> _Found | None:
    filled = [bucket for bucket in buckets if bucket.size > 0]
    total = sum(bucket.size for bucket in filled)
    rank = q * total
    for bucket in filled:
        if rank <= bucket.size or bucket is filled[-1]:
            return _Found(bucket, min(1.0, rank / bucket.size), total)
        rank -= bucket.size
    return None


def _limits(least: float | None, most: float | None) -> tuple[float, float]:
    # The SDK writes min +Inf and max -Inf when it keeps neither.
    least = -math.inf if least is None or least == math.inf or math.isnan(least) else least
    most = math.inf if most is None or most == -math.inf or math.isnan(most) else most
    return least, most


def _edges(bucket: Bucket, least: float, most: float) -> tuple[float, float]:
    low, high = max(bucket.low, least), min(bucket.high, most)
    if low == -math.inf and 0 < high < math.inf:
        low = 0.0
    return low, high


def _is_narrow(low: float, high: float) -> bool:
    if low == high:
        return True
    if not low * high > 0:
        return False
    return max(abs(low), abs(high)) <= NARROW * min(abs(low), abs(high))


def _within(bucket: Bucket, part: float, least: float, most: float) -> float | None:
    low, high = _edges(bucket, least, most)
    if math.isinf(low) or math.isinf(high):
        return next((edge for edge in (low, high) if math.isfinite(edge)), None)
    if bucket.logarithmic and low * high > 0:
        return low * math.pow(high / low, part)
    return low + (high - low) * part


def _edge(index: int, scale: int) -> float:
    try:
        return math.pow(2.0, math.ldexp(index, -scale))
    except OverflowError:
        return math.inf if index > 0 else 0.0
