"""Arbitrary MetricsData, for hypothesis: what any SDK, or a caller with objects of its own, gives.

Where ``hostile`` is false, all of it is what the official encoder accepts, attributes that it drops
included; where it is true, what it refuses is strewn in.
"""

from __future__ import annotations

import array
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
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

from tests.support.odd_values import (
    Colour,
    Double,
    Index,
    Level,
    Pairs,
    Real,
    Stream,
    Text,
    Whole,
    array_of,
    nested,
)

S = st.SearchStrategy[Any]


def either(fine: S, bad: S, hostile: bool) -> S:
    """Mostly ``fine``, and now and then ``bad`` where ``hostile``."""
    return st.one_of(fine, fine, fine, bad) if hostile else fine


# Numbers and texts -----------------------------------------------------------------------------

INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, 1, -1, 127, 128, -(2**63), 2**63 - 1, 2**31, -(2**31)]
)
UINT64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 127, 128, 2**63 - 1, 2**63, 2**64 - 1])
INT32 = st.integers(-(2**31), 2**31 - 1) | st.integers(-20, 20)
FLOATS = st.floats() | st.sampled_from(
    [0.0, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324]
)
TEXTS = st.text(max_size=20) | st.sampled_from(["", "name", "ümläut", "😀", "\0", "x" * 130])
SURROGATES = st.sampled_from(["\ud800", "a\udfffb", "\udc80\ud83d"])

# Numbers of other kinds, for where an integer is wanted, and for where a double is.
ODD_INTS = st.sampled_from(
    [np.int64(-3), np.uint8(200), np.int32(0), Level.MANY, Level.NONE, Whole(5), Index()]
)
ODD_UINTS = ODD_INTS.filter(lambda number: number.__index__() >= 0) | st.just(np.uint64(2**64 - 1))
ODD_FLOATS = st.sampled_from(
    [np.float64(-0.0), np.float32(1.1), Real("nan"), Decimal("1.5"), Fraction(1, 3), Double()]
)
NO_INTS = st.sampled_from([True, 1.0, "1", b"1", Decimal(1), 1j, [1], Double(), object()])
NO_DOUBLES = st.sampled_from(["1", b"1", 1j, [1.0], None, object(), 10**400])


@cache
def unsigned(hostile: bool) -> S:
    bad = NO_INTS | st.sampled_from([-1, 2**64, 10**30])
    return either(st.none() | UINT64 | ODD_UINTS, bad, hostile)


@cache
def signed32(hostile: bool) -> S:
    bad = NO_INTS | st.sampled_from([2**31, -(2**31) - 1])
    fine = ODD_INTS.filter(lambda number: -(2**31) <= number.__index__() < 2**31)
    return either(st.none() | INT32 | fine, bad, hostile)


@cache
def flags(hostile: bool) -> S:
    fine = st.none() | st.integers(0, 2**32 - 1) | st.just(np.uint16(3))
    return either(fine, NO_INTS | st.sampled_from([-1, 2**32]), hostile)


@cache
def doubles(hostile: bool) -> S:
    """A double with presence: sum, min, max."""
    fine = st.none() | FLOATS | INT64 | ODD_FLOATS | ODD_INTS | st.just(True) | st.just(10**30)
    return either(fine, NO_DOUBLES.filter(lambda value: value is not None), hostile)


@cache
def numbers(hostile: bool) -> S:
    """A point's value."""
    fine = INT64 | FLOATS | ODD_FLOATS | ODD_INTS | st.just(np.bool_(True))
    return either(
        fine, NO_DOUBLES | st.booleans() | st.sampled_from([2**63, -(2**63) - 1]), hostile
    )


@cache
def texts(hostile: bool) -> S:
    fine = st.none() | TEXTS | TEXTS.map(str.encode) | TEXTS.map(Text) | TEXTS.map(np.str_)
    bad = SURROGATES | st.sampled_from([b"\xff", b"\xed\xa0\x80", 1, ["a"], bytearray(b"a")])
    return either(fine | st.sampled_from(Colour), bad, hostile)


# Attributes ------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    INT64,
    FLOATS,
    TEXTS,
    st.binary(max_size=10),
    st.sampled_from(
        [Text("sub"), Whole(-4), Real(0.5), Level.MANY, Colour.RED, np.float64(2), np.str_("np")]
    ),
    st.sampled_from(
        [np.bytes_(b"np"), bytearray(b"ab"), range(3), memoryview(b"xy"), UserList([1])]
    ),
    st.sampled_from([array.array("h", [1, -2]), array.array("d", [0.0]), deque([None, "a"])]),
)
# The official encoder drops an attribute with any of these in it.
DROPPED = SURROGATES | st.sampled_from(
    [
        *(2**63, -(2**63) - 1, np.int64(1), np.float32(1), np.bool_(True), np.array([1, 2])),
        *({1, 2}, frozenset(), 1j, Decimal(1), Fraction(1, 2), object(), Index(), int),
    ]
)
NESTED_KEYS = TEXTS | st.sampled_from([None, 1, 2.5, (1, 2), b"b", True, Colour.RED, "\ud800"])
KEYS = TEXTS | st.sampled_from(
    [None, b"bytes", b"", Text("sub"), Colour.RED, np.str_("n"), 1, (1,), b"\xff", "\ud800"]
)


