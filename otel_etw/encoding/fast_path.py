"""The fast path: points' fields, read by the interpreter and given to the compiled packer.

Pure Python on purpose: the interpreter's own loop reads an attribute in a third of the time that
compiled code needs for it. One loop a kind, for the interpreter specialises each to its class.

Each reader gives all points to the packer, in order, and yields only where the caller must act:
``(FALLBACK, point)`` where a point lacks a field or is not of the types that compiled code knows,
and ``(FLUSH, point)``. Of most points the result is None, which is TAKEN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .results import FALLBACK, Result

if TYPE_CHECKING:
    from ._data_points import PointPacker

__all__ = ["ReadPoints", "exponentials", "gauges", "histograms", "no_fast_path", "sums"]

ReadPoints = Callable[[list[Any], "PointPacker"], Iterator[tuple[Result, Any]]]


def no_fast_path(points: list[Any]) -> Iterator[tuple[Result, Any]]:
    """Where nothing is compiled: every point falls back."""
    return ((FALLBACK, point) for point in points)


# In each of these only the fields are read inside the ``try``. The interpreter runs signal handlers
# after calls: what one raises when the packer has taken the point must not send it a second time.


def sums(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """NumberDataPoints of a Sum."""
    number = packer.number
    for p in points:
        try:
            attributes, exemplars, value = p.attributes, p.exemplars, p.value
            start, time = p.start_time_unix_nano, p.time_unix_nano
        except Exception:
            yield FALLBACK, p
            continue
        result = number(attributes, start, time, value, exemplars)
        if result is not None:
            yield result, p


def gauges(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """NumberDataPoints of a Gauge, whose start time is never written."""
    number = packer.number
    for p in points:
        try:
            attributes, exemplars, value = p.attributes, p.exemplars, p.value
            time = p.time_unix_nano
        except Exception:
            yield FALLBACK, p
            continue
        result = number(attributes, None, time, value, exemplars)
        if result is not None:
            yield result, p


def histograms(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """HistogramDataPoints."""
    histogram = packer.histogram
    for p in points:
        try:
            attributes, exemplars = p.attributes, p.exemplars
            start, time = p.start_time_unix_nano, p.time_unix_nano
            count, total, low, high = p.count, p.sum, p.min, p.max
            counts, bounds = p.bucket_counts, p.explicit_bounds
        except Exception:
            yield FALLBACK, p
            continue
        result = histogram(
            attributes, start, time, count, total, counts, bounds, low, high, exemplars
        )
        if result is not None:
            yield result, p


def exponentials(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """ExponentialHistogramDataPoints."""
    exponential = packer.exponential
    for p in points:
        try:
            attributes, exemplars, flags = p.attributes, p.exemplars, p.flags
            start, time = p.start_time_unix_nano, p.time_unix_nano
            count, total, low, high = p.count, p.sum, p.min, p.max
            scale, zero, positive, negative = p.scale, p.zero_count, p.positive, p.negative
            above, counts_above = positive.offset, positive.bucket_counts
            below, counts_below = negative.offset, negative.bucket_counts
        except Exception:
            yield FALLBACK, p
            continue
        result = exponential(
            attributes,
            start,
            time,
            count,
            total,
            scale,
            zero,
            above,
            counts_above,
            below,
            counts_below,
            flags,
            low,
            high,
            exemplars,
        )
        if result is not None:
            yield result, p
