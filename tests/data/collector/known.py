"""The known set: every kind of point and every value the formats treat apart, as SDK types.

`batches()` gives (name, MetricsData) in the order in which the files beside this one hold them,
one export each. Run as a program it sends them to an OTLP/HTTP endpoint:

    python known.py http://127.0.0.1:4318/v1/metrics [FOLDER]

and, given a folder, writes there what the official Python packages make of them: official.pb
(the bodies that were sent, each with its length before it) and official.jsonl
(opentelemetry-exporter-otlp-json-file).
"""

import math
import sys
from pathlib import Path

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
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

T0, T1 = 1_700_000_000_000_000_000, 1_700_000_060_123_456_789
DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
INT_MAX, INT_MIN = 2**63 - 1, -(2**63)

EVERY_TYPE = {
    "str": "text",
    "empty": "",
    "unicode": "Grüße, 世界 😀",
    "control": 'quote " backslash \\ tab \t newline \n nul \0 del \x7f ls \u2028',
    "html": "<a href='x'>&</a>",
    "true": True,
    "false": False,
    "int": 42,
    "zero": 0,
    "int_max": INT_MAX,
    "int_min": INT_MIN,
    "beyond_double": 2**53 + 1,
    "float": 0.1,
    "whole": 3.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "negative_zero": -0.0,
    "nan": math.nan,
    "inf": math.inf,
    "ninf": -math.inf,
    "bytes": b"\x00\x01\xfe\xff",
    "no_bytes": b"",
    "none": None,
    "list": ("a", 1, 2.5, True, None, b"\xff"),
    "no_list": (),
    "map": {"inner": {"deep": ("x", {"deeper": INT_MIN})}, "n": 1},
    "no_map": {},
}


def point(value, attributes=None, exemplars=(), start=T0):
    return NumberDataPoint(attributes or {}, start, T1, value, list(exemplars))


def histogram(counts, bounds, total, least, most, attributes=None, exemplars=()):
    return HistogramDataPoint(
        attributes or {}, T0, T1, sum(counts), total, counts, bounds, least, most, list(exemplars)
    )


def exponential(scale, zero, positive, negative, total, least, most, attributes=None, exemplars=()):
    count = zero + sum(positive.bucket_counts) + sum(negative.bucket_counts)
    return ExponentialHistogramDataPoint(
        attributes or {},
        T0,
        T1,
        count,
        total,
        scale,
        zero,
        positive,
        negative,
        0,
        least,
        most,
        list(exemplars),
    )


def resource_metrics(*scopes, resource=None, schema_url=""):
    return ResourceMetrics(
        resource or Resource({"service.name": "known"}), list(scopes), schema_url
    )


def scope_metrics(*metrics, name="known", version="1.0", attributes=None, schema_url=""):
    return ScopeMetrics(
        InstrumentationScope(name, version, schema_url, attributes), list(metrics), schema_url
    )


def data(*metrics):
    return MetricsData([resource_metrics(scope_metrics(*metrics))])


def sums():
    return data(
        Metric(
            "int.monotonic.cumulative",
            "counts",
            "1",
            Sum([point(0), point(7, {"a": 1}), point(INT_MAX, {"a": 2})], CUMULATIVE, True),
        ),
        Metric(
            "float.monotonic.delta",
            "",
            "s",
            Sum([point(0.0), point(0.1, {"a": 1}), point(1e300, {"a": 2})], DELTA, True),
        ),
        Metric(
            "int.updown.cumulative",
            "",
            "",
            Sum([point(-3), point(INT_MIN, {"a": 1})], CUMULATIVE, False),
        ),
        Metric(
            "float.updown.delta",
            "",
            "By",
            Sum([point(-0.0), point(-2.5, {"a": 1}), point(5e-324, {"a": 2})], DELTA, False),
        ),
        Metric(
            "float.not_finite",
            "",
            "",
            Sum(
                [point(math.nan), point(math.inf, {"a": 1}), point(-math.inf, {"a": 2})],
                DELTA,
                False,
            ),
        ),
    )


def gauges():
    return data(
        Metric("int.gauge", "", "", Gauge([point(-1, {"k": "v"}, start=None), point(2**53 + 1)])),
        Metric(
            "float.gauge",
            "",
            "",
            Gauge([point(21.5, {"k": "v"}, start=None), point(3.0), point(1e21), point(1e-7)]),
        ),
        Metric("every.attribute", "value types", "", Gauge([point(1, EVERY_TYPE)])),
        Metric("no.points", "an empty list of points", "", Gauge([])),
    )


