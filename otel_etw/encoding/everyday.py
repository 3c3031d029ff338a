"""Everyday points: their fields, read by the interpreter and given to the compiled packer.

Plain Python on purpose: the interpreter's own loop reads an attribute in a third of the time that
compiled code needs for it. One loop a kind, for the interpreter specialises each to its class.

Each of these reads points one after the other and yields those that are left to the plain encoder,
because they lack a field or are not everyday ones; and READY where the packer has frames to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["READY", "Reader", "exponentials", "gauges", "histograms", "sums"]

READY = object()

Reader = Callable[[list[Any], Any], Iterator[Any]]


def sums(points: list[Any], packer: Any) -> Iterator[Any]:
    put = packer.number
    for p in points:
        try:
            if put(p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.value, p.exemplars):
                yield p if packer.left else READY
        except Exception:
            yield p


def gauges(points: list[Any], packer: Any) -> Iterator[Any]:
    put = packer.number
    for p in points:
        try:
            if put(p.attributes, None, p.time_unix_nano, p.value, p.exemplars):
                yield p if packer.left else READY
        except Exception:
            yield p


def histograms(points: list[Any], packer: Any) -> Iterator[Any]:
    put = packer.histogram
    for p in points:
        try:
            if put(
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
            ):
                yield p if packer.left else READY
        except Exception:
            yield p


def exponentials(points: list[Any], packer: Any) -> Iterator[Any]:
    put = packer.exponential
    for p in points:
        try:
            positive, negative = p.positive, p.negative
            if put(
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
            ):
                yield p if packer.left else READY
        except Exception:
            yield p