def _nested(inner: S) -> S:
    lists = st.lists(inner, max_size=3)
    maps = st.dictionaries(NESTED_KEYS, inner, max_size=3)
    return st.one_of(
        lists,
        lists.map(tuple),
        lists.map(deque),
        lists.map(UserList),
        maps,
        maps.map(OrderedDict),
        maps.map(UserDict),
        maps.map(MappingProxyType),
    )


VALUES = st.recursive(SCALARS, _nested, max_leaves=5)
CLEAN = st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=3)
DEEP = st.builds(nested, st.sampled_from(["list", "map", "both"]), st.integers(25, 60))


@cache
def attributes(hostile: bool) -> S:
    values = SCALARS | VALUES | st.recursive(SCALARS | DROPPED, _nested, max_leaves=5)
    some = st.dictionaries(KEYS, either(values, DEEP, hostile), max_size=4)
    common = st.dictionaries(TEXTS, st.booleans() | INT64 | FLOATS | TEXTS, max_size=4)
    fine = st.one_of(
        st.none(),
        common,
        some,
        some.map(MappingProxyType),
        some.map(UserDict),
        some.map(lambda given: Pairs(list(given.items()))),
        CLEAN.map(lambda given: BoundedAttributes(attributes=given)),
    )
    return either(fine, st.sampled_from([["a"], "a", 1, object(), {"a"}]), hostile)


# Points ----------------------------------------------------------------------------------------


def containers(item: S, size: int = 3) -> S:
    """A repeated field: any iterable will do."""
    items = st.lists(item, max_size=size)
    return st.one_of(items, items.map(tuple), items.map(Stream), items.map(deque))


@cache
def exemplars(hostile: bool) -> S:
    ids = st.none() | st.integers(0, 2**64 - 1) | st.booleans()
    some = st.builds(
        Exemplar,
        filtered_attributes=attributes(hostile),
        value=either(
            INT64 | FLOATS | st.sampled_from([np.float64(1), Level.SOME]),
            st.sampled_from([True, None, np.int64(1), Decimal(1), 2**63, "1"]),
            hostile,
        ),
        time_unix_nano=unsigned(hostile),
        span_id=either(ids, st.sampled_from([-1, 2**64, 1.0, "1", np.int64(1)]), hostile),
        trace_id=either(ids | st.just(2**128 - 1), st.sampled_from([-1, 2**128, b"1"]), hostile),
    )
    bad = st.none() | st.sampled_from([5, [None], ["a"]])
    return st.just([]) | either(containers(some, 2), bad, hostile)


@cache
def explicit_counts(hostile: bool) -> S:
    each = either(UINT64 | ODD_UINTS, NO_INTS | st.sampled_from([None, -1, 2**64]), hostile)
    fine = st.one_of(
        st.none(),
        containers(each, 6),
        st.sampled_from([np.array([1, 2], np.uint64), np.array([], int), range(4), b"ab", {3: 4}]),
    )
    return either(fine, st.sampled_from([1, "12", np.array([0.5]), object()]), hostile)


@cache
def bounds(hostile: bool) -> S:
    each = either(FLOATS | INT64 | ODD_FLOATS, NO_DOUBLES, hostile)
    fine = st.one_of(
        st.none(),
        containers(each, 6),
        st.sampled_from([(0.0, 5.0, 10.0), np.array([0.5, -0.0]), range(3), (1, 2.5)]),
    )
    return either(fine, st.sampled_from([1, "12", object()]), hostile)


@cache
def buckets(hostile: bool) -> S:
    each = either(UINT64 | st.integers(0, 3) | ODD_UINTS, st.sampled_from([-1, None, 1.0]), hostile)
    counts = containers(each, 8) | st.sampled_from([None, [0], np.array([3]), np.array([0])])
    some = st.builds(
        Buckets,
        offset=signed32(hostile),
        bucket_counts=either(counts, st.sampled_from([np.array([1, 2]), 1, "1"]), hostile),
    )
    return either(some, st.sampled_from([None, [1], 0]), hostile)


@cache
def number_fields(hostile: bool) -> dict[str, S]:
    return {
        "attributes": attributes(hostile),
        "start_time_unix_nano": unsigned(hostile),
        "time_unix_nano": unsigned(hostile),
        "value": numbers(hostile),
        "exemplars": exemplars(hostile),
    }


