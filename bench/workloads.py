"""Named exports, made by the SDK itself: what benchmarks encode.

Each ``Workload.fresh()`` records and collects anew, so that every export is of new objects, as in a
living process: an encoder's time goes to memory as much as to instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    _reader: InMemoryMetricReader = field(init=False)

    def __post_init__(self) -> None:
        temporality = _DELTA if self.delta else _CUMULATIVE
        histogram = (
            ExponentialBucketHistogramAggregation()
            if self.exponential
            else ExplicitBucketHistogramAggregation()
        )
        self._reader = InMemoryMetricReader(
            preferred_temporality={Counter: temporality, Histogram: temporality},
            preferred_aggregation={Histogram: histogram},
        )
        provider = MeterProvider(
            [self._reader], resource=Resource({"service.name": "bench"}), shutdown_on_exit=False
        )
        meter = provider.get_meter("bench", "1.0")
        make = getattr(meter, f"create_{self.kind}")
        self._instruments = [make(f"instrument.{n}", unit="1") for n in range(self.instruments)]
        self._sets = [self.attributes(n) for n in range(self.series)]

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


def _one(number: int) -> dict[str, object]:
    return {"datapoint key": f"datapoint value {number}"}


def _three(number: int) -> dict[str, object]:
    return {"host": f"host-{number}", "route": "/api/v1/items", "method": "GET"}


def _five(number: int) -> dict[str, object]:
    return {
        "host": f"host-{number}",
        "route": "/api/v1/items",
        "status": 200 + number % 5,
        "cached": number % 2 == 0,
        "share": number / 7,
    }


def workloads(delta: bool) -> dict[str, Workload]:
    """The four that the goals are stated for, and one small export as services have it."""
    made = (
        Workload("a: sums, 1 attribute", "counter", 10, 2_000, _one, delta=delta),
        Workload("b: sums, 5 attributes", "counter", 10, 1_000, _five, delta=delta),
        Workload("c: histograms", "histogram", 10, 500, _three, delta=delta),
        Workload(
            "d: exponential histograms", "histogram", 10, 200, _three, exponential=True, delta=delta
        ),
        Workload("e: ten points", "counter", 2, 5, _three, delta=delta),
    )
    return {workload.name[0]: workload for workload in made}
