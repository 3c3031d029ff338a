"""What an overview tells of metrics and of their series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_etw.captures.quantiles import (
    Bucket,
    explicit_buckets,
    exponential_buckets,
    trusted_quantile,
)

__all__ = [
    "COUNTER",
    "DELTAS",
    "LEVEL",
    "SLOTS",
    "Distribution",
    "Metric",
    "Origin",
    "Series",
    "common_shift",
    "distribution",
    "drawn",
    "measure",
    "rate",
]

SLOTS = 20
"""The most slots of time that a capture is divided into."""

LEVEL, COUNTER, DELTAS = range(3)
"""What is measured from point to point: see ``overview.py``."""


class Metric(NamedTuple):
    """What series have in common that are shown together."""

    name: str
    kind: str
    unit: str
    temporality: str | None
    monotonic: bool | None


class Origin(NamedTuple):
    """Who measured a series. Attributes are JSON."""

    scope_name: str
    scope_version: str
    scope_attributes: str
    scope_schema_url: str
    resource_attributes: str
    resource_schema_url: str
    process: int | None
    """Of an event: the process that wrote it. Several may have the same resource."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram or summary: of cumulative points the newest, of deltas all together."""

    count: int
    sum: float | None
    """None where a point did not say; likewise the others."""
    min: float | None
    max: float | None
    buckets: tuple[Bucket, ...] = ()
    quantiles: tuple[tuple[float, float], ...] = ()
    """Of a summary: quantile and value."""

    def quantile(self, q: float) -> float | None:
        """The estimated quantile ``q`` of a histogram, as of `otel_etw.captures.Point`."""
        return trusted_quantile(q, self.buckets, self.min, self.max)


@dataclass(frozen=True, slots=True)
class Series:
    """What one series did. Times are ns since 1970; 0 where they are not known."""

    attributes: str
    """JSON."""
    origin: int
    """The number of its `Origin`."""
    points: int
    first_time: int
    newest_time: int
    value: int | float | None
    """The newest value of a number; None for a distribution, and when it has none."""
    distribution: Distribution | None
    total: float | None
    """What a counter grew by, and the sum of deltas; None for levels."""
    change: float | None
    """The newest level less the first one; None for others, and for a single point."""
    rate: float | None
    """``total`` a second, over the time in which it came together; None where that is unknown."""
    slots: tuple[float | None, ...]
    """What was measured in each time slot of the capture; None where there was nothing. A level's
    and deltas' mean, and what a counter grew by on average from point to point."""


def measure(kind: str, temporality: str | None, monotonic: bool | None) -> int:
    """LEVEL, COUNTER or DELTAS."""
    if temporality == "delta":
        return DELTAS
    if kind == "gauge" or (kind == "sum" and not (temporality and monotonic)):
        return LEVEL
    return COUNTER


def rate(
    kind: int, points: int, total: float, first: float, start: int, first_time: int, newest: int
) -> float | None:
    """``start``: when the first of deltas began, 0 where it is not known."""
    if kind == LEVEL or not first_time:
        return None
    if kind == DELTAS and start and start < newest:
        return total / ((newest - start) / 1e9)
    if newest <= first_time:
        return None
    # Over which time the first of deltas came together is not known.
    return (total - first if kind == DELTAS else total) / ((newest - first_time) / 1e9)


def drawn(
    kind: int, reference: float, slots: Sequence[float], counts: Sequence[int]
) -> tuple[float | None, ...]:
    """What `Series.slots` has, from what was kept of each slot."""
    found: list[float | None] = []
    before: float | None = None
    for value, count in zip(slots, counts, strict=True):
        if not count:
            found.append(None)
        elif kind == COUNTER:
            if before is None:
                found.append(None)
            elif value >= before:
                found.append((value - before) / count)
            else:
                found.append(max(value + reference, 0.0) / count)
            before = value
        else:
            found.append(value / count + reference)
    return tuple(found)


def common_shift(first: int, last: int) -> int:
    """The n with which slots of 2**n ns are enough for two times and all between them."""
    shift = max((last - first).bit_length() - SLOTS.bit_length(), 0)
    while (last >> shift) - (first >> shift) >= SLOTS:
        shift += 1
    return shift


def distribution(
    kind: str,
    count: int,
    limits: tuple[float | None, float | None, float | None],
    bounds: Sequence[float],
    counts: Sequence[int],
    scale: int,
    zero_count: int,
    positive: tuple[int, Sequence[int]],
    negative: tuple[int, Sequence[int]],
    quantiles: Sequence[tuple[float, float]],
) -> Distribution:
    """A distribution from its parts."""
    buckets: tuple[Bucket, ...] = ()
    if kind == "histogram":
        # Without buckets all values are in one.
        buckets = tuple(explicit_buckets(counts or (count,), bounds))
    elif kind == "exponential_histogram":
        buckets = tuple(exponential_buckets(scale, zero_count, positive, negative))
    return Distribution(count, *limits, buckets, tuple(quantiles))
