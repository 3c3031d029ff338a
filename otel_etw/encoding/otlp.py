"""The OTLP messages that we write, as tags: field number and wire type in the one byte they take.

Source: opentelemetry-proto 1.10, ``metrics.proto``, ``common.proto``, ``resource.proto``,
``metrics_service.proto``. Within a message the order here is the order on the wire: ascending field
numbers, as the official encoder writes them. ``_tags.pxd`` repeats those that compiled code writes.
"""

from __future__ import annotations

VARINT, FIXED64, LENGTH = 0, 1, 2


def tag(number: int, wire_type: int) -> bytes:
    return bytes([number << 3 | wire_type])


class REQUEST:
    """ExportMetricsServiceRequest"""

    RESOURCE_METRICS = tag(1, LENGTH)


class RESOURCE_METRICS:
    RESOURCE = tag(1, LENGTH)
    SCOPE_METRICS = tag(2, LENGTH)
    SCHEMA_URL = tag(3, LENGTH)


class RESOURCE:
    ATTRIBUTES = tag(1, LENGTH)


class SCOPE_METRICS:
    SCOPE = tag(1, LENGTH)
    METRICS = tag(2, LENGTH)
    SCHEMA_URL = tag(3, LENGTH)


class SCOPE:
    """InstrumentationScope"""

    NAME = tag(1, LENGTH)
    VERSION = tag(2, LENGTH)
    ATTRIBUTES = tag(3, LENGTH)


class METRIC:
    NAME = tag(1, LENGTH)
    DESCRIPTION = tag(2, LENGTH)
    UNIT = tag(3, LENGTH)
    GAUGE = tag(5, LENGTH)
    SUM = tag(7, LENGTH)
    HISTOGRAM = tag(9, LENGTH)
    EXPONENTIAL_HISTOGRAM = tag(10, LENGTH)


class DATA:
    """Gauge, Sum, Histogram and ExponentialHistogram; IS_MONOTONIC is Sum's alone."""

    POINTS = tag(1, LENGTH)
    TEMPORALITY = tag(2, VARINT)
    IS_MONOTONIC = tag(3, VARINT)


class NUMBER_POINT:
    START = tag(2, FIXED64)
    TIME = tag(3, FIXED64)
    AS_DOUBLE = tag(4, FIXED64)
    EXEMPLARS = tag(5, LENGTH)
    AS_INT = tag(6, FIXED64)
    ATTRIBUTES = tag(7, LENGTH)


class HISTOGRAM_POINT:
    START = tag(2, FIXED64)
    TIME = tag(3, FIXED64)
    COUNT = tag(4, FIXED64)
    SUM = tag(5, FIXED64)
    BUCKET_COUNTS = tag(6, LENGTH)  # packed fixed64
    EXPLICIT_BOUNDS = tag(7, LENGTH)  # packed double
    EXEMPLARS = tag(8, LENGTH)
    ATTRIBUTES = tag(9, LENGTH)
    MIN = tag(11, FIXED64)
    MAX = tag(12, FIXED64)


class EXPONENTIAL_POINT:
    ATTRIBUTES = tag(1, LENGTH)
    START = tag(2, FIXED64)
    TIME = tag(3, FIXED64)
    COUNT = tag(4, FIXED64)
    SUM = tag(5, FIXED64)
    SCALE = tag(6, VARINT)  # zig-zag
    ZERO_COUNT = tag(7, FIXED64)
    POSITIVE = tag(8, LENGTH)
    NEGATIVE = tag(9, LENGTH)
    FLAGS = tag(10, VARINT)
    EXEMPLARS = tag(11, LENGTH)
    MIN = tag(12, FIXED64)
    MAX = tag(13, FIXED64)


class BUCKETS:
    OFFSET = tag(1, VARINT)  # zig-zag
    BUCKET_COUNTS = tag(2, LENGTH)  # packed varint


class EXEMPLAR:
    TIME = tag(2, FIXED64)
    AS_DOUBLE = tag(3, FIXED64)
    SPAN_ID = tag(4, LENGTH)
    TRACE_ID = tag(5, LENGTH)
    AS_INT = tag(6, FIXED64)
    ATTRIBUTES = tag(7, LENGTH)


class KEY_VALUE:
    KEY = tag(1, LENGTH)
    VALUE = tag(2, LENGTH)


class ANY_VALUE:
    STRING = tag(1, LENGTH)
    BOOL = tag(2, VARINT)
    INT = tag(3, VARINT)
    DOUBLE = tag(4, FIXED64)
    ARRAY = tag(5, LENGTH)
    MAP = tag(6, LENGTH)
    BYTES = tag(7, LENGTH)


class LIST:
    """ArrayValue and KeyValueList"""

    VALUES = tag(1, LENGTH)


# The names that protobuf takes for an AggregationTemporality beside a number.
TEMPORALITIES = {
    "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0,
    "AGGREGATION_TEMPORALITY_DELTA": 1,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
}


class ROOM:
    """Messages that may stand one inside the other below an attribute's value.

    Protobuf's parsers stop at 100 levels, and so does the official encoder, which parses what it
    writes: these numbers were found by trying it. A list costs two levels (ArrayValue and its
    AnyValue), a mapping three.
    """

    RESOURCE = 97
    SCOPE = 96
    POINT = 94
    EXEMPLAR = 93
