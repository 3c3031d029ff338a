"""The rules by which the official encoder maps the SDK's data, row by row, as data.

A row holds data that the official encoder accepts, and names of rows in docs/policies.md for what
it does not. Found by trying opentelemetry-exporter-otlp-proto-common 1.45.2.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from opentelemetry.sdk.metrics.export import (
    Buckets,
    ExponentialHistogram,
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support.mapping_attributes import ATTRIBUTES, Row
from tests.support.odd_values import (
    Colour,
    Double,
    Index,
    Level,
    Real,
    Stream,
    Text,
    Whole,
    array_of,
)
from tests.support.official_encoder import gauge, of_metric, of_metrics, of_points
from tests.support.points import (
    HISTOGRAMS,
    KINDS,
    METRIC,
    NUMBERS,
    POINTS,
    SCOPE,
    a_metric,
    exemplar,
    of_scopes,
)


def points(kinds: Iterable[type], **fields: Iterable[Any]) -> Row:
    """A point of each kind with each value of each field."""
    return [
        of_points([dataclasses.replace(POINTS[kind], **{name: value})], kind)
        for kind in kinds
        for name, given in fields.items()
        for value in given
    ]


def tail(*kinds: type, **fields: Iterable[Any]) -> Row:
    return [
        of_points([POINTS[kind]] * 2, kind, **{name: value})
        for kind in kinds
        for name, given in fields.items()
        for value in given
    ]


def side(*given: Buckets) -> Row:
    return points([ExponentialHistogram], positive=given, negative=given)


def heads(**fields: Iterable[Any]) -> Row:
    return [
        of_metric(a_metric(METRIC.data, **{name: value}))
        for name, given in fields.items()
        for value in given
    ]


def resources(*given: Any) -> MetricsData:
    """A ResourceMetrics for each, with metrics of other names."""
    return MetricsData(
        [
            ResourceMetrics(
                one, [ScopeMetrics(SCOPE.scope, [a_metric(METRIC.data, f"of {number}")], "")], ""
            )
            for number, one in enumerate(given)
        ]
    )


def scopes(*given: Any) -> MetricsData:
    return of_scopes(
        [
            ScopeMetrics(one, [a_metric(METRIC.data, f"of {number}")], "")
            for number, one in enumerate(given)
        ]
    )


class SubSum(Sum):
    """A subclass of the SDK's."""


# A Stream is a generator, made anew for each encoder.
LISTS: tuple[Callable[[Any], Any], ...] = (list, tuple, deque, Stream, array_of)

# With and without presence, of every type that has one.
DOUBLES: list[Any] = [
    *(None, 0, 0.0, -0.0, 2**53 + 1, 10**30, True, float("inf"), -float("inf"), float("nan")),
    *(np.int64(5), np.float32(0.1), Decimal("1.5"), Fraction(1, 3), Double()),
]