def histograms():
    return data(
        Metric(
            "explicit.delta",
            "",
            "ms",
            Histogram(
                [histogram([0, 2, 0, 1], [5.0, 10.0, 25.5], 40.25, 6.0, 27.25, {"a": 1})], DELTA
            ),
        ),
        Metric(
            "explicit.cumulative",
            "",
            "ms",
            Histogram([histogram([0] * 3, [0.0, 1.0], 0.0, math.inf, -math.inf)], CUMULATIVE),
        ),
        Metric("one.bucket", "", "", Histogram([histogram([3], [], -6.0, -3.0, -1.0)], CUMULATIVE)),
        Metric(
            "not_finite",
            "",
            "",
            Histogram([histogram([1, 1], [0.0], math.nan, -math.inf, math.inf)], CUMULATIVE),
        ),
    )


def exponentials():
    return data(
        Metric(
            "both.sides",
            "",
            "ms",
            ExponentialHistogram(
                [
                    exponential(
                        3, 2, Buckets(-5, [1, 0, 4]), Buckets(7, [2, 1]), -8.5, -2.25, 1.5, {"a": 1}
                    ),
                    exponential(
                        0, 0, Buckets(0, []), Buckets(0, []), 0.0, math.inf, -math.inf, {"a": 2}
                    ),
                ],
                DELTA,
            ),
        ),
        Metric(
            "positive.only",
            "",
            "ms",
            ExponentialHistogram(
                [
                    exponential(
                        20, 0, Buckets(1_000_000, [1] * 160), Buckets(0, [0]), 320.0, 1.9, 2.1
                    )
                ],
                CUMULATIVE,
            ),
        ),
        Metric(
            "coarse",
            "",
            "ms",
            ExponentialHistogram(
                [exponential(-10, 1, Buckets(-1, [2**40]), Buckets(-1, [1]), 1.0, -1.0, 1.0)],
                CUMULATIVE,
            ),
        ),
    )


def exemplars():
    trace, span = 0x0102030405060708090A0B0C0D0E0F10, 0xA1A2A3A4A5A6A7A8
    with_ids = Exemplar({"dropped": "user-1"}, 5, T1 - 5, span, trace)
    without = Exemplar({}, 0.25, T1 - 6, None, None)
    zeros = Exemplar({}, 0, T1 - 7, 0, 0)
    return data(
        Metric(
            "sum.exemplars",
            "",
            "",
            Sum([point(5, {"a": 1}, [with_ids, without, zeros])], CUMULATIVE, True),
        ),
        Metric("gauge.exemplars", "", "", Gauge([point(0.25, {"a": 1}, [without])])),
        Metric(
            "histogram.exemplars",
            "",
            "",
            Histogram(
                [histogram([1, 1], [1.0], 5.25, 0.25, 5.0, exemplars=[with_ids, without])], DELTA
            ),
        ),
        Metric(
            "exponential.exemplars",
            "",
            "",
            ExponentialHistogram(
                [
                    exponential(
                        0, 0, Buckets(0, [1]), Buckets(0, []), 2.0, 2.0, 2.0, exemplars=[with_ids]
                    )
                ],
                DELTA,
            ),
        ),
    )


def resources():
    one = Metric("one", "", "", Gauge([point(1)]))
    rich = Resource(
        {"service.name": "cart/ü", "n": 7, "list": ("a", "b")}, "https://example.org/resource"
    )
    return MetricsData(
        [
            resource_metrics(
                scope_metrics(
                    one,
                    name="s1",
                    version="2",
                    attributes={"scope": True},
                    schema_url="https://example.org/scope",
                ),
                scope_metrics(one, name="s2", version=None),
                resource=rich,
                schema_url="https://example.org/resource",
            ),
            resource_metrics(scope_metrics(one, name=""), resource=Resource({})),
            resource_metrics(resource=Resource({"service.name": "no scopes"})),
        ]
    )


def batches():
    return [
        (make.__name__, make())
        for make in (sums, gauges, histograms, exponentials, exemplars, resources)
    ]


def main(endpoint, folder=None):
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    exporter = OTLPMetricExporter(endpoint)
    for name, metrics_data in batches():
        print(f"{name}: {exporter.export(metrics_data).name}")
    exporter.shutdown()
    if folder:
        save(Path(folder))


def save(folder):
    from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    bodies = [encode_metrics(metrics_data).SerializeToString() for _, metrics_data in batches()]
    (folder / "official.pb").write_bytes(
        b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    )
    (folder / "official.jsonl").unlink(missing_ok=True)
    exporter = FileMetricExporter(folder / "official.jsonl")
    for _, metrics_data in batches():
        exporter.export(metrics_data)
    exporter.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
