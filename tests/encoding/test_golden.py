"""Bytes, the field of opentelemetry-proto beside each piece.

They depend on no library: where an encoder differs from them it is wrong on the wire.
"""

from __future__ import annotations

import pytest
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

from tests.support.official_encoder import Encoded, field, official, written

START, TIME = 0x0102030405060708, 0x1112131415161718
SPAN_ID, TRACE_ID = START, 0x0102030405060708090A0B0C0D0E0F10
DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE

# Each kind twice: with everything, and with nothing but zeros, of which only what has presence is
# written.
CASES = {
    "sum of integers: the value behind the exemplars": (
        Sum(
            [
                NumberDataPoint(
                    {"k": "v"}, START, TIME, -2, [Exemplar({"f": True}, 5, TIME, SPAN_ID, TRACE_ID)]
                ),
                NumberDataPoint({}, 0, 0, 0),
            ],
            DELTA,
            True,
        ),
        """
            3A 6F                                                       | sum 111 bytes
              0A 5E                                                     | data_points 94 bytes
                11 08 07 06 05 04 03 02 01                              | start_time_unix_nano
                19 18 17 16 15 14 13 12 11                              | time_unix_nano
                2A 37                                                   | exemplars 55 bytes
                  11 18 17 16 15 14 13 12 11                            | time_unix_nano
                  22 08 01 02 03 04 05 06 07 08                         | span_id, big-endian
                  2A 10 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 | trace_id, big-endian
                  31 05 00 00 00 00 00 00 00                            | as_int 5
                  3A 07                                                 | attributes 7 bytes
                    0A 01 66                                            | key 'f'
                    12 02                                               | value 2 bytes
                      10 01                                             | bool_value true
                31 FE FF FF FF FF FF FF FF                              | as_int -2
                3A 08                                                   | attributes 8 bytes
                  0A 01 6B                                              | key 'k'
                  12 03                                                 | value 3 bytes
                    0A 01 76                                            | string_value 'v'
              0A 09                                                     | data_points 9 bytes
                31 00 00 00 00 00 00 00 00                              | as_int 0
              10 01                                                     | temporality: delta
              18 01                                                     | is_monotonic true
        """,
    ),
    "sum of doubles: the value before the exemplars": (
        Sum(
            [
                NumberDataPoint({"k": "v"}, START, TIME, 1.5, [Exemplar({}, -0.5, TIME)]),
                NumberDataPoint({}, 0, 0, 0.0),
            ],
            CUMULATIVE,
            False,
        ),
        """
            3A 48                            | sum 72 bytes
              0A 39                          | data_points 57 bytes
                11 08 07 06 05 04 03 02 01   | start_time_unix_nano
                19 18 17 16 15 14 13 12 11   | time_unix_nano
                21 00 00 00 00 00 00 F8 3F   | as_double 1.5
                2A 12                        | exemplars 18 bytes
                  11 18 17 16 15 14 13 12 11 | time_unix_nano
                  19 00 00 00 00 00 00 E0 BF | as_double -0.5
                3A 08                        | attributes 8 bytes
                  0A 01 6B                   | key 'k'
                  12 03                      | value 3 bytes
                    0A 01 76                 | string_value 'v'
              0A 09                          | data_points 9 bytes
                21 00 00 00 00 00 00 00 00   | as_double 0.0
              10 02                          | temporality: cumulative
        """,
    ),
    "gauge: no start time": (
        Gauge(
            [
                NumberDataPoint({"k": "v"}, START, TIME, 3),
                NumberDataPoint(None, None, TIME, -0.0),  # type: ignore[arg-type]
            ]
        ),
        """
            2A 32                          | gauge 50 bytes
              0A 1C                        | data_points 28 bytes
                19 18 17 16 15 14 13 12 11 | time_unix_nano
                31 03 00 00 00 00 00 00 00 | as_int 3
                3A 08                      | attributes 8 bytes
                  0A 01 6B                 | key 'k'
                  12 03                    | value 3 bytes
                    0A 01 76               | string_value 'v'
              0A 12                        | data_points 18 bytes
                19 18 17 16 15 14 13 12 11 | time_unix_nano
                21 00 00 00 00 00 00 00 80 | as_double -0.0
        """,
    ),
    "histogram: attributes before min and max": (
        Histogram(
            [
                HistogramDataPoint(
                    {"k": "v"},
                    START,
                    TIME,
                    3,
                    10.5,
                    (1, 2),
                    (5.0,),
                    0.5,
                    8,
                    [Exemplar({}, 1, TIME)],
                ),
                HistogramDataPoint({}, 0, 0, 0, 0, (), (), None, None),  # type: ignore[arg-type]
            ],
            DELTA,
        ),
        """
            4A 7F                                                     | histogram 127 bytes
              0A 70                                                   | data_points 112 bytes
                11 08 07 06 05 04 03 02 01                            | start_time_unix_nano
                19 18 17 16 15 14 13 12 11                            | time_unix_nano
                21 03 00 00 00 00 00 00 00                            | count 3
                29 00 00 00 00 00 00 25 40                            | sum 10.5
                32 10 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 | bucket_counts 1, 2 (fixed64)
                3A 08 00 00 00 00 00 00 14 40                         | explicit_bounds 5.0 (double)
                42 12                                                 | exemplars 18 bytes
                  11 18 17 16 15 14 13 12 11                          | time_unix_nano
                  31 01 00 00 00 00 00 00 00                          | as_int 1
                4A 08                                                 | attributes 8 bytes
                  0A 01 6B                                            | key 'k'
                  12 03                                               | value 3 bytes
                    0A 01 76                                          | string_value 'v'
                59 00 00 00 00 00 00 E0 3F                            | min 0.5
                61 00 00 00 00 00 00 20 40                            | max 8.0
              0A 09                                                   | data_points 9 bytes
                29 00 00 00 00 00 00 00 00                            | sum 0.0
              10 01                                                   | temporality: delta
        """,
    ),
    "exponential histogram: attributes first": (
        ExponentialHistogram(
            [
                ExponentialHistogramDataPoint(
                    attributes={"k": "v"},
                    start_time_unix_nano=START,
                    time_unix_nano=TIME,
                    count=300,
                    sum=-1.0,
                    scale=-3,
                    zero_count=2,
                    positive=Buckets(-1, [1, 300]),
                    negative=Buckets(2, [0]),
                    flags=1,
                    min=-4.0,
                    max=6.0,
                    exemplars=[Exemplar({}, 1.0, TIME)],
                ),
                ExponentialHistogramDataPoint(
                    {}, 0, 0, 0, 0, 0, 0, Buckets(0, []), Buckets(5, []), 0, 0, 0
                ),
            ],
            CUMULATIVE,
        ),
        """
            52 92 01                         | exponential_histogram 146 bytes
              0A 71                          | data_points 113 bytes
                0A 08                        | attributes 8 bytes
                  0A 01 6B                   | key 'k'
                  12 03                      | value 3 bytes
                    0A 01 76                 | string_value 'v'
                11 08 07 06 05 04 03 02 01   | start_time_unix_nano
                19 18 17 16 15 14 13 12 11   | time_unix_nano
                21 2C 01 00 00 00 00 00 00   | count 300
                29 00 00 00 00 00 00 F0 BF   | sum -1.0
                30 05                        | scale -3 (zig-zag)
                39 02 00 00 00 00 00 00 00   | zero_count 2
                42 07                        | positive 7 bytes
                  08 01                      | offset -1 (zig-zag)
                  12 03 01 AC 02             | bucket_counts 1, 300 (varint)
                4A 05                        | negative 5 bytes
                  08 04                      | offset 2 (zig-zag)
                  12 01 00                   | bucket_counts 0 (varint)
                50 01                        | flags 1
                5A 12                        | exemplars 18 bytes
                  11 18 17 16 15 14 13 12 11 | time_unix_nano
                  19 00 00 00 00 00 00 F0 3F | as_double 1.0
                61 00 00 00 00 00 00 10 C0   | min -4.0
                69 00 00 00 00 00 00 18 40   | max 6.0
              0A 1B                          | data_points 27 bytes
                29 00 00 00 00 00 00 00 00   | sum 0.0
                61 00 00 00 00 00 00 00 00   | min 0.0
                69 00 00 00 00 00 00 00 00   | max 0.0
              10 02                          | temporality: cumulative
        """,
    ),
}


