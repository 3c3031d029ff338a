"""Memory: exports leave nothing behind, and exporters go when they are dropped."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_etw import ETWMetricExporter, FileTransport, InMemoryTransport, Transport
from tests.support.exports import some
from tests.support.programs import run
from tests.support.transport_doubles import Scripted

# New series, metrics, scopes and resources with every export, some of them bad.
CHURN = """
    import gc, itertools, logging, sys, tracemalloc
    from opentelemetry.sdk.metrics.export import *
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from otel_etw import ETWMetricExporter, encoding
    from otel_etw.encoding.identity_cache import MAXIMUM
    from otel_etw.transports.null import NullTransport

    try:
        import resource
    except ImportError:  # Windows
        peak = lambda: 0
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    encoding.NATIVE = NATIVE_WANTED
    MANY = 20 if encoding.NATIVE else 1  # what C leaks only the process' size shows
    logging.getLogger("otel_etw").addHandler(logging.NullHandler())
    logging.getLogger("otel_etw").propagate = False
    numbers = itertools.count()

    def point(n):
        value = (n, n / 3, None, 2**70)[n % 4]
        attributes = {f"key {n}": f"value {n} é", "bad": {n}, "list": [n, {"n": n}]}
        return NumberDataPoint(attributes, n, n, value, [])

    def series():
        n = next(numbers)
        points = [point(n * 4 + i) for i in range(4)]
        bounds = [float(n + i) for i in range(5)]
        histogram = HistogramDataPoint({"n": n}, n, n, 6, 6.0, [1] * 6, bounds, 0.0, 9.0, [])
        metrics = [
            Metric(f"sum {n}", "", "", Sum(points, AggregationTemporality.DELTA, True)),
            Metric(f"hist {n}", "", "", Histogram([histogram], AggregationTemporality.DELTA)),
            Metric(f"none {n}", "", "", None),
        ]
        scope = InstrumentationScope(f"scope {n}", attributes={"n": n})
        return MetricsData(
            [ResourceMetrics(Resource({"n": n}), [ScopeMetrics(scope, metrics, "")], "")]
        )

    def sizes():
        for _ in range(3):
            gc.collect()
        return len(gc.get_objects()), tracemalloc.get_traced_memory()[0], peak()

    def work(rounds):
        # Kept resources and scopes are as many again after so many exports.
        for _ in range(rounds * MAXIMUM):
            exporter.export(series())
        for _ in range(rounds * MANY):
            exporter.export(big)

    big_points = [NumberDataPoint({"text": "x" * 80, "n": n}, 1, 2, n, []) for n in range(1000)]
    big_sum = Sum(big_points, AggregationTemporality.DELTA, True)
    big_scope = ScopeMetrics(InstrumentationScope("big"), [Metric("big", "", "", big_sum)], "")
    big = MetricsData([ResourceMetrics(Resource({}), [big_scope], "")])

    exporter = ETWMetricExporter(NullTransport(2000), attributes="region=here")
    work(1)
    tracemalloc.start()
    work(1)
    before = sizes()
    work(6)
    after = sizes()
    counts = exporter.counts
    assert counts.exports == 8 * (MAXIMUM + MANY), counts
    assert counts.points_exported > 0 and counts.points_lost > 0, counts
    print(*(b - a for a, b in zip(before, after)))
"""

# Over 1,536 exports of ever new series and 120 of 120 kB each.
OBJECTS, HEAP, RSS = 300, 60_000, 10_000_000


def test_thousands_of_exports_of_ever_new_series_leave_nothing(
    tmp_path: Path, native: bool
) -> None:
    code = CHURN.replace("NATIVE_WANTED", str(native))
    objects, heap, rss = map(int, run(code, tmp_path).split())
    assert objects < OBJECTS
    assert heap < HEAP
    assert rss < RSS


@pytest.mark.parametrize("make", [InMemoryTransport, Scripted, lambda: FileTransport("unused")])
def test_an_exporter_that_is_dropped_is_gone_and_so_is_its_transport(
    make: Callable[[], Transport],
) -> None:
    transport = make()
    exporter = ETWMetricExporter(transport)
    seen: list[weakref.ref[Any]] = [weakref.ref(exporter), weakref.ref(transport)]
    del exporter, transport
    gc.collect()
    assert [reference() for reference in seen] == [None, None]


def test_an_exporter_that_was_used_and_shut_down_is_gone_when_dropped() -> None:
    exporter = ETWMetricExporter(Scripted())
    exporter.export(some(3))
    exporter.export(None)  # type: ignore[arg-type]
    exporter.shutdown()
    seen = weakref.ref(exporter)
    del exporter
    gc.collect()
    assert seen() is None


def test_an_exporter_goes_with_its_provider() -> None:
    exporter = ETWMetricExporter(Scripted())
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=math.inf)
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("requests").add(1)
    provider.force_flush()
    provider.shutdown()
    seen = weakref.ref(exporter)
    del exporter, reader, provider
    gc.collect()
    assert seen() is None


def test_what_was_exported_is_not_kept() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    metrics = some(1)
    inner = weakref.ref(metrics.resource_metrics[0].scope_metrics[0])
    seen: list[weakref.ref[Any]] = [weakref.ref(metrics), inner]
    exporter.export(metrics)
    del metrics
    gc.collect()
    assert [reference() for reference in seen] == [None, None]
    assert transport.points == 1


def test_making_and_dropping_exporters_leaves_nothing() -> None:
    def round_() -> None:
        for _ in range(50):
            exporter = ETWMetricExporter("memory", attributes={"a": 1})
            exporter.export(some(2))
            exporter.shutdown()

    round_()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(5):
        round_()
    gc.collect()
    assert len(gc.get_objects()) - before < 200
