"""Files of length-prefixed frames, as the file transport writes them: what is read in benchmarks.

All are exports of 1,000 points in ten metrics, in frames of 60 KiB. Times jitter and values are
running sums of random numbers, so that neither compresses better than in real files. Written by the
exporter itself, an export at a time, the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_etw import ETWMetricExporter
from otel_etw.transports.memory import InMemoryTransport

START = 1_790_000_000_000_000_000
CUMULATIVE = AggregationTemporality.CUMULATIVE
METRICS, SERIES = 10, 100
LIMIT = 61_440  # bytes of a frame
EXPORT = METRICS * SERIES

RESOURCE = Resource(
    {
        "service.name": "checkout",
        "service.version": "1.2.3",
        "service.instance.id": "7f2c",
        "host.name": "web-1",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": "1.45.2",
    }
)
SCOPE = InstrumentationScope(
    "opentelemetry.instrumentation.flask", "0.66b2", "https://opentelemetry.io/schemas/1.11.0"
)
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 25]


def attributes(number: int, route: str) -> dict[str, Any]:
    return {
        "http.request.method": ("GET", "POST", "PUT", "DELETE")[number % 4],
        "http.route": route,
        "http.response.status_code": (200, 404, 500)[number % 3],
    }


SETS = [attributes(n, f"/api/v1/thing{n // 4}/{{id}}") for n in range(SERIES)]


class Sums:
    """``order``: of the series in each export; ``new``: no set of attributes comes twice."""

    def __init__(self, random: Random, shuffled: bool = False, new: bool = False) -> None:
        self._random, self._shuffled, self._new = random, shuffled, new
        self._totals = [0.0] * EXPORT
        self._order = list(range(SERIES))
        self._made = 0

    def __call__(self, metric: int, time: int) -> Metric:
        if self._shuffled:
            self._random.shuffle(self._order)
        points = []
        for number in self._order:
            self._totals[metric * SERIES + number] += self._random.expovariate(0.1)
            if self._new:
                attributed = attributes(number, f"/api/v1/user/{self._made}")
                self._made += 1
            else:
                attributed = SETS[number]
            value = self._totals[metric * SERIES + number]
            points.append(NumberDataPoint(attributed, START, time, value, []))
        data = Sum(points, CUMULATIVE, True)
        return Metric(f"http.server.requests.{metric}", "how many", "{request}", data)


class Histograms:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._counts = [[0] * 16 for _ in range(EXPORT)]

    def __call__(self, metric: int, time: int) -> Metric:
        points = []
        for number in range(SERIES):
            grown = self._random.choices(range(16), k=4)
            counts = self._counts[metric * SERIES + number]
            for bucket in grown:
                counts[bucket] += self._random.randrange(100)
            total = self._random.random() * time % 1e6
            points.append(
                HistogramDataPoint(
                    SETS[number], START, time, sum(counts), total, list(counts), BOUNDS, 0.001, 30.5
                )
            )
        data = Histogram(points, CUMULATIVE)
        return Metric(f"http.server.duration.{metric}", "how long", "s", data)


class ExponentialHistograms:
    """Of 160 buckets, most of whose counts take two bytes."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __call__(self, metric: int, time: int) -> Metric:
        points = []
        for number in range(SERIES):
            bits = self._random.getrandbits(160 * 10)
            counts = [bits >> shift & 1023 for shift in range(0, 1600, 10)]
            total = self._random.random() * 1e6
            points.append(
                ExponentialHistogramDataPoint(
                    SETS[number],
                    START,
                    time,
                    sum(counts),
                    total,
                    5,
                    0,
                    Buckets(-80, counts),
                    Buckets(0, [0]),
                    0,
                    0.001,
                    30.5,
                )
            )
        data = ExponentialHistogram(points, CUMULATIVE)
        return Metric(f"http.server.duration.{metric}", "how long", "s", data)


class Shape(NamedTuple):
    title: str
    points: int
    made: Callable[[Random], Callable[[int, int], Metric]]


def shuffled(random: Random) -> Sums:
    return Sums(random, shuffled=True)


def new(random: Random) -> Sums:
    return Sums(random, new=True)


MILLION = 1_000_000
SHAPES = {
    "few": Shape("1,000 sums", 1_000, Sums),
    "sums": Shape("sums in order", MILLION, Sums),
    "shuffled": Shape("sums, shuffled", MILLION, shuffled),
    "new": Shape("sums, every set new", MILLION, new),
    "histograms": Shape("histograms of 16 buckets", MILLION // 5, Histograms),
    "exponential": Shape(
        "exponential histograms of 160 buckets", MILLION // 20, ExponentialHistograms
    ),
    "many sums": Shape("10 million sums", 10 * MILLION, Sums),
    "many new": Shape("10 million sums, every set new", 10 * MILLION, new),
    "many histograms": Shape("10 million histograms", 10 * MILLION, Histograms),
}


def exports(shape: Shape) -> Iterator[MetricsData]:
    made, random = shape.made(Random(1)), Random(2)
    time = START
    while True:
        time += 10_000_000_000 + random.randrange(3_000_000)
        metrics = [made(metric, time) for metric in range(METRICS)]
        scope = ScopeMetrics(SCOPE, metrics, SCOPE.schema_url or "")
        yield MetricsData([ResourceMetrics(RESOURCE, [scope], "")])


def payloads(name: str) -> Iterator[list[bytes]]:
    """The frames of one export after the other."""
    transport = InMemoryTransport()
    exporter = ETWMetricExporter(transport=transport, limit=LIMIT)
    for data in exports(SHAPES[name]):
        exporter.export(data)
        yield transport.frames
        transport.clear()


def write(path: Path, shape: Shape) -> None:
    exporter = ETWMetricExporter(transport=f"file:{path}", limit=LIMIT)
    for data in islice(exports(shape), shape.points // EXPORT):
        exporter.export(data)
    exporter.shutdown()
