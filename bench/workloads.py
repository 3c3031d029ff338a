"""Named exports, made by the SDK itself: what benchmarks encode.

Each ``Workload.fresh()`` records and collects anew, so that every export is of new objects, as in a
living process: an encoder's time goes to memory as much as to instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)
from opentelemetry.sdk.resources import Resource

_DELTA, _CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE


@dataclass
class Workload:
    """One shape: ``instruments`` times ``series`` points."""

    name: str
    kind: str
    instruments: int
    series: int
    attributes: Callable[[int], dict[str, object]]
    exponential: bool = False
    delta: bool = True
    bounds: int | None = None  # of a histogram; None: the SDK's own

    @cached_property
    def _reader(self) -> InMemoryMetricReader:
        temporality = _DELTA if self.delta else _CUMULATIVE
        histogram = (
            ExponentialBucketHistogramAggregation()
            if self.exponential
            else ExplicitBucketHistogramAggregation()
        )
        return InMemoryMetricReader(
            preferred_temporality={Counter: temporality, Histogram: temporality},
            preferred_aggregation={Histogram: histogram},
        )

    @cached_property
    def _instruments(self) -> list[Any]:
        provider = MeterProvider(
            [self._reader], resource=Resource({"service.name": "bench"}), shutdown_on_exit=False
        )
        make = getattr(provider.get_meter("bench", "1.0"), f"create_{self.kind}")
        options: dict[str, Any] = {"unit": "1"}
        if self.bounds is not None:
            options["explicit_bucket_boundaries_advisory"] = [float(n) for n in range(self.bounds)]
        return [make(f"instrument.{n}", **options) for n in range(self.instruments)]

    @cached_property
    def _sets(self) -> list[dict[str, object]]:
        return [self.attributes(n) for n in range(self.series)]

    @property
    def points(self) -> int:
        return self.instruments * self.series

    def fresh(self) -> MetricsData:
        """A new export of ``points`` points."""
        for instrument in self._instruments:
            if self.kind == "counter":
                for number, attributes in enumerate(self._sets):
                    instrument.add(number, attributes)
            else:
                # Two values this far apart give an exponential histogram its 160 buckets.
                for attributes in self._sets:
                    instrument.record(1.0, attributes)
                    instrument.record(1.99, attributes)
        data = self._reader.get_metrics_data()
        assert data is not None
        return data


def one(number: int) -> dict[str, object]:
    return {"datapoint key": f"datapoint value {number}"}


def three(number: int) -> dict[str, object]:
    return {"host": f"host-{number}", "route": "/api/v1/items", "method": "GET"}


def five(number: int) -> dict[str, object]:
    return {
        "host": f"host-{number}",
        "route": "/api/v1/items",
        "status": 200 + number % 5,
        "cached": number % 2 == 0,
        "share": number / 7,
    }


def workloads(
    delta: bool, sizes: Mapping[str, tuple[int, int]] | None = None
) -> dict[str, Workload]:
    """The four that the goals are stated for, and one small export as services have it.

    ``sizes``: letter → instruments and series, where they are to be others.
    """
    made = {
        workload.name[0]: workload
        for workload in (
            Workload("a: sums, 1 attribute", "counter", 10, 2_000, one),
            Workload("b: sums, 5 attributes", "counter", 10, 1_000, five),
            Workload("c: histograms", "histogram", 10, 500, three),
            Workload("d: exponential histograms", "histogram", 10, 200, three, exponential=True),
            Workload("e: ten points", "counter", 2, 5, three),
        )
    }
    for letter, (instruments, series) in (sizes or {}).items():
        made[letter] = replace(made[letter], instruments=instruments, series=series)
    return {letter: replace(workload, delta=delta) for letter, workload in made.items()}


def shaped(series: int, attributes: int, length: int, buckets: int) -> Workload:
    """So many points of any shape, for the scaling curves: of counters, or with ``buckets`` of
    histograms."""

    def texts(number: int) -> dict[str, object]:
        return {f"key.{n}": f"{number}".ljust(length, "x") for n in range(attributes)}

    # The SDK keeps 2,000 series of an instrument.
    instruments, series = -(-series // 1000), min(series, 1000)
    return Workload(
        f"{instruments * series} points, {attributes} attributes of {length}, {buckets} buckets",
        "histogram" if buckets else "counter",
        instruments,
        series,
        texts,
        bounds=buckets - 1 if buckets else None,
    )
