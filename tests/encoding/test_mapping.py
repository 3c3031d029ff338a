"""What the official encoder makes of the SDK's data, rule by rule, and what is easy to get wrong.

`mapping_rows` and `mapping_attributes` have the rules. A row's data is written byte for byte as the
official encoder writes it; what it refuses is a row of docs/policies.md, tried by `test_policies`.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support.frame_rules import Request
from tests.support.mapping_attributes import Row, values
from tests.support.mapping_rows import MAPPING, points, resources, scopes, side, tail
from tests.support.odd_values import Colour, Level, Text
from tests.support.official_encoder import NEWEST, Encoded, of_metrics, of_points, official
from tests.support.points import HISTOGRAMS, KINDS, NUMBERS, POINTS, exemplar, gauge_with
from tests.support.policy_rows import ROWS
from tests.support.protobuf_limits import read_back

pytestmark = pytest.mark.skipif(
    not NEWEST, reason="byte equality is with the official encoder 1.45 or newer, which is not here"
)

ZERO: dict[type, Any] = {
    Gauge: NumberDataPoint({}, 0, 0, 0),
    Sum: NumberDataPoint({}, 0, 0, 0.0),
    Histogram: HistogramDataPoint({}, 0, 0, 0, 0, (), (), 0, 0),
    ExponentialHistogram: ExponentialHistogramDataPoint(
        {}, 0, 0, 0, 0, 0, 0, Buckets(0, []), Buckets(0, []), 0, 0, 0
    ),
}
# Not the NaN that arithmetic gives: its bits must arrive.
NANS = [struct.unpack("<d", bits)[0] for bits in (b"\1\0\0\0\0\0\xf8\x7f", b"\2\0\0\0\0\0\xf8\xff")]
EXEMPLARS = [[exemplar(value=value, span_id=1, trace_id=2) for value in (1, 1.5)]]

HAZARDS: dict[str, Row] = {
    "1 as_double before, as_int behind the exemplars": points(NUMBERS, exemplars=EXEMPLARS)
    + [
        of_points([dataclasses.replace(POINTS[kind], value=2.5, exemplars=EXEMPLARS[0])], kind)
        for kind in NUMBERS
    ],
    "2 temporality and monotonic behind the points": tail(
        Sum, *HISTOGRAMS, aggregation_temporality=[1, 2]
    ),
    "3 attributes first, seventh, or before min and max": points(KINDS, exemplars=EXEMPLARS),
    "4 zeros without presence are omitted": [of_points([ZERO[kind]], kind) for kind in KINDS],
    "5 a choice of zero or empty is written": values(0, 0.0, -0.0, "", False, [], {}, b"")
    + points(NUMBERS, value=[0, 0.0, -0.0]),
    "6 None is an empty AnyValue": values(None),
    "7 an empty key is omitted, its value kept": [gauge_with({"": None, "k": 1})],
    "8 sum: zero is written, None is not": points(HISTOGRAMS, sum=[0, 0.0, -0.0, None]),
    "9 min and max: infinities are written, None is not": points(
        HISTOGRAMS, min=[float("inf"), 0, None], max=[-float("inf"), 0, None]
    ),
    "10 empty repeated numbers are omitted": points([Histogram], bucket_counts=[()])
    + points([Histogram], explicit_bounds=[()])
    + side(Buckets(3, [])),
    "11 fixed64 here, varint there": points([Histogram], bucket_counts=[(1, 300, 2**63)])
    + side(Buckets(0, [1, 300, 2**63]))
    + points([ExponentialHistogram], zero_count=[300]),
    "12 zig-zag for scale and offset, ten bytes for negative integers": side(Buckets(-7, [1]))
    + points([ExponentialHistogram], scale=[-7, 7, 64, -65])
    + values(-1, -(2**63)),
    "13 bounds: integers, minus zero and the bits of NaN": points(
        [Histogram], explicit_bounds=[(-0.0, 1, *NANS)]
    )
    + points([Gauge], value=NANS)
    + values(*NANS),
    "14 no points: no data": [of_points([], kind) for kind in KINDS],
    "15 resource and scope are always written": [scopes(InstrumentationScope("")), of_metrics([])],
    "16 no version": [
        scopes(InstrumentationScope("s", None)),
        scopes(InstrumentationScope("s", "")),
    ],
    "17 equal resources and scopes": ["resource-equal", "scope-equal"],
    "18 a dropped attribute leaves nothing": [
        gauge_with({"k": {1}}),
        gauge_with({"a": 1, "k": {1}}),
        resources(),
        "attribute-type",
    ],
    "19 nothing is sorted": [gauge_with({"z": 1, "a": {"z": 1, "a": 2}})],
    "20 str subclasses": values(Text("a"), Colour.RED),
    "21 bool before int": [*values(True, Level.SOME), "value-bool"],
    "22 depth": ["attribute-deep", "attribute-too-deep-to-read"],
    "23 lengths": [
        data
        for size in (*range(100, 131), *range(16_360, 16_390))
        for data in (gauge_with({"k": "x" * size}), of_metrics([Metric("x" * size, "", "", None)]))  # type: ignore[arg-type]
    ],
    "24 other protobufs: bool, and NaN with a sign": ["value-bool", *points([Sum], value=NANS[1:])],
}


@pytest.mark.parametrize("name", [*MAPPING, *HAZARDS])
def test_row(name: str, native: bool) -> None:
    row = {**MAPPING, **HAZARDS}[name]
    assert row
    for data in row:
        if isinstance(data, str):
            assert ROWS[data]
            continue
        want = official(data)
        assert want is not None
        ours = Encoded(data, native).frames
        assert ours == [want]
        # Hazard 25: nothing unknown, nothing behind the end.
        parsed = Request.FromString(ours[0]).SerializeToString()
        assert parsed == read_back(want, [*NANS, -math.nan])


def test_every_policy_is_named_by_a_rule() -> None:
    named = {data for row in MAPPING.values() for data in row if isinstance(data, str)}
    # No rule of the official encoder's: it knows no limit.
    assert named == ROWS.keys() - {"point-too-large"}
