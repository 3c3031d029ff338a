"""Any points of all kinds and where they were read, for hypothesis: what a decoder may give."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from otel_etw.captures.columns.reference import Row
from otel_etw.captures.items import Event
from otel_etw.captures.points import Buckets, Exemplar, Point, Resource, Scope

__all__ = ["ROWS", "a_point", "a_row"]

S = st.SearchStrategy[Any]

UINT32 = st.integers(0, 2**32 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1) | st.integers(-20, 20)
INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-10, 10)
UINT64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 9, 10, 2**53 + 1, 2**63, 2**64 - 1])
COUNTS = st.integers(0, 10) | UINT64
TIMES = st.sampled_from([0, 1, 951_782_400 * 10**9, 2**63 - 1, 2**63, 2**64 - 1]) | UINT64
DOUBLES = st.floats() | st.sampled_from(
    [0.0, -0.0, 1.0, -5.0, 0.1, 1e15, 1e16, 1e22, 5e-324, math.nan, math.inf, -math.inf]
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=12),
    st.text("abc =+-@,\"'\\", max_size=6),
    st.sampled_from(
        [
            "",
            "http.duration",
            "=1+2",
            "-",
            "'",
            "a,b",
            'a"b',
            "\x1b[31m\r\n",
            "\x7f\x85",
            "é",
            "世\u200b",
            "😀",
        ]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | INT64 | DOUBLES | TEXTS | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=3)
SCOPES = st.builds(Scope, TEXTS, TEXTS, ATTRIBUTES, TEXTS, UINT32)
RESOURCES = st.builds(Resource, ATTRIBUTES, TEXTS, UINT32)
IDS = st.binary(max_size=16).map(bytes.hex)
NUMBERS = st.none() | INT64 | DOUBLES
EXEMPLARS = st.lists(st.builds(Exemplar, NUMBERS, TIMES, IDS, IDS, ATTRIBUTES), max_size=2).map(
    tuple
)
OPTIONAL = st.none() | DOUBLES


def tuples(item: S, size: int = 5) -> S:
    return st.lists(item, max_size=size).map(tuple)


_KINDS: dict[str, dict[str, S]] = {
    "gauge": {"value": NUMBERS, "exemplars": EXEMPLARS},
    "sum": {"value": NUMBERS, "monotonic": st.booleans(), "exemplars": EXEMPLARS},
    "histogram": {
        "count": UINT64,
        **dict.fromkeys(("sum", "min", "max"), OPTIONAL),
        # Ascending, as they should be, and any.
        "bounds": tuples(DOUBLES)
        | st.lists(st.floats(-1e3, 1e3), max_size=5).map(lambda bounds: tuple(sorted(bounds))),
        "bucket_counts": tuples(COUNTS, 6),
        "exemplars": EXEMPLARS,
    },
    "exponential_histogram": {
        "count": UINT64,
        **dict.fromkeys(("sum", "min", "max"), OPTIONAL),
        "scale": st.integers(-10, 20) | INT32,
        "zero_count": COUNTS,
        "zero_threshold": DOUBLES,
        **dict.fromkeys(("positive", "negative"), st.builds(Buckets, INT32, tuples(COUNTS))),
        "exemplars": EXEMPLARS,
    },
    "summary": {"count": UINT64, "sum": DOUBLES, "quantiles": tuples(st.tuples(DOUBLES, DOUBLES))},
}


def _points(kind: str, fields: dict[str, S]) -> S:
    defaults = {
        "metric": TEXTS,
        "unit": TEXTS,
        "description": TEXTS,
        "metadata": ATTRIBUTES,
        "temporality": st.sampled_from([None, "delta", "cumulative"]),
        "monotonic": st.none(),
        "attributes": ATTRIBUTES,
        "scope": SCOPES,
        "resource": RESOURCES,
        "start": TIMES,
        "time": TIMES,
        "flags": UINT32,
    }
    return st.builds(Point, kind=st.just(kind), **{**defaults, **fields})


POINTS = st.one_of(*(_points(kind, fields) for kind, fields in _KINDS.items()))
EVENTS = st.none() | st.builds(Event, TIMES, UINT32, UINT32, st.integers(0, 2**16 - 1))
ROWS = st.builds(Row, TEXTS, UINT64, EVENTS, POINTS)


def a_point(**fields: Any) -> Point:
    """A gauge in which only the fields named are out of the ordinary."""
    defaults: dict[str, Any] = {
        "metric": "m",
        "kind": "gauge",
        "unit": "1",
        "description": "",
        "metadata": {},
        "temporality": None,
        "monotonic": None,
        "attributes": {},
        "scope": Scope("lib", "2.0"),
        "resource": Resource({"service.name": "tests"}),
        "start": 0,
        "time": 1_700_000_060_123_456_789,
        "flags": 0,
    }
    return Point(**{**defaults, **fields})


def a_row(event: Event | None = None, **fields: Any) -> Row:
    """The same, read at byte 7 of m.pb."""
    return Row("m.pb", 7, event, a_point(**fields))