def assert_all_write(data: MetricsData, request: bytes, native: bool) -> None:
    assert Encoded(data, native).frames == [request]
    assert official(data) == request


@pytest.mark.parametrize("name", CASES)
def test_kind(name: str, native: bool) -> None:
    data, listing = CASES[name]
    metric = b"\x0a\x01m" + written(listing)
    scope_metrics = b"\x0a\x00" + field(0x12, metric)
    resource_metrics = b"\x0a\x00" + field(0x12, scope_metrics)
    given = ScopeMetrics(InstrumentationScope(""), [Metric("m", "", "", data)], "")
    assert_all_write(
        MetricsData([ResourceMetrics(Resource({}), [given], "")]),
        field(0x0A, resource_metrics),
        native,
    )


def test_resource_scope_and_metric(native: bool) -> None:
    """Schema URLs are the resource's and the scope's own; a metric without points is its head."""
    full = Metric("m", "what it is", "By", Gauge([NumberDataPoint({}, START, TIME, 1)]))
    nothing = Metric("", None, "", Gauge([]))
    no_points = Metric("n", "", "", Sum([], DELTA, True))
    scope = InstrumentationScope("lib", "1.0", "http://s", {"x": 1})
    scopes = [
        ScopeMetrics(scope, [full], "ignored"),
        ScopeMetrics(InstrumentationScope(""), [nothing, no_points], "ignored"),
    ]
    resource = Resource({"host": "a"}, "http://r")
    listing = """
        0A 70                                     | resource_metrics 112 bytes
          0A 0D                                   | resource 13 bytes
            0A 0B                                 | attributes 11 bytes
              0A 04 68 6F 73 74                   | key 'host'
              12 03                               | value 3 bytes
                0A 01 61                          | string_value 'a'
          12 4A                                   | scope_metrics 74 bytes
            0A 13                                 | scope 19 bytes
              0A 03 6C 69 62                      | name 'lib'
              12 03 31 2E 30                      | version '1.0'
              1A 07                               | attributes 7 bytes
                0A 01 78                          | key 'x'
                12 02                             | value 2 bytes
                  18 01                           | int_value 1
            12 29                                 | metrics 41 bytes
              0A 01 6D                            | name 'm'
              12 0A 77 68 61 74 20 69 74 20 69 73 | description 'what it is'
              1A 02 42 79                         | unit 'By'
              2A 14                               | gauge 20 bytes
                0A 12                             | data_points 18 bytes
                  19 18 17 16 15 14 13 12 11      | time_unix_nano
                  31 01 00 00 00 00 00 00 00      | as_int 1
            1A 08 68 74 74 70 3A 2F 2F 73         | schema_url 'http://s'
          12 09                                   | scope_metrics 9 bytes
            0A 00                                 | scope 0 bytes
            12 00                                 | metrics 0 bytes
            12 03                                 | metrics 3 bytes
              0A 01 6E                            | name 'n'
          1A 08 68 74 74 70 3A 2F 2F 72           | schema_url 'http://r'
    """
    data = MetricsData([ResourceMetrics(resource, scopes, "ignored")])
    assert_all_write(data, written(listing), native)
