"""The recording's program `standard`, on the Python SDK: the same instruments, views and values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

from otel_etw import ETWMetricExporter

# What the tests say of the Python SDK was seen there first.
SDK = (1, 45)
needs_sdk = pytest.mark.skipif(
    tuple(map(int, version("opentelemetry-sdk").split(".")[:2])) < SDK,
    reason="older than opentelemetry-sdk {}.{}".format(*SDK),
)

IN = {"queue": "in"}
GET = {"method": "GET"}
A = {"route": "/a", "ok": True}
B = {"route": "/b", "ok": False}


def standard(exporter: ETWMetricExporter) -> Iterator[str]:
    """Runs the program; stops before each of the four collections, the last is the shutdown's."""
    provider = MeterProvider(
        metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        resource=Resource(
            {"service.name": "rust-etw-reference", "deployment.environment.name": "lab"}
        ),
        shutdown_on_exit=False,
        views=[
            View(
                instrument_name="*.exp",
                aggregation=ExponentialBucketHistogramAggregation(max_size=160, max_scale=20),
            ),
            # As advice of the instrument no bounds would mean the default ones.
            View(
                instrument_name="no.bounds",
                aggregation=ExplicitBucketHistogramAggregation(boundaries=[]),
            ),
        ],
    )
    meter = provider.get_meter(
        "reference.scope",
        "1.2.3",
        "https://opentelemetry.io/schemas/1.30.0",
        {"scope.kind": "test", "scope.number": 7},
    )
    requests = meter.create_counter("requests", "{request}", "Number of requests")
    for number, attributes in (3, A), (5, B), (4, A):
        requests.add(number, attributes)
    sums(meter)
    gauges(meter)
    latency = meter.create_histogram("latency", "ms", "Latency")
    for value in 0, 5, 7.5, 120, 20000:
        latency.record(value, GET)
    histograms(meter)
    attribute_types(meter)
    observables(meter)
    provider.get_meter("plain.scope").create_counter("plain").add(1)
    yield "collect 1"
    provider.force_flush()
    requests.add(1, A)
    latency.record(42, GET)
    yield "collect 2"
    provider.force_flush()
    yield "collect 3"
    provider.force_flush()
    yield "shutdown"
    provider.shutdown()


def sums(meter: Meter) -> None:
    doubles = meter.create_counter("bytes", "By", "Bytes as double")
    doubles.add(0.5)
    doubles.add(0.25)
    load = meter.create_up_down_counter("queue.load", "1", "Load")
    load.add(2.5, IN)
    load.add(-4.0, IN)
    depth = meter.create_up_down_counter("queue.depth", "{item}", "Depth")
    depth.add(10, IN)
    depth.add(-15, IN)
    meter.create_counter("zero").add(0)
    meter.create_counter("huge").add(2**64 - 1)
    meter.create_counter("imax").add(2**63 - 1)


def gauges(meter: Meter) -> None:
    meter.create_gauge("temperature", "Cel", "Temperature").set(-40, {"sensor": "s1"})
    meter.create_gauge("pressure", "hPa", "Pressure").set(1013.25)
    special = meter.create_gauge("special")
    special.set(math.inf, {"kind": "inf"})
    special.set(math.nan, {"kind": "nan"})
    special.set(-0.0, {"kind": "negative zero"})


def histograms(meter: Meter) -> None:
    size = meter.create_histogram(
        "size", "By", "Size", explicit_bucket_boundaries_advisory=[1, 10, 100]
    )
    for value in 1, 10, 100, 1000:
        size.record(value)
    meter.create_histogram("no.bounds").record(3)
    exponential = meter.create_histogram("latency.exp", "ms", "Latency, exponential")
    for number in 0, 1, 2, 4.5, 1000, -3, -0.25:
        exponential.record(number, GET)
    positive = meter.create_histogram("positive.exp", "s", "Positive only")
    for value in 1, 2, 4, 8:
        positive.record(value)
    meter.create_histogram("one.exp").record(1)
    meter.create_histogram("only.zero.exp").record(0)


def attribute_types(meter: Meter) -> None:
    meter.create_counter("attrs", "1", "Attribute types").add(
        1,
        {
            "a.string": "text é✓😀",
            "b.string.empty": "",
            "c.int": -7,
            "d.int.zero": 0,
            "e.float": 2.5,
            "f.float.zero": 0.0,
            "g.bool": True,
            "h.bool.false": False,
            "i.strings": ["x", "", "y"],
            "j.ints": [1, 0, -1],
            "k.floats": [0.5, 0.0],
            "l.bools": [True, False],
            "m.strings.empty": [],
        },
    )
    meter.create_counter("unsorted").add(1, {"z": 1, "a": 2, "m": 3})
    # A dict has no key twice: of k="first", k="last" the last is what a program is left with.
    meter.create_counter("duplicate.key").add(1, {"k": "last"})


def observables(meter: Meter) -> None:
    meter.create_observable_counter("obs.counter", [lambda _: [Observation(42, {"cpu": 0})]])
    meter.create_observable_up_down_counter("obs.updown", [lambda _: [Observation(-3)]])
    meter.create_observable_gauge("obs.gauge", [lambda _: [Observation(0.125)]])
