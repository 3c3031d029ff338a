"""The fast path: points' fields, read by the interpreter and given to the compiled packer.

Plain Python on purpose: the interpreter's own loop reads an attribute in a third of the time that
compiled code needs for it. One loop a kind, for the interpreter specialises each to its class.

Each reader gives all points to the packer, in order, and yields only where the caller must act:
``(FALLBACK, point)`` where a point lacks a field or is not of the types that compiled code knows,
and ``(FLUSH, point)``. Of most points the result is None, which is TAKEN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import length_hint
from typing import TYPE_CHECKING, Any

from .results import FALLBACK, Result

if TYPE_CHECKING:
    from ._data_points import PointPacker

__all__ = ["ReadPoints", "exponentials", "gauges", "histograms", "no_fast_path", "sums"]

ReadPoints = Callable[[list[Any], "PointPacker"], Iterator[tuple[Result, Any]]]


def no_fast_path(points: list[Any]) -> Iterator[tuple[Result, Any]]:
    """Where nothing is compiled: every point falls back."""
    return ((FALLBACK, point) for point in points)


# An exception may come from reading a field, and also after the call: there the interpreter runs
# signal handlers, and the point may be taken. So the packer is asked, lest a point be sent twice.


def sums(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """NumberDataPoints of a Sum."""
    number = packer.number
    result: Result
    upcoming = iter(points)
    for p in upcoming:
        try:
            result = number(
                p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.value, p.exemplars
            )
            if result is None:
                continue
        except Exception:
            result = packer.result_of(len(points) - length_hint(upcoming) - 1)
        yield result, p


def gauges(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """NumberDataPoints of a Gauge, whose start time is never written."""
    number = packer.number
    result: Result
    upcoming = iter(points)
    for p in upcoming:
        try:
            result = number(p.attributes, None, p.time_unix_nano, p.value, p.exemplars)
            if result is None:
                continue
        except Exception:
            result = packer.result_of(len(points) - length_hint(upcoming) - 1)
        yield result, p


def histograms(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """HistogramDataPoints."""
    histogram = packer.histogram
    result: Result
    upcoming = iter(points)
    for p in upcoming:
        try:
            result = histogram(
                p.attributes,
                p.start_time_unix_nano,
                p.time_unix_nano,
                p.count,
                p.sum,
                p.bucket_counts,
                p.explicit_bounds,
                p.min,
                p.max,
                p.exemplars,
            )
            if result is None:
                continue
        except Exception:
            result = packer.result_of(len(points) - length_hint(upcoming) - 1)
        yield result, p


def exponentials(points: list[Any], packer: PointPacker) -> Iterator[tuple[Result, Any]]:
    """ExponentialHistogramDataPoints."""
    exponential = packer.exponential
    result: Result
    upcoming = iter(points)
    for p in upcoming:
        try:
            positive, negative = p.positive, p.negative
            result = exponential(
                p.attributes,
                p.start_time_unix_nano,
                p.time_unix_nano,
                p.count,
                p.sum,
                p.scale,
                p.zero_count,
                positive.offset,
                positive.bucket_counts,
                negative.offset,
                negative.bucket_counts,
                p.flags,
                p.min,
                p.max,
                p.exemplars,
            )
            if result is None:
                continue
        except Exception:
            result = packer.result_of(len(points) - length_hint(upcoming) - 1)
        yield result, p
