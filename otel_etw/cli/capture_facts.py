"""What one capture is and what it holds, in numbers: what ``info`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item, Notice, batches
from otel_etw.captures.columns import Overview
from otel_etw.captures.columns.series import Metric
from otel_etw.captures.etl import EtlReport
from otel_etw.cli.reading import new_reader, opened

__all__ = ["CaptureFacts", "MetricFacts", "Span", "capture_facts"]

_NAMED_DAMAGES = 10


class MetricFacts(NamedTuple):
    """A metric, and how many points and series it has."""

    metric: Metric
    description: str
    points: int
    series: int


@dataclass(slots=True)
class Span:
    """From the first time to the last one: ns since 1970, 0 where none is known."""

    first: int = 0
    last: int = 0

    def add(self, time: int) -> None:
        if not self.first or time < self.first:
            self.first = time
        if time > self.last:
            self.last = time

    @property
    def seconds(self) -> float:
        return (self.last - self.first) / 1e9


@dataclass
class CaptureFacts:
    """What is known of one file. Sizes are bytes."""

    file: str
    provider: UUID
    """Whose events are frames."""
    formats: tuple[str, ...] = ()
    """Keys of `CAPTURE_FORMATS`: compressions from the outside in, then the format inside. Empty
    for a file that is empty."""
    format_names: tuple[str, ...] = ()
    """What people call these."""
    size: int = 0
    report: EtlReport | None = None
    """Of an ETW log; None for the other formats."""
    frames: int = 0
    payload_bytes: int = 0
    """Of all frames together, without what stands around them."""
    largest_payload: int = 0
    frame_times: Span = field(default_factory=Span)
    """When the events that held the frames were written."""
    points: int = 0
    point_times: Span = field(default_factory=Span)
    metrics: list[MetricFacts] = field(default_factory=list)
    """Those with the most series first."""
    series: int = 0
    uncounted_points: int = 0
    """Points of series that there was no room to count."""
    foreign: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What holds no metrics and what one of it is called → how many there are."""
    damages: int = 0
    damaged_bytes: int = 0
    first_damages: list[Damage] = field(default_factory=list)
    error: str = ""
    """Why it was not read to its end; empty when it was."""

    @property
    def rated_seconds(self) -> float:
        """The time that rates are of: of the frames' events where there are any, otherwise of the
        points. 0 where it is not known."""
        return (self.frame_times if self.frame_times.last else self.point_times).seconds


def capture_facts(
    file: str, provider: UUID, tell: Callable[[int], None] | None = None
) -> CaptureFacts:
    """Read a capture to its end, ``-`` for standard input. Never raises for what is wrong with it:
    `CaptureFacts.error` and `CaptureFacts.damages` say so. ``tell`` is told how many bytes more
    were read.

    Bounded in memory: series are counted up to the limits of `Overview`, 1,000,000 or some 400 MB.
    """
    facts = CaptureFacts(file, provider)
    reader = new_reader(provider, tell)
    overview = Overview()
    try:
        for item in batches(_counted(opened(file, reader), facts), file):
            if isinstance(item, Damage):
                facts.damages += 1
                facts.damaged_bytes += item.length
                if len(facts.first_damages) < _NAMED_DAMAGES:
                    facts.first_damages.append(item)
            elif isinstance(item, Foreign):
                facts.foreign[item.what, item.unit] += 1
            elif item is not None and not isinstance(item, Notice):
                overview.add(item)
    except CaptureError as error:
        facts.error = str(error)
    facts.size = reader.size
    facts.formats = tuple(form.key for form in reader.formats)
    facts.format_names = tuple(form.name for form in reader.formats)
    facts.report = reader.report
    _take_overview(overview, facts)
    return facts


def _counted(items: Iterable[Item], facts: CaptureFacts) -> Iterator[Item]:
    add_time = facts.frame_times.add
    for item in items:
        if isinstance(item, Frame):
            size = len(item.payload)
            facts.frames += 1
            facts.payload_bytes += size
            if size > facts.largest_payload:
                facts.largest_payload = size
            if item.event:
                add_time(item.event.time)
        yield item


def _take_overview(overview: Overview, facts: CaptureFacts) -> None:
    facts.points = overview.points
    facts.uncounted_points = overview.left_out
    facts.series = len(overview)
    facts.point_times = Span(overview.first_time, overview.newest_time)
    facts.metrics = [
        MetricFacts(
            metric,
            overview.descriptions[number],
            overview.point_count(number),
            overview.series_count(number),
        )
        for number, metric in enumerate(overview.metrics)
    ]
    facts.metrics.sort(key=lambda each: (-each.series, -each.points, each.metric.name))