MAPPING: dict[str, Row] = {
    **ATTRIBUTES,
    # Numbers
    "integers as as_int": points(
        NUMBERS, value=[0, 1, -1, 2**63 - 1, -(2**63), Level.MANY, Whole(5)]
    ),
    "all else as as_double": points(
        NUMBERS,
        value=[
            0.0,
            -0.0,
            1.5,
            float("nan"),
            -float("inf"),
            Real(1),
            np.float64(2),
            np.float32(1.1),
        ],
    )
    + points(
        NUMBERS,
        value=[np.int64(3), np.bool_(True), Decimal("1.5"), Fraction(1, 3), Double(), Index()],
    ),
    "bool": ["value-bool"],
    "no numbers, and too large ones": [
        "value-type",
        "value-integer",
        "value-double",
        "value-array",
    ],
    # Exemplars
    "exemplars in any iterable": [
        of_points([dataclasses.replace(POINTS[kind], exemplars=make([exemplar()] * 2))], kind)
        for kind in KINDS
        for make in LISTS
    ],
    "an exemplar's value": [
        gauge(exemplars=[exemplar(value=value)])
        for value in (0, -5, 2**63 - 1, 0.0, -0.0, float("nan"), np.float64(1), Level.MANY)
    ],
    "ids only together, zeros included": [
        gauge(exemplars=[exemplar(span_id=span_id, trace_id=trace_id)])
        for span_id in (None, 0, 1, 2**64 - 1, True)
        for trace_id in (None, 0, 1, 2**128 - 1)
    ],
    "an exemplar's time": [
        gauge(exemplars=[exemplar(time_unix_nano=time)])
        for time in (None, 0, 2**64 - 1, np.int64(5))
    ],
    "exemplars that are refused": [
        *("exemplars-none", "exemplars-no-iterable", "exemplar-object", "exemplar-value-bool"),
        *("exemplar-value-type", "exemplar-value-integer", "exemplar-id-range", "exemplar-id-type"),
        *("exemplar-time-range", "exemplar-time-type", "exemplar-attributes"),
    ],
    # Times
    "times: None and 0 are omitted": points(
        KINDS,
        time_unix_nano=[None, 0, 1, 2**63, 2**64 - 1, np.uint64(7), Level.MANY, Index()],
        start_time_unix_nano=[None, 0, 1, 2**64 - 1, np.int32(7)],
    ),
    "a gauge never has a start": points([Gauge], start_time_unix_nano=[5, -1, "not looked at"]),
    "times that are refused": ["time-range", "time-type"],
    # Histograms
    "count": points(HISTOGRAMS, count=[None, 0, 1, 2**64 - 1, np.uint8(5), Level.SOME]),
    "sum, min and max are doubles; only None is omitted": points(
        HISTOGRAMS,
        **dict.fromkeys(("sum", "min", "max"), DOUBLES),
    ),
    "bucket counts in any iterable": points(
        [Histogram],
        bucket_counts=[
            *(None, [], (), [0], [0, 1, 2**64 - 1], range(3), b"ab", {1: 2}, Stream([1, 2])),
            *(np.array([1, 2]), np.array([], int), np.array([5], np.uint8)),
            [np.int64(1), Level.MANY],
        ],
    ),
    "bounds in any iterable": points(
        [Histogram],
        explicit_bounds=[
            *(None, [], (), [0.0], (-0.0, float("nan"), float("inf")), (1, 2.5), range(3)),
            *(np.array([0.5, 1.5]), [Decimal("1.5"), True], Stream([1.0, 2])),
        ],
    ),
    "histograms that are refused": [
        *("count-range", "count-type", "sum-range", "sum-type", "buckets-range", "buckets-type"),
        *("buckets-object", "bounds-range", "bounds-type", "bounds-object"),
    ],
    # Exponential histograms
    "scale, zero count and flags": points(
        [ExponentialHistogram],
        scale=[None, 0, 1, -1, 20, -10, 2**31 - 1, -(2**31), np.int8(-3)],
        zero_count=[None, 0, 1, 2**64 - 1, np.uint8(3)],
        flags=[None, 0, 1, 128, 2**32 - 1, Level.SOME],
    ),
    "a side is written if it has any counts": side(
        *(Buckets(0, []), Buckets(5, []), Buckets(5, ()), Buckets(5, None), Buckets(0, [0])),  # type: ignore[arg-type]
        *(Buckets(0, [0, 0]), Buckets(-3, [1, 128, 2**64 - 1]), Buckets(None, [1])),  # type: ignore[arg-type]
    ),
    "offsets": side(*(Buckets(o, [1]) for o in (0, 1, -1, 2**31 - 1, -(2**31), np.int8(-3)))),
    "bucket counts of one element in an array": side(
        Buckets(0, np.array([3])),
        Buckets(5, np.array([0])),
        Buckets(1, Stream([1])),
        Buckets(1, Stream()),
        Buckets(1, range(3)),  # type: ignore[arg-type]
    ),
    # Metrics
    "temporality: any int32, or its name": tail(
        *(Sum, *HISTOGRAMS),
        aggregation_temporality=[
            *(0, 1, 2, 7, -1, 2**31 - 1, -(2**31), np.int64(2), Level.SOME, Index()),
            *("AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_UNSPECIFIED"),
        ],
    ),
    "is_monotonic: any integer": tail(
        Sum, is_monotonic=[True, False, 0, 1, -5, 300, np.bool_(True), np.bool_(False), Index()]
    ),
    "temporalities and is_monotonic that are refused": [
        *("temporality-range", "temporality-type", "monotonic-type", "monotonic-number")
    ],
    "without points there is no data, nor temporality": [
        *(of_points([], kind) for kind in KINDS),
        *(of_points([], kind, aggregation_temporality="wrong") for kind in (Sum, *HISTOGRAMS)),
        of_points([], Sum, is_monotonic="wrong"),
    ],
    "unknown data leaves the metric's head": [
        of_metric(a_metric(None)),
        of_metric(a_metric("Sum")),
        "data-unknown",
    ],
    "subclasses of the data": [of_metric(a_metric(SubSum([POINTS[Sum]], 1, True)))],  # type: ignore[arg-type]
    "name, description and unit: None and empty are omitted": heads(
        name=[None, "", "a", b"bytes", Text("a"), Colour.RED, np.str_("a"), "x" * 300],
        description=[None, "", "語😀", b"", Colour.NONE],
        unit=[None, "", "By", b"By"],
    ),
    "texts that are refused": ["text-surrogate", "metric-text-bytes", "metric-text-type"],
    "points, metrics, scopes and resources in any iterable": [
        data
        for make in LISTS
        for data in (
            of_points(make([POINTS[Sum]] * 3), Sum),
            of_metrics(make([METRIC] * 2)),
            of_scopes(make([SCOPE])),
            MetricsData(make([ResourceMetrics(Resource({"n": 1}), [SCOPE], "")])),
        )
    ],
    # Scopes and resources
    "the schema URL is the scope's and the resource's own": [
        MetricsData(
            [
                ResourceMetrics(
                    Resource({}, "http://resource"),
                    [ScopeMetrics(InstrumentationScope("s", "", "http://scope"), [METRIC], "no")],
                    "ignored",
                )
            ]
        )
    ],
    "scope texts: None and empty are omitted": [
        scopes(InstrumentationScope(name, version, url))
        for name in (None, "", "name", b"name")
        for version in (None, "", "1.0")
        for url in (None, "", "http://schema")
    ],
    "empty messages": [
        MetricsData([]),
        MetricsData([ResourceMetrics(Resource({}), [], "")]),
        of_scopes([ScopeMetrics(InstrumentationScope(""), [], "")]),
        of_metrics([Metric("", "", "", Gauge([]))]),
        of_metrics([Metric(None, None, None, None)]),  # type: ignore[arg-type]
    ],
    "equal resources: the last one's scopes at the place of the first": [
        resources(Resource({"a": 1}), Resource({"b": 1}), Resource({"a": 1})),
        resources(Resource({"a": 1, "b": 2}), Resource({"b": 2, "a": 1})),
        resources(*[Resource({"a": 1})] * 3),
        "resource-equal",
    ],
    "1, True and 1.0 are different resources": [
        resources(Resource({"a": 1}), Resource({"a": True}), Resource({"a": 1.0})),
    ],
    "resources of other schema URLs are different": [
        resources(Resource({"a": 1}, "u"), Resource({"a": 1}, "v"), Resource({"a": 1})),
    ],
    "equal scopes: the last one alone, at the place of the first": [
        scopes(*(InstrumentationScope(name) for name in "aba")),
        scopes(InstrumentationScope("a", attributes={"n": 1}), InstrumentationScope("a")),
        scopes(*(InstrumentationScope("a", attributes={"n": n}) for n in (1, True, 1.0))),
        "scope-equal",
    ],
    "the same scope in two resources": [
        MetricsData([ResourceMetrics(Resource({"n": n}), [SCOPE], "") for n in (1, 2)])
    ],
    "resources and scopes that are refused": [
        *(
            "resource-object",
            "resource-text",
            "resource-scopes",
            "resource-no-hash",
            "export-object",
        ),
        *("scope-object", "scope-text-bytes", "scope-text-type", "scope-metrics", "metric-object"),
        *("data-points", "point-object"),
    ],
}
