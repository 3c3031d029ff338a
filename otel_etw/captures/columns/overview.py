"""What series did over a capture: the specification, which runs where nothing is compiled.

However many points a series has, what is kept of it is a summary of fixed size, the text of its
attributes, and buckets.

*What is measured* of a point is its value, of a distribution its count. From point to point it is
one of three:

- A level (gauges, sums that may fall, sums of unknown temporality): its change is of interest.
- A counter (cumulative sums that only grow, cumulative histograms, summaries): how much it grew,
  beginning anew at 0 where it fell.
- Deltas: their total.

*Time slots.* What was measured is kept for up to 20 slots of time, each 2**n ns wide and beginning
at a multiple of that. When points lie further apart, n grows and slots merge. In the end all series
have the n with which the whole capture fits.

*Buckets.* Those of deltas are added up over the capture, those of cumulative points replace each
other. Explicit buckets with other bounds than before replace those before, too. Exponential
buckets are brought to the smaller scale, and to one with which a side has at most 512 buckets.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from struct import pack, unpack
from sys import getsizeof

from otel_etw.captures.columns.reference import (
    Batch,
    Row,
    attributes_json,
    process_of,
    series_of,
)
from otel_etw.captures.columns.series import (
    COUNTER,
    DELTAS,
    LEVEL,
    SLOTS,
    Distribution,
    Metric,
    Origin,
    Series,
    common_shift,
    distribution,
    drawn,
    measure,
    rate,
)
from otel_etw.captures.points import NO_RECORDED_VALUE, Buckets, Point

__all__ = ["Overview"]

SIDE = 512
"""Buckets of a side of an exponential histogram."""
QUANTILES = 64
"""Quantiles that are kept of a summary."""
MOST = (1 << 64) - 1
"""Where counts end: they stay there."""

_DEFAULT_SERIES = 1_000_000
_DEFAULT_BYTES = 400 << 20


# The summary of a series -------------------------------------------------------------------------


def _single(number: float) -> float | None:
    """A number as four bytes have it; None where they do not."""
    if not math.isfinite(number) or abs(number) > 3e38:
        return None
    single: float = unpack("<f", pack("<f", number))[0]
    return single


@dataclass(slots=True)
class _Slots:
    """What was measured in slots of time, as differences to ``reference``, which four bytes can
    hold."""

    kind: int
    reference: float
    shift: int = 0
    base: int = 0
    values: list[float] = field(default_factory=lambda: [0.0] * SLOTS)
    counts: list[int] = field(default_factory=lambda: [0] * SLOTS)
    used: int = 0
    """How many slots from ``base`` on there are."""

    def put(self, time: int, measured: float) -> None:
        value = _single(measured - self.reference)
        if not time or value is None:
            return
        self._make_room(time)
        self._put((time >> self.shift) - self.base, value, 1)

    def at(self, shift: int, base: int, used: int) -> tuple[list[float], list[int]]:
        """What is in larger slots."""
        copy = _Slots(self.kind, self.reference, shift, base, used=used)
        for index in range(self.used):
            if self.counts[index]:
                slot = ((self.base + index) >> (shift - self.shift)) - base
                copy._put(slot, self.values[index], self.counts[index])
        return copy.values[:used], copy.counts[:used]

    def _put(self, index: int, value: float, count: int) -> None:
        if self.kind == COUNTER or not self.counts[index]:
            self.values[index] = value
        else:
            sum_ = _single(self.values[index] + value)
            self.values[index] = value if sum_ is None else sum_
        self.counts[index] = min(self.counts[index] + count, 0xFFFFFFFF)

    def _make_room(self, time: int) -> None:
        slot = time >> self.shift
        if not self.used:
            self.base, self.used = slot, 1
            return
        first, last = min(self.base, slot), max(self.base + self.used - 1, slot)
        if last - first >= SLOTS:
            shift = self.shift
            while (last >> (shift - self.shift)) - (first >> (shift - self.shift)) >= SLOTS:
                shift += 1
            base = first >> (shift - self.shift)
            used = (last >> (shift - self.shift)) - base + 1
            values, counts = self.at(shift, base, used)
            self.shift, self.base, self.used = shift, base, used
            self.values = values + [0.0] * (SLOTS - used)
            self.counts = counts + [0] * (SLOTS - used)
        elif first < self.base:
            moved = self.base - first
            self.values = ([0.0] * moved + self.values)[:SLOTS]
            self.counts = ([0] * moved + self.counts)[:SLOTS]
            self.base, self.used = first, last - first + 1
        else:
            self.used = last - first + 1


class _Side:
    """The buckets of one sign of an exponential histogram, without empty ones at the ends."""

    __slots__ = ("counts", "offset")

    def __init__(self, offset: int = 0, counts: Sequence[int] = ()) -> None:
        filled = [index for index, count in enumerate(counts) if count]
        first, end = (filled[0], filled[-1] + 1) if filled else (0, 0)
        self.offset = offset + first if filled else 0
        self.counts = list(counts[first:end])

    def span(self, drop: int) -> tuple[int, int] | None:
        """The first and last index at a scale that is smaller by ``drop``."""
        if not self.counts:
            return None
        return self.offset >> drop, (self.offset + len(self.counts) - 1) >> drop


def _needs(ours: _Side, drop: int, theirs: _Side, their_drop: int) -> int:
    spans = [span for span in (ours.span(drop), theirs.span(their_drop)) if span]
    if not spans:
        return 0
    return max(last for _, last in spans) - min(first for first, _ in spans) + 1


def _merged(ours: _Side, drop: int, theirs: _Side, their_drop: int) -> _Side:
    merged: dict[int, int] = {}
    for side, by in ((ours, drop), (theirs, their_drop)):
        for index, count in enumerate(side.counts, side.offset):
            merged[index >> by] = min(merged.get(index >> by, 0) + count, MOST)
    if not merged:
        return _Side()
    first = min(merged)
    return _Side(first, [merged.get(index, 0) for index in range(first, max(merged) + 1)])


class _Distribution:
    """What is kept of histograms and summaries."""

    def __init__(self) -> None:
        self.count = 0
        self.zero_count = 0
        self.sum: float | None = None
        self.min: float | None = None
        self.max: float | None = None
        self.bounds: tuple[float, ...] = ()
        self.counts: list[int] = []
        self.scale = 0
        self.positive, self.negative = _Side(), _Side()
        self.quantiles: tuple[tuple[float, float], ...] = ()
        self.kind = ""

    def replace(self, point: Point) -> None:
        self.__init__()  # type: ignore[misc]
        self._first(point)

    def add(self, point: Point) -> None:
        """The same and what is already there, if there is something."""
        if not self.kind:
            self._first(point)
            return
        self.count = min(self.count + (point.count or 0), MOST)
        self.sum = _both(operator.add, self.sum, point.sum)
        self.min = _both(_less, self.min, point.min)
        self.max = _both(_more, self.max, point.max)
        if point.kind == "histogram":
            self._add_counts(point)
        elif point.kind == "exponential_histogram":
            self._add_sides(point)
        else:
            self.quantiles = (point.quantiles or ())[:QUANTILES]

    def _first(self, point: Point) -> None:
        self.kind = point.kind
        self.count, self.sum = point.count or 0, point.sum
        self.min, self.max = point.min, point.max
        if point.kind == "histogram":
            self.bounds, self.counts = point.bounds or (), list(point.bucket_counts or ())
        elif point.kind == "exponential_histogram":
            self.scale = point.scale or 0
            self._add_sides(point)
        else:
            self.quantiles = (point.quantiles or ())[:QUANTILES]

    def _add_counts(self, point: Point) -> None:
        bounds, counts = point.bounds or (), point.bucket_counts or ()
        if _bits(bounds) == _bits(self.bounds) and len(counts) == len(self.counts):
            self.counts = [min(sum(pair), MOST) for pair in zip(self.counts, counts, strict=True)]
        else:
            self.bounds, self.counts = bounds, list(counts)

    def _add_sides(self, point: Point) -> None:
        self.zero_count = min(self.zero_count + (point.zero_count or 0), MOST)
        positive, negative = (
            _Side(side.offset, side.counts)
            for side in (_side(point.positive), _side(point.negative))
        )
        scale, theirs = self.scale, point.scale or 0
        drop, their_drop = max(scale - theirs, 0), max(theirs - scale, 0)
        while (
            _needs(self.positive, drop, positive, their_drop) > SIDE
            or _needs(self.negative, drop, negative, their_drop) > SIDE
        ):
            drop += 1
            their_drop += 1
        self.positive = _merged(self.positive, drop, positive, their_drop)
        self.negative = _merged(self.negative, drop, negative, their_drop)
        self.scale -= drop

    def length(self) -> int:
        """How many numbers of buckets and quantiles are kept."""
        return (
            len(self.bounds)
            + len(self.counts)
            + len(self.positive.counts)
            + len(self.negative.counts)
            + 2 * len(self.quantiles)
        )

    def shown(self) -> Distribution:
        return distribution(
            self.kind,
            self.count,
            (self.sum, self.min, self.max),
            self.bounds,
            self.counts,
            self.scale,
            self.zero_count,
            (self.positive.offset, self.positive.counts),
            (self.negative.offset, self.negative.counts),
            self.quantiles,
        )


def _side(buckets: Buckets | None) -> Buckets:
    return buckets or Buckets(0, ())


def _bits(numbers: Sequence[float]) -> bytes:
    return pack(f"<{len(numbers)}d", *numbers)


def _both(
    what: Callable[[float, float], float], ours: float | None, theirs: float | None
) -> float | None:
    return None if ours is None or theirs is None else what(ours, theirs)


def _less(ours: float, theirs: float) -> float:
    return theirs if theirs < ours else ours


def _more(ours: float, theirs: float) -> float:
    return theirs if theirs > ours else ours


@dataclass(slots=True)
class _Kept:
    """What is kept of a series."""

    attributes: str
    metric: int
    origin: int
    kind: int
    points: int = 0
    first_time: int = 0
    newest_time: int = 0
    first_start: int = 0
    first: float = 0.0
    measured: float = 0.0
    """The newest that was measured."""
    has_measured: bool = False
    value: int | float | None = None
    total: float = 0.0
    slots: _Slots | None = None
    distribution: _Distribution | None = None

    def add(self, point: Point, is_full: bool) -> int:
        """How many bytes more the distribution takes, which does not grow where all is full."""
        measured = _measured(point)
        time = point.time
        is_newest = time >= self.newest_time
        self.points += 1
        if measured is None:
            if is_newest:
                self.newest_time, self.value = time, None
            return 0
        if not self.has_measured:
            self._begin(point, measured)
        else:
            self._go_on(point, measured, is_newest)
        if is_newest:
            self.newest_time = time
            self.measured, self.value = measured, point.value
        if point.count is None:
            return 0
        # The first point is of a series that there was room for.
        return self._add_distribution(point, is_newest, is_full and self.points > 1)

    def _begin(self, point: Point, measured: float) -> None:
        self.has_measured = True
        self.measured = measured
        self.first_time, self.first = point.time, measured
        self.first_start = point.start
        self.total = measured if self.kind == DELTAS else 0.0

    def _go_on(self, point: Point, measured: float, is_newest: bool) -> None:
        time = point.time
        if self.slots is None:
            has_reference = self.kind != DELTAS and math.isfinite(self.first)
            self.slots = _Slots(self.kind, self.first if has_reference else 0.0)
            self.slots.put(self.first_time, self.first)
        self.slots.put(time, measured)
        if self.kind == DELTAS:
            self.total += measured
            if point.start < self.first_start:
                self.first_start = point.start
        elif self.kind == COUNTER:
            if is_newest:
                self.total += _growth(self.measured, measured)
            elif time < self.first_time:
                self.total += _growth(measured, self.first)
        if time < self.first_time:
            self.first_time, self.first = time, measured

    def _add_distribution(self, point: Point, is_newest: bool, is_full: bool) -> int:
        before = self.distribution
        if before is not None and self.kind != DELTAS and not is_newest:
            return 0
        # What is changed of it is replaced, not changed in place.
        after = _Distribution() if before is None else copy.copy(before)
        if self.kind == DELTAS:
            after.add(point)
        else:
            after.replace(point)
        more = after.length() - (before.length() if before else 0)
        if is_full and (before is None or more > 0):
            return 0
        self.distribution = after
        return 8 * more


def _measured(point: Point) -> float | None:
    if point.flags & NO_RECORDED_VALUE:
        return None
    if point.count is not None:
        return float(point.count)
    return None if point.value is None else float(point.value)


def _growth(before: float, after: float) -> float:
    """What a counter grew by; one that fell began anew at 0."""
    return after - before if after >= before else after


class Overview:
    """What each series of a capture did, however long it is.

    Of new series beyond ``max_series``, or when what is kept takes about ``max_bytes``, points are
    counted in ``left_out`` and not kept. A known series then keeps the distribution that it has
    where a newer one, or both together, would need more memory.
    """

    def __init__(self, max_series: int = _DEFAULT_SERIES, max_bytes: int = _DEFAULT_BYTES) -> None:
        self.points = 0
        """Points in all."""
        self.left_out = 0
        """Of these, points of series that there was no room for."""
        self.first_time = 0
        """The oldest time of a point, ns since 1970; 0 when no point has one."""
        self.newest_time = 0
        self.metrics: list[Metric] = []
        """In the order of their first points."""
        self.descriptions: list[str] = []
        """Of the metric of the same number, the first that is not empty."""
        self.origins: list[Origin] = []
        self._max_series = max_series
        self._max_bytes = max_bytes
        self._bytes = 0
        self._metric_numbers: dict[Metric, int] = {}
        self._origin_numbers: dict[Origin, int] = {}
        self._kept: dict[tuple[int, int | None], _Kept] = {}
        self._of_metric: list[list[_Kept]] = []

    def __len__(self) -> int:
        """How many series are kept."""
        return len(self._kept)

    def add(self, batch: Batch) -> None:
        """Take a batch of points."""
        for row in batch.rows:
            self._add(row)

    def series_count(self, metric: int) -> int:
        """How many series of a metric are kept."""
        return len(self._of_metric[metric])

    def point_count(self, metric: int) -> int:
        """How many points these have."""
        return sum(kept.points for kept in self._of_metric[metric])

    def series(self, metric: int, limit: int | None = None) -> Iterator[Series]:
        """The first ``limit`` series of a metric, in the order of their first points."""
        for kept in self._of_metric[metric][:limit]:
            # Rows may be added between two series.
            yield self._shown(kept)

    def _add(self, row: Row) -> None:
        point = row.point
        self.points += 1
        series = series_of(row)
        kept = self._kept.get(series)
        if kept is None:
            if len(self._kept) >= self._max_series or self._bytes >= self._max_bytes:
                self.left_out += 1
                return
            kept = self._kept[series] = self._new(row)
        if point.time:
            self.newest_time = max(self.newest_time, point.time)
            self.first_time = min(self.first_time or point.time, point.time)
        self._bytes += kept.add(point, self._bytes >= self._max_bytes)

    def _new(self, row: Row) -> _Kept:
        point = row.point
        metric = Metric(point.metric, point.kind, point.unit, point.temporality, point.monotonic)
        scope, resource = point.scope, point.resource
        origin = Origin(
            scope.name,
            scope.version,
            attributes_json(scope.attributes),
            scope.schema_url,
            attributes_json(resource.attributes),
            resource.schema_url,
            process_of(row),
        )
        metric_number = self._metric_numbers.setdefault(metric, len(self.metrics))
        if metric_number == len(self.metrics):
            self.metrics.append(metric)
            self._bytes += 1000 + getsizeof(metric.name) + getsizeof(metric.unit)
            self.descriptions.append("")
            self._of_metric.append([])
        if point.description and not self.descriptions[metric_number]:
            self.descriptions[metric_number] = point.description
            self._bytes += getsizeof(point.description)
        origin_number = self._origin_numbers.setdefault(origin, len(self.origins))
        if origin_number == len(self.origins):
            self.origins.append(origin)
            self._bytes += 1000 + sum(map(getsizeof, origin[:-1]))
        attributes = attributes_json(point.attributes)
        self._bytes += 2000 + len(attributes)
        kind = measure(point.kind, point.temporality, point.monotonic)
        kept = _Kept(attributes, metric_number, origin_number, kind)
        self._of_metric[metric_number].append(kept)
        return kept

    def _shown(self, kept: _Kept) -> Series:
        slots: tuple[float | None, ...] = ()
        if kept.slots is not None:
            shift = common_shift(self.first_time, self.newest_time)
            base = self.first_time >> shift
            used = (self.newest_time >> shift) - base + 1
            values, counts = kept.slots.at(shift, base, used)
            slots = drawn(kept.kind, kept.slots.reference, values, counts)
        is_level = kept.kind == LEVEL
        has_value = kept.has_measured and kept.points > 1 and kept.value is not None
        return Series(
            attributes=kept.attributes,
            origin=kept.origin,
            points=kept.points,
            first_time=kept.first_time,
            newest_time=kept.newest_time,
            value=kept.value,
            distribution=kept.distribution.shown() if kept.distribution else None,
            total=None if is_level or not kept.has_measured else kept.total,
            change=kept.measured - kept.first if is_level and has_value else None,
            rate=rate(
                kept.kind,
                kept.points,
                kept.total,
                kept.first,
                kept.first_start,
                kept.first_time,
                kept.newest_time,
            )
            if kept.has_measured
            else None,
            slots=slots,
        )
