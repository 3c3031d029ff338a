"""Each row of docs/policies.md as data: see `cases` for what the builders make."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support.odd_values import Double, nested
from tests.support.official_encoder import gauge, of_metric, of_metrics, of_points
from tests.support.points import (
    HISTOGRAMS,
    KINDS,
    METRIC,
    NUMBERS,
    POINTS,
    RESOURCE,
    SCOPE,
    Case,
    NoHash,
    Own,
    Raising,
    RaisingItems,
    RaisingList,
    a_metric,
    attributes_lost,
    exemplar,
    exemplar_with,
    exemplars_lost,
    gauge_with,
    metrics_lost,
    of_scopes,
    points_lost,
    points_mended,
    resource_with,
    resources_lost,
    scope_with,
    scopes_lost,
    tails,
)

BEYOND_INT64 = (2**63, -(2**63) - 1, 10**30)
NO_UINT64 = (-1, 2**64, 10**30)
NO_INT = (1.0, True, "1", Decimal(1), Double())
NO_TEXT = (1, 1.5, bytearray(b"a"), ("a",))
TOO_LARGE_FOR_A_DOUBLE = (10**400, Fraction(10**400))


def itself() -> list[object]:
    cyclic: list[object] = [1]
    cyclic.append(cyclic)
    return cyclic


POINT = POINTS[Gauge]

ROWS: dict[str, list[Case]] = {
    # Attributes
    "attribute-type": attributes_lost(
        *({1}, frozenset(), 1j, Decimal(1), Fraction(1, 2), object(), int, Raising()),
        *(np.int64(1), np.float32(1), np.bool_(True), np.array([1])),
    ),
    "attribute-nested": attributes_lost([1, {1}], {"k": object()}, [[{"k": (1, 1j)}]]),
    "attribute-integer": attributes_lost(2**63, -(2**63) - 1, [10**30]),
    "attribute-surrogate": attributes_lost("\ud800", ["a", "\udfff"], {"\ud800": 1}),
    "attribute-cyclic": attributes_lost(itself()),
    "attribute-deep": attributes_lost(nested("list", 60), nested("map", 40), nested("both", 50)),
    "attribute-too-deep-to-read": [
        Case(within({"a": 1, "key": nested(kind, depth)}), within({"a": 1}))
        for within, kind, depth in (
            (gauge_with, "list", 48),
            (gauge_with, "map", 32),
            (exemplar_with, "list", 47),
            (scope_with, "list", 49),
            (resource_with, "list", 49),
        )
    ],
    "attribute-raises": attributes_lost(RaisingList([1]), RaisingItems(a=1), [RaisingList([1])]),
    "attribute-key-type": attributes_lost(1, key=5) + attributes_lost(1, key=("a",)),
    "attribute-key-text": attributes_lost(1, key="\ud800") + attributes_lost(1, key=b"\xff"),
    "attributes-no-mapping": points_lost(
        KINDS, attributes=[["a"], "a", 5, RaisingItems(a=1), Raising()]
    ),
    # Values of Sum and Gauge
    "value-bool": points_mended(NUMBERS, value=(True, 1))
    + points_mended(NUMBERS, value=(False, 0)),
    "value-array": points_mended(NUMBERS, value=(np.array(1.5), 1.5)),
    "value-integer": points_lost(NUMBERS, value=BEYOND_INT64),
    "value-double": points_lost(NUMBERS, value=[Fraction(10**400)]),
    "value-type": points_lost(
        NUMBERS, value=[None, "1", b"1", 1j, [1], np.array([1, 2]), Raising()]
    ),
    # Exemplars
    "exemplars-none": points_mended(KINDS, exemplars=(None, [])),
    "exemplars-no-iterable": points_mended(KINDS, exemplars=(5, [])),
    "exemplar-object": exemplars_lost(None, "a", SimpleNamespace(value=1), Raising()),
    "exemplar-value-bool": [
        Case(gauge(exemplars=[exemplar(value=True)]), gauge(exemplars=[exemplar(value=1)]))
    ],
    "exemplar-value-type": exemplars_lost(
        *(exemplar(value=value) for value in (None, "1", Decimal(1), np.int64(1), np.float32(1)))
    ),
    "exemplar-value-integer": exemplars_lost(*(exemplar(value=value) for value in BEYOND_INT64)),
    "exemplar-id-range": exemplars_lost(
        *(exemplar(span_id=span_id, trace_id=1) for span_id in (-1, 2**64)),
        *(exemplar(span_id=1, trace_id=trace_id) for trace_id in (-1, 2**128)),
    ),
    "exemplar-id-type": exemplars_lost(
        exemplar(span_id=1.0, trace_id=1), exemplar(span_id=1, trace_id=np.int64(1))
    ),
    "exemplar-time-range": exemplars_lost(*(exemplar(time_unix_nano=time) for time in NO_UINT64)),
    "exemplar-time-type": exemplars_lost(*(exemplar(time_unix_nano=time) for time in NO_INT)),
    "exemplar-attributes": exemplars_lost(
        exemplar(filtered_attributes=["a"]), exemplar(filtered_attributes=5)
    ),
    # Fields of points
    "time-range": points_lost(KINDS, time_unix_nano=NO_UINT64)
    + points_lost([Sum, *HISTOGRAMS], start_time_unix_nano=NO_UINT64),
    "time-type": points_lost(KINDS, time_unix_nano=NO_INT)
    + points_lost([Sum, *HISTOGRAMS], start_time_unix_nano=NO_INT),
    "count-range": points_lost(HISTOGRAMS, count=NO_UINT64)
    + points_lost([ExponentialHistogram], zero_count=NO_UINT64, flags=[-1, 2**32])
    + points_lost([ExponentialHistogram], scale=[2**31, -(2**31) - 1]),
    "count-type": points_lost(HISTOGRAMS, count=NO_INT)
    + points_lost([ExponentialHistogram], zero_count=NO_INT, flags=NO_INT, scale=NO_INT),
    "sum-range": points_lost(
        HISTOGRAMS,
        sum=TOO_LARGE_FOR_A_DOUBLE,
        min=TOO_LARGE_FOR_A_DOUBLE,
        max=TOO_LARGE_FOR_A_DOUBLE,
    ),
    "sum-type": points_lost(HISTOGRAMS, sum=["1", 1j, [1.0]], min=["1"], max=[object()]),
    "buckets-range": points_lost([Histogram], bucket_counts=[[1, -1], [2**64]])
    + points_lost(
        [ExponentialHistogram],
        positive=[SimpleNamespace(offset=0, bucket_counts=[1, -1])],
        negative=[SimpleNamespace(offset=2**31, bucket_counts=[1])],
    ),
    "buckets-type": points_lost([Histogram], bucket_counts=[[1, 1.0], [True], [None], "12"])
    + points_lost(
        [ExponentialHistogram],
        positive=[SimpleNamespace(offset=0, bucket_counts=[1, None])],
        negative=[SimpleNamespace(offset=1.0, bucket_counts=[1])],
    ),
    "buckets-object": points_lost([Histogram], bucket_counts=[5, Raising()])
    + points_lost(
        [ExponentialHistogram],
        positive=[None, [1], SimpleNamespace(offset=0, bucket_counts=np.array([1, 2]))],
        negative=[SimpleNamespace(offset=0, bucket_counts=5), Raising()],
    ),
    "bounds-range": points_lost([Histogram], explicit_bounds=[(1.0, 10**400)]),
    "bounds-type": points_lost([Histogram], explicit_bounds=[(1.0, None), ("1",), "12"]),
    "bounds-object": points_lost([Histogram], explicit_bounds=[5, Raising()]),
    "point-object": [
        Case(
            of_points([POINTS[kind], bad, POINTS[kind]], kind), of_points([POINTS[kind]] * 2, kind)
        )
        for kind in KINDS
        for bad in (None, "a", object(), SimpleNamespace(attributes={}), Raising())
    ],
    "point-too-large": [
        Case(
            of_points([good, dataclasses.replace(good, attributes={"a": "x" * 900}), good], kind),
            of_points([good, good], kind),
            limit=800,
        )
        for kind, good in POINTS.items()
    ],
    # Metrics
    "temporality-range": metrics_lost(*tails([Sum, *HISTOGRAMS], "DELTA", "", 2**31, 10**30)),
    "temporality-type": metrics_lost(*tails([Sum, *HISTOGRAMS], None, 1.0, True, b"1")),
    "monotonic-type": metrics_lost(*tails([Sum], is_monotonic=[None, "yes", 1.0, []])),
    "monotonic-number": [
        Case(
            of_points([POINT], Sum, is_monotonic=given), of_points([POINT], Sum, is_monotonic=True)
        )
        for given in (2**63, np.array(1))
    ],
    "data-unknown": [
        Case(of_metrics([METRIC, a_metric(data), METRIC]), None)
        for data in (None, 5, "Sum", SimpleNamespace(data_points=[POINT, POINT]))
    ],
    "data-points": metrics_lost(a_metric(Gauge(None)), a_metric(Sum(5, 1, True))),  # type: ignore[arg-type]
    "metric-object": metrics_lost(None, "a", object(), SimpleNamespace(name="a"), Raising()),
    "text-surrogate": [
        *(
            Case(
                of_metric(a_metric(METRIC.data, **{field: given})),
                of_metric(a_metric(METRIC.data, **{field: written})),
            )
            for field in ("name", "description", "unit")
            for given, written in (("a\ud800", "a\ufffd"), ("\udfff😀", "\ufffd😀"))
        ),
        *(
            Case(
                *(
                    of_scopes([ScopeMetrics(InstrumentationScope(**texts), [METRIC], "")])
                    for texts in ({"name": "", field: "a\ud800"}, {"name": "", field: "a\ufffd"})
                )
            )
            for field in ("name", "version", "schema_url")
        ),
        Case(
            MetricsData([ResourceMetrics(Resource({}, "a\ud800"), [SCOPE], "")]),
            MetricsData([ResourceMetrics(Resource({}, "a\ufffd"), [SCOPE], "")]),
        ),
    ],
    "metric-text-bytes": metrics_lost(
        a_metric(METRIC.data, b"\xff"), a_metric(METRIC.data, description=b"\xed\xa0\x80")
    ),
    "metric-text-type": metrics_lost(
        *(a_metric(METRIC.data, given) for given in NO_TEXT), a_metric(METRIC.data, unit=5)
    ),
    # Scopes
    "scope-object": scopes_lost(
        ScopeMetrics(None, [METRIC], ""),  # type: ignore[arg-type]
        ScopeMetrics("scope", [METRIC], ""),  # type: ignore[arg-type]
        ScopeMetrics(Own(["no mapping"]), [METRIC], ""),  # type: ignore[arg-type]
        SimpleNamespace(metrics=[METRIC]),
        None,
    ),
    "scope-text-bytes": scopes_lost(ScopeMetrics(InstrumentationScope(b"\xff"), [METRIC], "")),  # type: ignore[arg-type]
    "scope-text-type": scopes_lost(
        *(ScopeMetrics(Own({}, version=given), [METRIC], "") for given in NO_TEXT)  # type: ignore[arg-type]
    ),
    "scope-metrics": scopes_lost(
        ScopeMetrics(InstrumentationScope("bad"), None, ""),  # type: ignore[arg-type]
        ScopeMetrics(InstrumentationScope("bad"), 5, ""),  # type: ignore[arg-type]
        SimpleNamespace(scope=InstrumentationScope("bad")),
    ),
    "scope-equal": [
        Case(
            of_scopes(
                [
                    ScopeMetrics(InstrumentationScope("a"), [a_metric(METRIC.data, "lost")], ""),
                    ScopeMetrics(InstrumentationScope("b"), [METRIC], ""),
                    ScopeMetrics(InstrumentationScope("a"), [METRIC], ""),
                ]
            ),
            None,
        )
    ],
    # Resources
    "resource-object": resources_lost(
        ResourceMetrics(None, [SCOPE], ""),  # type: ignore[arg-type]
        ResourceMetrics(Own(["no mapping"]), [SCOPE], ""),  # type: ignore[arg-type]
        SimpleNamespace(scope_metrics=[SCOPE]),
        None,
    ),
    "resource-text": resources_lost(
        *(ResourceMetrics(Own({}, schema_url=given), [SCOPE], "") for given in NO_TEXT)  # type: ignore[arg-type]
    ),
    "resource-scopes": resources_lost(
        ResourceMetrics(Resource({"n": "bad"}), None, ""),  # type: ignore[arg-type]
        SimpleNamespace(resource=Resource({"n": "bad"})),
    ),
    "resource-equal": [
        Case(
            MetricsData(
                [
                    ResourceMetrics(Resource({"n": 1}), [SCOPE], ""),
                    ResourceMetrics(Resource({"n": 2}), [SCOPE], ""),
                    ResourceMetrics(Resource({"n": 1}), [], ""),
                ]
            ),
            None,
        )
    ],
    "resource-no-hash": [
        Case(
            MetricsData([RESOURCE, *[ResourceMetrics(NoHash({}), [SCOPE], "")] * 2]),  # type: ignore[arg-type]
            MetricsData([RESOURCE, *(ResourceMetrics(Own({}), [SCOPE], "") for _ in range(2))]),  # type: ignore[arg-type]
        )
    ],
    "export-object": [
        Case(given, MetricsData([]))
        for given in (None, 5, MetricsData(None), MetricsData(5), SimpleNamespace(), Raising())  # type: ignore[arg-type]
    ],
}