@cache
def histogram_fields(hostile: bool) -> dict[str, S]:
    return {
        "attributes": attributes(hostile),
        "start_time_unix_nano": unsigned(hostile),
        "time_unix_nano": unsigned(hostile),
        "count": unsigned(hostile),
        "sum": doubles(hostile),
        "bucket_counts": explicit_counts(hostile),
        "explicit_bounds": bounds(hostile),
        "min": doubles(hostile),
        "max": doubles(hostile),
        "exemplars": exemplars(hostile),
    }


@cache
def exponential_fields(hostile: bool) -> dict[str, S]:
    return {
        "attributes": attributes(hostile),
        "start_time_unix_nano": unsigned(hostile),
        "time_unix_nano": unsigned(hostile),
        "count": unsigned(hostile),
        "sum": doubles(hostile),
        "scale": signed32(hostile),
        "zero_count": unsigned(hostile),
        "positive": buckets(hostile),
        "negative": buckets(hostile),
        "flags": flags(hostile),
        "min": doubles(hostile),
        "max": doubles(hostile),
        "exemplars": exemplars(hostile),
    }


# Kind of data → its points, their fields.
KINDS: dict[type, tuple[type, Callable[[bool], dict[str, S]]]] = {
    Sum: (NumberDataPoint, number_fields),
    Gauge: (NumberDataPoint, number_fields),
    Histogram: (HistogramDataPoint, histogram_fields),
    ExponentialHistogram: (ExponentialHistogramDataPoint, exponential_fields),
}


# Data, metric, scope, resource -----------------------------------------------------------------

TEMPORALITIES = st.sampled_from(
    [
        *(*AggregationTemporality, 0, 1, 2, 7, -1, 2**31 - 1, np.int64(1)),
        *("AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_UNSPECIFIED"),
    ]
)


def data_fields(kind: type, hostile: bool) -> dict[str, S]:
    """What a kind of data has beside its points."""
    if kind is Gauge:
        return {}
    bad = st.sampled_from([None, "DELTA", 2**31, 1.0, True, b"1"])
    fields = {"aggregation_temporality": either(TEMPORALITIES, bad, hostile)}
    if kind is Sum:
        fine = st.booleans() | st.sampled_from(
            [0, 1, -5, 300, np.bool_(True), np.int64(0), Index()]
        )
        fields["is_monotonic"] = either(fine, st.sampled_from([None, "yes", 1.0]), hostile)
    return fields


@cache
def metrics(hostile: bool) -> S:
    def of(kind: type) -> S:
        point, fields = KINDS[kind]
        one = either(st.builds(point, **fields(hostile)), st.sampled_from([None, "p", 1]), hostile)
        points = containers(one, 4) | st.lists(one, max_size=4).map(array_of)
        data = st.builds(kind, data_points=points, **data_fields(kind, hostile))
        return st.builds(Metric, texts(hostile), texts(hostile), texts(hostile), data)

    no_data = st.sampled_from([None, 1, "Sum"])
    return st.one_of(
        *map(of, KINDS), *map(of, KINDS), st.builds(Metric, TEXTS, TEXTS, TEXTS, no_data)
    )


@cache
def scopes(hostile: bool) -> S:
    deep = CLEAN | st.builds(lambda value: {"deep": value}, DEEP)
    return st.builds(
        InstrumentationScope,
        name=texts(hostile).filter(_hashable),
        version=texts(hostile).filter(_hashable),
        schema_url=texts(hostile).filter(_hashable),
        attributes=either(st.none() | CLEAN, deep, hostile),
    )


@cache
def resources(hostile: bool) -> S:
    deep = CLEAN | st.builds(lambda value: {"deep": value}, DEEP)
    return st.builds(
        Resource, either(CLEAN, deep, hostile), either(st.none() | TEXTS, SURROGATES, hostile)
    )


def _hashable(value: object) -> bool:
    return not isinstance(value, list | bytearray)


@st.composite
def metrics_data(draw: st.DrawFn, hostile: bool = False) -> MetricsData:
    """A few points, with equal resources and scopes now and then."""
    data: MetricsData = draw(_metrics_data(hostile))
    return data


@cache
def _metrics_data(hostile: bool) -> S:
    resource = st.shared(resources(hostile), key=f"resource {hostile}") | resources(hostile)
    scope = st.shared(scopes(hostile), key=f"scope {hostile}") | scopes(hostile)
    scope_metrics = st.builds(
        ScopeMetrics, scope, containers(metrics(hostile)), st.text(max_size=1)
    )
    resource_metrics = st.builds(
        ResourceMetrics, resource, containers(scope_metrics, 2), st.text(max_size=1)
    )
    return st.builds(MetricsData, containers(resource_metrics, 2))
